"""A dot that ends the mail data for some servers and is text for others, kept until the server shows which."""

from __future__ import annotations

from collections.abc import Iterator

from smtp_shell.lint.findings import Place
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.octets import CRLF

_MOST_PIECES = 100
_MOST_OCTETS = 64 * 1024

Piece = tuple[bytes, int | None, Place]


class DoubtfulDot:
    """The dot without CRLF on both sides, and what the client sent after it, in bounded memory.

    A reply shows that the server took it for the end. More mail data, or silence, shows that it did not.

    Attributes:
        is_told: Whether the piece that is being released is the dot, which has been told of already.

    Source: RFC 5321 section 4.1.1.4
    """

    def __init__(self) -> None:
        self.is_told = False
        self._pieces: list[Piece] = []
        self._octets = 0

    @property
    def is_held(self) -> bool:
        """Whether there is such a dot."""
        return bool(self._pieces)

    def hold(self, octets: bytes, public: int | None, place: Place) -> bool:
        """Keep the dot, or a piece that follows it, and return whether it was kept: there was room, and it is no true dot.

        Args:
            octets: The piece.
            public: How many octets of it may be shown; None for all.
            place: Where it was sent.
        """
        if self._pieces and octets == END_OF_DATA and self._pieces[-1][0].endswith(CRLF):
            return False
        if len(self._pieces) >= _MOST_PIECES or self._octets + len(octets) > _MOST_OCTETS:
            return False
        self._pieces.append((octets, public, place))
        self._octets += len(octets)
        return True

    def release(self) -> Iterator[Piece]:
        """Yield the dot and what follows it, and keep them no longer."""
        pieces, self._pieces, self._octets = self._pieces, [], 0
        for number, piece in enumerate(pieces):
            self.is_told = not number
            yield piece
        self.is_told = False
