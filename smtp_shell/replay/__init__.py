"""Transcripts acted out against a server."""
