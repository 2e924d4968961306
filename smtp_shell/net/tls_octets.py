"""The octets of TLS: records, vectors, extensions, and how keys are made from secrets.

Source: RFC 8446 sections 3, 5.1 and 7.1
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class CutOff(ValueError):
    """Octets ended in the middle of something."""


class Reader:
    """Reads the presentation language of TLS.

    Args:
        octets: What is read.

    Source: RFC 8446 section 3
    """

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def left(self) -> int:
        """How many octets are left."""
        return len(self._octets) - self._at

    def peek(self) -> int:
        """Return the next octet, and leave it; -1 at the end."""
        return self._octets[self._at] if self.left else -1

    def take(self, size: int) -> bytes:
        """Return the next octets.

        Raises:
            CutOff: There are fewer.
        """
        if size > self.left:
            raise CutOff
        self._at += size
        return self._octets[self._at - size : self._at]

    def number(self, size: int) -> int:
        """Return the number in the next octets.

        Raises:
            CutOff: There are fewer.
        """
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Return a vector whose length is in so many octets before it.

        Raises:
            CutOff: It is longer than what is left.
        """
        return self.take(self.number(size))


def records_of(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each whole record.

    Args:
        chunks: What came over the wire. It may be cut anywhere.
    """
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        at = 0
        while len(pending) - at >= 5:
            end = at + 5 + int.from_bytes(pending[at + 3 : at + 5], "big")
            if end > len(pending):
                break
            yield pending[at], bytes(pending[at + 5 : end])
            at = end
        del pending[:at]


def extensions_of(reader: Reader) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each extension of a block; nothing at the end of a message.

    Raises:
        CutOff: The block is longer than what is left.
    """
    if not reader.left:
        return
    block = Reader(reader.vector(2))
    while block.left:
        number = block.number(2)
        yield number, block.vector(2)


def expand_label(hash_name: str, secret: bytes, label: str, context: bytes, size: int) -> bytes:
    """Return HKDF-Expand-Label.

    Args:
        hash_name: The hash, as `hashlib` names it.
        secret: The secret.
        label: The label, without `tls13 `.
        context: The context.
        size: How many octets to return, at most the hash's.

    Source: RFC 8446 section 7.1, RFC 5869 section 2.3
    """
    name = b"tls13 " + label.encode()
    info = size.to_bytes(2, "big") + bytes((len(name),)) + name + bytes((len(context),)) + context
    return hmac.digest(secret, info + b"\x01", hash_name)[:size]
