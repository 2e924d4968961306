"""The files of facts, and one table of them at a time. `lookup` makes typed values of what is read here.

`smtp-shell explain 550` is to start within 2.5 times `python -c pass`, and takes 2.2 times. To read the whole file of reply codes takes
tomllib 8 ms, to read one table of it 0.1 ms. So a file is cut at the headers of its tables first. msgspec takes 30 ms to import: what is
found here are the values of tomllib.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import lru_cache

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("command", "extension", "parameter", "mechanism", "header", "term", "alert", "reply", "enhanced", "refusal")
"""The kinds of facts, those first that fit best where a name has several."""

Table = dict[str, object]

_FOLDER = os.path.join(os.path.dirname(__file__), "data")
# The header of a fact. A table of a table, such as [EHLO.replies], belongs to the one before.
_TITLE = re.compile(r"(?m)^title = .*$")
_HEADER = r'(?m)^\[(?:"([^"\n]*)"|([A-Za-z0-9_-]+))\]'


def text_of(kind: str) -> str:
    """Return the file of a kind of facts.

    Args:
        kind: A value of `lookup.Kind`.
    """
    with open(os.path.join(_FOLDER, f"{kind}.toml"), encoding="utf-8") as file:
        return file.read()


# A menu asks at each key. To parse all files takes 80 ms, to find the titles in them 3 ms.
@lru_cache(maxsize=len(KINDS))
def titles(kind: str) -> dict[str, str]:
    """Return the title of each fact, by its name.

    Args:
        kind: A value of `lookup.Kind`.
    """
    found = ((name, _TITLE.search(lines)) for name, lines in tables(text_of(kind)))
    return {name: tomllib.loads(title[0])["title"] for name, title in found if title is not None}


# A dialogue asks for the same facts again and again: to tell a message takes 0.4 ms with it, 11 ms without.
@lru_cache(maxsize=256)
def table(kind: str, name: str) -> tuple[str, Table] | None:
    """Return the fact with this name or one of its other names, without regard to case, and the name it has in its file.

    Args:
        kind: A value of `lookup.Kind`.
        name: The name.

    Returns:
        Name and table; None if there is none.
    """
    text, wanted = text_of(kind), name.lower()
    written = '"' + wanted.replace("\\", r"\\").replace('"', r"\"") + '"'
    named = [(found, lines) for found, lines in tables(text) if found.lower() == wanted]
    if not named and written not in text.lower():
        return None
    for found, lines in named or tables(text):
        if named or written in lines.lower():
            fact: Table = tomllib.loads(lines)[found]
            others = fact.get("also", [])
            if named or (isinstance(others, list) and wanted in map(str.lower, others)):
                return found, fact
    return None


def tables(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the lines of each fact in a file.

    Args:
        text: The file.
    """
    headers = list(re.finditer(_HEADER, text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    for header, end in zip(headers, ends, strict=True):
        yield header[1] or header[2], text[header.start() : end]
