"""Misbehaviour on demand: what a server of ours is told to do wrong, and at which command.

`KINDS` has one row for each kind of fault: how it is written, what it means, and what is done. The practice server and the mock server
carry out the same acts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.protocol.foreseen import FORESEEN
from smtp_shell.protocol.octets import CRLF, SINGLE, escape_str, quoted

LONGEST_DELAY = 3600.0

ANY: Final = "ANY"
"""The place of a fault that is at every command."""

PLACES = (*FORESEEN, "XCLIENT", "CONNECT", "DOT", ANY)
"""Where a fault can be: at a command, at the greeting, at the end of the mail data, or at every command."""

GRAMMAR: Final = "VERB=FAULT[@N[+]][%P]"
"""How a fault is written: at which command, what, at the N-th time (and all later ones), and in P of a hundred cases."""

PIECE_SECONDS: Final = 0.02
"""Seconds between the pieces of a reply."""

_MOST_PIECES = 40
_GARBAGE = b"\xff\xfb\x18 this is no reply of SMTP \x00\x01\x02\r\n"
_FOLLOWERS = frozenset({"CONNECT", "DOT"})
"""Places that are no commands."""


class Mischief(Enum):
    """What goes wrong."""

    REPLY = "reply"
    WRONG = "wrong"
    DROP = "drop"
    RESET = "reset"
    SILENT = "silent"
    DELAY = "delay"
    CUT = "cut"
    PIECES = "pieces"
    GARBAGE = "garbage"


class Phase(Enum):
    """When a fault is carried out."""

    BEFORE = "before the command is carried out"
    INSTEAD = "in place of carrying it out"
    REPLY = "in place of the reply to it"


class Send(Struct, frozen=True):
    """Send octets."""

    octets: bytes


class Pause(Struct, frozen=True):
    """Wait for some seconds."""

    seconds: float


class Hear(Struct, frozen=True):
    """Wait until the client sends something, and drop it."""


class HangUp(Struct, frozen=True):
    """Close the connection.

    Args:
        reset: Whether to reset it.
        at_once: Whether to drop what has not been sent yet.
    """

    reset: bool = False
    at_once: bool = False


Act = Send | Pause | Hear | HangUp


class Fault(Struct, frozen=True):
    """One thing to do wrong at one command.

    Args:
        verb: The command's verb in upper case, `CONNECT` for the greeting, `DOT` for the end of the mail data, or `ANY`.
        mischief: What to do.
        code: The reply code to answer with; 0 unless `mischief` is `REPLY`.
        seconds: How long to wait before going on; 0 unless `mischief` is `DELAY`.
        first: At the how manieth time it is done first, counted over all connections of the server.
        last: At the how manieth time it is done last; 0 for no last time.
        chance: In how many cases of a hundred it is done.
    """

    verb: str
    mischief: Mischief
    code: int = 0
    seconds: float = 0.0
    first: int = 1
    last: int = 0
    chance: float = 100.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Parse a fault as `GRAMMAR` says.

        Args:
            text: The value of `--fault`.

        Raises:
            UsageError: It is none.
        """
        verb, _, rest = text.partition("=")
        if not _VERB.fullmatch(verb):
            raise UsageError(f"The fault {_quoted(text)} names no command: write it as {GRAMMAR}, such as rcpt=451.")
        verb = verb.upper()
        if verb not in PLACES:
            raise UsageError(
                f"The fault {_quoted(text)} is at no command: write one of {', '.join(FORESEEN)}, XCLIENT; or CONNECT for the greeting, "
                "DOT for the end of the mail data, or ANY for every command."
            )
        what, counts = _counted(text, rest)
        for kind in KINDS:
            found = kind.parse(verb, what)
            if found is not None:
                return replace(found, **counts) if counts else found
        raise UsageError(
            f"The fault {_quoted(text)} is not understood: after {verb}= comes a reply code from 200 to 599, drop, reset, silent, "
            f"wrong, cut, pieces, garbage, or delay:SECONDS of at most {LONGEST_DELAY:.0f}; and after that perhaps @N, @N+ or %P."
        )

    @property
    def kind(self) -> FaultKind:
        """Its row of `KINDS`."""
        return _BY_MISCHIEF[self.mischief]

    def acts(self, reply: bytes, place: str = "") -> tuple[Act, ...]:
        """Return what is done.

        Args:
            reply: The whole reply that the server would have sent; empty if `kind.phase` is not `REPLY`.
            place: The verb, `CONNECT` or `DOT`, where the fault is at every command.
        """
        return self.kind.acts(replace(self, verb=place) if place else self, reply)

    def reply(self) -> str:
        """Return the reply line for `code`, without its line end, with the words and the enhanced code that fit the verb.

        Source: RFC 2034 section 4 (no enhanced code in the greeting and in what answers HELO and EHLO), RFC 3463 section 3
        """
        return reply_line(self.verb, self.code)

    def __str__(self) -> str:
        what = {Mischief.REPLY: str(self.code), Mischief.DELAY: f"delay:{self.seconds:g}"}
        shown = f"{self.verb.lower()}={what.get(self.mischief, self.mischief.value)}"
        if self.first > 1 or self.last:
            shown += f"@{self.first}" + ("" if self.last else "+")
        return shown if self.chance == 100 else f"{shown}%{self.chance:g}"


