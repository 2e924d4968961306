"""How far a message that goes out is, or a file that is read: what is shown while that takes long."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from os import fstat
from typing import TYPE_CHECKING, BinaryIO

from smtp_shell.figures import shown_octets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager


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


class ReadingProgress:
    """Follows how far a file has been read.

    Args:
        name: Its name, printable.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._descriptor = -1
        self._total = 0

    def follow(self, stream: BinaryIO) -> None:
        """Follow a file that has been opened."""
        with suppress(OSError, ValueError):
            facts = fstat(stream.fileno())
            if stat.S_ISREG(facts.st_mode):
                self._descriptor, self._total = stream.fileno(), facts.st_size

    def words(self) -> str:
        """Return what is awaited while the file is read, in words."""
        with suppress(OSError):  # it has been closed
            if self._total:
                part = min(100 * os.lseek(self._descriptor, 0, os.SEEK_CUR) // self._total, 100)
                return f"{self._name} to be read ({part} % of {shown_octets(self._total)})"
        return f"{self._name} to be read"


@contextmanager
def reading(
    waiting_for: Callable[[Callable[[], str]], AbstractContextManager[None]], name: str
) -> Iterator[Callable[[BinaryIO], None]]:
    """Show how far a file has been read, if the block takes long.

    Args:
        waiting_for: Returns a context in which a wait takes place, given what returns the words for what is awaited.
        name: The file's name, printable.

    Yields:
        What is to be called with the file once it is open.
    """
    progress = ReadingProgress(name)
    with waiting_for(progress.words):
        yield progress.follow
