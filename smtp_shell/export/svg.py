"""Entries as an SVG: a picture of the screen that loads nothing from elsewhere.

The height stands at the beginning of the file, and is known at its end. So the rows wait in a temporary file.
"""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Iterable
from typing import TextIO

from smtp_shell.display.columns import cells, fold
from smtp_shell.display.render import Look, Presenter, Row
from smtp_shell.export.palette import background, class_of, foreground, rules
from smtp_shell.export.rungs import without_title
from smtp_shell.protocol.events import Entry

WIDTH = 92
"""Columns of the picture."""

_CELL, _LINE, _FONT = 12.2, 24.4, 20  # pixels
_LEFT, _TOP, _BOTTOM = 18, 52, 18  # pixels around the rows
_IN_MEMORY = 4 * 1024 * 1024  # octets of rows that do not go to a file

_BEGIN = """\
<svg viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg">
<title>{title}</title>
<style>
text {{ font: {font}px "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre; }}
text.title {{ font: bold 18px Arial, sans-serif; fill: {foreground}; text-anchor: middle; }}
{rules}
</style>
<rect x="1" y="1" width="{inner_width:g}" height="{inner_height:g}" rx="8" fill="{background}" stroke="#888888"/>
<g><circle cx="22" cy="22" r="7" fill="#ff5f57"/><circle cx="44" cy="22" r="7" fill="#febc2e"/>\
<circle cx="66" cy="22" r="7" fill="#28c840"/></g>
<text class="title" x="{middle:g}" y="28">{title}</text>
"""


def write_svg(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "") -> None:
    """Draw a dialogue as an SVG.

    Args:
        entries: The dialogue.
        out: Where the SVG goes.
        title: Title of the window, printable.
        theme: A key of `themes.THEMES`; empty for dark.
    """
    theme = theme or "dark"
    presenter = Presenter(Look(times=False, paired=False))
    number = 0
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="\n") as drawn:
        for entry in without_title(entries, title):
            for row in presenter.rows(entry):
                for text in _lines(row):
                    drawn.write(_drawn(row.style, text, number))
                    number += 1
        drawn.seek(0)
        width = WIDTH * _CELL + 2 * _LEFT
        height = _TOP + number * _LINE + _BOTTOM
        out.write(
            _BEGIN.format(
                width=width,
                height=height,
                inner_width=width - 2,
                inner_height=height - 2,
                middle=width / 2,
                title=html.escape(title, quote=False),
                font=_FONT,
                foreground=foreground(theme),
                background=background(theme),
                rules="\n".join(rules(theme, fill=True)),
            )
        )
        shutil.copyfileobj(drawn, out)
    out.write("</svg>\n")


def _lines(row: Row) -> Iterable[str]:
    return (gutter + text for gutter, text, _ in fold(row, WIDTH))


def _drawn(style: str, text: str, number: int) -> str:
    """Return a line of the screen; its length holds the columns where a font is wider or narrower than expected."""
    if not text.strip():
        return ""
    text = text.rstrip()
    indent = len(text) - len(text.lstrip(" "))
    text = text[indent:]
    x, y, length = _LEFT + indent * _CELL, _TOP + (number + 0.75) * _LINE, cells(text) * _CELL
    shown = html.escape(text, quote=False).replace(" ", "\N{NO-BREAK SPACE}")
    return f'<text class="{class_of(style)}" x="{x:g}" y="{y:g}" textLength="{length:g}">{shown}</text>\n'
