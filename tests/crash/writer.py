"""A writer of the program: how it is made to write, what it promises, and how what is left of it is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.crash.processes import Command
from tests.crash.room import Case, Room

REASONS = {
    "enospc": "no space left on device",
    "short": "no space left on device",
    "edquot": "disk quota exceeded",
    "eio": "input/output error",
    "fsize": "file too large",
    "pages": "no space left on device",
    "files": "no space left on device",
}
"""What the system says, as the program words it."""

Judge = Callable[[Case], Iterable[str]]
"""Yields what is wrong, each in a sentence."""


def nothing(room: Room) -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Writer:
    """One writer.

    Args:
        name: Its name on the command line.
        promise: What is acknowledged, when, and what must then be there.
        command: What makes it write, in a room.
        judge: Judges what is left beside what holds for every writer (`judge.py`).
        prepare: Makes what was there before.
        again: What is run afterwards, without a fault, in what is left; None for `command`. It must end with `status`, and
            what `judge` says of it counts too.
        finals: Patterns of the names of the files that it writes for good; the rest is leftovers.
        status: Its exit status where nothing goes wrong.
        told: The statuses with which it may end where something was refused.
        stays: Patterns of leftovers that stay on purpose, with the reason in the promise.
    """

    name: str
    promise: str
    command: Callable[[Room], Command]
    judge: Judge
    prepare: Callable[[Room], None] = nothing
    again: Callable[[Room], Command] | None = None
    finals: tuple[str, ...] = ()
    status: int = 0
    told: tuple[int, ...] = (1, 2)
    stays: tuple[str, ...] = ()

    def is_final(self, name: str) -> bool:
        """Whether a file of the room is one that it writes for good."""
        return any(re.fullmatch(each, name) for each in self.finals)

    def may_stay(self, name: str) -> bool:
        """Whether a leftover stays on purpose."""
        return any(re.fullmatch(each, name) for each in self.stays)
