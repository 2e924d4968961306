"""Mail data, read piece by piece into the `Mail` that questions are about. Memory does not grow with it."""

from __future__ import annotations

from typing import Final

from smtp_shell.protocol.octets import escape
from smtp_shell.study.reading import Field, Mail

LONGEST_EXCERPT: Final = 160
"""Octets of a line that a question shows."""

_MOST_FIELDS: Final = 40
_MOST_KEPT: Final = 6
_LONGEST_LINE: Final = 1000


class MailReader:
    """Reads mail data, piece by piece, for the few lines that questions are asked about.

    Attributes:
        whole: Whether the number of every line is known, and no mail data is left out.
    """

    def __init__(self) -> None:
        self.whole = True
        self._rest = b""
        self._skipping = False  # the rest of a line that is too long to keep
        self._in_header = True
        self._fields: list[Field] = []
        self._separator = 0
        self._body: list[tuple[int, str]] = []
        self._stuffed: list[tuple[int, str]] = []
        self._began = 0  # number of the line that `_rest` is the start of

    def take(self, octets: bytes, line: int) -> None:
        """Read a piece.

        Args:
            octets: The piece, as it goes over the wire.
            line: Number of its line. A piece with more than one line has one number for all of them.
        """
        if self._is_done:
            return
        *lines, rest = (self._rest + octets).split(b"\n")
        if len(lines) > 1:
            self.whole = False  # the numbers of the lines are not known
        for each in lines:
            if not self._skipping:
                self._line(each.removesuffix(b"\r"), self._began or line)
            self._skipping, self._began = False, 0
        self._rest = rest
        if len(rest) > _LONGEST_LINE and not self._skipping:
            self._line(rest, line)
            self._skipping = True
        if self._skipping:
            self._rest = b""
        elif rest and not self._began:
            self._began = line

    def mail(self, end: int) -> Mail:
        """Return what was read.

        Args:
            end: Number of the line with the final dot.
        """
        return Mail(tuple(self._fields), self._separator, tuple(self._body), tuple(self._stuffed), end, self.whole)

    @property
    def _is_done(self) -> bool:
        return not self._in_header and len(self._body) >= _MOST_KEPT and len(self._stuffed) >= _MOST_KEPT

    def _line(self, octets: bytes, line: int) -> None:
        shown = excerpt(octets)
        if octets.startswith(b"..") and len(self._stuffed) < _MOST_KEPT:
            self._stuffed.append((line, shown))
        if not self._in_header:
            if len(self._body) < _MOST_KEPT:
                self._body.append((line, shown))
            return
        if not octets:
            self._in_header, self._separator = False, line
            return
        name, colon, value = octets.partition(b":")
        is_name = bool(colon) and bool(name) and all(33 <= octet < 127 for octet in name) and len(name) < 60
        if is_name and len(self._fields) < _MOST_FIELDS:
            self._fields.append(Field(escape(name), excerpt(value.strip()), line))
        elif octets[:1] not in (b" ", b"\t") or not self._fields:
            self._in_header = False  # it has no header, or something that is none
            self._body.append((line, shown))


def excerpt(octets: bytes) -> str:
    """Return octets escaped, cut where they are many."""
    if len(octets) > LONGEST_EXCERPT:
        return f"{escape(octets[:LONGEST_EXCERPT])}…"
    return escape(octets)
