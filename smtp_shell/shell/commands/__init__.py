"""Shell commands and shorthands, by subject: each is one decorated function, and its docstring is its `/help`.

The registry finds the modules of this package by itself, and they import `shell`, never the other way round.
"""
