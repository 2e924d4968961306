"""Rows and words cut to the width of a screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.display.render import Row

_CONTINUED = " : "
_ESCAPED = r"\\(?:x[0-9a-f]{2}|\\)"  # as `escape` writes an octet or a backslash
_LONGEST_LABEL = 12
_WIDEST_LABEL = 20  # with the blanks after it, which may be a server's
_LONGEST_HEAD = 44
_NARROW = 40  # columns below which a labelled text is not indented as far as it
_WIDE = 100  # columns: on a wider screen what stands at the right edge stands here, where the eye finds its row
_LEAST_ROOM = 8  # columns
_NARROWEST = 2  # columns for text, however narrow the screen: a wide character needs two


def fold(row: Row, width: int) -> Iterator[tuple[str, str, str]]:
    """Cut a row into lines of the screen, between words where possible: gutter, text and aside of each.

    The texts together are the row's text: a space stays at the end of its line, so that a cut between words and one inside a word
    do not look the same.

    Args:
        row: The row.
        width: Columns of the screen.
    """
    room = max(width - len(row.gutter), _NARROWEST)
    gutter, text = row.gutter, row.text
    if row.further and gutter and room < _LEAST_ROOM:
        # Words in place of signs may fill a narrow screen. The text then follows them.
        yield gutter.rstrip(" "), "", ""
        gutter = row.further
        room = max(width - len(gutter), _NARROWEST)
    while cells(text) > room:
        cut = _cut_at_word(text, room)
        yield gutter, text[:cut], ""
        gutter, text = row.further or row.gutter[:-3] + _CONTINUED, text[cut:]
        room = max(width - len(gutter), _NARROWEST)
    aside = row.aside if row.aside and cells(text) + len(row.aside) + 2 <= room else ""
    edge = min(room, max(_WIDE - len(gutter), cells(text) + len(aside) + 2))
    pad = " " * (edge - cells(text) - len(aside)) if aside else ""
    yield gutter, text, pad + aside


def wrap(text: str, width: int, *, quotes: bool = False) -> Iterator[str]:
    """Wrap the program's own words, between words where possible.

    Continued lines are indented, those of a labelled text as far as it. Where that leaves no room for one of its words, or where the
    label is long and the screen is narrow, the text stands below its label.

    Args:
        text: The words, printable.
        width: Columns of the screen.
        quotes: Whether the words may quote a server. Continued lines then begin with a mark, so that no quoted text can look like
            a line of ours.
    """
    rest = text.strip(" ")
    start = " " * (len(text) - len(text.lstrip(" ")))
    label = _label_width(rest) if width >= _NARROW else 0
    if head := _head(rest, label, width - 1 - len(start)):
        yield start + head
        label, rest = 0, rest[len(head) :].lstrip(" ")
        start += _CONTINUED if quotes else "  "
        further = start
    else:
        further = start + (_CONTINUED.rjust(label) if quotes else " " * label or "  ")
    while cells(rest) > (room := max(width - 1 - len(start), _NARROWEST)):
        cut = _cut(rest, room)
        space = rest.rfind(" ", 1, cut + 1)
        yield start + rest[: space if space > 0 else cut].rstrip(" ")
        rest = rest[space if space > 0 else cut :].lstrip(" ")
        start = further
    yield start + rest


def _head(text: str, label: int, room: int) -> str:
    """Return the label that has a line to itself; empty for a text that begins on the line of its label, or that has none.

    Args:
        text: The text.
        label: The columns of its label; 0 for one that no text is indented as far as, or for none.
        room: The columns that there are.
    """
    head, blanks, said = text.partition("  ")
    if not blanks or cells(text) <= room:
        return ""
    if not label:
        return head if cells(head) <= min(_LONGEST_HEAD, room) else ""
    return head if max(map(cells, said.split(" "))) > room - label else ""


def _label_width(text: str) -> int:
    """Return the columns that a label and the blanks after it take; 0 for text without a label."""
    label = text.partition("  ")[0]
    if len(label) > _LONGEST_LABEL or len(label) == len(text):
        return 0
    width = len(text) - len(text[len(label) :].lstrip(" "))
    return width if width <= _WIDEST_LABEL else 0


def cells(text: str) -> int:
    """Return the columns that text takes on a terminal that joins no characters. Others need fewer."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return sum(map(cell_len, text))


def _cut_at_word(text: str, room: int) -> int:
    """Return where to cut text that has no room: before the word that is cut, unless no line has room for it."""
    cut = _cut(text, room)
    space = text.rfind(" ", 0, cut)
    # An empty first line would look like the end of a header.
    if text[cut] == " " or not text[: max(space, 0)].strip(" "):
        return cut
    end = text.find(" ", cut)
    word = text[space + 1 : end if end > 0 else len(text)]
    return cut if cells(word) > room else space + 1


def _cut(text: str, room: int) -> int:
    """Return how many characters have room; the escape of an octet is not cut."""
    cut = _fitting(text, room)
    if "\\" in text[max(cut - 3, 0) : cut]:
        for escaped in re.finditer(_ESCAPED, text[: cut + 3]):
            if 0 < escaped.start() < cut < escaped.end():
                return escaped.start()
    return cut


def _fitting(text: str, room: int) -> int:
    if text.isascii():
        return room
    taken = 0
    for index, char in enumerate(text):
        taken += cells(char)
        if taken > room:
            return max(index, 1)
    return len(text)
