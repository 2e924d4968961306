r"""Words, comments and documents for a POSIX shell: whatever the octets are, the shell reads them back, and a terminal can show them.

Printable text stands in single quotes. Anything else is made by `printf` from octal escapes, which every POSIX shell has (`$'\x1b'` is
newer than dash).

Source: POSIX.1-2017, Shell Command Language, sections 2.2 and 2.7.4; printf
"""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

from smtp_shell.protocol.octets import CRLF, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DELIMITER = "END_OF_MESSAGE"
"""Ends a document. A message that has a line of it is written with `printf`."""

_COLUMNS = 79
_BESIDE_THEMSELVES = frozenset(map(ord, "%\\'"))


def is_printable(octets: bytes) -> bool:
    """Return whether octets are text that a terminal shows as it is."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return False
    return escape(octets) == text.replace("\\", "\\\\")


def is_word(octets: bytes) -> bool:
    """Return whether octets can be an argument of a program: no NUL, and no LF at the end, which `$(…)` removes."""
    return b"\0" not in octets and not octets.endswith(b"\n")


def word(octets: bytes) -> str:
    """Return octets as one word of a command line.

    Args:
        octets: What `is_word` is true for.
    """
    if is_printable(octets):
        return shlex.quote(octets.decode())
    return f'"$(printf {printf_format(octets)})"'


def printf_format(octets: bytes) -> str:
    """Return the quoted argument with which `printf` writes exactly these octets."""
    written = []
    for place, octet in enumerate(octets):
        if octet == 0x0D:
            written.append("\\r")
        elif octet == 0x0A:
            written.append("\\n")
        elif octet == 0x25:
            written.append("%%")
        elif octet == 0x5C:
            written.append("\\\\")
        elif not 0x20 <= octet < 0x7F or octet in _BESIDE_THEMSELVES or (octet == 0x2D and not place):
            written.append(f"\\{octet:03o}")  # a dash at the start would be an option
        else:
            written.append(chr(octet))
    return f"'{''.join(written)}'"


def comment(text: str) -> Iterator[str]:
    """Yield the lines of a comment.

    Args:
        text: Printable text.
    """
    lines = textwrap.wrap(text, _COLUMNS - 2, break_long_words=False, break_on_hyphens=False)
    yield from (f"# {line}\n" for line in lines or [""])


def command(words: Iterable[str], *, before: str = "", after: str = "") -> Iterator[str]:
    """Yield a command of one option a line.

    Args:
        words: The program, and each option with its value as one text, all of them quoted.
        before: What stands before the program on its line.
        after: What follows the last option, such as a redirection.
    """
    first, *rest = words
    lines = [f"{before}{first}", *(f"    {each}" for each in rest)]
    yield from (f"{line} \\\n" for line in lines[:-1])
    yield f"{lines[-1]}{after}\n"


def can_be_document(lines: Iterable[bytes]) -> bool:
    """Return whether lines, each with its CRLF, can stand in a document as they are."""
    return all(
        line.endswith(CRLF) and is_printable(line[:-2]) and not line.startswith(DELIMITER.encode()) for line in lines
    )


def document(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a document, and what ends it."""
    yield from (line[:-2].decode() + "\n" for line in lines)
    yield f"{DELIMITER}\n"
