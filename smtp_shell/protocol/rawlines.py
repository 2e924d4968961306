"""Lines in octets that a user sends as they are, in pieces that end anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PROXY_LINE = b"PROXY"
PROXY_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""How a binary PROXY header begins."""

PROXY_SIGN = 16
"""Octets by which a PROXY header is known."""

_PROXY_FIXED = 16  # octets of the binary form before the addresses; the last two say how long those are


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
        """Yield each line as it ends, with its CRLF or LF."""
        octets = self.rest + octets
        start = self.skip_chunk(len(octets))
        while (end := octets.find(b"\n", start)) >= 0:
            yield octets[start : end + 1]
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


def without_end(line: bytes) -> bytes:
    """Return a line without its CRLF or LF."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


def lines_of(octets: bytes) -> list[bytes]:
    """Return octets cut after each LF."""
    return [line for line in re.split(rb"(?<=\n)", octets) if line]


def is_proxy_header(octets: bytes) -> bool:
    """Return whether octets at the start of a connection are a PROXY header, which no reply answers; in text perhaps a part of one.

    Source: The PROXY protocol (HAProxy), sections 2.1 and 2.2
    """
    return octets.startswith(PROXY_SIGNATURE) or octets[: len(_PROXY_LINE) + 1] in (_PROXY_LINE, _PROXY_LINE + b" ")


def is_whole_proxy_header(octets: bytes) -> bool:
    """Return whether octets are a PROXY header and nothing else.

    Source: The PROXY protocol (HAProxy), sections 2.1 and 2.2
    """
    if octets.startswith(PROXY_SIGNATURE):
        return proxy_header_length(octets) == len(octets)
    return octets.startswith(_PROXY_LINE + b" ") and octets.find(b"\n") == len(octets) - 1


def proxy_header_length(octets: bytes) -> int:
    """Return the length of a binary PROXY header at the start of octets; 0 if there is none.

    Source: The PROXY protocol (HAProxy), section 2.2
    """
    if not octets.startswith(PROXY_SIGNATURE):
        return 0
    return _PROXY_FIXED + int.from_bytes(octets[_PROXY_FIXED - 2 : _PROXY_FIXED], "big")
