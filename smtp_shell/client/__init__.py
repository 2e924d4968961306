"""A dialogue over one connection: the session, its event stream, AUTH exchanges and credentials.

The session moves octets between `net.transport` and `protocol.dialogue`, stamps each event with the time and publishes it. Nothing here
knows a transcript, a screen or the shell.
"""
