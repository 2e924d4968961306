"""Whether a file is a transcript, or what another tool wrote about a dialogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

if TYPE_CHECKING:
    from smtp_shell.errors import Fault
    from smtp_shell.transcript.header import Header
    from smtp_shell.transcript.step import Block

AUTO: Final = "auto"
"""The form of a file that is to be found out."""

HIDDEN_DATA: Final = "the log does not show the mail data"
"""Start of the note in the place of mail data that another tool's log leaves out."""

OWN_FORM: Final = "smtp"
"""The form of a transcript."""

_FIRST_FIELD = b"transcript:"
_BOM = b"\xef\xbb\xbf"
LOOK: Final = 32 * 1024
"""Octets of a file by which a transcript without a header is known."""

_MARKED = rb"[ \t]*(?:[0-9.]+[ \t]+)?(?:C[:&|<]|S[:|=~]|\*:|#)"
_MARKED_LINES = rb"(?:[ \t]*+(?:(?:[0-9.]+[ \t]++)?(?:C[:&|<]|S[:|=~]|\*:|#)[^\n]*+)?\n)*+"
_SAID = rb"(?m)^[ \t]*(?:[0-9.]+[ \t]+)?[CS*]"
# What stands in an RFC for a handshake or a connection, where every line has the mark of a transcript.
_WORDS_FOR_TLS = rb"(?im)^[ \t]*[SC]:[ \t]*<[a-z][^>@\n]*\b(?:connection|negotiat[a-z]*|TLS|handshake)\b[^>@\n]*>"
# A field of a header whose first line is missing: an error of a transcript, and no line of another tool's.
_FIELD = rb"(?i)(?:transcript\b|(?:title|tags|secrets|var):)"


class AnyScan(Protocol):
    """A file as a stream of blocks of steps, whether it is a transcript or not; see `reader.Scan`."""

    header: Header | None
    header_faults: list[Fault]
    torn: bool
    taken_for: str
    has_stray_field: bool

    def __iter__(self) -> Iterator[Block]: ...


class Restored:
    """A stream whose start can be looked at before it is read.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start = b""
        self._error: OSError | None = None

    def look(self, size: int) -> bytes:
        """Return the first octets without taking them, as many as there are up to a size.

        Raises:
            OSError: They cannot be read. Each `read` raises it again: the stream may have dropped what it had read by then.
        """
        try:
            while len(self._start) < size and (octets := self._stream.read(size - len(self._start))):
                self._start += octets
        except OSError as error:
            self._error = error
            raise
        return self._start

    def begins_as_transcript(self) -> bool:
        """Return whether the stream is a transcript by its first lines. What cannot be read is for its reader to tell."""
        try:
            start = self.look(LOOK)
        except OSError:
            return True
        return is_transcript(start) is True

    def read(self, size: int = -1) -> bytes:
        """Return the next octets, as a file does."""
        if self._error is not None:
            raise self._error
        if not self._start:
            return self._stream.read(size)
        found, self._start = (self._start, b"") if size < 0 else (self._start[:size], self._start[size:])
        return found


def begins_as_transcript(stream: BinaryIO) -> bool:
    """Return whether a file has the header of a transcript, and so is one. Nothing is taken from the stream.

    Args:
        stream: The file, buffered.
    """
    peek = getattr(stream, "peek", None)
    if peek is None:
        return False
    try:
        start: bytes = peek(len(_FIRST_FIELD))
    except OSError:  # nothing is lost by it: what cannot be read is for its reader to tell
        return False
    return start.removeprefix(_BOM).lower().startswith(_FIRST_FIELD)


def is_marked(line: str) -> bool:
    """Return whether a line begins as one of a transcript does."""
    return re.match(_MARKED, line.encode("utf-8", "replace")) is not None


def is_transcript(start: bytes) -> bool | None:
    """Return whether a file is a transcript, right or wrong; None if only a part of its lines says so.

    Args:
        start: The file's first octets, as UTF-8.
    """
    text = start[:LOOK].removeprefix(_BOM).replace(b"\r", b"\n")
    text = text[: text.rfind(b"\n") + 1] if len(start) > LOOK and b"\n" in text else text + b"\n"
    first = text.lstrip().partition(b"\n")[0].rstrip()
    if re.match(_FIELD, first) or _FIRST_FIELD.startswith(first.lower()):
        return True
    # One match for all lines: a file without a header is read at no cost that grows with it.
    if re.fullmatch(_MARKED_LINES, text) and re.search(_SAID, text):
        return re.search(_WORDS_FOR_TLS, text) is None or None
    lines = [line for line in text.split(b"\n") if line.strip()]
    number = sum(re.match(_MARKED, line) is not None for line in lines)
    begins = re.match(_MARKED, first) is not None and not first.startswith(b"#")
    return None if begins or number * 2 >= len(lines) else False