class FaultKind(Struct, frozen=True):
    """One row of the table of faults.

    Args:
        mischief: What it is.
        syntax: How it is written after `VERB=`.
        meaning: What it does, for help.
        phase: When it is carried out.
        acts: Returns what is done, from the fault and the reply that the server would have sent.
        parse: Parses what stands after `VERB=`; None if it is not this kind.
    """

    mischief: Mischief
    syntax: str
    meaning: str
    phase: Phase
    acts: Callable[[Fault, bytes], tuple[Act, ...]]
    parse: Callable[[str, str], Fault | None]

    @property
    def is_harmless(self) -> bool:
        """Whether the client is to go on as if nothing had happened."""
        return self.mischief in (Mischief.DELAY, Mischief.PIECES)


class FaultPlan:
    """Decides which faults are due. All connections of a server share one, so that it counts over all of them.

    Args:
        faults: The faults.
        seed: For the faults with a probability; None for another course in each run.
    """

    def __init__(self, faults: Iterable[Fault] = (), seed: int | None = None) -> None:
        self._faults = tuple(faults)
        self._times = [0] * len(self._faults)
        self._random = random.Random(seed)

    def at(self, place: str) -> tuple[Fault, ...]:
        """Return what is to go wrong now, in the order in which it was asked for.

        Args:
            place: The verb of a command that has come, `CONNECT` or `DOT`.
        """
        if not self._faults:
            return ()
        return tuple(fault for number, fault in enumerate(self._faults) if self._is_due(number, fault, place))

    def _is_due(self, number: int, fault: Fault, place: str) -> bool:
        if fault.verb != place and (fault.verb != ANY or place in _FOLLOWERS):
            return False
        self._times[number] += 1
        count = self._times[number]
        if count < fault.first or (fault.last and count > fault.last):
            return False
        return fault.chance >= 100 or self._random.random() * 100 < fault.chance


