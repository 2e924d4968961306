"""What the marked dialects share: lines with a mark that says who speaks, and how sure such marks are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import Kind, Line, Record

REPLY: Final = re.compile(r"[2-5][0-9][0-9](?:[ -]|$)")
"""Start of a line of a reply."""

COMMAND: Final = re.compile(
    r"(?i)(?:EHLO|HELO|LHLO|MAIL FROM|RCPT TO|(?:DATA|QUIT|RSET|STARTTLS)\s*$|NOOP|AUTH |VRFY|EXPN|HELP"
    r"|BDAT |ETRN |XCLIENT |XFORWARD |PROXY )"
)
"""Start of a command."""

Remark = Callable[[str], tuple[Kind, str] | None]
"""Returns what an unmarked line says of the dialogue, and its text; None for nothing."""


def certainty(client: Iterable[str], server: Iterable[str], *, signed: bool = False) -> float:
    """Return how sure it is that these are the two sides of a dialogue.

    Args:
        client: Lines that are marked as the client's.
        server: Lines that are marked as the server's.
        signed: Whether the sample has words that only this dialect has.
    """
    commands = sum(COMMAND.match(text) is not None for text in client)
    replies = others = 0
    for text in server:
        is_reply = REPLY.match(text) is not None
        replies += is_reply
        others += not is_reply
    if not commands and not replies:
        return 0.0
    if signed:
        return 0.99 if commands and replies else 0.95
    found = 0.95 if commands and replies else 0.7 if commands + replies > 1 else 0.4
    return found - 0.4 * others / (others + commands + replies)


def certainty_of(lines: Sequence[Line], marks: re.Pattern[str], *signs: re.Pattern[str]) -> float:
    """Return how sure it is that lines have these marks.

    Args:
        lines: The sample.
        marks: Matches a mark at the start of a line: the group `c` is the client's, `s` the server's.
        signs: What only this dialect has, at the start of a line.
    """
    said: dict[str | None, list[str]] = {"c": [], "s": []}
    for line in lines:
        if found := marks.match(line.text):
            said.setdefault(found.lastgroup, []).append(line.text[found.end() :])
    return certainty(said["c"], said["s"], signed=has(lines, *signs))


def has(lines: Sequence[Line], *patterns: re.Pattern[str]) -> bool:
    """Return whether a line of a sample matches one of the patterns at its start."""
    return any(pattern.match(line.text) for pattern in patterns for line in lines)


def records_of(lines: Iterable[Line], marks: re.Pattern[str], remark: Remark | None = None) -> Iterator[Record]:
    """Yield the records of lines with marks.

    Args:
        lines: The lines.
        marks: Matches a mark at the start of a line: the group `c` is the client's, `s` the server's.
        remark: For lines without a mark.
    """
    for line in lines:
        if found := marks.match(line.text):
            kind = Kind.CLIENT if found.lastgroup == "c" else Kind.SERVER
            yield Record(kind, line.text[found.end() :], line.number, line.at)
        elif line.cut:
            yield Record(Kind.NOTE, TOO_LONG, line.number, line.at)
        elif remark is not None and (said := remark(line.text)):
            yield Record(said[0], said[1], line.number, line.at)


TOO_LONG: Final = "a line of the log that is too long was left out here"
