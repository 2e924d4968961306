"""A dialogue over a connection."""
