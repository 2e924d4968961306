"""What a foreign file says, as the lines of a transcript."""

import io

from smtp_shell.importers import dialects
from smtp_shell.importers.builder import StepBuilder
from smtp_shell.importers.dialect import Record
from smtp_shell.importers.scan import scan_of
from smtp_shell.transcript.foreign import AUTO, Restored
from smtp_shell.transcript.step import Marker


def records(text: str | bytes, form: str) -> list[Record]:
    """Return what a dialect finds in a text or, if it is one of octets, in a file."""
    from smtp_shell.importers.lines import raw_lines, text_lines

    octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    dialect = dialects()[form]
    if dialect.parse_octets is not None:
        return [*dialect.parse_octets(io.BytesIO(octets))]
    assert dialect.parse is not None
    return [*dialect.parse(text_lines(raw_lines(io.BytesIO(octets), ""), keeps_cr=dialect.keeps_cr))]


def lines_of(found: list[Record], *, notes: bool = False) -> list[str]:
    """Return records as the lines of a transcript, without times."""
    steps = StepBuilder().build(found)
    return [f"{step.marker} {step.text}".rstrip() for step in steps if notes or step.marker is not Marker.NOTE]


def taken_for(text: str | bytes) -> str:
    """Return the dialect that a text is taken for; empty for none."""
    octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    scan = scan_of(Restored(io.BytesIO(octets)), "log", AUTO, keep_secrets=False)
    return scan.taken_for.partition(" ")[0] if scan else ""
