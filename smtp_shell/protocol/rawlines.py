"""Lines in octets that a user sends as they are, in pieces that end anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator


class RawLines:
    """Cut raw octets into lines, and skip those that belong to a BDAT chunk.

    Args:
        limit: Octets of a line without an end that are kept.

    Attributes:
        rest: The line that has not ended yet.
        chunk_left: Octets of a chunk that are still to come. Set by the caller when it reads a BDAT line.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.rest = b""
        self.chunk_left = 0

    def receive(self, octets: bytes) -> Iterator[bytes]:
        """Yield each line as it ends, without CRLF or LF."""
        octets = self.rest + octets
        start = self.skip_chunk(len(octets))
        while (end := octets.find(b"\n", start)) >= 0:
            yield octets[start:end].removesuffix(b"\r")
            start = end + 1
            start += self.skip_chunk(len(octets) - start)
        self.rest = octets[start:][-self._limit :]

    def skip_chunk(self, length: int) -> int:
        """Return how many of the next octets belong to a chunk, and count them as received.

        Source: RFC 3030 section 2
        """
        taken = min(self.chunk_left, length)
        self.chunk_left -= taken
        return taken


def lines_of(octets: bytes) -> list[bytes]:
    """Return octets cut after each LF."""
    return [line for line in re.split(rb"(?<=\n)", octets) if line]
