"""What the server announced, as rows for a person and as JSON: parameters parsed, what a keyword means, and what TLS has changed."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.display.columns import cells
from smtp_shell.display.tables import GAP, beside, cell
from smtp_shell.knowledge.lookup import ExtensionFact, facts
from smtp_shell.protocol.announcements import announcement
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smtp_shell.protocol.announcements import Announcement
    from smtp_shell.protocol.replies import Extensions

_MOST_KEYWORD = 20  # columns
_LEAST_KEYWORD = 8
_MOST_SHOWN = 300  # characters of one parameter list
_MOST_MEANING = 52  # columns, where there is one for parameters too
_STACKED = 60  # columns below which the meaning stands under its keyword
_WIDE = 100  # columns from which parameters and the RFC have columns of their own
_UNKNOWN = "nothing is known about it here"
_MARK = " : "
_INDENT = 3  # columns for the sign of a change


class _Row(Struct, frozen=True):
    """One keyword: what has changed about it, what it means, what its parameters say, and which RFC defines it."""

    change: str
    keyword: str
    meaning: str
    said: str
    source: str


def capability_rows(
    now: Extensions, before: Extensions | None = None, *, width: int = 80, most: int = 200
) -> Iterator[tuple[str, str]]:
    """Yield a table of the keywords as lines with their style: the keyword, what it means, and what its parameters say.

    Args:
        now: What is announced.
        before: What was announced before TLS; None for nothing to compare with.
        width: Columns of the screen. On a narrow one the meaning stands under its keyword, and a wide one has room for the RFC.
        most: The most keywords that are shown.
    """
    every = _compared(now, before)
    found = [_row(change, each, was) for change, each, was in islice(every, most)]
    room = max(width - 1 - _INDENT, _LEAST_KEYWORD)
    yield from _stacked(found, room) if width < _STACKED else _beside(found, room, wide=width >= _WIDE)
    if left := sum(1 for _ in every):
        yield f"  … and {left:,} more; /capabilities --json lists all.", "said"
    if not found:
        yield "  none: the server announced no extension.", "said"
    elif before is not None:
        yield "  (+ new since TLS, ~ with other parameters, - announced before TLS only)", "said"


def _stacked(found: Sequence[_Row], room: int) -> Iterator[tuple[str, str]]:
    for row in found:
        yield f" {row.change} {row.keyword}", "quoted"
        for line in (*cell(row.meaning, room - 2, quotes=False), *_marked(row.said, room - 2)):
            yield f"{' ' * (_INDENT + 2)}{line}", "quoted"


def _beside(found: Sequence[_Row], room: int, *, wide: bool) -> Iterator[tuple[str, str]]:
    """Yield the rows of a table: two columns, or four where it is wide."""
    first = max([_LEAST_KEYWORD, *(len(row.keyword) for row in found)])
    if wide:
        last = max([len("source"), *(len(row.source) for row in found)])
        meaning = min(max([len("means"), *(len(row.meaning) for row in found)]), _MOST_MEANING)
        widths = [first, meaning, last, room - first - meaning - last - 3 * GAP]
        heads = ["keyword", "means", "source", "says here"]
    else:
        widths, heads = [first, room - first - GAP], ["keyword", "means, and says here"]
    if found:
        yield from ((f"{' ' * _INDENT}{line}", "event") for line in beside([[head] for head in heads], widths))
    for row in found:
        texts = [[row.keyword], *_cells(row, widths[1:])]
        for number, line in enumerate(beside(texts, widths)):
            yield f" {row.change if not number else ' '} {line}", "quoted"


def _cells(row: _Row, widths: Sequence[int]) -> list[list[str]]:
    """Return the cells after the keyword: meaning and parameters in one, or with the RFC between them."""
    meaning = cell(row.meaning, widths[0], quotes=False)
    if len(widths) > 1:
        return [meaning, [row.source], cell(row.said, widths[-1]) if row.said else [""]]
    together = f"{row.meaning}: {row.said}" if row.said else row.meaning
    if cells(together) <= widths[0]:
        return [[together]]
    return [[*meaning, *_marked(row.said, widths[0])]]


def _marked(said: str, width: int) -> list[str]:
    """Return the lines of a cell that has a row of the screen to itself: each is marked, for it begins with what a server says."""
    return [f"{_MARK}{line}" for line in cell(said, width - len(_MARK), quotes=False)] if said else []


def capability_records(now: Extensions, before: Extensions | None = None) -> Iterator[dict[str, object]]:
    """Yield an object for each keyword, for other programs; absent values are left out.

    The arguments are the first of `capability_rows`.
    """
    for change, found, was in _compared(now, before):
        fact = _known().get(found.keyword)
        record: dict[str, object] = {
            "keyword": found.keyword,
            "parameters": [escape(word) for word in found.words],
            "said": found.said,
            **found.numbers,
            "names": list(found.names),
            "odd": found.odd,
            "title": fact.title if fact is not None else "",
            "sources": list(fact.sources) if fact is not None else [],
            "change": _CHANGES[change],
            "before": [escape(word) for word in was] if was is not None else [],
        }
        yield {name: value for name, value in record.items() if value or value == 0}


@lru_cache(maxsize=1)
def _known() -> Mapping[str, ExtensionFact]:
    """Return the facts by each of their names. A server may announce ten thousand keywords, and to find each takes longer."""
    found = facts(ExtensionFact)
    return {name.upper(): fact for own, fact in found.items() for name in (own, *fact.also)}


_CHANGES = {" ": "", "+": "added", "~": "changed", "-": "removed"}


def _compared(
    now: Extensions, before: Extensions | None
) -> Iterator[tuple[str, Announcement, tuple[bytes, ...] | None]]:
    """Yield the sign of what has changed, a keyword, and the parameters that it had before, if they were others."""
    for keyword, words in now.keywords.items():
        was = before.keywords.get(keyword) if before is not None else words
        change = "+" if was is None else " " if was == words else "~"
        yield change, announcement(keyword, words), was if change == "~" else None
    for keyword, words in before.keywords.items() if before is not None else ():
        if keyword not in now:
            yield "-", announcement(keyword, words), None


def _row(change: str, found: Announcement, was: tuple[bytes, ...] | None) -> _Row:
    fact = _known().get(found.keyword)
    words = escape(b" ".join(found.words))
    said = found.said or words
    if found.odd:
        said = f"{words} ({found.odd})"
    if was is not None:
        said += f" (before TLS: {escape(b' '.join(was)) or 'nothing'})"
    if len(said) > _MOST_SHOWN:
        said = said[:_MOST_SHOWN] + "…"
    keyword = found.keyword if len(found.keyword) <= _MOST_KEYWORD else found.keyword[: _MOST_KEYWORD - 1] + "…"
    if fact is None:
        return _Row(change, keyword, _UNKNOWN, said, "")
    source = next((each for each in fact.sources if each.startswith("RFC ")), "")
    return _Row(change, keyword, fact.title, said, source.partition(" section ")[0])
