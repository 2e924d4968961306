"""Tables of words: cells wrapped to the width of their column, beside one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.display.columns import cells, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GAP = 2
"""Blanks between two columns."""


def cell(text: str, width: int, *, quotes: bool = True, most: int = 14) -> list[str]:
    """Return the lines of one cell.

    Args:
        text: The words, printable; a line feed begins a new line.
        width: Columns of the screen that it may take.
        quotes: Whether the words may quote a server. Continued lines then begin with a mark.
        most: The most lines; what has no room is cut off, and an ellipsis says so.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        for part in wrap(line, width + 1, quotes=quotes):
            if len(lines) == most:
                return [*lines[:-1], "…"]
            lines.append(part if quotes or not lines else part.strip())
    return lines


def beside(columns: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Yield the lines of one row of a table.

    Args:
        columns: The lines of each cell.
        widths: Columns of the screen for each.
    """
    for number in range(max(map(len, columns), default=0)):
        parts = [column[number] if number < len(column) else "" for column in columns]
        padded = (f"{part}{' ' * (width - cells(part))}" for part, width in zip(parts, widths, strict=True))
        yield (" " * GAP).join(padded).rstrip()
