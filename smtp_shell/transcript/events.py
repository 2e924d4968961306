"""Transcript events: the table of the `*:` lines that this version knows.

An event that is not in the table is kept by every tool and ignored by a replay. To add one, add its row here, and a case in the
replay driver if it acts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import Struct

LONGEST_WAIT: Final = 86_400.0
"""The most seconds that `wait` and `within` take: one day."""

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
# In the format, and without a row until a replay acts on them: never a misspelt name.
_RESERVED = frozenset(("authenticate", "finally", "include"))
# "tsl" for "tls" scores 0.67; "note" for "no-tls", which is no slip of the finger, 0.6.
_NEAR = 0.65


class EventKind(Struct, frozen=True):
    """One row of the table.

    Args:
        name: The event's first word.
        arguments: Syntax of the words that follow it, for messages and help.
        where: Where the event may stand, for help.
        acts: Whether a replay acts on it; to a replay all other events are notes.
        check: Checks the arguments of the event of this name. It returns what is wrong and what was expected, or None. Without it any
            arguments will do.
    """

    name: str
    arguments: str
    where: str
    acts: bool
    check: Callable[[str, Sequence[str]], tuple[str, str] | None] | None = None


def _check_server(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    if arguments:
        return None
    return f"*: {name} names no server", f"*: {name} HOST:PORT, and tls after it if need be"


def _check_seconds(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    if arguments and re.fullmatch(_NUMBER, arguments[0]) and float(arguments[0]) <= LONGEST_WAIT:
        return None
    return f"*: {name} has no number of seconds", f"*: {name} SECONDS, such as *: {name} 2.5"


_ROWS = (
    EventKind("connect", "HOST:PORT [tls]", "at the start, or after close", True, _check_server),
    EventKind("tls", "[VERSION CIPHER verified|unverified [SUBJECT]]", "after the 220 reply to STARTTLS", False),
    EventKind("no-tls", "", "after the 220 reply to STARTTLS", True),
    EventKind("auth", "MECHANISM [USER]", "after the reply that ends an AUTH exchange", False),
    EventKind("wait", "SECONDS", "anywhere", True, _check_seconds),
    EventKind("within", "SECONDS", "anywhere before the reply", True, _check_seconds),
    EventKind("close", "[server] [TEXT]", "at the end of a connection", True),
    EventKind("timeout", "[SECONDS TEXT]", "where a reply was awaited", True),
    EventKind("error", "[TEXT]", "at the end of a connection", True),
)

EVENTS: Final[Mapping[str, EventKind]] = MappingProxyType({kind.name: kind for kind in _ROWS})
"""Every known event by its name."""

ACTED_EVENTS: Final = frozenset(kind.name for kind in _ROWS if kind.acts)
"""Names of the events that a replay acts on."""


def check_event(words: Sequence[str]) -> tuple[str, str] | None:
    """Check the arguments of an event; those of an unknown event are never wrong.

    Args:
        words: The event's name and its arguments, as in `Step.event`.

    Returns:
        What is wrong and what was expected, or None.
    """
    name, *arguments = words
    kind = EVENTS.get(name)
    return kind.check(name, arguments) if kind is not None and kind.check is not None else None


def near_miss(name: str) -> str | None:
    """Return the known event that an unknown name is probably a misspelling of, or None.

    Args:
        name: The event's name. None is returned for one that is known, or that the format reserves for a later version.
    """
    if name in EVENTS or name in _RESERVED:
        return None
    from difflib import get_close_matches

    return next(iter(get_close_matches(name.lower(), EVENTS, n=1, cutoff=_NEAR)), None)
