"""How far a message that goes out is, or a file that is read: what is shown while that takes long."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from smtp_shell.display.file_position import FilePosition
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
        position = FilePosition.of(stream)
        return cls(position.total if position is not None else 0)

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
        self._position: FilePosition | None = None

    def follow(self, stream: BinaryIO) -> None:
        """Follow a file that has been opened."""
        self._position = FilePosition.of(stream)

    def words(self) -> str:
        """Return what is awaited while the file is read, in words."""
        position = self._position
        done = position.octets() if position is not None else None
        if position is None or done is None or not position.total:
            return f"{self._name} to be read"
        return f"{self._name} to be read ({100 * done // position.total} % of {shown_octets(position.total)})"


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
