"""Which part of a row has which style. Quiet: the gutter is dim, and of a reply that went well only its code has a colour."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.display.themes import TLS_UNVERIFIED_SIGN

if TYPE_CHECKING:
    from collections.abc import Iterator

_GUTTER = 6  # columns; a label may stand before them
_CODE = re.compile(r"[0-9]{3}(?:[ -][245]\.[0-9]{1,3}\.[0-9]{1,3}(?= |$))?")
_WENT_WELL = ("reply.2", "reply.3")
_OF_WIRE = ("command", "data")


def painted(gutter: str, text: str, style: str) -> Iterator[tuple[str, str]]:
    """Return the parts of one line of the screen, each with a key of `themes.STYLES`; empty for none.

    Args:
        gutter: The gutter of the line, as `fold` returns it.
        text: Its text.
        style: Style of the row.
    """
    if not style.startswith("reply.") and style not in _OF_WIRE:
        yield gutter, style
        yield text, style
        return
    start = max(len(gutter) - _GUTTER, 0)
    yield gutter[:start], "gutter"
    sign, tls, rest = gutter[start : start + 1], gutter[start + 1 : start + 2], gutter[start + 2 :]
    yield sign, style
    yield tls, "tls.unverified" if tls == TLS_UNVERIFIED_SIGN else "tls"
    yield rest, "gutter"
    if style not in _WENT_WELL:
        yield text, style
        return
    code = _CODE.match(text) if rest.endswith("S: ") else None
    end = code.end() if code else 0
    yield text[:end], style
    yield text[end:], ""
