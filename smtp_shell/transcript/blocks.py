"""A file as blocks of whole lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

_READ_SIZE: Final = 32 * 1024
_SWAPPED: Final = bytes.maketrans(b"\r\n", b"\n\r")


def is_utf_16(start: bytes) -> bool:
    """Return whether a file is UTF-16 text, as PowerShell's `>` writes it.

    Args:
        start: The file's first octets, at least two if it has as many.
    """
    return start[:2] in (b"\xff\xfe", b"\xfe\xff") or (len(start) > 1 and (start[0] == 0) != (start[1] == 0))


class Blocks:
    """Read a file in blocks of whole lines, each line with an LF. CRLF is read as LF.

    In a file whose lines end in CR alone, CR and LF change places, so that its lines look like those of any other file. It is such a file
    if there is a CR and no LF in the piece that has the first line end. So a CR that is left in a line is no line end of this file.

    A line that is too long is skipped without keeping it in memory.

    Args:
        read: Returns the file's next octets, at most as many as its argument says; `b""` at the end.
        longest: Limit of a line without its LF, in octets.

    Attributes:
        is_whole: Whether the last line that was read has a line end in the file; False only after the file's last line.
        ends_in_cr: Whether the file's lines end in CR alone; known when something has been read.
    """

    def __init__(self, read: Callable[[int], bytes], longest: int) -> None:
        self.is_whole = True
        self.ends_in_cr = False
        self._blocks = self._split(read, longest)
        self._block = b""
        self._at = 0

    def next_block(self) -> bytes | None:
        """Return the following lines, as many as have been read; `b""` at the end, None for a line that is too long."""
        rest, self._block = self._block[self._at :], b""
        self._at = 0
        return rest or next(self._blocks, b"")

    def next_line(self) -> bytes | None:
        """Return the next line; `b""` at the end, None for one that is too long."""
        if self._at == len(self._block):
            block = next(self._blocks, b"")
            if not block:
                return block
            self._block, self._at = block, 0
        start, self._at = self._at, self._block.index(b"\n", self._at) + 1
        return self._block[start : self._at]

    def put_back(self, line: bytes | None) -> None:
        """Put back what `next_line` returned, or the end of it, so that it is read again."""
        if line is None:
            self._blocks = chain((None,), self._blocks)
        else:
            self._block, self._at = line + self._block[self._at :], 0

    def stop(self) -> None:
        """Skip the rest of the file without reading it."""
        self._blocks, self._block, self._at = iter(()), b"", 0

    def _split(self, read: Callable[[int], bytes], longest: int) -> Iterator[bytes | None]:
        # At most `longest` octets at a time: only a line that was begun before them can be too long.
        size = min(_READ_SIZE, longest)
        rest = b""
        skips = False
        for octets in self._with_lf(read, size):
            if rest or skips:
                end = octets.find(b"\n")
                if skips or len(rest) + (len(octets) if end < 0 else end) > longest:
                    if not skips:
                        yield None
                    skips, rest = end < 0, b""
                    octets = b"" if skips else octets[end + 1 :]
            octets = rest + octets
            end = octets.rfind(b"\n") + 1
            rest = octets[end:]
            if end:
                yield octets[:end].replace(b"\r\n", b"\n")
        if rest:
            self.is_whole = False
            yield (rest + b"\n").replace(b"\r\n", b"\n")

    def _with_lf(self, read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
        """Yield the file's octets, with CR and LF in each other's place if its lines end in CR."""
        octets = read(size)
        while octets and b"\r" not in octets and b"\n" not in octets:
            yield octets
            octets = read(size)
        if octets.endswith(b"\r"):
            octets += read(1)  # perhaps the LF of a CRLF
        self.ends_in_cr = b"\r" in octets and b"\n" not in octets
        while octets:
            yield octets.translate(_SWAPPED) if self.ends_in_cr else octets
            octets = read(size)
