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
    chosen = _forms(parts, width)
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


def _forms(parts: Sequence[Part], width: int) -> list[int]:
    """Return which form of each part there is room for."""
    chosen = [0] * len(parts)
    given_up: list[tuple[int, int]] = []
    while _width(parts, chosen) > width:
        shortened = [
            (part.weights[form], n)
            for n, (part, form) in enumerate(zip(parts, chosen, strict=True))
            if part.forms[form + 1 :]
        ]
        if not shortened:
            break
        weight, number = min(shortened)
        given_up.append((weight, number))
        chosen[number] += 1
    for _, number in sorted(given_up, reverse=True):  # what was given up for something that had to go itself
        chosen[number] -= 1
        if _width(parts, chosen) > width:
            chosen[number] += 1
    return chosen


def _width(parts: Sequence[Part], chosen: Sequence[int]) -> int:
    texts = [part.forms[number] for part, number in zip(parts, chosen, strict=True) if part.forms[number]]
    return 1 + sum(map(get_cwidth, texts)) + len(_BETWEEN) * (len(texts) - 1)


def _cut(text: str, room: int) -> str:
    while get_cwidth(text) > room - 1:
        text = text[:-1]
    return text + "…"
