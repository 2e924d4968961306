"""Servers on loopback: the practice server, its inbox, and the faults that it can be told to make.

This is the only package with listening sockets and asyncio servers. Connections to a server are in `net`.
"""
