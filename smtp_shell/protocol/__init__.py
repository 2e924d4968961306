"""The protocol core: bytes in, events out; it knows no socket, clock or screen."""
