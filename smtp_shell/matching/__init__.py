"""Expectations: what the `S` lines of a transcript expect of a reply, and how a reply is compared with them.

Pure functions over values. Nothing here reads a file or waits for a reply.
"""
