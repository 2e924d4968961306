"""What a dialect is: the values that it reads and makes, and its row in the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import BinaryIO, Final

from msgspec import Struct

SURE: Final = 0.9
LIKELY: Final = 0.6
GUESS: Final = 0.3
"""The least certainty of a dialect that is taken without being asked for."""


class Kind(Enum):
    """What a record is."""

    CLIENT = auto()
    """A line that the client sent: a command, an answer to a challenge, or mail data as it goes over the wire."""
    UNSTUFFED = auto()
    """As `CLIENT`, but where it is mail data its first dot is not doubled, and it is not the final dot."""
    SERVER = auto()
    """A line that the server sent, with its code."""
    CLIENT_OCTETS = auto()
    """Octets that the client sent, as they are, line ends included; `surrogateescape` for those that are no UTF-8."""
    SERVER_OCTETS = auto()
    """Octets that the server sent, as they are."""
    HIDDEN_DATA = auto()
    """Mail data that was sent and that the log does not show; `text` says how much of it, and may be empty."""
    CONNECT = auto()
    """A connection was opened; `text` is `HOST:PORT`, and may be empty. `tls` is True if TLS begins with its first octet."""
    TLS = auto()
    """TLS is established; `text` has the words of the event: `VERSION CIPHER verified|unverified SUBJECT`, as many as are known."""
    TLS_FAILED = auto()
    """TLS could not be established; `text` says why."""
    CLOSE = auto()
    """The connection was closed; `text` is `server` if the server did it first."""
    ERROR = auto()
    """The dialogue ended with an error of the tool; `text` is its words."""
    EVENT = auto()
    """An event of a transcript, in its notation, such as `auth PLAIN alice`."""
    NOTE = auto()
    """What a reader of the transcript must know here, such as what the log does not show."""


class Record(Struct, frozen=True, gc=False):
    """One thing that a log says happened.

    Args:
        kind: What it is.
        text: Its text, without marks, line ends and masks of the dialect. An octet that is no UTF-8 is a lone surrogate.
        line: Number of the line in the file, from 1.
        at: When, in seconds from any point in time that is the same in the whole file; None if the log does not say.
        tls: Whether it was said under TLS, where the log says so itself; None if not.
        hidden: Whether `text` ends where the log masks a credential: it is the part before it, such as `AUTH PLAIN `, or empty.
    """

    kind: Kind
    text: str = ""
    line: int = 0
    at: float | None = None
    tls: bool | None = None
    hidden: bool = False


class Line(Struct, frozen=True, gc=False):
    """One line of a foreign file.

    Args:
        text: The line without its end, and without fences, quotation marks and the time of a log in front of it. White space at its
            start is kept, less what all lines have in common.
        number: Its number in the file, from 1.
        at: Seconds, from the time in front of it; None without one.
        cut: Whether it was too long, and its end is missing.
    """

    text: str
    number: int
    at: float | None = None
    cut: bool = False


class Dialect(Struct, frozen=True, kw_only=True):
    """One form in which a tool writes a dialogue.

    A text dialect has `sniff` and `parse`, a binary one `sniff_octets` and `parse_octets`.

    Args:
        name: Its name, as in `convert --from NAME`.
        title: What it is, for help: a few words.
        sniff: Says how sure it is that lines are in this dialect, from 0 to 1: `SURE`, `LIKELY`, `GUESS` or between.
        parse: Turns the lines of a file into records, as a stream. It must not keep what it has passed on.
        keeps_cr: Whether a CR inside a line means something in this dialect (a terminal's). Otherwise it ends the line.
        keeps_times: Whether the dialect reads the times of a log by itself.
        reads_html: Whether the dialect reads HTML by itself.
        marks: Matches a mark at the start of a line, in a dialect in which a line without one is nothing that was said: lines that were
            broken at a width are joined by it.
        sniff_octets: As `sniff`, from the first octets of the file.
        parse_octets: As `parse`, from the file itself.
    """

    name: str
    title: str
    sniff: Callable[[Sequence[Line]], float] | None = None
    parse: Callable[[Iterable[Line]], Iterator[Record]] | None = None
    keeps_cr: bool = False
    keeps_times: bool = False
    reads_html: bool = False
    marks: re.Pattern[str] | None = None
    sniff_octets: Callable[[bytes], float] | None = None
    parse_octets: Callable[[BinaryIO], Iterator[Record]] | None = None


def in_words(certainty: float) -> str:
    """Return how sure a dialect is, in a word."""
    return "sure" if certainty >= SURE else "likely" if certainty >= LIKELY else "a guess"
