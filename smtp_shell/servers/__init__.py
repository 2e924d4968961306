"""Servers on loopback: the practice server with its inbox, the mock of a transcript, and the relay to another server.

Each has a package. What they share is beside them: `listening`, `certificate`, `faults` (what they are told to do wrong), and how their
dialogues are followed. A connection notes what passes in a `watching.Tap`, `tap_reader` with `sessions` makes entries of it, and a
`watched_session` keeps them, for the screen of `live` and the files of `keeping`.

This is the only package with listening sockets and asyncio servers. Connections to a server are in `net`.
"""
