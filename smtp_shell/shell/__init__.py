"""The interactive shell: what is typed, what it does, and the prompt.

`lines` decides what a typed line is, `registry` holds the shell commands and shorthands (one function each in `commands/`), `shell`
runs them over one connection, `owed_replies` has words for what the server owes, and `repl` is the prompt. Only `repl`, `prompt` and
`history` know a terminal. What a server says is shown by `display`, and nothing here reads the wire.
"""
