"""Logs of mail servers that are tables: Exchange, IIS, hMailServer, MailEnable."""

from __future__ import annotations

import csv
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import SURE, Dialect, Kind, Line, Record
from smtp_shell.importers.times import clock_seconds
from smtp_shell.importers.voices import REPLY, Said, Voices

_EXCHANGE: Final = (
    "date-time",
    "connector-id",
    "session-id",
    "sequence-number",
    "local-endpoint",
    "remote-endpoint",
    "event",
    "data",
    "context",
)
_EXCHANGE_ROW = re.compile(
    r"\"?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?\"?,[^,]*,\"?[0-9A-Fa-f]{8,16}\"?,[0-9]+,[^,]*,[^,]*,\"?[-+><*]\"?,"
)
_TLS_DONE = re.compile(
    r"TLS protocol (?:SP_PROT_)?(?P<protocol>TLS[\w.]*?)(?:_SERVER"
    r"|_CLIENT)? negotiation succeeded(?: using (?:bulk )?(?:encryption algorithm|cipher suite) (?P<cipher>\w+))?",
    re.IGNORECASE,
)
_HMAIL = re.compile(
    r"\"(?P<role>SMTPD"
    r"|SMTPC)\"\t(?P<thread>[0-9]+)\t(?P<session>[0-9]+)\t\"(?P<time>[^\"]*)\"\t\"(?P<ip>[^\"]*)\""
    r"\t\"(?P<who>SENT|RECEIVED): (?P<text>.*)\"\s*$"
)
_HMAIL_END = re.compile(
    r"\"(?:DEBUG|TCPIP)\"\t[0-9]+\t\"[^\"]*\"\t\"(?:Ending session|.*Ending session) (?P<session>[0-9]+)\""
)
_MAILENABLE = re.compile(
    r"(?P<time>[0-9/. -]{6,10} [0-9:]{7,8})\t(?P<way>SMTP-(?:IN"
    r"|OU))\t(?P<id>[^\t]*)\t(?P<socket>[0-9]+)\t(?P<ip>[^\t]*)\t(?P<verb>[^\t]*)\t(?P<command>[^\t]*)\t(?P<reply>[^\t]*)"
)
_IIS_FIELDS = re.compile(r"#Fields: .*\bcs-method\b.*\bcs-uri-query\b")
_MOST_HELD = 1_000
_LONGEST_ROW = 1_000_000
_NO_TEXT = "the log has only the code of this reply"
_FIRST_LINE = "the log has only the first line of this reply"
_ONE_LINE = "the log has the lines of this reply as one"


def cells(text: str) -> list[str]:
    """Return the cells of a line of comma-separated values."""
    if len(text) > _LONGEST_ROW or "\0" in text:
        return []
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return []


# Exchange


