"""A line of a terminal's output as the terminal shows it: backspaces, carriage returns and escape sequences are applied.

This is one line with a cursor in it, not a screen. A sequence that moves the cursor to another line ends the line.

Source: ECMA-48 sections 8.3.20, 8.3.22, 8.3.26, 8.3.41, 8.3.64
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from smtp_shell.importers.dialect import Line

MOST_COLUMNS: Final = 2_048
"""No sequence moves the cursor, or what is there, further right than this: no terminal is as wide. A line may be longer."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x9b]")
_TOKEN = re.compile(
    r"\x1b\](?:[^\x07\x1b\x9c]{0,4096})(?:\x07|\x1b\\|\x9c)?"  # a title, a link: shows nothing
    r"|\x1b[P^_X](?:[^\x1b\x9c]{0,4096})(?:\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)(?P<arguments>[0-?]{0,64})[ -/]{0,4}(?P<final>[@-~])"
    r"|\x1b[ -/]{1,4}[0-~]?"  # character sets
    r"|\x1b[0-~]?"
    r"|(?P<control>[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f\x9b])"
)
_MOVES_TO_LINE = re.compile(r"(?:(?:\x1b\[|\x9b)(?:[0-9]{0,5}(?:;[0-9]{0,5})?[Hf]|[0-9]{0,5}[ABEFd]|[0-3]?J))+")
_CARETS = re.compile(r"\^(?:H|\?)")


class Shown:
    """Characters of a line, and a cursor."""

    def __init__(self) -> None:
        self._cells: list[str] = []
        self._at = 0

    def __str__(self) -> str:
        return "".join(self._cells)

    def write(self, text: str) -> None:
        """Write characters at the cursor, over what is there. A cursor that has only been moved has written nothing."""
        if text and self._at > len(self._cells):
            self._cells.extend(" " * (self._at - len(self._cells)))
        self._cells[self._at : self._at + len(text)] = text
        self._at += len(text)

    def control(self, char: str) -> None:
        """Act on a control character. BEL, NUL and those that show nothing do nothing."""
        if char == "\b":
            self._at = max(0, self._at - 1)
        elif char == "\x7f":
            self._at = max(0, self._at - 1)
            del self._cells[self._at : self._at + 1]
        elif char == "\r":
            self._at = 0
        elif char == "\x15":
            del self._cells[: self._at]
            self._at = 0

    def sequence(self, final: str, arguments: str) -> None:
        """Act on a control sequence; one that neither moves the cursor in the line nor erases does nothing."""
        first = arguments.partition(";")[0]
        number = int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 0
        count = max(1, number)
        if final == "C":
            self._at = max(self._at, min(MOST_COLUMNS, self._at + count))
        elif final == "D":
            self._at = max(0, self._at - count)
        elif final == "G":
            self._at = min(MOST_COLUMNS, count - 1)
        elif final == "P":
            del self._cells[self._at : self._at + count]
        elif final == "@":
            self._cells[self._at : self._at] = " " * min(count, MOST_COLUMNS - len(self._cells))
        elif final == "X":
            self._cells[self._at : self._at + count] = " " * max(0, min(count, len(self._cells) - self._at))
        elif final == "K":
            self._erase(number)

    def _erase(self, what: int) -> None:
        if what == 0:
            del self._cells[self._at :]
        else:
            end = len(self._cells) if what == 2 else min(self._at + 1, len(self._cells))
            self._cells[:end] = " " * end
            if what == 2 and not self._at:
                self._cells.clear()


def shown(line: str) -> str:
    """Return a line as a terminal shows it.

    Args:
        line: What was written to the terminal, without its line feed. Tabs stay as they are.
    """
    line = line.rstrip("\r")
    if not _CONTROL.search(line):
        return line
    cells = Shown()
    at = 0
    for found in _TOKEN.finditer(line):
        cells.write(line[at : found.start()])
        at = found.end()
        if found["final"]:
            cells.sequence(found["final"], found["arguments"])
        elif found["control"]:
            cells.control(found["control"])
    cells.write(line[at:])
    return str(cells)


def shown_lines(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines that a terminal shows, each with the number of the line in the file.

    Args:
        lines: The lines of a file. One in which the cursor goes to another line is several.
    """
    for line in lines:
        if "\x1b" not in line.text and "\x9b" not in line.text:
            text = shown(line.text)
            yield line if text == line.text else Line(text, line.number, line.at)
            continue
        for piece in _MOVES_TO_LINE.split(line.text):
            if piece or not line.text:
                yield Line(shown(piece), line.number, line.at)


def without_carets(text: str) -> str:
    """Return a typed line with each `^H` or `^?` applied that a terminal showed for a key that did not erase there."""
    if "^" not in text or not _CARETS.search(text):
        return text
    kept: list[str] = []
    at = 0
    for found in _CARETS.finditer(text):
        kept += text[at : found.start()]
        at = found.end()
        if kept:
            kept.pop()
    return "".join(kept) + text[at:]
