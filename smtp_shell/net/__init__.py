"""Connections: names, sockets, TLS."""
