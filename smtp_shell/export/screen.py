"""Entries as a picture of the screen: SVG and HTML that need nothing from elsewhere."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TextIO

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI

from smtp_shell.display.render import Look
from smtp_shell.display.views import ConsoleView
from smtp_shell.protocol.events import Entry

WIDTH = 92
# The font of rich's template is fetched from a host of somebody else's, which would tell it who looks at the picture.
_FONT = re.compile(r"\s*@font-face \{\{.*?\}\}\n", re.DOTALL)
_SVG = _FONT.sub("\n", CONSOLE_SVG_FORMAT).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


def write_svg(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    """Draw a dialogue as an SVG.

    Args:
        entries: The dialogue.
        out: Where the SVG goes.
        title: Title of the window, printable.
    """
    out.write(_shown(entries).export_svg(title=title, theme=MONOKAI, code_format=_SVG))


def write_html(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    """Write a dialogue as an HTML page.

    Args:
        entries: The dialogue.
        out: Where the page goes.
        title: Title of the page, printable; it is not shown in the page itself.
    """
    out.write(_shown(entries).export_html(theme=MONOKAI, inline_styles=True))


def _shown(entries: Iterable[Entry]) -> Console:
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    view = ConsoleView(console, Look(times=False))
    for entry in entries:
        view(entry)
    return console
