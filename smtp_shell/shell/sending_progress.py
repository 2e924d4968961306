"""How far a message is that goes out: what is shown while the wait takes long."""

from __future__ import annotations

import stat
from os import fstat
from typing import TYPE_CHECKING, BinaryIO

from smtp_shell.figures import shown_octets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class SendingProgress:
    """Counts the pieces of a message.

    Args:
        total: How many octets it has; 0 if that is not known.
    """

    def __init__(self, total: int = 0) -> None:
        self._total = total
        self._done = 0
        self._is_over = False

    @classmethod
    def of(cls, stream: BinaryIO) -> SendingProgress:
        """Return the progress of a file. That of a pipe has no end that is known."""
        facts = fstat(stream.fileno())
        return cls(facts.st_size if stat.S_ISREG(facts.st_mode) else 0)

    def counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces. Each counts when the next one is asked for: it is with the system then."""
        for piece in pieces:
            yield piece
            self._done += len(piece)
        self._is_over = True

    def words(self) -> str:
        """What is awaited while the message goes out, in words; empty before and after that."""
        if self._is_over or not self._done:
            return ""
        if not self._total:
            return f"the message to go out ({shown_octets(self._done)} so far)"
        part = min(100 * self._done // self._total, 100)
        return f"the file to go out ({part} % of {shown_octets(self._total)})"
