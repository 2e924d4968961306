"""Entries as an HTML page that loads nothing from elsewhere, for a screen of any width and for paper."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TextIO

from smtp_shell.display.dialogue_words import DialogueWords, Mark, pieces
from smtp_shell.display.render import Look, Presenter, Row
from smtp_shell.display.themes import REPLY_SIGNS
from smtp_shell.export.palette import background, class_of, foreground, rules
from smtp_shell.export.rungs import ENCRYPTED, IN_THE_CLEAR, without_title
from smtp_shell.protocol.events import Connected, Entry, TlsStarted, Written

_PRINTED = {"dark": "light"}
"""Theme of the screen -> theme on paper, where that is another one."""

_LAYOUT = """\
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; overflow-wrap: anywhere; }
h1 { font: bold 1.25rem Arial, sans-serif; }
h2, footer { font: 0.85rem Arial, sans-serif; margin: 1rem 0 0.4rem; }
main, footer b { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 0.85rem; line-height: 1.45; }
section { padding-left: 0.6rem; border-left: 1px dashed; }
section.tls { border-left: 6px double; }
.row { display: flex; }
.gutter { flex: none; white-space: pre; }
.text { flex: 1; min-width: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 30rem) { body { padding: 0.5rem; } main { font-size: 0.75rem; } section { padding-left: 0.3rem; } }
@media print { body { max-width: none; padding: 0; } .row { break-inside: avoid; } }
"""

_BEGIN = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{layout}{colours}
</style>
</head>
<body>
<h1>{title}</h1>
<main>
"""

_END = """\
</main>
<footer>{legend}</footer>
</body>
</html>
"""

_LEGEND = (
    (REPLY_SIGNS[2], "2yz, done"),
    (REPLY_SIGNS[3], "3yz, go on"),
    (REPLY_SIGNS[4], "4yz, try later"),
    (REPLY_SIGNS[5], "5yz, refused"),
    ("=", "inside TLS"),
    ("C:", "the client"),
    ("S:", "the server"),
)


def write_html(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "") -> None:
    """Write a dialogue as an HTML page. On paper it is light.

    Args:
        entries: The dialogue.
        out: Where the page goes.
        title: Title of the page, printable.
        theme: A key of `themes.THEMES`; empty for light or dark, as the reader's system is.
    """
    shown_title = html.escape(title)
    out.write(_BEGIN.format(title=shown_title, layout=_LAYOUT, colours=_colours(theme)))
    presenter, words = Presenter(Look(times=False, paired=False)), DialogueWords()
    tls: bool | None = None
    for entry in without_title(entries, title):
        event = entry.event
        now = entry.tls or isinstance(event, TlsStarted) or (isinstance(event, Connected) and event.tls)
        rows = list(presenter.rows(entry))
        if rows and now is not tls and not isinstance(event, Written):
            out.write("</section>\n" if tls is not None else "")
            tls = now
            out.write(f'<section class="{"tls" if now else "clear"}">\n<h2>{ENCRYPTED if now else IN_THE_CLEAR}</h2>\n')
        out.writelines(_marked_up(row, words.of_row(row)) for row in rows)
    out.write("</section>\n" if tls is not None else "")
    out.write(_END.format(legend=" &#160; ".join(f"<b>{html.escape(sign)}</b> {words}" for sign, words in _LEGEND)))


def _marked_up(row: Row, marks: list[Mark]) -> str:
    gutter = html.escape(row.gutter, quote=False)
    text = "".join(
        f'<span class="{class_of(kind)}">{html.escape(piece, quote=False)}</span>'
        if kind
        else html.escape(piece, quote=False)
        for kind, piece in pieces(row.text, marks)
    )
    return (
        f'<div class="row {class_of(row.style)}"><span class="gutter">{gutter}</span>'
        f'<span class="text">{text}</span></div>\n'
    )


def _colours(theme: str) -> str:
    """Return the rules for the colours, those on paper last."""
    if theme:
        return f"{_of_theme(theme)}\n@media print {{\n{_of_theme(_PRINTED.get(theme, theme))}\n}}"
    return (
        f":root {{ color-scheme: light dark; }}\n{_of_theme('light')}\n"
        f"@media screen and (prefers-color-scheme: dark) {{\n{_of_theme('dark')}\n}}"
    )


def _of_theme(theme: str) -> str:
    return "\n".join(
        (f"body {{ color: {foreground(theme)}; background: {background(theme)}; }}", *rules(theme)),
    )
