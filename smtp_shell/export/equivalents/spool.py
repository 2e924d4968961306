"""Octets of a dialogue, kept outside of memory until they are written into an equivalent."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from smtp_shell.protocol.maildata import PIECE
from smtp_shell.protocol.octets import CRLF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

_IN_MEMORY = 1024 * 1024  # octets; more go to a file that only this process can read


class Spool:
    """A temporary file.

    Attributes:
        size: How many octets are in it.
    """

    def __init__(self) -> None:
        self.size = 0
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, octets: bytes) -> None:
        """Append octets."""
        self._file.seek(self.size)
        self._file.write(octets)
        self.size += len(octets)

    def pieces(self, ranges: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        """Yield the octets of ranges (start, end), in pieces of a bounded size."""
        for start, end in ranges:
            while start < end:
                self._file.seek(start)
                piece = self._file.read(min(PIECE, end - start))
                start += len(piece)
                yield piece

    def lines(self, ranges: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        """Yield the lines of ranges, each with its CRLF; the last one may have none, and a very long line is cut into pieces without."""
        held = b""
        for piece in self.pieces(ranges):
            *whole, held = (held + piece).split(CRLF)
            yield from (line + CRLF for line in whole)
            while len(held) > 2 * PIECE:
                yield held[:PIECE]
                held = held[PIECE:]
        if held:
            yield held
