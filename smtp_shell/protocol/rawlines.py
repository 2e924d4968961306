"""The lines in octets that a person sends raw, in pieces that end anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator


class RawLines:
    """Cut raw octets into lines, and pass over those that belong to a BDAT chunk.

    Args:
        limit: Octets of a line without an end that are kept.

    Attributes:
        rest: The line that has not ended yet.
        chunk_left: How many octets of a chunk are still to come; whoever sees a BDAT line sets it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.rest = b""
        self.chunk_left = 0

    def receive(self, octets: bytes) -> Iterator[bytes]:
        """Take octets in; give each line as it ends, without CRLF or LF."""
        octets = self.rest + octets
        start = self.skip_chunk(len(octets))
        while (end := octets.find(b"\n", start)) >= 0:
            yield octets[start:end].removesuffix(b"\r")
            start = end + 1
            start += self.skip_chunk(len(octets) - start)
        self.rest = octets[start:][-self._limit :]

    def skip_chunk(self, length: int) -> int:
        """Count octets that may belong to a chunk; give how many of them do.

        Source: RFC 3030 §2
        """
        taken = min(self.chunk_left, length)
        self.chunk_left -= taken
        return taken


def lines_of(octets: bytes) -> list[bytes]:
    """Cut octets behind each LF."""
    return [line for line in re.split(rb"(?<=\n)", octets) if line]
