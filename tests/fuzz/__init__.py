"""Fuzzing: arbitrary octets through every reader, and what has to hold for them."""
