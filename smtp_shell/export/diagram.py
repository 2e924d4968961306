"""A dialogue as a ladder: the client on the left, the server on the right, an arrow for each line, the time in the margin.

What is inside TLS has double lines, and a heading says so in words. A reply of several lines, and commands that went out in one write, are
joined by a bracket.

```
          client                                    mx.example:25
            ├╌ in the clear: anybody on the way can read it ╌╌┤
   0.021 +  │<──────────── 220 mx.example ESMTP ───────────────│
   0.022    │── STARTTLS ─────────────────────────────────────>│
```
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TextIO

from msgspec import Struct

from smtp_shell.display.characters import shows_utf_8
from smtp_shell.display.columns import cells, fold
from smtp_shell.display.render import Row
from smtp_shell.export.rungs import Kind, Rung, Rungs
from smtp_shell.protocol.events import Connected, Disconnected, TlsStarted
from smtp_shell.protocol.masking import MASK

if TYPE_CHECKING:
    from smtp_shell.protocol.events import Entry

NARROWEST = 24
WIDEST = 120
"""Columns beyond which a ladder does not grow: no arrow is read better for being longer."""

_WIDE_MARGIN, _NARROW_MARGIN = 12, 8  # columns for time and sign; the narrow one below _NARROW
_NARROW = 60
_INDENT_PART = 3  # the server's text begins after one part in so many of the arrow
_CONTINUED = " : "


class Strokes(Struct, frozen=True):
    """The characters that a ladder is drawn with, in the clear or inside TLS.

    Args:
        rail: The line of the client or the server, going down.
        line: An arrow's shaft.
        left: Its head at the client.
        right: Its head at the server.
        client: Bracket around commands of one write: first, further, last.
        server: Bracket around the lines of one reply: first, further, last.
        part: A heading: its left end, its line, its right end.
        end: The end of the ladder: left, line, right.
    """

    rail: str
    line: str
    left: str
    right: str
    client: tuple[str, str, str]
    server: tuple[str, str, str]
    part: tuple[str, str, str]
    end: tuple[str, str, str]


_UNICODE: Final = {
    False: Strokes("│", "─", "<", ">", ("┌", "├", "└"), ("┐", "┤", "┘"), ("├", "╌", "┤"), ("└", "─", "┘")),
    True: Strokes("║", "═", "<", ">", ("╔", "╠", "╚"), ("╗", "╣", "╝"), ("╠", "═", "╣"), ("╚", "═", "╝")),
}
_ASCII: Final = {
    False: Strokes("|", "-", "<", ">", ("/", "|", "\\"), ("\\", "|", "/"), ("|", "-", "|"), ("+", "-", "+")),
    True: Strokes("#", "=", "<", ">", ("/", "#", "\\"), ("\\", "#", "/"), ("#", "=", "#"), ("+", "=", "+")),
}

_ALL_STROKES: Final = "│─┌├└┐┤┘╌║═╔╠╚╗╣╝█▏"


class Ladder:
    """Draws the entries of one dialogue, as a stream.

    Args:
        width: Columns of the screen; less than 24 counts as 24, and no more than 120 are used.
        ascii_only: Whether to draw with characters of ASCII alone.
        server: What the server is called before the first connection; empty for `server`.
    """

    def __init__(self, width: int = 80, *, ascii_only: bool = False, server: str = "") -> None:
        self._width = max(NARROWEST, min(width, WIDEST))
        self._ascii = ascii_only
        self._set = _ASCII if ascii_only else _UNICODE
        self._margin = _WIDE_MARGIN if self._width >= _NARROW else _NARROW_MARGIN
        self._room = self._width - self._margin - 2  # between the rails
        self._tight = 1 if self._width >= _NARROW else 0  # columns of an arrow's shaft before its text
        self._server = server
        self._rungs = Rungs()
        self._tls = False
        self._is_drawn = False  # rails are there
        self._at = 0.0  # the time that is in the margin

    def rows(self, entry: Entry) -> Iterator[Row]:
        """Return the rows that an entry completes. Each fits the width, and none is to be folded."""
        for rung in self._rungs.rungs(entry):
            yield from self._draw(rung)

    def end(self) -> Iterator[Row]:
        """Return the rows at the end of the dialogue."""
        for rung in self._rungs.end():
            yield from self._draw(rung)
        yield from self._end_rails()

    def _draw(self, rung: Rung) -> Iterator[Row]:
        event = rung.entry.event
        if isinstance(event, Connected):
            yield from self._end_rails()
            self._server = event.address
        if rung.kind is Kind.FIELD:
            name, _, value = rung.lines[0].partition(": ")
            if name.lower() == "server":
                self._server = value
            elif name.lower() == "title":
                yield from self._title(value)
            return
        if rung.kind is Kind.NOTE and not rung.lines[0].startswith("the mail data is in the file"):
            return  # notes are for who reads line by line
        yield from self._begin_rails()
        match rung.kind:
            case Kind.PART:
                self._tls = rung.entry.tls or isinstance(event, TlsStarted)
                yield from self._part(rung)
            case Kind.CLIENT:
                yield from self._client(rung)
            case Kind.SERVER:
                yield from self._reply(rung)
            case _:
                yield from self._words(rung)
        if isinstance(event, Disconnected):
            yield from self._end_rails()

    @property
    def _strokes(self) -> Strokes:
        return self._set[self._tls]

    def _title(self, title: str) -> Iterator[Row]:
        for text in _folded(self._plain(title), self._width):
            yield Row("", text, "note")

    def _begin_rails(self) -> Iterator[Row]:
        if self._is_drawn:
            return
        self._is_drawn = True
        self._tls = False
        name = self._plain(self._server) or "server"
        room = self._width - self._margin - len("client")
        name = name if cells(name) < room else "server"
        yield Row("", f"{' ' * self._margin}client{' ' * (room - cells(name))}{name}", "event")

    def _end_rails(self) -> Iterator[Row]:
        if not self._is_drawn:
            return
        self._is_drawn = False
        left, line, right = self._strokes.end
        yield Row("", f"{' ' * self._margin}{left}{line * self._room}{right}", "event")

    def _part(self, rung: Rung) -> Iterator[Row]:
        left, line, right = self._strokes.part
        for number, words in enumerate(rung.lines):
            for text in _folded(self._plain(words), self._room - 4):
                margin = self._time(rung.entry.at, " ") if not number else " " * self._margin
                rest = self._room - cells(text) - 3
                yield Row("", f"{margin}{left}{line} {text} {line * rest}{right}", "event")

    def _client(self, rung: Rung) -> Iterator[Row]:
        strokes, line = self._strokes, self._strokes.line
        pieces = self._pieces(rung, self._room - self._tight - 5)
        for number, piece in enumerate(pieces):
            ends = number == len(pieces) - 1
            margin = " " * self._margin if number else self._time(rung.entry.at, " ")
            bracket = _bracket(strokes.client, pieces, number) or line
            shaft = (line if ends else " ") * self._tight
            rest = self._room - cells(piece) - self._tight - 5
            tail = f"{line * (rest + 1)}{strokes.right}" if ends else " " * (rest + 2)
            yield Row("", f"{margin}{strokes.rail}{bracket}{shaft} {piece} {tail}{strokes.rail}", rung.style)

    def _reply(self, rung: Rung) -> Iterator[Row]:
        strokes, line = self._strokes, self._strokes.line
        longest = max((cells(self._plain(each)) for each in rung.lines), default=0)
        shift = max(0, min(self._room // _INDENT_PART, self._room - longest - self._tight - 4))
        pieces = self._pieces(rung, self._room - self._tight - 4 - shift)
        for number, piece in enumerate(pieces):
            ends = number == len(pieces) - 1
            margin = " " * self._margin if number else self._time(rung.entry.at, rung.sign)
            begin = f"{strokes.left}{line * (shift + self._tight)}" if ends else " " * (shift + self._tight + 1)
            rest = self._room - cells(piece) - shift - self._tight - 4
            shaft = (line if ends else " ") * rest
            bracket = _bracket(strokes.server, pieces, number) or line
            yield Row("", f"{margin}{strokes.rail}{begin} {piece} {shaft}{bracket}{strokes.rail}", rung.style)

    def _pieces(self, rung: Rung, room: int) -> list[str]:
        return [piece for line in rung.lines for piece in _folded(self._plain(line), room)]

    def _words(self, rung: Rung) -> Iterator[Row]:
        """Draw what nobody says to anybody, between the rails."""
        strokes = self._strokes
        mark = {Kind.NOTICE: "!", Kind.NOTE: "#", Kind.MEANING: " "}.get(rung.kind, "*")
        for number, words in enumerate(rung.lines):
            for index, piece in enumerate(_folded(self._plain(words), self._room - 6)):
                at_first = not number and not index
                margin = self._time(rung.entry.at, " ") if at_first else " " * self._margin
                head = f"  {mark} " if not index else "    "
                rest = self._room - 4 - cells(piece)
                yield Row("", f"{margin}{strokes.rail}{head}{piece}{' ' * rest}{strokes.rail}", rung.style)

    def _time(self, at: float, sign: str) -> str:
        """Return the margin: the time if it is known and is another one, and the sign of a reply."""
        time = "" if not at or at == self._at else f"{at:.3f}" if at < 1000 else f"{at:.0f}"
        self._at = at
        room = self._margin - 3
        return f"{time[:room]:>{room}} {sign}".ljust(self._margin)

    def _plain(self, text: str) -> str:
        if not self._ascii or text.isascii():
            return text
        return (
            text.replace("…", "...").replace(MASK, "*" * len(MASK)).encode("ascii", "backslashreplace").decode("ascii")
        )


def ladder(entries: Iterable[Entry], width: int = 80, *, ascii_only: bool = False) -> Iterator[Row]:
    """Yield the rows of a dialogue's ladder.

    Args:
        entries: The dialogue.
        width: Columns of the screen.
        ascii_only: Whether to draw with characters of ASCII alone.
    """
    drawn = Ladder(width, ascii_only=ascii_only)
    for entry in entries:
        yield from drawn.rows(entry)
    yield from drawn.end()


def ascii_only(out: TextIO) -> bool:
    """Return whether a stream cannot take the characters of a ladder, or its terminal not show them, and is to get ASCII."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    try:
        _ALL_STROKES.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return True
    return out.isatty() and not shows_utf_8(os.environ, encoding)


def _bracket(bracket: tuple[str, str, str], pieces: list[str], number: int) -> str:
    """Return the part of a bracket for a row; empty where there is only one."""
    if len(pieces) == 1:
        return ""
    return bracket[0 if not number else 2 if number == len(pieces) - 1 else 1]


def _folded(text: str, room: int) -> Iterator[str]:
    """Cut text to a number of columns, between words where possible; what goes on begins with a mark."""
    if cells(text) <= room:
        yield text
        return
    gutter = "   "
    first, *further = (
        piece for _, piece, _ in fold(Row(gutter, text, ""), max(room - len(_CONTINUED), 2) + len(gutter))
    )
    yield first
    for piece in further:
        yield f"{_CONTINUED[1:]}{piece}"
