"""What a mock server has seen: each session of a client, and where it was not as in the transcript."""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

MOST_DIFFERENCES: Final = 100
"""How many differences of one session are kept."""

LONGEST_SHOWN: Final = 200
"""Characters of a line that are kept of a difference."""


class Kind(Enum):
    """What differs."""

    DIFFERS = "differs"
    EXTRA = "extra"
    MISSING = "missing"
    CREDENTIALS = "credentials"
    DATA = "data"
    BROKEN = "broken"


class Difference(Struct, frozen=True):
    """A place where the client was not as in the transcript.

    Args:
        file: The transcript's name, escaped.
        line: Number of the line that was expected; where there is none, of the line that precedes it.
        kind: What differs.
        why: The difference, in a sentence without its full stop.
        expected: What was expected, as it may be shown; empty for nothing.
        said: What the client said, as it may be shown; empty for nothing.
    """

    file: str
    line: int
    kind: Kind
    why: str
    expected: str = ""
    said: str = ""

    def __str__(self) -> str:
        said = f"; the client said: {self.said}" if self.said else ""
        expected = f" (expected: {self.expected})" if self.expected else ""
        return f"{self.file}:{self.line}: {self.why}{said}{expected}"


class ServedSession(Struct, frozen=True):
    """One connection, when it is over.

    Args:
        number: Its number, from 1.
        peer: The client's address; empty for standard input.
        file: The transcript's name, escaped.
        line: Number of the line with which the session of the transcript begins that was served.
        matched: How many things the client said were as in the transcript.
        differences: Where it was not as in the transcript, the first `MOST_DIFFERENCES`.
        differed: How many differences there were.
        faults: The faults that were made, as they were asked for.
        seconds: How long it took.
    """

    number: int
    peer: str
    file: str
    line: int
    matched: int
    differences: tuple[Difference, ...]
    differed: int
    faults: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all was as in the transcript."""
        return self.differed == 0
