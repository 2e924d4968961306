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

from smtp_shell.protocol.octets import unescape

LONGEST_WAIT: Final = 86_400.0
"""The most seconds that `wait` and `within` take: one day."""

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_MECHANISM = r"[A-Z][A-Z0-9_-]{2,19}"
_SERVER = "server"
_EXCERPT = 60
_MOST_SLIPS = 2
_SHORT = 4  # letters of a word in which two slips make another word
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
    if not arguments:
        return f"*: {name} names no server", f"*: {name} HOST:PORT, and tls after it if need be"
    if arguments[1:] not in ([], ["tls"]):
        return (
            f"*: {name} has '{' '.join(arguments[1:])[:_EXCERPT]}' after the server",
            f"tls or nothing, as in *: {name} {arguments[0][:_EXCERPT]} tls",
        )
    return None


def seconds_of(word: str) -> float | None:
    """Return the number of seconds that an argument is; None if it is none, or more than `LONGEST_WAIT`."""
    return float(word) if re.fullmatch(_NUMBER, word) and float(word) <= LONGEST_WAIT else None


def _check_seconds(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    example = f"*: {name} SECONDS, such as *: {name} 2.5"
    if not arguments or not re.fullmatch(_NUMBER, arguments[0]) or float(arguments[0]) > LONGEST_WAIT:
        return f"*: {name} has no number of seconds", f"{example}, {LONGEST_WAIT:.0f} at most"
    if arguments[1:]:
        return f"*: {name} has '{' '.join(arguments[1:])[:_EXCERPT]}' after the seconds", example
    return None


def _check_within(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    if arguments and re.fullmatch(_NUMBER, arguments[0]) and not float(arguments[0]):
        return f"*: {name} has no time for a reply", "more than 0 seconds"
    return _check_seconds(name, arguments)


def _check_close(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    if arguments and arguments[0] != _SERVER and _is_slip(arguments[0].lower(), _SERVER):
        return (
            f"'{arguments[0]}' after *: {name} is a misspelling",
            f"*: {name} {_SERVER}, or other words about the end",
        )
    return None


def _check_nothing(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    if not arguments:
        return None
    return f"*: {name} has '{' '.join(arguments)[:_EXCERPT]}' after it", f"*: {name} alone"


def _check_include(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    return (
        None if arguments else (f"*: {name} names no file", f"*: {name} FILE, a transcript in the folder of this one")
    )


def _check_authenticate(name: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    try:
        authentication(arguments)
    except ValueError as error:
        return f"*: {name}: {error}", f"*: {name} [MECHANISM ...] [USER]"
    return None


def authentication(arguments: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return the mechanisms, in capitals, and the user that an `*: authenticate` names; empty for any, and for no one.

    The last word is a user unless it is a mechanism or looks like one: all capitals.

    Args:
        arguments: The words after the event's name.

    Raises:
        ValueError: A word is no mechanism that is known; the message is a sentence for a user, without its full stop.
    """
    from smtp_shell.protocol.sasl import MECHANISMS

    mechanisms: list[str] = []
    for number, word in enumerate(arguments, 1):
        if word.upper() in MECHANISMS:
            mechanisms.append(word.upper())
        elif number == len(arguments) and not re.fullmatch(_MECHANISM, word):
            return tuple(mechanisms), unescape(word).decode("utf-8", "surrogateescape")
        else:
            raise ValueError(
                f"'{word[:_EXCERPT]}' is no mechanism that smtp-shell knows; it knows {', '.join(sorted(MECHANISMS))}"
            )
    return tuple(mechanisms), ""


def _is_slip(word: str, meant: str) -> bool:
    """Return whether a word is another one with a slip of the finger in it: two in a word of five letters or more.

    A slip is a letter too many, too few, a wrong one, or two that have changed places.
    """
    if abs(len(word) - len(meant)) > _MOST_SLIPS:
        return False
    rows = [list(range(len(meant) + 1))]
    for at, letter in enumerate(word, 1):
        row = [at]
        for index, other in enumerate(meant):
            slips = min(rows[-1][index] + (letter != other), rows[-1][index + 1] + 1, row[index] + 1)
            if at > 1 and index and letter == meant[index - 1] and word[at - 2] == other:
                slips = min(slips, rows[-2][index - 1] + 1)
            row.append(slips)
        rows.append(row)
    return rows[-1][-1] <= (_MOST_SLIPS if len(meant) > _SHORT else 1)


_ROWS = (
    EventKind("connect", "HOST:PORT [tls]", "at the start, or after close", True, _check_server),
    EventKind("tls", "[VERSION CIPHER verified|unverified [SUBJECT]]", "after the 220 reply to STARTTLS", False),
    EventKind("no-tls", "", "after the 220 reply to STARTTLS", True, _check_nothing),
    EventKind("auth", "MECHANISM [USER]", "after the reply that ends an AUTH exchange", False),
    EventKind("wait", "SECONDS", "anywhere", True, _check_seconds),
    EventKind("within", "SECONDS", "anywhere before the reply", True, _check_within),
    EventKind("authenticate", "[MECHANISM ...] [USER]", "where a command may stand", True, _check_authenticate),
    EventKind("include", "FILE", "anywhere", False, _check_include),
    EventKind("finally", "", "once, before what is done in any case", True, _check_nothing),
    EventKind("close", "[server] [TEXT]", "at the end of a connection", True, _check_close),
    EventKind("timeout", "[SECONDS TEXT]", "where a reply was awaited", True),
    EventKind("error", "[TEXT]", "at the end of a connection", True),
)

EVENTS: Final[Mapping[str, EventKind]] = MappingProxyType({kind.name: kind for kind in _ROWS})
"""Every known event by its name."""

ACTED_EVENTS: Final = frozenset(kind.name for kind in _ROWS if kind.acts)
"""Names of the events that a replay acts on."""


def check_event(words: Sequence[str]) -> tuple[str, str] | None:
    """Check the name and the arguments of an event. An unknown one is wrong only if it is a known one with a slip of the finger in it.

    Args:
        words: The event's name and its arguments, as in `Step.event`.

    Returns:
        What is wrong and what was expected, or None.
    """
    name, *arguments = words
    kind = EVENTS.get(name)
    if kind is not None:
        return kind.check(name, arguments) if kind.check is not None else None
    lower = name.lower()
    meant = next((known for known in EVENTS if _is_slip(lower, known)), None)
    return (f"*: {name} is no event that a replay knows", f"*: {meant}") if meant else None


def near_miss(name: str) -> str | None:
    """Return the known event that an unknown name may stand for although it is no slip of the finger, or None.

    Args:
        name: The event's name. None is returned for one that is known.
    """
    if name in EVENTS:
        return None
    from difflib import get_close_matches

    return next(iter(get_close_matches(name.lower(), EVENTS, cutoff=_NEAR)), None)
