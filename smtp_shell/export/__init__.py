"""Exports: entries in, a file out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TextIO

from smtp_shell.errors import UsageError
from smtp_shell.protocol.events import Entry
from smtp_shell.protocol.octets import escape_str

Export = Callable[[Iterable[Entry], TextIO, str], None]
"""Writes entries to a file, with a title."""


def _json(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    from smtp_shell.display.json_lines import JsonView

    view = JsonView(out, sys.stderr)
    for entry in entries:
        view(entry)
    view.finish()


def _svg(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    from smtp_shell.export.screen import write_svg

    write_svg(entries, out, title)


def _html(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    from smtp_shell.export.screen import write_html

    write_html(entries, out, title)


EXPORTS: Mapping[str, Export] = MappingProxyType({"json": _json, "svg": _svg, "html": _html})
"""Each format by its name, which is its suffix too."""


def find_export(name: str) -> Export:
    """Find a format by its name.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in EXPORTS:
        raise UsageError(f"{escape_str(name)} is no format that can be written; use one of {', '.join(EXPORTS)}.")
    return EXPORTS[name]
