"""Lines that a mail program or a ticket has broken at a width, joined again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import Line

_NARROWEST: Final = 60
_WIDEST: Final = 110
_LONGEST: Final = 16_000  # characters of a line that was broken
# What a tool, a shell or Markdown says in a line of its own.
_REMARK = re.compile(r"[=*#{}\[\]`~|>$-]|\S*::|\S+:(?:\s|$)|[\w.-]+@[\w.-]+[:~]|\s")


def width_of(lines: Sequence[Line], marks: re.Pattern[str]) -> int:
    """Return the width that the lines of a sample were broken at; 0 if they were not.

    Args:
        lines: The sample, without what is around its lines.
        marks: Matches a mark at the start of a line.
    """
    width = max((len(line.text) for line in lines), default=0)
    if not _NARROWEST <= width <= _WIDEST:
        return 0
    joined = [*rejoined(lines, marks, width)]
    return width if len(joined) < len(lines) else 0


def rejoined(lines: Iterable[Line], marks: re.Pattern[str], width: int) -> Iterator[Line]:
    """Yield the lines, those joined that were broken: the first word of the next one had no room in them.

    Args:
        lines: The lines.
        marks: Matches a mark at the start of a line; a line with one is not the rest of another.
        width: The width, from `width_of`.
    """
    held: Line | None = None
    room = 0
    for line in lines:
        if held is not None and _is_rest(line.text, marks, room):
            if len(held.text) + len(line.text) < _LONGEST:
                held = Line(f"{held.text} {line.text}", held.number, held.at, held.cut)
            room = width - len(line.text)
            continue
        if held is not None:
            yield held
            held = None
        if marks.match(line.text):
            held, room = line, width - len(line.text)
        else:
            yield line
    if held is not None:
        yield held


def _is_rest(text: str, marks: re.Pattern[str], room: int) -> bool:
    if not text or marks.match(text) or _REMARK.match(text):
        return False
    return len(text.split(None, 1)[0]) + 1 > room
