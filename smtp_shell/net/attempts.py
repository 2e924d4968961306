"""Attempts to connect: each address of a host in turn, each with its share of the time, so that a silent one leaves some to the others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from smtp_shell.figures import plain, shown_seconds
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.events import Noticed, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smtp_shell.protocol.events import Event

MOST_ADDRESSES = 10
"""How many addresses of one host are tried."""
_SHORTEST_SHARE = 0.05

PlaceT = TypeVar("PlaceT")
OpenT = TypeVar("OpenT")


class Attempt(Struct, frozen=True):
    """An attempt that has ended.

    Args:
        place: The address.
        seconds: How long it took.
        problem: Why there is no connection, in words; empty if there is one.
        share: How many seconds it had, where others wait for theirs and it used its own up; 0 where that is not so.
    """

    place: str
    seconds: float
    problem: str = ""
    share: float = 0.0

    def __str__(self) -> str:
        if not self.problem:
            return f"{self.place} answered after {shown_seconds(self.seconds)}"
        if self.share:
            return f"{self.place}: no answer within {plain(self.share, 2)} s, its share of the time"
        return f"{self.place}: {self.problem} after {shown_seconds(self.seconds)}"


class Watch(Struct, frozen=True):
    """Follows attempts while they are made.

    Args:
        publish: Called with a notice for each attempt of several that has ended without a connection.
        trying: Called with each address of several before it is tried, printable, and with an empty string once one has answered.
    """

    publish: Callable[[Event], None]
    trying: Callable[[str], None] | None = None


def first_open(
    places: Sequence[PlaceT], deadline: float, open_one: Callable[[PlaceT, float], OpenT], watch: Watch | None = None
) -> tuple[OpenT | None, list[Attempt]]:
    """Open a connection to the first of several places that answers.

    Args:
        places: The places, whose string is what is shown of them. Each gets its share of the time that is left when its turn comes.
        deadline: When to give up, on the clock of `time.monotonic`.
        open_one: Opens a connection to one place by a deadline of its own.
        watch: Follows the attempts.

    Returns:
        The connection, None if there is none; and the attempts, the last one being that of the connection.
    """
    attempts: list[Attempt] = []
    for number, place in enumerate(places):
        begun = time.monotonic()
        rest = len(places) - number
        share = max((deadline - begun) / rest, _SHORTEST_SHARE)
        if watch is not None and watch.trying is not None and len(places) > 1:
            watch.trying(f"{place}, address {number + 1} of {len(places)}, up to {plain(share, 2)} s")
        try:
            found = open_one(place, begun + share if rest > 1 else deadline)
        except OSError as error:
            seconds = time.monotonic() - begun
            used_up = share if isinstance(error, TimeoutError) and rest > 1 and seconds >= share else 0.0
            attempts.append(Attempt(str(place), seconds, reason_of(error), used_up))
            if watch is not None and len(places) > 1:
                watch.publish(Noticed(NoticeKind.ATTEMPT, str(attempts[-1])))
            continue
        attempts.append(Attempt(str(place), time.monotonic() - begun))
        if watch is not None and watch.trying is not None:
            watch.trying("")
        return found, attempts
    return None, attempts


def why_none(attempts: Sequence[Attempt]) -> str:
    """Return why none of several attempts led to a connection: once what is the same for all of them.

    Args:
        attempts: At least one.
    """
    problems = dict.fromkeys(attempt.problem for attempt in attempts)
    if len(problems) == 1:
        return next(iter(problems))
    return ", ".join(f"{attempt.place}: {attempt.problem}" for attempt in attempts)
