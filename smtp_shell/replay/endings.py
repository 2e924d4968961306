"""How the loop of a replay is left before the transcript ends: raised and caught by the driver alone."""

from __future__ import annotations

from smtp_shell.transcript.included_line import file_of


class Stopped(Exception):
    """The replay goes no further, by a user's wish."""

    def __init__(self, *, handed_over: bool = False) -> None:
        super().__init__()
        self.handed_over = handed_over


class DialogueEnded(Exception):
    """Nothing more can be sent on this connection, or is to be after a difference.

    Args:
        where: Where, as the end of a sentence.
    """

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where


class ConnectForeseen(Exception):
    """There is no connection, as in the transcript."""


def ended_in(line: int) -> str:
    """Return where a dialogue ended, as the end of a sentence: `in line 6`, or `in line 6 of FILE` where the transcript includes that.

    Args:
        line: Number of the line.
    """
    file = file_of(line)
    return f"in line {line} of {file}" if file else f"in line {line}"
