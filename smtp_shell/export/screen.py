"""Entries as a picture of the screen: SVG and HTML that load nothing from elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from smtp_shell.display.render import Look
from smtp_shell.display.views import ConsoleView
from smtp_shell.protocol.events import Entry

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 92

# Our own template, because rich's fetches its font from a third party, which would learn who looks at the picture. rich fills in
# the fields, and gives the elements in `chrome` and `matrix` the classes that are styled here.
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
  <style>
    .{unique_id}-matrix {{
      font: {char_height}px/{line_height}px "DejaVu Sans Mono", Menlo, Consolas, monospace;
      font-variant-east-asian: full-width;
    }}
    .{unique_id}-title {{ font: bold 18px Arial, sans-serif; }}
    {styles}
  </style>
  <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect width="{terminal_width}" height="{terminal_height}"/>
    </clipPath>
    {lines}
  </defs>
  {chrome}
  <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
      {matrix}
    </g>
  </g>
</svg>
"""


def write_svg(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    """Draw a dialogue as an SVG.

    Args:
        entries: The dialogue.
        out: Where the SVG goes.
        title: Title of the window, printable.
    """
    from rich.terminal_theme import MONOKAI

    out.write(_screen(entries).export_svg(title=title, theme=MONOKAI, code_format=_SVG))


def write_html(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    """Write a dialogue as an HTML page.

    Args:
        entries: The dialogue.
        out: Where the page goes.
        title: Not used. A screen has no title inside a page.
    """
    from rich.terminal_theme import MONOKAI

    out.write(_screen(entries).export_html(theme=MONOKAI, inline_styles=True))


def _screen(entries: Iterable[Entry]) -> Console:
    from rich.console import Console

    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    ConsoleView(console, Look(times=False)).show_all(entries)
    return console
