"""What is drawn and exported of the recording of a scenario: well-formed, printable, as wide as asked for, without a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from smtp_shell.display.columns import cells
from smtp_shell.export.diagram import ladder
from smtp_shell.export.timing import bars
from smtp_shell.protocol.events import Entry
from smtp_shell.recording.shown import shown_transcript
from tests.support.pictures import check_page, check_picture, check_sheet, export

WIDTH = 80


def faults_of_pictures(path: Path, secrets_in: Callable[[bytes], object]) -> Iterator[str]:
    """Yield what is wrong with the pictures of a recording.

    Args:
        path: The recording.
        secrets_in: Returns the secrets in octets; empty for none.
    """
    with shown_transcript(path) as (_, found, _mask):
        entries: list[Entry] = list(found)
    for draw in (ladder, bars):
        for row in draw(entries, WIDTH):
            if not row.text.isprintable() or cells(row.text) > WIDTH or secrets_in(row.text.encode()):
                yield f"{draw.__name__} draws what it must not: {row.text!a}"
    for name, check in (("html", check_page), ("svg", check_picture), ("md", check_sheet)):
        try:
            text = export(name, entries)
            check(text)
        except (AssertionError, SyntaxError) as error:
            yield f"{name} is not well-formed: {error}"
        else:
            if secrets_in(text.encode()):
                yield f"{name} holds a secret"
