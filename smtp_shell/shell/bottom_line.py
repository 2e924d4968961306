"""The bottom line as parts that grow shorter, the least important first, until they have room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from prompt_toolkit.utils import get_cwidth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prompt_toolkit.formatted_text import StyleAndTextTuples

_BETWEEN = " | "
_SMALLEST = 6  # columns of a part that is cut


class Part(Struct, frozen=True):
    """One thing that the bottom line tells.

    Args:
        forms: Its words, the longest form first. An empty last form: it may be left out.
        weights: For each form but the last, how important it is that this one is shown and not the next. What weighs least goes first.
        style: Class of its style; empty for that of the line.
    """

    forms: tuple[str, ...]
    weights: tuple[int, ...] = ()
    style: str = ""


def fitted(parts: Sequence[Part], width: int) -> StyleAndTextTuples:
    """Return the line, with a blank at its left edge.

    Args:
        parts: What it tells, from left to right.
        width: Columns of the screen.
    """
    chosen = [0] * len(parts)
    while _width(parts, chosen) > width:
        shortened = [number for number, part in enumerate(parts) if chosen[number] + 1 < len(part.forms)]
        if not shortened:
            break
        chosen[min(shortened, key=lambda number: parts[number].weights[chosen[number]])] += 1
    line: StyleAndTextTuples = []
    left = max(width - 1, 0)
    for part, number in zip(parts, chosen, strict=True):
        text = part.forms[number]
        if not text:
            continue
        between = _BETWEEN if line else ""
        room = left - len(between)
        if get_cwidth(text) > room:
            if room < _SMALLEST:
                break
            text = _cut(text, room)
        line += [("", between or " "), (part.style, text)]
        left = room - get_cwidth(text)
    return line


def _width(parts: Sequence[Part], chosen: Sequence[int]) -> int:
    texts = [part.forms[number] for part, number in zip(parts, chosen, strict=True) if part.forms[number]]
    return 1 + sum(map(get_cwidth, texts)) + len(_BETWEEN) * (len(texts) - 1)


def _cut(text: str, room: int) -> str:
    while get_cwidth(text) > room - 1:
        text = text[:-1]
    return text + "…"
