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
    found = 0.95 if commands and replies else 0.7 if commands + replies > 1 else 0.25
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
    going_on = GoingOn()
    for line in lines:
        if found := marks.match(line.text):
            rest = line.text[found.end() :]
            if found.lastgroup == "c":
                going_on.code = ""
                yield Record(Kind.CLIENT, rest, line.number, line.at)
            elif rest.strip():
                going_on.said(rest)
                yield Record(Kind.SERVER, rest, line.number, line.at)
            else:
                yield Record(Kind.NOTE, NO_REPLY, line.number, line.at)
        elif going_on.takes(line.text):
            yield Record(Kind.SERVER, line.text.lstrip(), line.number, line.at)
        elif line.cut:
            yield Record(Kind.NOTE, TOO_LONG, line.number, line.at)
        elif remark is not None and (said := remark(line.text)):
            yield Record(said[0], said[1], line.number, line.at)


class GoingOn:
    """A reply of several lines of which only the first has a mark.

    Attributes:
        code: The code of the reply that goes on; empty if none does.
    """

    def __init__(self) -> None:
        self.code = ""

    def said(self, text: str) -> None:
        """Note a line of the server that has a mark."""
        self.code = text[:3] if text[3:4] == "-" and REPLY.match(text) else ""

    def takes(self, text: str) -> bool:
        """Return whether a line without a mark is the next one of the reply."""
        bare = text.lstrip()
        if not self.code or not bare.startswith(self.code) or not REPLY.match(bare):
            return False
        self.said(bare)
        return True


NO_REPLY: Final = "the log shows an empty line in place of a reply here"
TOO_LONG: Final = "a line of the log that is too long was left out here"
