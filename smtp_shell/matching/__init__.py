"""Expectations: what the `S` lines of a transcript expect of a reply, and how a reply is compared with them.

The rules, level by level, are written down in `transcripts/README.md`, Matching, each with an example that a test runs. What each level
compares is in `compare`, what does not count with `text` in `normalise`, and what is random in an AUTH exchange in `challenge`.

Two whole dialogues are compared in `dialogues`, as the turns of `turns`, which `alignment` puts side by side.

Pure functions over values. Nothing here reads a file or waits for a reply.
"""
