"""Entries as a study sheet in Markdown: the dialogue, what each line of it means, and a sequence diagram for Mermaid.

What a server or a file says stands in fenced blocks, whose fences are longer than any run of backticks in them, or with each character
escaped that Markdown, HTML or Mermaid could act on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from smtp_shell.display.dialogue_words import LANGUAGE
from smtp_shell.display.render import Look, Presenter
from smtp_shell.export.commonmark import fenced, prose
from smtp_shell.export.meanings import Meanings
from smtp_shell.export.rungs import ENCRYPTED, IN_THE_CLEAR, Kind, Rung, Rungs, without_title
from smtp_shell.protocol.events import (
    CommandSent,
    Connected,
    Entry,
    Noticed,
    OctetsSent,
    Remarked,
    SaslSent,
    TlsStarted,
    Written,
)

MOST_ROWS = 200
"""How many lines one block has before the next one begins."""

MOST_MESSAGES = 150
"""How many arrows the diagram has. Mermaid draws no text beyond 50,000 characters."""

_MOST_IN_MESSAGE, _MOST_CHARACTERS = 12, 72

_PLAIN_IN_MERMAID = re.compile(r"[^\w .,_/+-]")

_DIAGRAM = "\n## The dialogue as a diagram\n\n```mermaid\nsequenceDiagram\n    participant C as client\n    participant S as {server}\n"


def write_markdown(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "") -> None:
    """Write a dialogue as a study sheet.

    Args:
        entries: The dialogue.
        out: Where the sheet goes.
        title: Its heading, printable.
        theme: Not used. The format has no colours.
    """
    sheet = _Sheet(out)
    diagram = _Diagram()
    out.write(f"# {prose(title)}\n")
    for entry in without_title(entries, title):
        sheet.write(entry)
        diagram.add(entry)
    sheet.end()
    out.writelines(diagram.lines())


class _Sheet:
    """Writes the dialogue, block by block, each followed by what its lines mean."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._presenter = Presenter(Look(times=False, paired=False))
        self._meanings = Meanings()
        self._rows: list[str] = []
        self._found: list[str] = []  # what the rows of this block mean
        self._tls: bool | None = None
        self._is_group = False  # the last command was not the last of its write
        self._is_in_table = False

    def write(self, entry: Entry) -> None:
        event = entry.event
        if isinstance(event, Written) and not event.marker:
            self._field(event.text)
            return
        if isinstance(event, Remarked):
            self.end()
            self._out.write(f"\n> {prose(event.text)}\n")
            return
        if self._begins_block(entry):
            self.end()
        self._begin_part(entry)
        for row in self._presenter.rows(entry):
            self._rows.append(f"{row.gutter}{row.text}".rstrip())
        for found in self._meanings.of(entry):
            self._found.append(found)

    def end(self) -> None:
        """Write the block that is open."""
        rows, self._rows = self._rows, []
        found, self._found = self._found, []
        self._out.writelines(fenced(rows, LANGUAGE) if rows else ())
        if found:
            self._out.write("\n")
        self._out.writelines(f"- {each}\n" for each in found)

    def _begins_block(self, entry: Entry) -> bool:
        event = entry.event
        was_group = self._is_group
        if isinstance(event, CommandSent):
            self._is_group = event.pipelined
            return not was_group or len(self._rows) >= MOST_ROWS
        return len(self._rows) >= MOST_ROWS or isinstance(
            event, SaslSent | OctetsSent | Noticed | Connected | TlsStarted
        )

    def _begin_part(self, entry: Entry) -> None:
        event = entry.event
        tls = entry.tls or isinstance(event, TlsStarted) or (isinstance(event, Connected) and event.tls)
        if tls is not self._tls:
            self.end()
            self._tls = tls
            words = ENCRYPTED if tls else IN_THE_CLEAR
            self._out.write(f"\n## {words[0].upper()}{words[1:]}\n")

    def _field(self, text: str) -> None:
        name, _, value = text.partition(": ")
        if not self._is_in_table:
            self._is_in_table = True
            self._out.write("\n| field | value |\n|---|---|\n")
        self._out.write(f"| {prose(name)} | {prose(value) or '&#160;'} |\n")


class _Diagram:
    """Collects the sequence diagram: so few arrows that they are kept until the sheet is written."""

    def __init__(self) -> None:
        self._rungs = Rungs()
        self._lines: list[str] = []
        self._left_out = 0
        self._server = ""
        self._is_open = False  # a rectangle around what is inside TLS

    def add(self, entry: Entry) -> None:
        event = entry.event
        if isinstance(event, Connected) and not self._server:
            self._server = event.address
        for rung in self._rungs.rungs(entry):
            self._take(rung)

    def lines(self) -> Iterator[str]:
        for rung in self._rungs.end():
            self._take(rung)
        if not self._lines:
            return
        yield _DIAGRAM.format(server=_in_mermaid(self._server[:_MOST_CHARACTERS]) or "server")
        yield from (f"    {line}\n" for line in self._lines)
        if self._is_open:
            yield "    end\n"
        yield "```\n"
        if self._left_out:
            yield f"\nThe diagram ends here: {self._left_out:,} more messages are in the lines above.\n"

    def _take(self, rung: Rung) -> None:
        if rung.kind in (Kind.NOTE, Kind.MEANING):
            return
        if rung.kind is Kind.FIELD:
            name, _, value = rung.lines[0].partition(": ")
            self._server = self._server or (value if name.lower() == "server" else "")
            return
        if len(self._lines) >= MOST_MESSAGES:
            self._left_out += 1
        elif rung.kind is Kind.PART:
            self._part(rung)
        elif rung.kind is Kind.CLIENT:
            self._lines.append(f"C->>S: {_message(rung.lines)}")
        elif rung.kind is Kind.SERVER:
            self._lines.append(f"S-->>C: {_message(rung.lines)}")
        else:
            self._lines.append(f"Note over C,S: {_message(rung.lines)}")

    def _part(self, rung: Rung) -> None:
        if self._is_open:
            self._lines.append("end")
        tls = rung.entry.tls or isinstance(rung.entry.event, TlsStarted)
        self._is_open = tls
        if tls:
            self._lines.append("rect rgba(0, 128, 0, 0.1)")
        self._lines.append(f"Note over C,S: {_message(rung.lines)}")


def _message(lines: tuple[str, ...]) -> str:
    """Return the text of an arrow."""
    shown = list(lines)
    if len(shown) > _MOST_IN_MESSAGE:
        shown = [*shown[: _MOST_IN_MESSAGE - 2], f"… {len(shown) - _MOST_IN_MESSAGE + 1} more lines", shown[-1]]
    return "<br/>".join(_in_mermaid(_excerpt(each)) for each in shown)


def _excerpt(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _in_mermaid(text: str) -> str:
    """Return text in which each character that Mermaid could act on is an entity."""
    return _PLAIN_IN_MERMAID.sub(lambda found: f"#{ord(found[0])};", text.strip())
