"""Reply text with placeholders for what differs between runs: host names, dates, queue ids and numbers."""

from __future__ import annotations

import re

_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = rb"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_ZONE = rb"(?: ?(?:Z\b|[+-][0-9]{2}:?[0-9]{2}|GMT|UTC|[A-Z]{3,4}\b))?(?: \([A-Za-z]{1,6}\))?"
_DATE = re.compile(
    rb"(?:%(day)b,? )?[0-9]{1,2} %(month)b [0-9]{4},? %(clock)b%(zone)b"
    rb"|%(day)b %(month)b [ 0-9][0-9] %(clock)b(?: [A-Z]{3,4})? [0-9]{4}"
    rb"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]%(clock)b%(zone)b)?"
    rb"|\b[0-9]{2}:[0-9]{2}:[0-9]{2}\b" % {b"day": _DAY, b"month": _MONTH, b"clock": _CLOCK, b"zone": _ZONE}
)
_ADDRESS = re.compile(rb"\[?(?:\bIPv6:[0-9A-Fa-f:.]+|\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b)\]?")
_MESSAGE_ID = re.compile(
    rb"<[^<>@\s]{1,200}@[^<>@\s]{1,255}>(?= (?:queued|saved|accepted|delivered|\[))", re.IGNORECASE
)
_HOST = re.compile(rb"(?<![\w.-])(?:[A-Za-z0-9_-]{1,63}\.){1,20}[A-Za-z][A-Za-z0-9-]{1,62}(?![\w-])")
_NAMED_ID = re.compile(
    rb"(\b(?:queued|saved|accepted|delivered|message|mail) as |\bid[= :]+|queue[- ]?id[= :]+|\bmsgid[= :]+)[^\s;,()]+",
    re.IGNORECASE,
)
# A word of at least eight characters with both letters and digits. No English word looks like that.
_ID = re.compile(
    rb"(?<![\w.@<-])(?=[A-Za-z0-9/+_-]{8,100}(?![\w@.]))(?=[A-Za-z/+_-]*[0-9])(?=[0-9/+_-]*[A-Za-z])[A-Za-z0-9/+_-]+"
)
_NUMBER = re.compile(rb"(?<![\w.])[0-9]+(?![\w]|\.[0-9])")
# The replies to these contain keywords with digits, such as 8BITMIME, which are not ids.
_ANNOUNCES = frozenset(("EHLO", "LHLO", "HELO"))


def normalise(text: bytes, *, code: int = 0, verb: str = "", greets: bool = False) -> bytes:
    """Replace what differs between runs in a line of a reply by placeholders.

    Args:
        text: The text of the line, following the reply code and its separator.
        code: The reply code. The text of a 334 reply is a challenge, which differs as a whole.
        verb: The verb of the command that the reply answers; may be empty.
        greets: Whether the line is the first of a greeting or of a reply to EHLO, so that its first word is the server's name.
    """
    if code == 334:
        return b"<challenge>"
    text = _DATE.sub(b"<date>", text)
    text = _MESSAGE_ID.sub(b"<id>", text)
    text = _NAMED_ID.sub(rb"\1<id>", text)
    text = _ADDRESS.sub(b"<host>", text)
    text = _HOST.sub(b"<host>", text)
    if greets:
        _, space, rest = text.partition(b" ")
        text = b"<host>" + space + rest
    elif verb not in _ANNOUNCES:
        text = _ID.sub(b"<id>", text)
    return _NUMBER.sub(b"<n>", text)
