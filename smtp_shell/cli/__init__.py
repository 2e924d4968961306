"""The command line: the entry point, and one module for each command.

`main` holds the table of commands and catches errors. `options` holds the options that several commands share, `listening` those of
servers, and `json_rows` writes JSON.
`startup` holds every switch that acts on the whole process. The work itself is done in the packages below.
"""
