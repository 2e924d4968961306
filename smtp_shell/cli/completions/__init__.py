"""Scripts that complete smtp-shell's command line in other shells, one module for each shell.

They are written from the parsers, by way of `cli.command_tree`. What changes while they are in use, the profiles, they ask
smtp-shell for. The shell of this project completes its own lines in `shell.completion`.
"""
