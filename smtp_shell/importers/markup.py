"""HTML around a dialogue: a page of a browser or a ticket, or text that was escaped for one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Final

_TAGS: Final = (
    "a|abbr|article|b|big|blockquote|body|br|center|code|dd|details|div|dl|dt|em|font|footer|form|h[1-6]|head|header|hr|html|i|img|input"
    "|kbd|label|li|link|main|meta|nav|ol|p|pre|s|samp|section|small|span|strong|style|sub|summary|sup|table|tbody|td|th|thead|title|tr|tt"
    "|u|ul|var"
)
_TAG = re.compile(rf"(?i)</?(?:{_TAGS})(?:\s[^<>]*)?/?>|<!doctype[^<>]*>")
_BREAK = re.compile(r"(?i)<br(?:\s[^<>]*)?/?>")
_ESCAPED = re.compile(r"&(?:lt|gt|#0*6[02]|#x3[ce]);", re.IGNORECASE)


def is_escaped(texts: Iterable[str]) -> bool:
    """Return whether lines are HTML or escaped as HTML: they have `&lt;` or `&gt;`, and no other `<` or `>` than those of tags.

    Args:
        texts: The lines.
    """
    found = False
    for text in texts:
        found = found or _ESCAPED.search(text) is not None
        if ("<" in text or ">" in text) and re.search("[<>]", _TAG.sub("", text)):
            return False
    return found


def parts_of(text: str) -> Iterator[str]:
    """Yield the lines that a line of HTML shows: without tags, broken where it says so.

    Args:
        text: The line.
    """
    if "<" not in text:
        yield unescape(text) if "&" in text else text
        return
    parts = _BREAK.split(text)
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    for part in parts:
        yield unescape(_TAG.sub("", part))
