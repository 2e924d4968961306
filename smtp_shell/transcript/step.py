"""One line of a transcript, as it is read and as it is written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from smtp_shell.protocol.octets import escape, unescape
from smtp_shell.transcript.notation import clean, client_octets, client_text
from smtp_shell.transcript.variables import Template

# An octet is at most four characters of the notation, so a piece fits into a line of the default length.
_PIECE = 16_000
_LONGEST_KEPT = 200
_LATEST = 999_999_999.999999
_NO_TIME = " " * 9


class Marker(StrEnum):
    """What a line of a transcript is."""

    CLIENT = "C:"
    PIPELINED = "C&"
    CLIENT_OCTETS = "C|"
    MAIL_DATA_FILE = "C<"
    SERVER = "S:"
    SERVER_OCTETS = "S|"
    SERVER_EQUALS = "S="
    SERVER_MATCHES = "S~"
    EVENT = "*:"
    NOTE = "#"


CLIENT_LINES: Final = frozenset((Marker.CLIENT, Marker.PIPELINED, Marker.CLIENT_OCTETS))
"""Markers of lines whose content the client sends, with variables in it."""

SERVER_LINES: Final = frozenset((Marker.SERVER, Marker.SERVER_OCTETS, Marker.SERVER_EQUALS, Marker.SERVER_MATCHES))
"""Markers of lines that say, or demand, what the server said."""


class Step(Struct, frozen=True):
    """One line of a transcript.

    Args:
        marker: What the line is.
        text: Its content as it stands in the file: printable, with escapes, without the space that follows the marker.
        at: Seconds since the connection was opened; None where the file does not say.
        line: Its number in the file, from 1; 0 when it is from no file.
    """

    marker: Marker
    text: str
    at: float | None = None
    line: int = 0

    @property
    def octets(self) -> bytes:
        r"""The content as octets, without a line end that its marker implies.

        In client lines `\${` is `${`, and a variable stands as it is written: `Template` knows its name. A pattern (`S~`) is its
        own text, with nothing unescaped.
        """
        if self.marker in CLIENT_LINES:
            return client_octets(self.text)
        if self.marker is Marker.SERVER_MATCHES:
            return self.text.encode()
        return unescape(self.text)

    @property
    def event(self) -> tuple[str, ...]:
        """The words of an event, its name first, in the notation of the file; of any other line, nothing."""
        return tuple(self.text.split()) if self.marker is Marker.EVENT else ()


def format_step(step: Step) -> str:
    """Write a step as the line that stands for it in a file, without its line end.

    Args:
        step: The step.

    Raises:
        ValueError: Its text is not in the notation of the file, or its time is none.
    """
    text, at = step.text, step.at
    line = _format_kept(step.marker, text) if len(text) <= _LONGEST_KEPT else _format(step.marker, text)
    return (_NO_TIME if at is None else _start(at)) + line


def _format(marker: Marker, text: str) -> str:
    if not (text.isascii() and text.isprintable()) and text != clean(text):
        raise ValueError(f"the text of a {marker} step holds a character that must be escaped")
    if marker is Marker.EVENT and not text.split():
        raise ValueError("an event has a name")
    if "${" in text and marker in CLIENT_LINES:
        Template.parse(text)
    return f"{marker} {text}" if text else str(marker)


# A dialogue has many short lines that are the same.
_format_kept = lru_cache(maxsize=256)(_format)


def octet_steps(marker: Marker, octets: bytes, at: float | None = None) -> Iterator[Step]:
    """Write octets of any length in lines that readers take.

    Args:
        marker: `CLIENT_OCTETS` or `SERVER_OCTETS`, which imply no line end.
        octets: What was sent, line ends included.
        at: Seconds since the connection was opened.
    """
    write = client_text if marker is Marker.CLIENT_OCTETS else escape
    for start in range(0, len(octets), _PIECE):
        yield Step(marker, write(octets[start : start + _PIECE]), at)


@lru_cache(maxsize=16)
def _start(at: float) -> str:
    """Write a time as it stands in front of a marker; the lines of one reply, or of a message, share one."""
    if not (math.isfinite(at) and 0 <= at <= _LATEST):
        raise ValueError(f"{at} is not a number of seconds since the connection was opened")
    # Times typed by hand may be finer than a millisecond, up to the six decimals that a reader takes.
    text = f"{abs(at):.6f}"
    seconds = text[:-3] if text.endswith("000") else text.rstrip("0")
    return f"{seconds:>7}  "
