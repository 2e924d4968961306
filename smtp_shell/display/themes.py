"""Styles, themes, and the signs in front of replies, as data.

A style is named after what it marks. A theme maps the names to definitions in rich's notation, and holds only what differs from
`STYLES`. Nothing here imports rich, so that the shell can list the themes without loading it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REPLY_SIGNS = {2: "+", 3: ">", 4: "~", 5: "!"}
"""Sign of a reply by the first digit of its code. It must tell the classes apart without any colour."""

ODD_REPLY_SIGN = "?"
"""Sign of a reply whose code is in no class."""

TLS_VERIFIED_SIGN = "|"
TLS_UNVERIFIED_SIGN = "?"
"""Signs of a row inside TLS. They make a bar down the screen: an equals sign after an exclamation mark would read as "not equal"."""

REPLY_WORDS = {4: "refused for now", 5: "refused"}
"""What `plain` says in place of the sign. Of 2yz and 3yz the code itself is enough to be heard."""

ODD_REPLY_WORDS = "not a reply code"

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
    "gutter": "dim",
    "tls": "dim",
    "tls.unverified": "bold red",
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
    # Black or white text, where a colour is wanted only for what went wrong; nothing dim, nothing in italics.
    "contrast": {
        **dict.fromkeys(STYLES, ""),
        **dict.fromkeys(("reply.2", "reply.3", "command", "program", "added"), "bold"),
        **dict.fromkeys(("word.verb", "word.code", "word.escape", "word.slash"), "bold"),
        **dict.fromkeys(("word.link", "moved"), "underline"),
        **dict.fromkeys(("reply.4", "notice"), "bold bright_yellow on black"),
        **dict.fromkeys(("reply.5", "error", "removed", "tls.unverified"), "bold bright_white on red"),
        "reply.odd": "bold bright_white on magenta",
    },
    "plain": dict.fromkeys(STYLES, ""),
}
"""Theme -> style -> definition. `plain` is for a screen reader too: words in place of signs and columns."""

AUTO = "auto"
"""The theme by default: light or dark, as far as the terminal says which it is."""


def usable_theme(name: str, environment: Mapping[str, str]) -> str:
    """Return the theme to use.

    Args:
        name: A key of `THEMES`, or `auto`: light on a terminal whose variable COLORFGBG says so, dark on all others. Asking the
            terminal for its colour would cost the first prompt a round trip, which over SSH is a long one.
        environment: The variables of the process.
    """
    if name != AUTO:
        return name
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return "light" if background in ("7", "15") else "dark"


def is_spoken(theme: str) -> bool:
    """Return whether a theme is read aloud: nothing may be told by a column or a colour alone, and nothing be drawn twice."""
    return theme == "plain"


OF_GUTTER = frozenset({"gutter", "tls", "tls.unverified"})
"""Styles of parts of the gutter."""

WIRE = frozenset({"reply.2", "reply.3", "reply.4", "reply.5", "reply.odd", "command", "data", "decoded"})
"""Styles of what went over the wire. A reference to an RFC there is not ours, and no link."""

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
