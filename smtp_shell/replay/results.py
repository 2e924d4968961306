"""What a replay did, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Final, Protocol

from msgspec import Struct

LONGEST_SHOWN: Final = 2_000
"""How many characters of a text a result keeps."""

MOST_STEPS_KEPT: Final = 1_000
"""How many steps a replay's result keeps; each is also told as it happens."""


class Outcome(StrEnum):
    """What came of a step."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    SKIPPED = "skipped"
    SENT = "sent"


def no_counts() -> dict[Outcome, int]:
    """Give a count for each outcome, all of them 0."""
    return _NO_COUNTS.copy()


_NO_COUNTS: Final = dict.fromkeys(Outcome, 0)


class Compared(Protocol):
    """What was compared, in words that are found when somebody asks: of most steps that went well nobody does."""

    @property
    def expected(self) -> str:
        """What the transcript expects."""

    @property
    def received(self) -> str:
        """What came."""


class Words(Struct, frozen=True):
    """What was compared, in words."""

    expected: str = ""
    received: str = ""


class StepResult(Struct, frozen=True):
    """What came of one step. All text is printable, credentials are left out, and what is long is cut.

    Args:
        path: The transcript's name, escaped.
        lines: Numbers of the client lines, or of the event, in the file; for mail data the first and the last.
        sent: What was sent; lines are joined with LF.
        compared: What was expected and what came.
        outcome: `sent` is a step for which the transcript expects nothing.
        why: What differs, or why it was skipped: a sentence without its full stop.
        seconds: How long it took.
        code: The last reply's code; 0 when none came.
        edited: Whether a person changed it before it was sent.
    """

    path: str
    lines: tuple[int, ...]
    sent: str
    compared: Compared
    outcome: Outcome
    why: str = ""
    seconds: float = 0.0
    code: int = 0
    edited: bool = False

    @property
    def expected(self) -> str:
        """What the transcript expects; the one line that was not met, in a mismatch."""
        return self.compared.expected

    @property
    def received(self) -> str:
        """What came; the line that was compared, in a mismatch."""
        return self.compared.received


class ReplayResult(Struct, frozen=True):
    """What came of one replay.

    Args:
        path: The transcript's name, escaped.
        server: What it was replayed against; empty when there was no connection.
        steps: The steps, at most `MOST_STEPS_KEPT`; those that differ or were skipped are kept before others.
        counts: How many steps had which outcome.
        exit_status: What it comes to, as an exit status.
        failure: What ended it early, in a sentence; None when nothing did.
        seconds: How long it took.
        handed_over: Whether a person took the session over.
    """

    path: str
    server: str
    steps: tuple[StepResult, ...]
    counts: dict[Outcome, int]
    exit_status: int
    failure: str | None
    seconds: float
    handed_over: bool = False

    @property
    def ok(self) -> bool:
        """Whether every step matched."""
        return self.exit_status == 0


class Act(Enum):
    """What a person decides about a step."""

    SEND = "send"
    SKIP = "skip"
    EDIT = "edit"
    HAND_OVER = "hand over"
    QUIT = "quit"


class Decision(Struct, frozen=True):
    """A person's decision about a step.

    Args:
        act: What to do.
        text: The line to send in its place, in the notation of the file; only for `EDIT`.
    """

    act: Act = Act.SEND
    text: str = ""


class PendingStep(Struct, frozen=True):
    """A client step that is about to be sent.

    Args:
        line: Its number in the file.
        text: The line, or lines joined with LF, as they stand in the file: escaped, variables unexpanded, no credential in it.
        mail_data: Whether it is mail data, of which only the first line is given; it can only be sent.
        problem: Why the line that a person put in its place cannot be sent; empty when it is asked for the first time.
    """

    line: int
    text: str
    mail_data: bool = False
    problem: str = ""


BeforeStep = Callable[[PendingStep], Decision]
Progress = Callable[[StepResult], None]


def excerpt(text: str) -> str:
    """Cut a text that is too long to keep."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
