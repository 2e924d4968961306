"""What a terminal can show: UTF-8, or ASCII alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COERCED = ("C.UTF-8", "C.utf8")

# Our own characters. One column stays one column where things stand below each other.
_IN_ASCII = str.maketrans(
    {
        "…": "...",
        "•": "*",
        "·": ".",
        "–": "-",
        "—": "-",
        "×": "x",
        "§": "section ",
        "→": ">",
        "←": "<",
        "↑": "^",
        "↓": "v",
        "▶": ">",
        "◀": "<",
        "≤": "<=",
        "≥": ">=",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "━": "=",
        "█": "#",
        **dict.fromkeys("─╌┄", "-"),
        **dict.fromkeys("│┆┊║", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╞╡╪", "+"),
        "\N{NO-BREAK SPACE}": " ",
    }
)


def shows_utf_8(environment: Mapping[str, str], encoding: str | None) -> bool:
    """Return whether a terminal shows UTF-8, by what every other program there goes by.

    The encoding of Python's stream does not tell: in the C locale it is UTF-8, because Python chooses it itself and sets LC_CTYPE.

    Args:
        environment: The variables of the process.
        encoding: Encoding of the stream to the terminal.

    Source: PEP 538 and PEP 540
    """
    if not _is_utf_8(encoding or ""):
        return False
    if environment.get("OS") == "Windows_NT" or environment.get("TERM_PROGRAM") == "Apple_Terminal":
        return True  # no locale in the environment, and a terminal that always shows UTF-8
    language = environment.get("LANG", "")
    for name in ("LC_ALL", "LC_CTYPE"):
        locale = environment.get(name, "")
        if name == "LC_CTYPE" and locale in _COERCED and language in ("", "C", "POSIX"):
            continue  # Python's own choice
        if locale:
            return _is_utf_8(locale)
    return _is_utf_8(language)


def _is_utf_8(name: str) -> bool:
    """Return whether an encoding, or that of a locale, is UTF-8, of whose name there are several spellings."""
    return name.lower().replace("-", "").partition("@")[0].endswith("utf8")


def in_ascii(text: str) -> str:
    r"""Return printable text in ASCII: our own signs as others, anything else as `\xNN`, as `octets.escape` writes an octet."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else _escaped(char) for char in text.translate(_IN_ASCII))


def _escaped(char: str) -> str:
    return "".join(rf"\x{octet:02x}" for octet in char.encode("utf-8", "surrogateescape"))
