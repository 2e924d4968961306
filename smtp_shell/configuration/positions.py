"""Where a TOML file says what: the lines that set a key or open a table. tomllib does not tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BARE = r"[A-Za-z0-9_-]+"
_KEY = rf"""(?:{_BARE}|"[^"\\]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?")
_ASSIGNMENT = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")


def line_of(text: str, keys: Sequence[str]) -> int:
    """Return the number of the line that sets a key or opens a table, from 1; 0 if no line can be named.

    Args:
        text: The TOML text, which can be parsed.
        keys: The names of the tables that it is in, and its own.
    """
    wanted = tuple(keys)
    found = 0
    for number, inside, key in assignments(text):
        path = (*inside, *key)
        if path == wanted:
            return number
        if not found and path[: len(wanted)] == wanted:  # [profile.lab] is a line of `profile` too
            found = number
        if key and wanted[: len(path)] == path:  # an inline table
            return number
    return found


def assignments(text: str) -> Iterator[tuple[int, tuple[str, ...], tuple[str, ...]]]:
    """Yield (number of the line, tables it is in, key) for each line that sets a key, and with an empty key for each that opens a table.

    Args:
        text: The TOML text, which can be parsed.
    """
    inside: tuple[str, ...] = ()
    closes = ""  # what ends the string of several lines that the line is in
    for number, line in enumerate(text.split("\n"), 1):
        if closes:
            if closes in line:
                closes = ""
            continue
        if header := _HEADER.fullmatch(line.rstrip("\r")):
            inside = _names(header[1])
            yield number, inside, ()
        elif assignment := _ASSIGNMENT.match(line):
            yield number, inside, _names(assignment[1])
        closes = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(found.strip("\"'") for found in re.findall(_KEY, dotted))
