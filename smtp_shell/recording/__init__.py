"""Sessions as transcripts: entries encoded as steps, steps decoded into entries, and the files of recordings.

`encoder` and `decoder` are the two directions, `recording` is a file that grows with a session, `library` the folder of automatic ones,
`capture` one for Wireshark. `shown` reads a file for whoever shows it, credentials masked. What a line of a file looks like is in
`transcript`.
"""
