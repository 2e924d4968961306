"""Sessions as transcripts: entries encoded as steps, steps decoded into entries, and the files of recordings.

What a line of a file looks like is in `transcript`.
"""
