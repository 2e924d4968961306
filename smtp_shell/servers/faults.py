"""Misbehaviour on demand: what a server of ours is told to do wrong, and at which command."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.protocol.foreseen import FORESEEN
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted

LONGEST_DELAY = 3600.0

PLACES = (*FORESEEN, "CONNECT", "DOT")
"""Where a fault can be: at a command, at the greeting, or at the end of the mail data."""


class Mischief(Enum):
    """What goes wrong."""

    REPLY = "reply"
    DROP = "drop"
    DELAY = "delay"


class Fault(Struct, frozen=True):
    """One thing to do wrong at one command.

    Args:
        verb: The command's verb in upper case, `CONNECT` for the greeting, or `DOT` for the end of the mail data.
        mischief: What to do.
        code: The reply code to answer with; 0 unless `mischief` is `REPLY`.
        seconds: How long to wait before going on; 0 unless `mischief` is `DELAY`.
    """

    verb: str
    mischief: Mischief
    code: int = 0
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Parse `VERB=CODE`, `VERB=drop` or `VERB=delay:SECONDS`.

        Args:
            text: The value of `--fault`.

        Raises:
            UsageError: It is none of the three.
        """
        verb, _, what = text.partition("=")
        if not _VERB.fullmatch(verb):
            raise UsageError(
                f"The fault {_quoted(text)} names no command: write it as VERB=CODE, VERB=drop or VERB=delay:SECONDS."
            )
        verb = verb.upper()
        if verb not in PLACES:
            raise UsageError(
                f"The fault {_quoted(text)} is at no command: write one of {', '.join(FORESEEN)}; or CONNECT for the greeting, "
                "or DOT for the end of the mail data."
            )
        if what.lower() == "drop":
            return cls(verb, Mischief.DROP)
        if _CODE.fullmatch(what):
            return cls(verb, Mischief.REPLY, code=int(what))
        seconds = _DELAY.fullmatch(what)
        if seconds is not None and float(seconds[1]) <= LONGEST_DELAY:
            return cls(verb, Mischief.DELAY, seconds=float(seconds[1]))
        raise UsageError(
            f"The fault {_quoted(text)} is not understood: after {verb}= comes a reply code from 200 to 599, drop, "
            f"or delay:SECONDS of at most {LONGEST_DELAY:.0f}."
        )

    def reply(self) -> str:
        """Return the reply line for `code`, without its line end, with the words and the enhanced code that fit the verb.

        Source: RFC 2034 section 4 (no enhanced code in the greeting and in what answers HELO and EHLO), RFC 3463 section 3
        """
        enhanced, words = _at(self.verb, self.code)
        if self.verb in _WITHOUT_ENHANCED_CODES or self.code // 100 == 3:
            return f"{self.code} {words}"
        return f"{self.code} {enhanced} {words}"


def parse_faults(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Parse all the faults that were asked for.

    Raises:
        UsageError: One of them cannot be read.
    """
    return tuple(Fault.parse(text) for text in texts)


_VERB = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}")
_CODE = re.compile(r"[2-5][0-9]{2}", re.ASCII)
_DELAY = re.compile(r"delay:([0-9]{1,6}(?:\.[0-9]{1,6})?)", re.ASCII | re.IGNORECASE)
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
