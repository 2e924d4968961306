"""Mail data folded: the first and the last lines of a message, and how many are between them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.protocol.events import MailDataSent
from smtp_shell.protocol.octets import CRLF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.display.render import Look

FIRST: Final = 8
"""Lines that are shown from the start of a message."""

LAST: Final = 4
"""Lines that are shown from its end."""

_MOST_OF_LINE = 2_000  # octets
# Octets whose lines are counted at once. A piece by itself, which may be one line, takes four times as long.
_BATCH = 64 * 1024


class DataLine(Struct, frozen=True):
    """A line of mail data.

    Args:
        octets: Its octets without CRLF, or the first of them.
        left_out: How many more it has.
    """

    octets: bytes
    left_out: int = 0


class MailDataFold:
    """Folds the mail data of one message, which comes in pieces. It holds a few lines, however long the message is.

    Args:
        unfolded: Whether to show every line.

    Attributes:
        octets: How many octets the message has had so far, as they go over the wire.
    """

    def __init__(self, *, unfolded: bool = False) -> None:
        self._room = -1 if unfolded else FIRST  # lines that are still shown at once; -1: all
        # With one line more than are shown: a fold of one line would take as much room as the line.
        self._tail: deque[DataLine] = deque()
        self._hidden = 0
        self.octets = 0
        self._line = b""  # the line that has not ended
        self._left_out = 0
        self._held = b""  # a CR whose LF may be in the next piece
        self._batch: list[bytes] = []  # pieces whose lines have not been counted
        self._batched = 0

    def feed(self, piece: bytes) -> Iterator[DataLine]:
        """Add a piece of mail data, and yield the lines that can be shown already."""
        self.octets += len(piece)
        if not self._room:
            self._batch.append(piece)
            self._batched += len(piece)
            if self._batched > _BATCH:
                self._skip_batch()
            return
        octets = self._held + piece
        self._held = b"\r" if octets.endswith(b"\r") else b""
        octets = octets.removesuffix(b"\r")
        *whole, octets = octets.split(CRLF, self._room)
        for each in whole:
            self._grow(each)
            yield self._ended()
        if self._room > 0:
            self._room -= len(whole)
        if self._room:
            self._grow(octets)
        else:
            self._skip(octets)

    def end(self) -> tuple[Sequence[DataLine], int, Sequence[DataLine]]:
        """Return what is left to be shown: lines, then how many are left out, then the last lines."""
        self._skip_batch()
        self._grow(self._held)
        self._held = b""
        last = [self._ended()] if self._line or self._left_out else []
        if self._room:
            return last, 0, ()
        for each in last:
            self._push(each)
        tail, hidden = [*self._tail], self._hidden
        if hidden:
            tail.pop(0)
            hidden += 1
        return (), hidden, tail

    def _skip_batch(self) -> None:
        octets = self._held + b"".join(self._batch)
        self._batch.clear()
        self._batched = 0
        self._held = b"\r" if octets.endswith(b"\r") else b""
        self._skip(octets.removesuffix(b"\r"))

    def _skip(self, octets: bytes) -> None:
        """Hold the last lines of a piece, and count the others."""
        first, crlf, others = octets.partition(CRLF)
        self._grow(first)
        if not crlf:
            return
        self._push(self._ended())
        *whole, rest = others.rsplit(CRLF, LAST + 2)
        if len(whole) > LAST + 1:
            before = whole.pop(0)
            self._hidden += before.count(CRLF) + 1 + len(self._tail)
            self._tail.clear()
        for each in whole:
            self._grow(each)
            self._push(self._ended())
        self._grow(rest)

    def _grow(self, octets: bytes) -> None:
        room = _MOST_OF_LINE - len(self._line)
        self._line += octets[:room]
        self._left_out += max(len(octets) - room, 0)

    def _ended(self) -> DataLine:
        line = DataLine(self._line, self._left_out)
        self._line, self._left_out = b"", 0
        return line

    def _push(self, line: DataLine) -> None:
        if len(self._tail) > LAST:
            self._tail.popleft()
            self._hidden += 1
        self._tail.append(line)


class HiddenPieces:
    """Knows of each piece of mail data whether a view shows nothing of it, so that nothing that is drawn below has to make room."""

    def __init__(self) -> None:
        self._lines = 0  # of the message so far

    def __call__(self, event: object, look: Look) -> bool:
        """Follow an event, and return whether it is a piece of mail data that has no row.

        Args:
            event: The event.
            look: What the view shows.
        """
        if not isinstance(event, MailDataSent) or event.last:
            self._lines = 0
            return False
        before, self._lines = self._lines, self._lines + event.octets.count(CRLF)
        return not look.typed_data or (before >= FIRST and not look.unfolded)
