"""Reply text with placeholders for what differs between runs: host names, dates, ids, durations, sizes and numbers.

The rules, with an example for each, are in the table of `transcripts/README.md`, Matching. A test runs the examples. To add a rule, add its
row to `RULES` here and its row there. The text is read once, from left to right; where two rules match, the one further up wins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK = rb"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[AP]M\b)?"
_ZONE = rb"(?: ?(?:Z\b|[+-][0-9]{2}:?[0-9]{2}|GMT|UTC|[A-Z]{3,4}\b))?(?: \([A-Za-z]{1,6}\))?"
_TIME = rb"%(clock)b%(zone)b" % {b"clock": _CLOCK, b"zone": _ZONE}
_DATE = (
    rb"(?:%(day)b,? {1,2})?(?<![0-9])[0-9]{1,2}[ -]%(month)b[ -][0-9]{4}\b(?:,? %(time)b)?"
    rb"|(?:%(day)b,? )?\b%(month)b [ 0-9]?[0-9](?:,? [0-9]{4})?,? %(time)b(?: [0-9]{4}\b)?"
    rb"|\b[0-9]{4}[/-][0-9]{2}[/-][0-9]{2}(?![0-9])(?:[T ]%(time)b)?"
    rb"|\b[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}\b(?:,? %(time)b)?"
    rb"|\b[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?\b" % {b"day": _DAY, b"month": _MONTH, b"time": _TIME}
)
_HEX = rb"[0-9A-Fa-f]"
_UUID = rb"(?<![\w-])%(hex)b{8}-(?:%(hex)b{4}-){3}%(hex)b{12}(?:[.:/-]\w{1,40}){0,4}(?![\w-])" % {b"hex": _HEX}
_ADDRESS = rb"\[?(?:\bIPv6:[0-9A-Fa-f:.]+|(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?\w))\]?"
_MESSAGE_ID = rb"<[^<>@\s]{1,200}@[^<>@\s]{1,255}>(?= (?i:queued|saved|accepted|delivered|\[))"
_HOST = rb"(?<![\w.-])(?:[A-Za-z0-9_-]{1,63}\.){1,20}[A-Za-z][A-Za-z0-9-]{1,62}(?![\w-])"
# What stands before the id is kept. "id unknown" is none: after a space an id holds a digit.
_NAMED_ID = (
    rb"(?P<before>\b(?i:(?:queued|saved|accepted|delivered|message|mail) as "
    rb"|(?:queue[- ]?id|msgid|id)(?:[=:]+ ?| (?=[^\s;,()]{0,100}[0-9]))))[^\s;,()\]]+"
)
# In brackets an id may be short, and hold dots.
_BRACKETED_ID = (
    rb"(?<=\[)(?:(?=[^\]\s]{0,100}[0-9])(?=[^\]\s]{0,100}[A-Za-z])[A-Za-z0-9/+_.:=-]{4,100}|%(hex)b{8,100})(?=\])"
    % {b"hex": _HEX}
)
_WORD = rb"[A-Za-z0-9/+_-]"
# A word of at least eight characters with both letters and digits. No English word looks like that.
_ID = (
    rb"(?=%(word)b{8,100}={0,2}(?::\w{1,40})?(?![\w@=/+-]|\.\w))"
    rb"(?=[A-Za-z/+_-]*[0-9])(?=[0-9/+_-]*[A-Za-z])%(word)b+={0,2}(?::\w{1,40})?" % {b"word": _WORD}
)
# Base64 of 15 octets or more may have no digit. A capital, or a sign, comes soon after the one before it, and small letters end soon: in
# 400,000 ids of 16 octets 500 look otherwise. No word does, nor do SuchNamesOfErrors; before "Saved", of Dovecot, no word stands.
_SOON = rb"[A-Z/+][a-z]{0,2}(?=[A-Z/+])"
_CASED_ID = (
    rb"(?=[A-Za-z/+_-]{20,100}={0,2}(?::\w{1,40})?(?![\w@=/+-]|\.\w))(?=(?:[A-Z/+]*+[a-z]++){3})"
    rb"(?![A-Za-z/+_-]{0,100}?[a-z]{8})(?=(?:(?:(?!%(soon)b)[A-Za-z/+_-])*+%(soon)b){4})"
    rb"[A-Za-z/+_-]++={0,2}(?::\w{1,40})?"
    rb"|[A-Za-z/+]{22}(?::\w{1,40})?(?= Saved\b)" % {b"soon": _SOON}
)
# With dots, some part of it has six characters or more with both. So Postfix-3.7.11 is none.
_DOTTED_ID = (
    rb"(?=%(word)b{1,100}\.)(?=[A-Za-z0-9/+_.-]{0,100}?(?<![A-Za-z0-9])(?=[A-Za-z]{0,100}[0-9])(?=[0-9]{0,100}[A-Za-z])[A-Za-z0-9]{6})"
    rb"%(word)b+(?:\.%(word)b+){1,20}(?![\w@]|\.\w)" % {b"word": _WORD}
)
_NUMERAL = rb"(?<![\w.])[0-9]{1,30}(?:[.,][0-9]{1,30})?"
# A unit ends there; base64 that begins with 3s+ or 6B/ goes on.
_END = rb"(?!\w|[+/][\w+/]{10})"
_UNIT = rb" ?(?:ms|us|secs?|seconds?|s|mins?|minutes?|hrs?|hours?|days?)%b" % _END
_DURATION = (
    rb"%(number)b%(unit)b"
    rb"|(?<![\w.])(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|us|[dhms])){2,6}(?!\w)" % {b"number": _NUMERAL, b"unit": _UNIT}
)
_SIZE = rb"%(number)b ?(?:%%|[kKMGT]?i?(?:[Bb]ytes?|[Oo]ctets?|B)(?:/s(?:ec)?)?%(end)b)" % {
    b"number": _NUMERAL,
    b"end": _END,
}
_TAKEN = rb"(?P<lead>\b(?:in|took|after) )[0-9]{1,30}\.[0-9]{1,30}(?:%b|(?!\w|\.\w| ?[kKMGT]?i?B))" % _UNIT
_NUMBER = rb"(?<![\w.])[0-9]+(?!\w|\.[0-9])"

_NAME = b"<name>"  # one placeholder for hosts, ids and numbers: some ids look like a host, or like a number
RULES: Final = (
    (b"uuid", _UUID, _NAME),
    (b"date", _DATE, b"<date>"),
    (b"message_id", _MESSAGE_ID, _NAME),
    (b"named_id", _NAMED_ID, _NAME),
    (b"address", _ADDRESS, _NAME),
    (b"host", _HOST, _NAME),
    (b"bracketed_id", _BRACKETED_ID, _NAME),
    (b"duration", _DURATION, b"<duration>"),
    (b"size", _SIZE, b"<size>"),
    (b"taken", _TAKEN, b"<duration>"),
    (b"id", rb"(?<![\w.@</+-])(?:%b|%b|%b)" % (_ID, _CASED_ID, _DOTTED_ID), _NAME),
    (b"number", _NUMBER, _NAME),
)
"""Name, pattern, placeholder."""

_PLACEHOLDERS = {name.decode(): placeholder for name, _, placeholder in RULES}
_ALL = re.compile(b"|".join(b"(?P<%b>%b)" % (name, pattern) for name, pattern, _ in RULES))
# The lines of an EHLO reply name extensions, such as 8BITMIME or SIZE 1000: words and numbers mean something there.
_HOSTS_ONLY = re.compile(b"(?P<address>%b)|(?P<host>%b)" % (_ADDRESS, _HOST))
_ANNOUNCING = ("EHLO", "LHLO")
_CHALLENGING = (235, 334)
_KEPT = {"named_id": "before", "taken": "lead"}
"""Rule -> the group that is kept in front of the placeholder."""


def normalise(text: bytes, *, code: int = 0, verb: str = "", greets: bool = False) -> bytes:
    """Replace what differs between runs in a line of a reply by placeholders.

    Args:
        text: The text of the line, following the reply code and its separator.
        code: The reply code. The text of a 334 reply to AUTH is a challenge.
        verb: The verb of the command that the reply answers; may be empty.
        greets: Whether the line is the first of a greeting or of a reply to EHLO, so that its first word is the server's name.
    """
    if verb == "AUTH" and code in _CHALLENGING:
        from smtp_shell.matching.challenge import without_random

        return without_random(text, code)
    pattern = _pattern(code, verb, greets=greets)
    if not greets:
        return pattern.sub(_placeholder, text)
    _, space, rest = text.partition(b" ")
    return _NAME + pattern.sub(_placeholder, space + rest)


def difference_at(expected: bytes, received: bytes, *, code: int = 0, verb: str = "", greets: bool = False) -> int:
    """Return the offset in a received line at which it begins to differ from the expected one, in what counts.

    Args:
        expected: The expected text.
        received: The text that came.
        code: As for `normalise`.
        verb: As for `normalise`.
        greets: As for `normalise`.
    """
    wanted = [unit for unit, _ in _units(expected, code, verb, greets=greets)]
    for number, (unit, offset) in enumerate(_units(received, code, verb, greets=greets)):
        if number >= len(wanted) or wanted[number] != unit:
            return offset
    return len(received)


def _units(text: bytes, code: int, verb: str, *, greets: bool) -> Iterator[tuple[bytes, int]]:
    """Yield each octet that counts, and each placeholder, with its offset in the text."""
    for start, piece, is_literal in _pieces(text, code, verb, greets=greets):
        if is_literal:
            yield from ((piece[at : at + 1], start + at) for at in range(len(piece)))
        else:
            yield piece, start


def _pieces(text: bytes, code: int, verb: str, *, greets: bool) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the pieces of a text without the server's name: offset, what stands for the piece, and whether that is the piece itself."""
    if verb == "AUTH" and code in _CHALLENGING:
        kept = normalise(text, code=code, verb=verb)
        yield 0, kept, kept == text
        return
    at = 0
    if greets:
        at = text.find(b" ") if b" " in text else len(text)
    for found in _pattern(code, verb, greets=greets).finditer(text, at):
        start = found.end(_KEPT[found.lastgroup]) if found.lastgroup in _KEPT else found.start()
        yield at, text[at:start], True
        yield start, _PLACEHOLDERS[str(found.lastgroup)], False
        at = found.end()
    yield at, text[at:], True


def _pattern(code: int, verb: str, *, greets: bool) -> re.Pattern[bytes]:
    return _HOSTS_ONLY if verb in _ANNOUNCING and code < 400 and not greets else _ALL


def _placeholder(found: re.Match[bytes]) -> bytes:
    rule = str(found.lastgroup)
    kept: bytes = found[_KEPT[rule]] if rule in _KEPT else b""
    return kept + _PLACEHOLDERS[rule]
