"""Exports: entries in, a file out, as a stream."""
