"""The replies of a mock server: as recorded, made up for what a transcript only expects, and with today's date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.matching.pattern import PatternTooSlow
from smtp_shell.protocol.foreseen import FORESEEN
from smtp_shell.protocol.octets import CRLF, escape, unescape
from smtp_shell.servers.faults import reply_line
from smtp_shell.servers.mock.sampling import NoSample, sample
from smtp_shell.servers.mock.script import Exchange, Says, ScriptedReply, Then
from smtp_shell.transcript.step import Marker
from smtp_shell.transcript.variables import local_now, rfc5322_date

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply
    from smtp_shell.matching.pattern import Pattern

HOST: Final = "mock.example"
"""The server's name where the transcript does not say one."""

GREETING: Final = "CONNECT"
DOT: Final = "DOT"

_DATE = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9 ]?[0-9] (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    rb"[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
)
_HOST = re.compile(
    rb"220[ -]([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+)[\s]"
)
_GOOD = {GREETING: 220, DOT: 250, "DATA": 354, "STARTTLS": 220, "QUIT": 221, "AUTH": 235, "HELP": 214}
_REFUSALS = {4: 451, 5: 550}
_HELLOS = frozenset({"EHLO", "LHLO"})


class Unservable(Exception):
    """A line that a server cannot say.

    Args:
        line: Its number in the file.
        problem: What is wrong.
        expected: What would do.
    """

    def __init__(self, line: int, problem: str, expected: str) -> None:
        super().__init__(problem)
        self.line, self.problem, self.expected = line, problem, expected


def good_code(verb: str) -> int:
    """Return the reply code of success.

    Args:
        verb: A command's verb, `GREETING` or `DOT`.
    """
    return _GOOD.get(verb) or min(FORESEEN.get(verb, {250}))


def made_up(verb: str, keywords: Sequence[str] = ()) -> ScriptedReply:
    """Return a good reply for a place where the transcript has none.

    Args:
        verb: What it answers.
        keywords: What EHLO announces.
    """
    code = good_code(verb)
    if verb in _HELLOS:
        lines = [HOST, *keywords]
        text = "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])
    elif verb == GREETING:
        text = f"220 {HOST} ESMTP"
    elif verb == "HELO":
        text = f"250 {HOST}"
    else:
        text = reply_line(verb, code)
    return ScriptedReply(text.encode() + CRLF, code)


def made_up_exchange(verb: str, exchanges: Sequence[Exchange], *, is_tls: bool) -> Exchange:
    """Return the answer to a command that the transcript does not have, other than AUTH.

    Args:
        verb: Its verb; empty for none.
        exchanges: What the transcript has.
        is_tls: Whether TLS has started.
    """
    then = Then.NOTHING
    if verb == "STARTTLS" and not is_tls:
        then = Then.TLS
    elif verb == "QUIT":
        then = Then.CLOSE
    elif not verb or verb == "STARTTLS":
        refusal = reply_line(verb, 503 if verb else 500).encode() + CRLF
        return Exchange(Says.LINE, 0, verb=verb, replies=(ScriptedReply(refusal, int(refusal[:3])),))
    known = next((each for each in exchanges if each.verb == verb and verb in _HELLOS), None)
    replies = known.replies[:1] if known is not None else (made_up(verb),)
    return Exchange(Says.LINE, 0, verb=verb, replies=replies, then=then)


