"""What the server announced, as rows for a person and as JSON: parameters parsed, what a keyword means, and what TLS has changed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from smtp_shell.knowledge.lookup import ExtensionFact, facts
from smtp_shell.protocol.announcements import announcement
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smtp_shell.protocol.announcements import Announcement
    from smtp_shell.protocol.replies import Extensions

_WIDTH = 20  # of the column of keywords
_MOST_SHOWN = 300  # characters of one parameter list


def capability_rows(now: Extensions, before: Extensions | None = None) -> Iterator[str]:
    """Yield a row for each keyword: a sign for what has changed, the keyword, what it means, and what its parameters say.

    Args:
        now: What is announced.
        before: What was announced before TLS; None for nothing to compare with.
    """
    for change, found, was in _compared(now, before):
        yield _row(change, found, was)


def capability_records(now: Extensions, before: Extensions | None = None) -> Iterator[dict[str, object]]:
    """Yield an object for each keyword, for other programs; absent values are left out. The arguments are those of `capability_rows`."""
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


def _row(change: str, found: Announcement, was: tuple[bytes, ...] | None) -> str:
    fact = _known().get(found.keyword)
    title = fact.title if fact is not None else "nothing is known about it here"
    words = escape(b" ".join(found.words))
    said = found.said or words
    if found.odd:
        said = f"{words} ({found.odd})"
    if was is not None:
        said += f" (before TLS: {escape(b' '.join(was)) or 'nothing'})"
    if len(said) > _MOST_SHOWN:
        said = said[:_MOST_SHOWN] + "…"
    keyword = found.keyword if len(found.keyword) <= _WIDTH else found.keyword[: _WIDTH - 1] + "…"
    return f"{change:>2} {keyword:<{_WIDTH}} {title}{f': {said}' if said else ''}"
