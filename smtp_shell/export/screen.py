"""Entries as a picture of the screen: SVG and HTML that load nothing from elsewhere."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from smtp_shell.display.render import Look, Presenter, Row, fold
from smtp_shell.display.themes import STYLES, style_of
from smtp_shell.display.views import ConsoleView
from smtp_shell.protocol.events import Entry

if TYPE_CHECKING:
    from rich.terminal_theme import TerminalTheme

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


_PRINTED = {"dark": "light"}
"""Theme of the screen -> theme on paper, where that is another one."""

_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
{screen}
@media print {{
{paper}
}}
</style>
</head>
<body>
<h1>{title}</h1>
<pre>{rows}</pre>
</body>
</html>
"""


def write_svg(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "dark") -> None:
    """Draw a dialogue as an SVG.

    Args:
        entries: The dialogue.
        out: Where the SVG goes.
        title: Title of the window, printable.
        theme: A key of `themes.THEMES`.
    """
    from rich.console import Console

    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    ConsoleView(console, Look(times=False, theme=theme)).show_all(entries)
    out.write(console.export_svg(title=title, theme=_colours(theme), code_format=_SVG))


def write_html(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "dark") -> None:
    """Write a dialogue as an HTML page. On paper it is light.

    Args:
        entries: The dialogue.
        out: Where the page goes.
        title: Title of the page, printable.
        theme: A key of `themes.THEMES`.
    """
    presenter = Presenter(Look(times=False))
    out.write(
        _HTML.format(
            title=html.escape(title),
            screen=_style_sheet(theme),
            paper=_style_sheet(_PRINTED.get(theme, theme)),
            rows="\n".join(_marked_up(row) for entry in entries for row in presenter.rows(entry)),
        )
    )


def _marked_up(row: Row) -> str:
    lines = (html.escape(gutter + text, quote=False) for gutter, text, _ in fold(row, WIDTH))
    return f'<span class="{_class_of(row.style)}">' + "\n".join(lines) + "</span>"


def _class_of(style: str) -> str:
    return style.replace(".", "-")


def _style_sheet(theme: str) -> str:
    """Return the rules for the page and for each style."""
    from rich.style import Style

    colours = _colours(theme)
    rules = [
        f"body {{ color: {colours.foreground_color.hex}; background: {colours.background_color.hex}; }}",
        "h1 { font: bold 18px Arial, sans-serif; }",
        'pre { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; }',
    ]
    for name in STYLES:
        css = Style.parse(style_of(name, theme)).get_html_style(colours)
        rules.append(f".{_class_of(name)} {{ {css or 'color: inherit'}; }}")
    return "\n".join(rules)


def _colours(theme: str) -> TerminalTheme:
    from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI

    return MONOKAI if theme == "dark" else DEFAULT_TERMINAL_THEME
