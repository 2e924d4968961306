"""Transcripts: the file format, recording, matching and replay."""
