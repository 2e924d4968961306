"""Soak: hundreds of thousands of dialogues, thousands of lines, and nothing grows. POSIX with `/proc` only, that is Linux.

```text
python -m tests.soak                                    all parts, whole
python -m tests.soak --part chain --dialogues 20000     one part, shorter
```

The part `chain` is one process each of `replay --repeat`, `relay` and `serve`, with a switch of ours on both sides of the relay:

    replay -> switch A -> relay -> switch B -> serve (the mock)

The part `practice` is `replay --repeat` and `practice`, with the switch between. The part `shell` is an interactive session on a
pseudo-terminal.

- `faults`: what the switch does to a dialogue, in turn, and which exit statuses that may have.
- `switch`, `passage`: the process that passes octets on, or does a fault to them. It writes a line for each dialogue.
- `intruders`: faulty clients, which the relay and the server meet beside `replay`.
- `programs`: the processes under test, and what they print, read as it comes.
- `sampling`: memory, descriptors and threads, seen from outside.
- `accounts`: whether each dialogue ended as it must.
- `chain`, `typing`: the parts.
"""
