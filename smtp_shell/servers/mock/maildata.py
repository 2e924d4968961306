"""Mail data at a mock server: as the transcript has it, and as it comes; compared where that is wanted, and never kept."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.octets import CRLF
from smtp_shell.servers.mock.script import MailData, Parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEPT: Final = 64 * 1024
"""Octets of mail data that are kept to find the line in which two messages differ first."""

_STANDARD_END = re.compile(rb"(?:\A|\r\n)\.\r\n\Z")
_ANY_END = re.compile(rb"(?:\A|\n)\.\r?\n\Z")
_LENIENT = re.compile(rb"(?:\A|\n)\.\r?\n")
_TAIL = 5


class DataCollector:
    """Collects the mail data of a transcript.

    Args:
        keeps: Whether it is to be compared.

    Attributes:
        is_over: Whether the final dot has been read.
    """

    def __init__(self, *, keeps: bool) -> None:
        self.is_over = False
        self._keeps = keeps
        self._hash = hashlib.sha256()
        self._size = 0
        self._tail = b""
        self._start = b""
        self._pattern: list[Parts] = []
        self._has_variables = False

    def add(self, parts: Parts) -> None:
        """Add a line with its line end, or octets.

        Args:
            parts: Octets, and names of variables.
        """
        octets = b"".join(part if isinstance(part, bytes) else b"x" for part in parts)
        self._has_variables = self._has_variables or any(isinstance(part, str) for part in parts)
        if self._keeps and len(self._start) <= KEPT:
            self._pattern.append(parts)
        self._add(octets)
        self.is_over = _STANDARD_END.search(self._tail) is not None

    def add_file(self, pieces: Iterable[bytes]) -> None:
        """Add a whole message, encoded, its dot included.

        Args:
            pieces: The octets as they go over the wire.
        """
        for piece in pieces:
            self._add(piece)
        self._pattern = []
        self.is_over = True

    def result(self) -> MailData:
        """Return what was collected."""
        lenient = not self.is_over and _ANY_END.search(self._tail) is not None
        pattern = tuple(self._pattern) if self._has_variables and self._size <= KEPT else ()
        digest = self._hash.digest() if self._keeps and not self._has_variables else b""
        return MailData(self.is_over or lenient, lenient, self._size, digest, self._start, pattern)

    def _add(self, octets: bytes) -> None:
        self._size += len(octets)
        self._tail = (self._tail + octets)[-_TAIL:] if self._size > _TAIL else self._tail + octets
        if self._keeps:
            self._hash.update(octets)
            if len(self._start) <= KEPT:
                self._start += octets[:KEPT]


class DataReader:
    """Reads the mail data of a client, in pieces of any size.

    Args:
        expected: The mail data of the transcript; None where it has none here.
        compares: Whether to compare the two.

    Attributes:
        size: Octets so far, the dot's line included.
        is_over: Whether all has come.
    """

    def __init__(self, expected: MailData | None, *, compares: bool) -> None:
        self.size = 0
        self.is_over = False
        self._expected = expected or MailData()
        self._compares = compares and expected is not None
        self._hash = hashlib.sha256()
        self._start = b""
        self._tail = CRLF  # the dot may be the first line

    def feed(self, buffer: bytearray) -> None:
        """Remove what belongs to the mail data from a buffer.

        Args:
            buffer: What has come.
        """
        expected = self._expected
        joined = self._tail + buffer
        if expected.lenient:
            found = _LENIENT.search(joined)
            end = found.end() if found else -1
        else:
            at = joined.find(b"\r\n.\r\n")
            end = at + 5 if at >= 0 else -1
        if end < 0 and not expected.ends and self.size + len(buffer) >= expected.size:
            end = len(self._tail) + max(0, expected.size - self.size)
        taken = len(buffer) if end < 0 else max(0, end - len(self._tail))
        octets = bytes(buffer[:taken])
        del buffer[:taken]
        self.is_over = end >= 0
        self.size += taken
        self._tail = (self._tail + octets)[-4:]
        if self._compares:
            self._hash.update(octets)
            if len(self._start) <= KEPT:
                self._start += octets[:KEPT]

    def difference(self, values: Mapping[str, bytes]) -> str:
        """Return how the mail data differs from the transcript's, in a sentence without its full stop; empty if it does not.

        Args:
            values: Values of variables; one that has none stands for anything.
        """
        expected = self._expected
        if not self._compares or expected.digest == self._hash.digest():
            return ""
        if expected.pattern:
            return self._unlike(expected.pattern, values)
        if not expected.digest:
            return ""
        ours, theirs = expected.start.split(CRLF), self._start.split(CRLF)
        pairs = enumerate(zip(ours, theirs, strict=False), 1)
        number = next((number for number, (one, other) in pairs if one != other), min(len(ours), len(theirs)))
        return f"the mail data differs in its line {number} ({self.size:,} octets came, {expected.size:,} are in the transcript)"

    def _unlike(self, lines: Iterable[Parts], values: Mapping[str, bytes]) -> str:
        theirs = self._start.split(CRLF)
        number = 0
        for number, parts in enumerate(lines, 1):
            pattern = b"".join(
                re.escape(part if isinstance(part, bytes) else values[part])
                if isinstance(part, bytes) or part in values
                else b".*"
                for part in parts
            )
            line = theirs[number - 1] + CRLF if number <= len(theirs) else b""
            if not re.fullmatch(pattern, line):
                return f"the mail data differs in its line {number}"
        return (
            ""
            if number + 1 == len(theirs)
            else f"the mail data has {len(theirs) - 1} lines, and the transcript {number}"
        )
