"""The transcript file format, and nothing else: steps, notation, header, variables, events, reading and writing.

What a session was and how a reply compares with an expectation is in `recording`, `matching` and `replay`. A step's text is printable
whatever is in the file: a transcript may have been typed by hand or sent by a stranger.
"""
