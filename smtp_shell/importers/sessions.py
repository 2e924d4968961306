"""Sessions that are mixed in one file, line by line, made to stand one after the other.

The earliest one passes through at once. What belongs to a later one waits, in memory and from a size on in a temporary file, until those
that began before it are over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Final

import msgspec

from smtp_shell.importers.dialect import Kind, Record

MOST_OPEN: Final = 200
"""Sessions that may wait for their end at the same time. If there are more, the earliest one counts as over."""

MOST_WAITING: Final = 500
"""Sessions that may wait at the same time, those that are over included. If there are more, the earliest one counts as over."""

_IN_MEMORY = 64 * 1024
_IN_LIST = 256  # records of a session that are kept as they are
_CUT = "the log has more of this session further on, after more of others than can be kept apart"


class _Waiting:
    """The records of one session that have to wait."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.is_over = False
        self._first: list[Record] = []
        self._file: IO[bytes] | None = None
        self.is_empty = True

    def add(self, record: Record) -> None:
        self.is_empty = False
        if len(self._first) < _IN_LIST and self._file is None:
            self._first.append(record)
            return
        if self._file is None:
            self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `records`
        octets = msgspec.msgpack.encode(
            (record.kind.value, _octets(record.text), record.line, record.at, record.tls, record.hidden)
        )
        self._file.write(len(octets).to_bytes(4, "big") + octets)

    def records(self) -> Iterator[Record]:
        """Yield the records, which are then gone."""
        yield from self._first
        self._first = []
        if self._file is None:
            return
        with self._file as file:
            file.seek(0)
            while head := file.read(4):
                kind, text, line, at, tls, hidden = msgspec.msgpack.decode(
                    file.read(int.from_bytes(head, "big")),
                    type=tuple[int, bytes, int, float | None, bool | None, bool],
                )
                yield Record(Kind(kind), text.decode("utf-8", "surrogateescape"), line, at, tls, hidden)
        self._file = None


class Sessions:
    """Puts the records of several sessions in order.

    Each of its methods yields the records that can be passed on.
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}  # of the session of each key that is not over
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()  # in the order of their beginning
        self._next = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._numbers

    def add(self, key: Hashable, record: Record) -> Iterator[Record]:
        """Add a record to a session, which begins with it if there is none of this key.

        Args:
            key: What tells the session from others: a process, a connection.
            record: The record.
        """
        number = self._numbers.get(key)
        if number is None:
            self._next += 1
            number = self._numbers[key] = self._next
            self._waiting[number] = _Waiting(key)
            if len(self._numbers) > MOST_OPEN or len(self._waiting) > MOST_WAITING:
                yield from self._give_up_first()
        if number == next(iter(self._waiting)):
            self._waiting[number].is_empty = False
            yield record
        else:
            self._waiting[number].add(record)

    def end(self, key: Hashable) -> Iterator[Record]:
        """End a session, if there is one of this key. Another one of the same key may begin."""
        number = self._numbers.pop(key, None)
        if number is None:
            return
        self._waiting[number].is_over = True
        if number == next(iter(self._waiting)):
            del self._waiting[number]
            yield from self._pass_on()

    def finish(self) -> Iterator[Record]:
        """End all sessions."""
        self._numbers.clear()
        while self._waiting:
            _, session = self._waiting.popitem(last=False)
            yield from session.records()

    def _give_up_first(self) -> Iterator[Record]:
        _, session = self._waiting.popitem(last=False)
        self._numbers.pop(session.key, None)
        if not session.is_empty:
            yield Record(Kind.NOTE, _CUT)
        yield from self._pass_on()

    def _pass_on(self) -> Iterator[Record]:
        """Pass on what has waited for the session that is gone: all that are over, and what there is of the first that is not."""
        while self._waiting:
            number, session = next(iter(self._waiting.items()))
            yield from session.records()
            if not session.is_over:
                return
            del self._waiting[number]


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
