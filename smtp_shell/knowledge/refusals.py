"""Refusals as well-known servers word them: which of the facts fit a reply.

A server's text is hostile: it is cut before it is searched, and the patterns hold bounded repetitions alone, which a test checks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from smtp_shell.knowledge.lookup import RefusalFact, facts
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import enhanced_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.protocol.replies import Reply

ANY_SERVER: Final = "many servers"
"""`server` of the facts that fit the wording of many programs. They come after those of a certain server."""

LONGEST_TEXT: Final = 2_000
"""Characters of a reply's text that are searched. The longest known refusal has some 600."""


def find_refusals(reply: Reply) -> tuple[RefusalFact, ...]:
    """Return the refusals that fit a 4yz or 5yz reply, the most specific first; none for any other reply.

    A fact of a certain server comes before one of many servers, one with this reply code and enhanced status code before one
    without, and one that explains more of the text before one that explains less. Those of many servers keep the order of their file,
    from narrow to wide. A wording with another code than the usual is found too, after those with the usual.
    """
    if not reply.is_negative:
        return ()
    first = reply.enhanced
    return refusals_of(refusal_text(reply), reply.code, "" if first is None else str(first))


def refusals_of(text: str, code: int = 0, enhanced: str = "") -> tuple[RefusalFact, ...]:
    """Return the refusals that fit a text, the most specific first.

    Args:
        text: The text of a reply on one line, without its codes. At most `LONGEST_TEXT` characters are searched.
        code: Reply code; 0 if it is not known.
        enhanced: Enhanced status code such as `5.7.1`; empty if there is none.
    """
    text = text[:LONGEST_TEXT]
    found: list[tuple[tuple[int, int, int, int], RefusalFact]] = []
    for pattern, fact in _patterns():
        if match := pattern.search(text):
            agreements = (_agrees(code, fact.codes), _agrees(enhanced, fact.enhanced))
            explained = 0 if fact.server == ANY_SERVER else match.end() - match.start()
            rank = (fact.server == ANY_SERVER, agreements.count(-1), -agreements.count(1), -explained)
            found.append((rank, fact))
    return tuple(fact for _, fact in sorted(found, key=lambda each: each[0]))


def refusal_text(reply: Reply) -> str:
    """Return the text of a reply on one line, escaped, without enhanced status codes, at most `LONGEST_TEXT` characters."""
    return " ".join(_texts(reply))[:LONGEST_TEXT]


def _texts(reply: Reply) -> Iterator[str]:
    size = 0
    for line in reply.lines:
        code = enhanced_code(line[:16])
        text = line[:LONGEST_TEXT] if code is None else line[len(str(code)) : LONGEST_TEXT]
        yield escape(text.strip())
        size += len(line) + 1
        if size >= LONGEST_TEXT:
            return


def _agrees(seen: int | str, usual: tuple[int, ...] | tuple[str, ...]) -> int:
    """Return 1 if it is one of the usual values, 0 if there is nothing to compare, -1 if it is another."""
    if not seen or not usual:
        return 0
    return 1 if seen in usual else -1


# All at once: they take 20 ms to compile, next to 150 ms to read the file. To look for a fixed part of each pattern first, and compile
# only those that can match, saved half of the 20 ms and nothing of a search (0.3 ms).
@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], RefusalFact], ...]:
    return tuple((re.compile(fact.pattern, re.IGNORECASE), fact) for fact in facts(RefusalFact).values())
