"""Servers on loopback: the practice server."""
