"""Judges of files that are written as a whole: what was there before, or the new one, and nothing between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tests.crash.room import Case
from tests.crash.writer import Judge

Normal = Callable[[bytes], bytes]


def as_it_is(octets: bytes) -> bytes:
    """Return octets as they are."""
    return octets


def judge_whole(name: str, *, same: Normal = as_it_is, done: str = "") -> Judge:
    """Return a judge of a file.

    Args:
        name: Its name in the room.
        same: Leaves out what differs from run to run.
        done: Pattern of the text with which the program says that it is written; empty for its exit status alone.
    """

    def judge(case: Case) -> Iterable[str]:
        before, after, clean = case.before.get(name), case.after.get(name), case.clean.get(name)
        assert clean is not None
        is_new = after is not None and same(after.octets) == same(clean.octets)
        is_old = after == before
        if not is_new and not is_old:
            yield f"{name} is neither the old file nor the new one: {_shown(after.octets if after else None)}"
        says_so = bool(done and re.search(done, case.outcome.out)) or case.outcome.status == 0
        if says_so and not is_new and not (case.kind and case.outcome.status and not done):
            yield f"it says that {name} is written, and it is not"

    return judge


def both(*judges: Judge) -> Judge:
    """Return what judges by several judges."""

    def judge(case: Case) -> Iterable[str]:
        for each in judges:
            yield from each(case)

    return judge


def _shown(octets: bytes | None) -> str:
    return "there is none" if octets is None else f"{len(octets)} octets, {octets[-40:]!r} at the end"
