"""The text of replies without what differs from one run to the next: host names, dates, queue ids and sizes."""

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
# Letters and digits in one word, with at least two changes between them or of some length: no English word looks so.
_ID = re.compile(
    rb"(?<![\w.@<-])(?=[A-Za-z0-9/+_-]{8,100}(?![\w@.]))(?=[A-Za-z/+_-]*[0-9])(?=[0-9/+_-]*[A-Za-z])[A-Za-z0-9/+_-]+"
)
_NUMBER = re.compile(rb"(?<![\w.])[0-9]+(?![\w]|\.[0-9])")
_ANNOUNCES = frozenset(("EHLO", "LHLO", "HELO"))


def normalise(text: bytes, *, code: int = 0, verb: str = "", greets: bool = False) -> bytes:
    """Put placeholders where the text of a reply line differs from run to run.

    Args:
        text: The text of one line, behind its code.
        code: The reply code.
        verb: The verb of the command that it answers; empty for none.
        greets: Whether it is the first line of a greeting or of the reply to EHLO, whose first word is the server's name.
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
    elif verb not in _ANNOUNCES:  # what these announce has words such as 8BITMIME
        text = _ID.sub(b"<id>", text)
    return _NUMBER.sub(b"<n>", text)
