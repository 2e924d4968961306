"""The lines of a file, many at a time, so that what is done for each of them can be done for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

_SIZE: Final = 32 * 1024


class Blocks:
    """A file as blocks of whole lines, CRLF in them read as LF; a line that is too long is passed over and not kept in memory.

    Args:
        read: Gives the next octets, at most as many as it is asked for; none at the file's end.
        longest: How many octets a line may have without its LF.

    Attributes:
        is_whole: Whether the line that was given last had a line end; known when it has been given.
    """

    def __init__(self, read: Callable[[int], bytes], longest: int) -> None:
        self.is_whole = True
        self._found = self._split(read, longest)
        self._held = b""
        self._at = 0

    def take(self) -> bytes | None:
        """Give the lines that follow, as many as are at hand, each with its LF; `b""` at the end, None for one that is too long."""
        held, self._held = self._held[self._at :], b""
        self._at = 0
        return held or next(self._found, b"")

    def take_line(self) -> bytes | None:
        """Give the next line, with its LF; `b""` at the end, None for one that is too long."""
        if self._at == len(self._held):
            block = next(self._found, b"")
            if not block:
                return block
            self._held, self._at = block, 0
        start, self._at = self._at, self._held.index(b"\n", self._at) + 1
        return self._held[start : self._at]

    def put_back(self, line: bytes | None) -> None:
        """Let what `take_line` gave, or the part of it that is not done with, be given again."""
        if line is None:
            self._found = chain((None,), self._found)
        else:
            self._held, self._at = line + self._held[self._at :], 0

    def stop(self) -> None:
        """Leave the rest of the file unread."""
        self._found, self._held, self._at = iter(()), b"", 0

    def _split(self, read: Callable[[int], bytes], longest: int) -> Iterator[bytes | None]:
        # No line that is inside what is read at once can be too long: only one that goes across its start.
        size = min(_SIZE, longest)
        rest = b""
        skips = False
        while octets := read(size):
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
                yield _with_lf(octets[:end])
        if rest:
            self.is_whole = False
            yield _with_lf(rest + b"\n")


def _with_lf(lines: bytes) -> bytes:
    return lines.replace(b"\r\n", b"\n")
