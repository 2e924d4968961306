"""How a dialogue is shown while it happens.

`render` turns entries into rows of text and wraps text at a width, `themes` holds colours and signs, `views`, `json_lines` and `progress`
write to a stream. Files that are
written from a finished dialogue belong in `export`, and the results of a replay in `replay.reporters`.
"""
