"""A dialect for the marks of tools that are not known: the same in front of each command, and another in front of each reply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from msgspec.structs import replace

from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.importers.marks import records_of
from smtp_shell.importers.prefixes import Front, learnt
from smtp_shell.importers.quoted import unquoted

_SAMPLE: Final = 1_500  # lines from which the marks are learnt
_LITTLE: Final = 4 * 1024 * 1024  # characters in them
_FEWEST: Final = 2  # commands, and as many replies
_CERTAINTY: Final = 0.8
_LONGEST_END: Final = 12
_CALL = re.compile(r"[\w+]\\\(")  # of a function, in source code
_END = re.compile(r"[^\w\s.>]+$|\s*<[A-Za-z]{2,6}>$")


def _marks_of(lines: Sequence[Line]) -> Front | None:
    front = learnt(line.text for line in lines)
    if front is None or front.client == front.server or min(front.commands, front.replies) < _FEWEST:
        return None
    if any(_CALL.search(mark) for mark in (front.client, front.server)):
        return None
    return front if re.search(r"\w|[<>=|\\-]", front.client + front.server) else None


def _end_of(lines: Iterable[Line], marks: re.Pattern[str]) -> str:
    """Return what all lines with marks end with that nobody has said, such as `<EOL>` or `"}`; empty for nothing."""
    ends = {
        found[0] if (found := _END.search(line.text[-_LONGEST_END:])) else ""
        for line in lines
        if marks.match(line.text)
    }
    return ends.pop() if len(ends) == 1 else ""


def _sniff(lines: Sequence[Line]) -> float:
    return _CERTAINTY if _marks_of(lines) is not None else 0.0


def _parse(lines: Iterable[Line]) -> Iterator[Record]:
    rest = iter(lines)
    sample: list[Line] = []
    size = 0
    for line in islice(rest, _SAMPLE):
        sample.append(line)
        size += len(line.text)
        if size > _LITTLE:
            break
    front = _marks_of(sample)
    if front is None:
        return
    marks = re.compile(
        rf"{front.prefix}(?:(?P<c>{_end(front.client)})|(?P<s>{_end(front.server)}(?=[2-5][0-9][0-9](?:[ -]|$))))"
    )
    quote = next((mark for mark in "'\"" if front.client.endswith(mark) and front.server.endswith(mark)), "")
    end = _end_of(sample, marks)
    for record in records_of(chain(sample, rest), marks):
        if end and record.kind in (Kind.CLIENT, Kind.SERVER):
            record = replace(record, text=record.text.removesuffix(end))
        octets = unquoted(quote + record.text) if quote and record.kind in (Kind.CLIENT, Kind.SERVER) else None
        if octets is None:
            yield record
            continue
        for each in octets.decode("utf-8", "surrogateescape").rstrip("\r\n").replace("\r\n", "\n").split("\n"):
            yield Record(record.kind, each, record.line, record.at)


def _end(mark: str) -> str:
    """Return a mark whose last space may be missing, where nothing follows it."""
    spaces = r"[ \t]+"
    return f"{mark.removesuffix(spaces)}(?:[ \\t]|$)" if mark.endswith(spaces) else mark


LEARNT: Final = Dialect(name="marks", title="other marks, the same in all lines", sniff=_sniff, parse=_parse)
