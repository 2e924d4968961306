"""Which transcripts are replayed, and in which order: `--tag` and `--shuffle`."""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import SmtpShellError, UsageError
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted
from smtp_shell.transcript.reader import open_scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from smtp_shell.replay.replay import Replay

_CONDITION = r"(?:(not)(?:\s+|\s*:\s*))?([^\s,:]+(?:\s*,\s*[^\s,:]+)*)"
_MOST_NAMED = 20


class TagCondition(Struct, frozen=True):
    """What the tags of a transcript must meet.

    Args:
        tags: Tags in lower case, one of which it must have.
        negated: Whether it must have none of them instead.
    """

    tags: frozenset[str]
    negated: bool = False

    @classmethod
    def parse(cls, text: str) -> TagCondition:
        """Parse a condition: `smoke`, `smoke,tls`, `not slow`, `not:slow`.

        Raises:
            ValueError: It is none; the message is a sentence for a user.
        """
        found = re.fullmatch(_CONDITION, text.strip().lower())
        if found is None:
            raise ValueError(
                f"{quoted(escape_str(text[:60]), SINGLE)} is no condition on tags; write a tag, a,b for either, or 'not a'; "
                "several --tag must all hold"
            )
        return cls(frozenset(re.split(r"\s*,\s*", found[2])), negated=found[1] is not None)

    def holds(self, tags: Iterable[str]) -> bool:
        """Return whether tags meet it.

        Args:
            tags: Tags of a transcript, in lower case.
        """
        return self.tags.isdisjoint(tags) is self.negated


def select(paths: Sequence[Path], conditions: Sequence[TagCondition]) -> list[Path]:
    """Return the transcripts whose tags meet all conditions. One whose header cannot be read is among them: its check says why.

    Args:
        paths: The transcripts.
        conditions: The conditions; none for all transcripts.

    Raises:
        UsageError: No transcript meets them.
    """
    if not conditions:
        return [*paths]
    seen: set[str] = set()
    chosen: list[Path] = []
    for path in paths:
        tags = _tags_of(path)
        seen.update(tags or ())
        if tags is None or all(condition.holds(tags) for condition in conditions):
            chosen.append(path)
    if not chosen:
        named = sorted(seen)
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        there_are = ", ".join(map(escape_str, named[:_MOST_NAMED])) or "none"
        raise UsageError(f"no transcript has tags that meet --tag; the tags there are: {there_are}{more}.")
    return chosen


def shuffled(replays: Sequence[Replay], seed: int) -> list[Replay]:
    """Return replays in another order, the same for the same seed."""
    import random

    order = [*replays]
    random.Random(seed).shuffle(order)
    return order


def new_seed() -> int:
    """Return a seed that a person can type again."""
    import secrets

    return 1 + secrets.randbelow(1_000_000)


def _tags_of(path: Path) -> tuple[str, ...] | None:
    """Return the tags of a transcript; None if its header cannot be read. A pipe is not read: it could be read only once."""
    if not os.path.isfile(path):
        return None
    try:
        with open_scan(path) as scan:
            if scan.header_faults:
                return None
            return scan.header.tag_words if scan.header is not None else ()
    except SmtpShellError:
        return None