def scripted(
    expected: ExpectedReply, verb: str, keywords: Sequence[str] = (), *, is_recording: bool, may_end: bool
) -> ScriptedReply:
    """Return what to send where the transcript expects a reply.

    Args:
        expected: The reply as the transcript has it.
        verb: What it answers.
        keywords: What EHLO announces, where the transcript has only the code of the reply.
        is_recording: Whether a program recorded it, so that each line is what a server said.
        may_end: Whether the reply may end in the middle, because the recorded dialogue did.

    Raises:
        Unservable: A line can be no reply's, or its pattern is too much to make up a text.
    """
    first = expected.lines[0]
    is_bare = not is_recording and len(expected.lines) == 1 and first.marker is Marker.SERVER and not first.words
    if is_bare and verb in _HELLOS and _code_for(first, verb) == good_code(verb):
        return replace(made_up(verb, keywords), line=first.line)
    captures: dict[str, bytes] = {}
    octets = b""
    last = len(expected.lines) - 1
    for number, line in enumerate(expected.lines):
        octets += _said(line, verb, captures, is_last=number == last)
    if expected.is_unfinished and not is_recording and not may_end:
        octets += octets[:3] + b" " + (b"HELP" if verb in _HELLOS else b"Ok") + CRLF
    code = int(octets[:3]) if octets[:3].isdigit() else 0
    is_plain = all(line.marker is not Marker.SERVER_OCTETS for line in expected.lines)
    has_date = is_plain and _DATE.search(octets) is not None
    return ScriptedReply(octets, code, first.line, has_date=has_date, captures=captures)


def refreshed(octets: bytes) -> bytes:
    """Return a reply with the dates in it set to now.

    Args:
        octets: The reply.
    """
    return _DATE.sub(rfc5322_date(local_now()).encode(), octets)


def greeting_host(greeting: Sequence[ScriptedReply]) -> str:
    """Return the name of the host in a greeting; empty if there is none."""
    found = _HOST.match(greeting[0].octets) if greeting else None
    return found[1].decode() if found else ""


def _code_for(line: ExpectedLine, verb: str) -> int:
    """Return the reply code to take where an `S:` line accepts several."""
    good = good_code(verb)
    if line.accepts(good):
        return good
    usual = (*sorted(FORESEEN.get(verb, ())), *_REFUSALS.values())
    found = next((code for code in (*usual, *range(200, 600), *range(1000)) if line.accepts(code)), 0)
    return found


def _said(line: ExpectedLine, verb: str, captures: dict[str, bytes], *, is_last: bool) -> bytes:
    if line.pattern is not None:
        text = _matching(line, line.pattern, verb, is_last=is_last)
        found = line.pattern.match(text) or {}
        captures |= {name: unescape(value) for name, value in found.items()}
        return unescape(text) + CRLF
    if line.marker is Marker.SERVER and (line.is_wild or len(line.text) == 3):
        # Some clients take a code without a space after it for no reply.
        return str(_code_for(line, verb)).encode() + (b"-" if line.continues else b" ") + line.words + CRLF
    return line.octets


def _matching(line: ExpectedLine, pattern: Pattern, verb: str, *, is_last: bool) -> str:
    """Return a line that a pattern matches, in the notation of `escape`.

    Raises:
        Unservable: None was found.
    """
    try:
        text = escape(sample(pattern.text).encode("utf-8", "surrogateescape"))
        code = good_code(verb)
        sign = " " if is_last else "-"
        for candidate in (text, f"{code}{sign}{text}", f"{code} {text}"):
            # A pattern may leave open what follows the code.
            for tried in (f"{candidate[:3]}{sign}{candidate[4:]}", candidate, f"{candidate[:3]}{sign}{candidate[3:]}"):
                if re.match(r"[2-5][0-9]{2}(?:[ -]|\Z)", tried) and pattern.match(tried) is not None:
                    return tried
    except (NoSample, PatternTooSlow, re.error, UnicodeEncodeError):
        pass
    raise Unservable(
        line.line, "the mock server cannot make up a reply that this pattern matches", "S: or S= with the reply itself"
    )


def for_recipients(
    replies: tuple[ScriptedReply, ...], recorded: int | None, accepted: int
) -> tuple[ScriptedReply, ...]:
    """Return the replies to a message in LMTP: as recorded for as many recipients as recorded, else one for each that was accepted.

    Args:
        replies: Those of the transcript.
        recorded: For how many recipients they are; None where the transcript has no message here.
        accepted: How many recipients there are now.

    Source: RFC 2033 section 4.2
    """
    if recorded == accepted or not replies or not accepted or replies[0].code // 100 != 2:
        return replies
    missing = accepted - len(replies)
    return (*replies, *replies[-1:] * missing) if missing > 0 else replies[:accepted]
