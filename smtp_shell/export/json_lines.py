"""Entries as JSON lines, the same as `--json` writes while a dialogue runs."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TextIO

from smtp_shell.display.json_lines import JsonView
from smtp_shell.protocol.events import Entry


def write_json(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "") -> None:
    """Write a dialogue as JSON lines.

    Args:
        entries: The dialogue.
        out: Where the lines go.
        title: Not used. The format has no title.
        theme: Not used.
    """
    JsonView(out, words=io.StringIO()).show_all(entries)
