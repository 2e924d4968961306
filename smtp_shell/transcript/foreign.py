"""Whether a file is a transcript, or what another tool wrote about a dialogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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
_PIECE = 32 * 1024
_MARKED = rb"[ \t]*(?:[0-9.]+[ \t]+)?(?:C[:&|<]|S[:|=~]|\*:|#)"
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

    def look(self, size: int) -> bytes:
        """Return the first octets without taking them, as many as there are up to a size."""
        while len(self._start) < size and (octets := self._stream.read(size - len(self._start))):
            self._start += octets
        return self._start

    def read(self, size: int = -1) -> bytes:
        """Return the next octets, as a file does."""
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
    return peek is not None and peek(len(_FIRST_FIELD))[: len(_FIRST_FIELD) + 3].removeprefix(_BOM).lower().startswith(
        _FIRST_FIELD
    )


def is_transcript(start: bytes) -> bool | None:
    """Return whether a file is a transcript, right or wrong; None if only a part of its lines says so.

    Args:
        start: The file's first octets, as UTF-8.
    """
    start = start.removeprefix(_BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = [line for line in start[:_PIECE].split(b"\n") if line.strip()]
    if not lines or re.match(_FIELD, lines[0].lstrip()) or _FIRST_FIELD.startswith(lines[0].lower().rstrip(b" ")):
        return True
    marked = _count(lines)
    if marked == len(lines):
        return any(not line.lstrip().startswith(b"#") for line in lines)
    begins = re.match(_MARKED, lines[0]) is not None and not lines[0].lstrip().startswith(b"#")
    return None if begins or marked * 2 >= len(lines) else False


def _count(lines: Iterable[bytes]) -> int:
    return sum(re.match(_MARKED, line) is not None for line in lines)