def parse_faults(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Parse all the faults that were asked for.

    Raises:
        UsageError: One of them cannot be read.
    """
    return tuple(Fault.parse(text) for text in texts)


def describe_faults() -> str:
    """Return the grammar and the kinds of faults as lines for `--help`, at most 78 columns wide."""
    rows = [f"  {kind.syntax:<14} {kind.meaning}" for kind in KINDS]
    return "\n".join(
        [
            f"faults: {GRAMMAR}, several of them with several --fault",
            "  VERB           a command, CONNECT (the greeting), DOT (the final dot),",
            "                 or ANY (every command)",
            *rows,
            "  @N  @N+        only the N-th time; that time and all later ones,",
            "                 counted over all connections: rcpt=451@1",
            "  %P             in P of a hundred cases: rcpt=451%10 (--seed N repeats)",
        ]
    )


def reply_line(verb: str, code: int) -> str:
    """Return a reply with a code, without its line end, with the words and the enhanced code that fit the verb.

    Args:
        verb: The verb that it answers, or `CONNECT` or `DOT`.
        code: The reply code.
    """
    enhanced, words = _at(verb, code)
    if verb in _WITHOUT_ENHANCED_CODES or code // 100 == 3:
        return f"{code} {words}"
    return f"{code} {enhanced} {words}"


def _counted(text: str, rest: str) -> tuple[str, dict[str, int | float]]:
    """Split what follows `VERB=` into the kind of fault, and when it happens."""
    found = _WHEN.fullmatch(rest)
    if found is None:
        return rest, {}
    counts: dict[str, int | float] = {}
    if found["count"]:
        counts["first"] = int(found["count"])
        counts["last"] = 0 if found["more"] else int(found["count"])
    if found["chance"]:
        counts["chance"] = float(found["chance"])
    if counts.get("first") == 0 or not 0 < counts.get("chance", 1.0) <= 100:
        raise UsageError(
            f"The fault {_quoted(text)} never happens: @ counts from 1, and % takes more than 0 and up to 100."
        )
    return found["what"], counts


def _literal(mischief: Mischief) -> Callable[[str, str], Fault | None]:
    """Return what parses a kind of fault that is one word."""
    return lambda verb, what: Fault(verb, mischief) if what.lower() == mischief.value else None


def _parse_reply(verb: str, what: str) -> Fault | None:
    return Fault(verb, Mischief.REPLY, code=int(what)) if _CODE.fullmatch(what) else None


def _parse_delay(verb: str, what: str) -> Fault | None:
    found = _DELAY.fullmatch(what)
    if found is None or float(found[1]) > LONGEST_DELAY:
        return None
    return Fault(verb, Mischief.DELAY, seconds=float(found[1]))


def _reply_acts(fault: Fault, _: bytes) -> tuple[Act, ...]:
    return (Send(fault.reply().encode("ascii") + CRLF),)


def _wrong_acts(fault: Fault, _: bytes) -> tuple[Act, ...]:
    # 354 asks for mail data that nobody has announced; where it is right, 250 takes its place.
    code = 250 if fault.verb in ("DATA", "CONNECT") else 354
    return (Send(reply_line(fault.verb, code).encode("ascii") + CRLF),)


def _cut_acts(_: Fault, reply: bytes) -> tuple[Act, ...]:
    return (Send(reply[: max(1, len(reply) // 2)]), HangUp())


def _pieces_acts(_: Fault, reply: bytes) -> tuple[Act, ...]:
    size = max(1, -(-len(reply) // _MOST_PIECES))
    acts: list[Act] = []
    for start in range(0, len(reply), size):
        acts += [Send(reply[start : start + size]), Pause(PIECE_SECONDS)]
    return tuple(acts[:-1])


def _garbage_acts(fault: Fault, reply: bytes) -> tuple[Act, ...]:
    if fault.verb != "STARTTLS" or not reply.startswith(b"220"):
        return (Send(_GARBAGE),)
    # The client begins the handshake first; what is sent before that could be taken for text after the 220.
    return (Send(reply), Hear(), Send(_GARBAGE), Hear(), HangUp())


KINDS: Final[tuple[FaultKind, ...]] = (
    FaultKind(Mischief.REPLY, "CODE", "answer with this code: rcpt=451", Phase.INSTEAD, _reply_acts, _parse_reply),
    FaultKind(
        Mischief.WRONG,
        "wrong",
        "answer with a code that the command never has",
        Phase.INSTEAD,
        _wrong_acts,
        _literal(Mischief.WRONG),
    ),
    FaultKind(
        Mischief.DROP,
        "drop",
        "close the connection without a reply",
        Phase.INSTEAD,
        lambda fault, reply: (HangUp(at_once=True),),
        _literal(Mischief.DROP),
    ),
    FaultKind(
        Mischief.RESET,
        "reset",
        "reset the connection",
        Phase.INSTEAD,
        lambda fault, reply: (HangUp(reset=True, at_once=True),),
        _literal(Mischief.RESET),
    ),
    FaultKind(
        Mischief.SILENT,
        "silent",
        "never answer, and leave the connection open",
        Phase.INSTEAD,
        lambda fault, reply: (),
        _literal(Mischief.SILENT),
    ),
    FaultKind(
        Mischief.DELAY,
        "delay:SECONDS",
        "answer later",
        Phase.BEFORE,
        lambda fault, reply: (Pause(fault.seconds),),
        _parse_delay,
    ),
    FaultKind(
        Mischief.CUT,
        "cut",
        "send half of the reply, and close",
        Phase.REPLY,
        _cut_acts,
        _literal(Mischief.CUT),
    ),
    FaultKind(
        Mischief.PIECES,
        "pieces",
        "send the reply in pieces, one after the other",
        Phase.REPLY,
        _pieces_acts,
        _literal(Mischief.PIECES),
    ),
    FaultKind(
        Mischief.GARBAGE,
        "garbage",
        "no reply of SMTP; STARTTLS: no TLS after the 220",
        Phase.REPLY,
        _garbage_acts,
        _literal(Mischief.GARBAGE),
    ),
)
"""The kinds of faults, in the order of the help."""

_BY_MISCHIEF: Final = {kind.mischief: kind for kind in KINDS}
_VERB = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}")
_CODE = re.compile(r"[2-5][0-9]{2}", re.ASCII)
_DELAY = re.compile(r"delay:([0-9]{1,6}(?:\.[0-9]{1,6})?)", re.ASCII | re.IGNORECASE)
_WHEN = re.compile(
    r"(?P<what>[^@%]*)(?:@(?P<count>[0-9]{1,9})(?P<more>\+)?)?(?:%(?P<chance>[0-9]{1,3}(?:\.[0-9]{1,6})?))?", re.ASCII
)
_WITHOUT_ENHANCED_CODES = frozenset({"CONNECT", "EHLO", "HELO", "LHLO"})

_WORDS: dict[int, tuple[str, str]] = {
    220: ("2.0.0", "practice.example Ready"),
    221: ("2.0.0", "Bye"),
    235: ("2.7.0", "Authentication successful"),
    334: ("", ""),
    354: ("", "End data with <CR><LF>.<CR><LF>"),
    421: ("4.3.2", "Service not available, closing the connection"),
    432: ("4.7.12", "A password transition is needed"),
    450: ("4.2.0", "Mailbox unavailable, try again later"),
    451: ("4.3.0", "Local error in processing, try again later"),
    452: ("4.3.1", "Insufficient system storage"),
    454: ("4.7.0", "Temporary authentication failure"),
    455: ("4.5.4", "Parameters cannot be accommodated now"),
    500: ("5.5.2", "Syntax error, command not recognized"),
    501: ("5.5.4", "Syntax error in parameters or arguments"),
    502: ("5.5.1", "Command not implemented"),
    503: ("5.5.1", "Bad sequence of commands"),
    504: ("5.5.4", "Command parameter not implemented"),
    521: ("5.3.2", "This host does not accept mail"),
    530: ("5.7.0", "Authentication required"),
    534: ("5.7.9", "Authentication mechanism is too weak"),
    535: ("5.7.8", "Authentication credentials invalid"),
    538: ("5.7.11", "Encryption required for the requested authentication mechanism"),
    550: ("5.7.1", "Refused by policy"),
    551: ("5.1.6", "User not local"),
    552: ("5.3.4", "Message is too big"),
    553: ("5.1.3", "Mailbox name not allowed"),
    554: ("5.0.0", "Transaction failed"),
    555: ("5.5.4", "Parameters not recognized or not implemented"),
    556: ("5.1.10", "The domain does not accept mail"),
}
_AT_A_VERB: dict[tuple[str, int], tuple[str, str]] = {
    ("STARTTLS", 454): ("4.7.0", "TLS not available for a temporary reason"),
    ("RCPT", 450): ("4.2.1", "Mailbox is busy, try again later"),
    ("RCPT", 452): ("4.5.3", "Too many recipients"),
    ("RCPT", 550): ("5.1.1", "There is no such mailbox here"),
    ("RCPT", 552): ("5.2.2", "Mailbox is full"),
    ("CONNECT", 554): ("", "practice.example No SMTP service here"),
}
_BY_CLASS = {2: ("2.0.0", "Ok"), 3: ("", "Go on"), 4: ("4.0.0", "Not now, try again later"), 5: ("5.0.0", "Refused")}


def _at(verb: str, code: int) -> tuple[str, str]:
    return _AT_A_VERB.get((verb, code)) or _WORDS.get(code) or _BY_CLASS[code // 100]


def _quoted(text: str) -> str:
    return quoted(escape_str(text[:80]), SINGLE)
