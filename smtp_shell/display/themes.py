"""Styles, themes, and the signs in front of replies, as data.

A style is named after what it marks. A theme maps the names to definitions in rich's notation, and holds only what differs from
`STYLES`. Nothing here imports rich, so that the shell can list the themes without loading it.
"""

from __future__ import annotations

REPLY_SIGNS = {2: "+", 3: ">", 4: "~", 5: "!"}
"""Sign of a reply by the first digit of its code. It must tell the classes apart without any colour."""

ODD_REPLY_SIGN = "?"
"""Sign of a reply whose code is in no class."""

TLS_VERIFIED_SIGN = "="
TLS_UNVERIFIED_SIGN = "?"

STYLES = {
    "reply.2": "green",
    "reply.3": "cyan",
    "reply.4": "yellow",
    "reply.5": "red",
    "reply.odd": "magenta",
    "command": "bold",
    "data": "",
    "event": "blue",
    "decoded": "dim",
    "explained": "dim",
    "note": "italic",
    "notice": "bold yellow",
    "program": "magenta",
    "said": "",
    "quoted": "",
    "error": "bold red",
    "aside": "dim",
    "removed": "red",
    "added": "green",
    "moved": "cyan",
    # What is said about a line while it is typed.
    "typed.hint": "dim",
    "typed.doubt": "yellow",
    # Words of a dialogue, on top of the style of their row; see dialogue_words.
    "word.verb": "bold",
    "word.keyword": "bold",
    "word.value": "cyan",
    "word.address": "cyan",
    "word.parameter": "blue",
    "word.code": "bold",
    "word.enhanced": "bold",
    "word.announced": "bold",
    "word.base64": "italic",
    "word.secret": "dim",
    "word.variable": "magenta",
    "word.escape": "magenta",
    "word.link": "underline",
    "word.field": "blue",
    "word.event": "bold",
    "word.slash": "bold blue",
    "word.option": "cyan",
}

THEMES: dict[str, dict[str, str]] = {
    "dark": {},
    # Yellow and cyan cannot be read on a light background.
    "light": {
        "typed.doubt": "magenta",
        **dict.fromkeys(("word.value", "word.address", "word.option"), "blue"),
        **dict.fromkeys(("word.parameter", "word.field"), "magenta"),
        "reply.3": "blue",
        "reply.4": "dark_orange3",
        "event": "magenta",
        "notice": "bold dark_orange3",
        "moved": "blue",
    },
    "plain": {name: "" for name in STYLES if name != "aside"},
}

QUOTING = frozenset({"quoted", "notice", "program", "error", "removed", "added", "moved"})
"""Styles of our own words that may contain a server's text, so that each continued line must be marked."""


def style_of(name: str, theme: str) -> str:
    """Return the definition of a style in a theme.

    Args:
        name: A key of `STYLES`.
        theme: A key of `THEMES`.
    """
    return THEMES[theme].get(name, STYLES[name])


def reply_mark(code: int) -> tuple[str, str]:
    """Return the sign and the name of the style for a reply code."""
    digit = code // 100
    if digit in REPLY_SIGNS:
        return REPLY_SIGNS[digit], f"reply.{digit}"
    return ODD_REPLY_SIGN, "reply.odd"
