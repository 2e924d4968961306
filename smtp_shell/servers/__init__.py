"""Servers on loopback: the practice server with its inbox, the relay to another server, and the faults that a server can be told to make.

This is the only package with listening sockets and asyncio servers. Connections to a server are in `net`.
"""