def _parse_exchange(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    fields: Sequence[str] = _EXCHANGE
    sends = False
    known: dict[str, bool] = {}
    for line in lines:
        text = line.text.lstrip("\ufeff")
        if text.startswith("#"):
            if text.startswith("#Fields:"):
                fields = tuple(name.strip().lower() for name in text[8:].split(","))
            elif text.startswith("#Log-type:"):
                sends = "Send" in text
            continue
        row = dict(zip(fields, cells(text), strict=False))
        key, event = row.get("session-id", ""), row.get("event", "")
        if not key or event not in tuple("+-><*"):
            continue
        number = clock_seconds(row.get("date-time", ""))
        yield from _exchange_row(voices, key, row, sends, Line(text, line.number, number), known)
    yield from voices.finish()


def _exchange_row(
    voices: Voices, key: str, row: dict[str, str], sends: bool, line: Line, known: dict[str, bool]
) -> Iterator[Record]:
    event, data = row["event"], row.get("data", "")
    if event == "+":
        yield from voices.open(key, row.get("remote-endpoint" if sends else "local-endpoint", "")[:255])
    elif event == "-":
        who = row.get("context", "")
        yield from voices.happened(key, Kind.CLOSE, "server" if (who == "Remote") == sends else "", line)
        yield from voices.over(key)
    elif event == "*":
        if found := _TLS_DONE.search(f"{data} {row.get('context', '')}"):
            version = _version(found["protocol"])
            yield from voices.happened(key, Kind.TLS, f"{version} {found['cipher'] or ''}".rstrip(), line)
    else:
        by_server = (event == "<") == sends
        if by_server and re.match(r"[2-5][0-9]{2}  \S", data):
            yield from voices.happened(key, Kind.NOTE, _ONE_LINE, line)
        for part in re.split(r"\r?\n|\\r\\n", data):
            yield from voices.said(Said(key, part, by_server=by_server), line)


def _version(protocol: str) -> str:
    digits = re.sub(r"[^0-9]", "", protocol.upper().replace("TLS", "", 1))
    return f"TLSv{digits[0]}.{digits[1]}" if len(digits) > 1 else f"TLSv{digits or '1'}"


def _sniff_exchange(lines: Sequence[Line]) -> float:
    for line in lines[:20]:
        text = line.text.lstrip("\ufeff")
        if re.match(r"#Fields: ?date-time,connector-id,session-id", text) or re.match(
            r"#Log-type: SMTP (?:Receive|Send) Protocol", text
        ):
            return 0.99
    return SURE if sum(bool(_EXCHANGE_ROW.match(line.text)) for line in lines) > 1 else 0.0


# IIS


def _parse_iis(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    replies = _Replies(voices)
    fields: Sequence[str] = ()
    greeted: set[object] = set()
    for line in lines:
        if line.text.startswith("#"):
            if line.text.startswith("#Fields:"):
                fields = tuple(line.text[8:].split())
            continue
        row = dict(zip(fields, line.text.split(" "), strict=False))
        if "cs-method" not in row:
            continue
        at = clock_seconds(f"{row.get('date', '')} {row.get('time', '')}")
        yield from _iis_row(voices, replies, row, Line(line.text, line.number, at), greeted)
    yield from replies.finish()
    yield from voices.finish()


def _iis_row(
    voices: Voices, replies: _Replies, row: dict[str, str], line: Line, greeted: set[object]
) -> Iterator[Record]:
    method, query, who = row["cs-method"], row.get("cs-uri-query", "-"), row.get("cs-username", "")
    words = "" if query == "-" else query.replace("+", " ").strip()
    argument = words if query.startswith("+") else ""
    if who in ("OutboundConnectionResponse", "OutboundConnectionCommand"):
        key = ("out", row.get("c-ip", ""))
        if who.endswith("Response"):
            yield from replies.said(key, words, line)
        else:
            yield from replies.end(key)
            yield from voices.said(Said(key, f"{method} {words}".strip(), by_server=False), line)
        return
    key = ("in", row.get("c-ip", ""))
    if method in ("TIMEOUT", "-"):
        return
    if method == "QUIT":
        greeted.discard(key)
    yield from voices.said(Said(key, f"{method} {argument}".strip(), by_server=False), line)
    status = row.get("sc-status", "")
    if re.fullmatch(r"[2-5][0-9]{2}", status):
        yield from voices.happened(key, Kind.NOTE, _NO_TEXT, line)
        if method == "DATA" and status == "250":
            yield from voices.said(Said(key, "354", by_server=True), line)
        yield from voices.said(Said(key, status, by_server=True), line)
    if method == "QUIT":
        yield from voices.over(key)


class _Replies:
    """Replies of a log that has, as a rule, only the first line of each."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._held: dict[Hashable, tuple[str, Line]] = {}  # a line that others may follow

    def said(self, key: Hashable, text: str, line: Line) -> Iterator[Record]:
        yield from self.end(key, text[:3])
        if text[3:4] == "-" and len(self._held) < _MOST_HELD:
            self._held[key] = text, line
        else:
            yield from self._voices.said(Said(key, text, by_server=True), line)

    def end(self, key: Hashable, code: str = "") -> Iterator[Record]:
        """Pass on the line of a session that is held. It was the only one of its reply, unless one of the same code follows."""
        text, line = self._held.pop(key, ("", None))
        if line is None:
            return
        if text[:3] != code:
            yield from self._voices.happened(key, Kind.NOTE, _FIRST_LINE, line)
            text = f"{text[:3]} {text[4:]}"
        yield from self._voices.said(Said(key, text, by_server=True), line)

    def finish(self) -> Iterator[Record]:
        for key in [*self._held]:
            yield from self.end(key)


def _sniff_iis(lines: Sequence[Line]) -> float:
    is_table = any(_IIS_FIELDS.match(line.text) for line in lines[:20])
    is_smtp = any(
        "SMTPSVC" in line.text or "OutboundConnection" in line.text or " SMTP " in line.text for line in lines
    )
    return 0.96 if is_table and is_smtp else 0.0


# hMailServer and MailEnable


def _parse_hmail(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    for line in lines:
        found = _HMAIL.match(line.text)
        if found is None:
            if ended := _HMAIL_END.match(line.text):
                yield from voices.over(("SMTPD", ended["session"]))
                yield from voices.over(("SMTPC", ended["session"]))
            continue
        key = (found["role"], found["session"])
        by_server = (found["who"] == "SENT") == (found["role"] == "SMTPD")
        for part in re.split(r"\[nl\]", found["text"].removesuffix("[nl]")):
            where = Line(part, line.number, clock_seconds(found["time"]))
            yield from voices.said(Said(key, part, by_server=by_server), where)
    yield from voices.finish()


def _parse_mailenable(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    replies = _Replies(voices)
    for line in lines:
        found = _MAILENABLE.match(line.text)
        if found is None:
            continue
        key = (found["way"], found["socket"], found["ip"])
        where = Line(line.text, line.number, clock_seconds(found["time"]))
        yield from replies.end(key)
        if found["command"].strip():
            yield from voices.said(Said(key, found["command"], by_server=False), where)
        reply = found["reply"]
        if REPLY.match(reply):
            yield from replies.said(key, reply, where)
        if found["verb"] == "QUIT":
            yield from voices.over(key)
    yield from replies.finish()
    yield from voices.finish()


def _sniff_hmail(lines: Sequence[Line]) -> float:
    return 0.97 if any(_HMAIL.match(line.text) for line in lines) else 0.0


def _sniff_mailenable(lines: Sequence[Line]) -> float:
    return 0.96 if any(_MAILENABLE.match(line.text) for line in lines) else 0.0


DIALECTS: Final = (
    Dialect(
        name="exchange", title="Exchange's protocol log", sniff=_sniff_exchange, parse=_parse_exchange, keeps_times=True
    ),
    Dialect(
        name="iis", title="the log of IIS's SMTP service (W3C)", sniff=_sniff_iis, parse=_parse_iis, keeps_times=True
    ),
    Dialect(name="hmailserver", title="hMailServer's log", sniff=_sniff_hmail, parse=_parse_hmail, keeps_times=True),
    Dialect(
        name="mailenable",
        title="MailEnable's activity log",
        sniff=_sniff_mailenable,
        parse=_parse_mailenable,
        keeps_times=True,
    ),
)
"""The dialects of this module."""
