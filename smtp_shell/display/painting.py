"""Which part of a row has which style. Quiet: the gutter is dim, and of a reply that went well only its code has a colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.display.themes import TLS_UNVERIFIED_SIGN

if TYPE_CHECKING:
    from collections.abc import Iterator

_GUTTER = 6  # columns; a label may stand before them
_WENT_WELL = ("reply.2", "reply.3")
_OF_WIRE = ("command", "data")
_CODE = ("word.code", "word.enhanced")


def gutter_parts(gutter: str, style: str) -> Iterator[tuple[str, str]]:
    """Return the parts of a gutter, each with a key of `themes.STYLES`.

    Args:
        gutter: The gutter of a line of the screen, as `fold` returns it.
        style: Style of its row.
    """
    if not style.startswith("reply.") and style not in _OF_WIRE:
        yield gutter, style
        return
    start = max(len(gutter) - _GUTTER, 0)
    yield gutter[:start], "gutter"
    sign, tls, rest = gutter[start : start + 1], gutter[start + 1 : start + 2], gutter[start + 2 :]
    yield sign, style
    yield tls, "tls.unverified" if tls == TLS_UNVERIFIED_SIGN else "tls"
    yield rest, "gutter"


def word_styles(kind: str, style: str) -> tuple[str, ...]:
    """Return the styles of a word in a row, keys of `themes.STYLES`, of which each may change what those before it say.

    Args:
        kind: What the word is, as `dialogue_words` finds it; empty for plain text.
        style: Style of its row.
    """
    base = () if style in _WENT_WELL and kind not in _CODE else (style,)
    return (*base, kind) if kind else base
