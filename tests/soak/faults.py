"""What can happen to a dialogue on its way, and how `replay` may then end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REFUSED, BROKEN, TLS, AUTH, PROTOCOL, UNKNOWN, DIFFERS = 3, 3, 4, 5, 6, 7, 1
ANY_STATUS: Final = frozenset({0, 1, 3, 4, 5, 6, 7})
"""Every documented status of a program that was neither used wrongly nor interrupted."""

_FAILS: Final = frozenset({1, 3, 4, 5, 6, 7})
_MOST_CHUNKS: Final = 11
"""Pieces of one direction at which something may happen. The last may be QUIT, its reply, or the end of TLS after that."""

_ENDS = ("close", "reset", "hang")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the switch does to one dialogue.

    Attributes:
        name: What it is called in reports; no two have the same.
        side: `A` between client and relay, `B` between relay and server.
        act: What is done.
        at: Where: `` for the moment of the connection, or `s3` for the third piece that the server sends, `c2` for the client's second.
        octets: What is sent in place of the piece, or after it.
        statuses: The exit statuses that `replay` may then have; 0 among them where it may go on as if nothing had happened.
        rarely: Whether it takes so long that it has a turn in one round of `ROUNDS_PER_RARE` only.
    """

    name: str
    side: str
    act: str
    at: str = ""
    octets: bytes = b""
    statuses: frozenset[int] = _FAILS
    rarely: bool = False


ROUNDS_PER_RARE: Final = 6
"""A fault that lasts until a timeout has a turn in one of so many rounds."""

EVERY_AT_FIRST: Final = 4


def _statuses(chunk: int) -> frozenset[int]:
    """Return how `replay` may end that misses a piece and all that follows: where TLS ends, nothing may be missing."""
    return _FAILS if chunk < _MOST_CHUNKS else _FAILS | {0}


def _ends() -> list[Fault]:
    """Return the ends of a connection at each step, on both sides of the relay, whoever speaks last."""
    found: list[Fault] = []
    for side in "AB":
        for act in _ENDS:
            found.append(Fault(f"{side} {act} at once", side, act, rarely=act == "hang"))
            for way in "sc":
                for chunk in range(1, _MOST_CHUNKS + 1):
                    name = f"{side} {act} at {way}{chunk}"
                    found.append(Fault(name, side, act, f"{way}{chunk}", b"", _statuses(chunk), act == "hang"))
    return found


def _replies() -> list[Fault]:
    """Return what is said in the clear in place of, or after, what the server says."""
    said = (
        ("554", b"554 5.3.2 No service here\r\n"),
        ("421", b"421 4.3.2 Going down\r\n"),
        ("wrong code", b"354 Go ahead\r\n"),
        ("no SMTP", b"* OK IMAP4rev1 ready\r\n"),
        ("two codes", b"250-one\r\n550 two\r\n"),
        ("octets", bytes(range(256)) + b"\r\n"),
        ("endless line", b"250-" + b"x" * 200_000 + b"\r\n"),
    )
    found = [
        Fault(f"{side} {name} at s{chunk}", side, "replace", f"s{chunk}", octets)
        for side in "AB"
        for chunk in (1, 2, 3)
        for name, octets in said
    ]
    for side in "AB":
        found += [
            Fault(f"{side} text after the 220", side, "inject", "s3", b"250 forged\r\n"),
            Fault(f"{side} text before TLS", side, "inject", "c2", b"EHLO forged.example.com\r\n", _FAILS | {0}),
            Fault(f"{side} no TLS after the 220", side, "replace", "s4", b"HTTP/1.0 400 Bad Request\r\n\r\n"),
            Fault(f"{side} no TLS from the client", side, "replace", "c3", b"MAIL FROM:<ann@example.org>\r\n"),
        ]
    return found


def _records() -> list[Fault]:
    """Return the damage that is done to records of TLS, and halves of pieces."""
    found: list[Fault] = []
    for side in "AB":
        for way in "sc":
            for chunk in range(4 if way == "s" else 3, _MOST_CHUNKS + 1):
                found.append(
                    Fault(f"{side} damage at {way}{chunk}", side, "damage", f"{way}{chunk}", b"", _statuses(chunk))
                )
            for chunk in range(1, _MOST_CHUNKS + 1):
                found.append(
                    Fault(f"{side} half of {way}{chunk}", side, "half", f"{way}{chunk}", b"", _statuses(chunk))
                )
    return found


def _harmless() -> list[Fault]:
    """Return what a client must not even notice."""
    passes = frozenset({0})
    return [
        Fault(f"{side} {act} at {way}{chunk}", side, act, f"{way}{chunk}", b"", passes)
        for side in "AB"
        for act in ("late", "pieces")
        for way in "sc"
        for chunk in range(1, _MOST_CHUNKS + 1)
    ]


def _elsewhere() -> list[Fault]:
    return [
        Fault("A refused", "A", "refuse", statuses=frozenset({REFUSED})),
        Fault("B refused", "B", "refuse"),
        *(
            Fault(f"{side} hostile server {n}", side, "hostile", statuses=ANY_STATUS)
            for side in "AB"
            for n in range(1, 9)
        ),
    ]


def catalogue(*, relayed: bool) -> list[Fault]:
    """Return all faults, those of both sides after each other by turns.

    Args:
        relayed: Whether there is a relay, and with it a side B.
    """
    every = [*_ends(), *_replies(), *_records(), *_harmless(), *_elsewhere()]
    if not relayed:
        every = [each for each in every if each.side == "A"]
    # Neighbours are of different kinds, so that a run that ends early has met them all.
    step = 17
    while len(every) % step == 0:
        step += 2
    return [every[(at * step) % len(every)] for at in range(len(every))]


class Turns:
    """Deals the faults out, in turn.

    Args:
        faults: All of them.
        every: One dialogue of so many has a fault.
        warm: How many dialogues are the warm-up, in which one of `EVERY_AT_FIRST` has one: what a program loads when something goes wrong
            for the first time is loaded then.
    """

    def __init__(self, faults: list[Fault], every: int, warm: int) -> None:
        self._faults = faults
        self._every = every
        self._warm = warm
        self._dialogues = 0
        self._turn = 0

    def next(self) -> Fault | None:
        """Return the fault of the next dialogue; None for the most of them."""
        self._dialogues += 1
        every = min(self._every, EVERY_AT_FIRST) if self._dialogues <= self._warm else self._every
        if self._dialogues % every:
            return None
        while True:
            round_, at = divmod(self._turn, len(self._faults))
            self._turn += 1
            fault = self._faults[at]
            # Of the slow ones each round has another part.
            if not fault.rarely or (at + round_) % ROUNDS_PER_RARE == 0:
                return fault
