"""Connections to a server: what the user names, address look-up, TCP, Unix sockets and pipes, and TLS over them.

Nothing in here knows SMTP. Sessions are in `client`, listening sockets in `servers`.
"""
