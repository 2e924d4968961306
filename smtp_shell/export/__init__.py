"""Exports: a finished dialogue in, a file in another format out.

A format is a function of type `Export` in this package and a line in `EXPORTS`, or a `BinaryExport` and a line in
`BINARY_EXPORTS`. What is shown while a dialogue runs is in `display`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import BinaryIO, Protocol, TextIO

from smtp_shell.export.html import write_html
from smtp_shell.export.json_lines import write_json
from smtp_shell.export.markdown import write_markdown
from smtp_shell.export.svg import write_svg
from smtp_shell.export.synthetic import write_pcapng
from smtp_shell.protocol.events import Entry


class Export(Protocol):
    """Writes entries to a text stream."""

    def __call__(self, entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "") -> None:
        """Write a dialogue.

        Args:
            entries: The dialogue.
            out: Where it goes.
            title: Its title, printable; for the formats that have one.
            theme: A key of `themes.THEMES`, for the formats in `PICTURES`; empty for the format's own choice.
        """


class BinaryExport(Protocol):
    """Writes entries to a stream of octets."""

    def __call__(self, entries: Iterable[Entry], out: BinaryIO, title: str) -> str:
        """Write a dialogue.

        Args:
            entries: The dialogue, with all of its mail data.
            out: Where it goes.
            title: Its title, printable.

        Returns:
            What a user must know to open it, a sentence; empty for nothing.
        """


SCRIPTS = ("swaks", "openssl", "curl", "python")
"""The formats that are scripts for another tool. They need all of the mail data, from the files beside a transcript too."""


def _script(tool: str) -> Export:
    """Return the export for a tool, whose modules are imported when it is used."""

    def write(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "") -> None:
        from smtp_shell.export.equivalents import write_equivalent

        write_equivalent(tool, entries, out, title)

    return write


EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "json": write_json,
        "md": write_markdown,
        "svg": write_svg,
        "html": write_html,
        **{tool: _script(tool) for tool in SCRIPTS},
    }
)
"""Exports by the name of the format, which is also the suffix of its files."""

BINARY_EXPORTS: Mapping[str, BinaryExport] = MappingProxyType({"pcapng": write_pcapng})
"""Exports of octets by the name of the format, which is also the suffix of its files."""

PICTURES = frozenset({"svg", "html"})
"""The formats that have a theme."""
