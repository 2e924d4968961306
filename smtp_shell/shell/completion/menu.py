"""The rows of the menu: as much of each description as there is room for, cut between words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtp_shell.shell.completion.suggestions import Suggestion

_FRAME = 5  # two blanks for each column, and the scroll bar
_NARROWEST = 5  # columns of the labels: prompt_toolkit's menu is no narrower
_LEAST = 12  # a description in fewer columns says nothing
_PARTS = (": ", "; ", ". ")


def menu_rows(suggestions: Sequence[Suggestion], columns: int, ellipsis: str = "…") -> Iterator[tuple[str, str]]:
    """Yield how each suggestion stands in the menu, and its description in the room that there is.

    An option stands there with its value, unless that leaves no room.

    Args:
        suggestions: The suggestions.
        columns: The width of the terminal.
        ellipsis: What stands for what was cut off.
    """
    labels = [each.label for each in suggestions]
    if columns - _FRAME - max([_NARROWEST, *map(len, labels)]) < _LEAST:
        labels = [each.text for each in suggestions]
    room = columns - _FRAME - max([_NARROWEST, *map(len, labels)])
    for label, each in zip(labels, suggestions, strict=True):
        yield label, fitted(each.description, room, ellipsis)


def fitted(description: str, room: int, ellipsis: str = "…") -> str:
    """Return a description, or what fits of it: its first part, or its first words.

    Args:
        description: The description.
        room: The most characters.
        ellipsis: What stands for what was cut off.
    """
    text = description.removesuffix(".")
    if room < _LEAST:
        return ""
    if len(text) <= room:
        return text
    parts = [text[:at] for part in _PARTS if room // 2 < (at := text.rfind(part, 0, room + len(part))) <= room]
    if parts:
        return max(parts, key=len)
    words = text[: room - len(ellipsis) + 1].rpartition(" ")[0] or text[: room - len(ellipsis)]
    return f"{words.rstrip(' ,;:')}{ellipsis}"
