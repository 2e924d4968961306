"""Functions that stand for the program where it would need somebody at a terminal, or a program that uses its API."""

from __future__ import annotations

import os
import sys

LINES = tuple(f"rcpt friend-number-{number}@example.org" for number in range(3))
"""What is typed at the prompt."""


def write_transcript() -> int:
    """Replace a transcript by the API."""
    from smtp_shell.errors import SmtpShellError
    from smtp_shell.transcript.transcript import Transcript

    transcript = Transcript.parse("Transcript: 1\nTitle: new\n\n" + "C: NOOP\nS: 250\n" * 900)
    try:
        transcript.write("out.smtp", overwrite=True)
    except SmtpShellError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    sys.stdout.write("written\n")
    return 0


def type_lines() -> int:
    """Type lines at a prompt, as far as the history is concerned."""
    from smtp_shell.shell.history import open_history

    history = open_history(lambda line: True, lambda sentence: print(sentence, file=sys.stderr))  # noqa: T201
    history.get_strings()
    for line in LINES:
        history.append_string(line)
        print(f"typed {line}", flush=True)  # noqa: T201
    return 0


def edit_text() -> int:
    """Edit a text in an editor that changes nothing."""
    from smtp_shell.errors import SmtpShellError
    from smtp_shell.shell.composition import edited

    try:
        print(edited("the text\n"), flush=True)  # noqa: T201
    except SmtpShellError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


def write_carelessly() -> int:
    """Do what no writer may do: write in place, say so before it is whole, leave a file for others to read."""
    with open("spare.txt", "w") as spare:
        spare.write("s3cret-Pass-of-the-canary")
    with open("out.txt", "w") as file:
        file.write("the first half, ")
        file.flush()
        print("written", flush=True)  # noqa: T201
        file.write("the second half")
    os.unlink("spare.txt")
    return 0
