"""What Wireshark and tshark list of packets: one row for each of them, as text or CSV, or the tree of its fields (tshark -V)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.importers.table_logs import cells
from smtp_shell.importers.times import clock_seconds
from smtp_shell.importers.voices import REPLY, Said, Voices

_MOST_PARTS = 1_000  # commands or reply lines of one packet
_ROW = re.compile(
    r"\s*[0-9]{1,12}\s+(?P<at>[0-9-]{0,10} ?[0-9:.,]{3,20})\s+(?P<source>[\w.:%-]{2,64})\s+(?:(?:→|->|\?)\s*)?(?P<target>[\w.:%-]{2,64})\s+"
    r"(?P<protocol>SMTP(?:[/|]IMF)?|IMF|TCP|(?:TLS|SSL)v?[0-9.]{0,3})\s+(?:[0-9]{1,9}\s+)?(?P<info>\S.*)"
)
_SPOKEN = re.compile(r"(?P<who>[CS]|Command|Response): (?P<text>.*)")
_FRAGMENT = re.compile(r"(?:DATA|Message Body)(?: fragment)?, [0-9]+ bytes?")
_BETWEEN = re.compile(r" \| |\\r\\n(?=.)")
_CREDENTIAL = re.compile(r"(?:User|Pass|Username|Password|Username/Password): ")
_HEADER = re.compile(r"\"No\.\",\"Time\",")
_OPENS = re.compile(r".{0,60}\[SYN\]")
_FRAME = re.compile(r"Frame [0-9]+[:( ]")
_NETWORK = re.compile(
    r"Internet Protocol(?: Version [46])?, Src: (?P<source>[\w.:-]{2,64})(?: \([^)]*\))?, Dst: (?P<target>[\w.:-]{2,64})"
)
_TRANSPORT = re.compile(
    r"Transmission Control Protocol, Src Port: (?:[\w-]+ \()?(?P<source>[0-9]{1,5})\)?(?: \([0-9]+\))?, "
    r"Dst Port: (?:[\w-]+ \()?(?P<target>[0-9]{1,5})"
)
_FIELD = re.compile(
    r" {4}(?P<name>Response|Command Line|Command|Username|Password|Username/Password|C|S): (?P<text>.*)"
)
_PARAMETER = re.compile(r" {8}Response parameter: (?P<text>.*)")
_SMTP = "Simple Mail Transfer Protocol"


def _reply_lines(parts: Sequence[str]) -> Iterator[str]:
    """Yield the lines of replies whose codes a list shows only where a reply begins, or at each line."""
    code = ""
    for index, part in enumerate(parts):
        ahead = parts[index + 1] if index + 1 < len(parts) else ""
        begins = bool(REPLY.match(part))
        if begins:
            code = part[:3]
        text = part[4:] if begins else part
        if ahead and not REPLY.match(ahead):
            yield f"{code}-{text}"
        elif begins and part[3:4] == "-" and ahead[:3] == code:
            yield part
        else:
            yield f"{code} {text}" if text or begins else code


def _without_end(text: str) -> str:
    return text.removesuffix("\\r\\n").removesuffix("\\n")


class _Heard:
    """Sessions of which rows of a list tell."""

    def __init__(self) -> None:
        self.voices = Voices()

    def spoken(self, key: Hashable, text: str, line: Line, *, by_server: bool) -> Iterator[Record]:
        parts = _BETWEEN.split(_without_end(text), _MOST_PARTS)
        for part in _reply_lines(parts) if by_server else (_CREDENTIAL.sub("", each, count=1) for each in parts):
            yield from self.voices.said(Said(key, part, by_server=by_server), line)

    def data_ended(self, key: Hashable, line: Line) -> Iterator[Record]:
        if self.voices.in_data(key):
            yield from self.voices.said(Said(key, ".", by_server=False), line)


# One row for each packet


def _parse_rows(lines: Iterable[Line]) -> Iterator[Record]:
    heard = _Heard()
    columns: list[str] = []
    for line in lines:
        if _HEADER.match(line.text):
            columns = cells(line.text)
            continue
        row = _csv_row(columns, line.text) if columns else None
        if row is None and (found := _ROW.match(line.text)):
            row = found["source"], found["target"], found["protocol"], found["info"], found["at"]
        if row is not None:
            yield from _row(heard, row, line)
    yield from heard.voices.finish()


def _row(heard: _Heard, row: tuple[str, str, str, str, str], line: Line) -> Iterator[Record]:
    source, target, protocol, info, stamp = row
    key = tuple(sorted((source, target)))
    where = Line(line.text, line.number, _seconds(stamp))
    found = _SPOKEN.match(info)
    if protocol == "TCP":
        if _OPENS.match(info):
            yield from heard.voices.open(key, f"[{target}]:25" if ":" in target else f"{target}:25")
    elif protocol.startswith(("TLS", "SSL")):
        if info.startswith("Application Data"):
            yield from heard.voices.happened(key, Kind.TLS, protocol if protocol[-1].isdigit() else "", where)
            yield from heard.voices.over(key)
    elif "IMF" in protocol or (found and found["text"] == "."):
        yield from heard.data_ended(key, where)
    elif found and not _FRAGMENT.match(found["text"]):
        yield from heard.spoken(key, found["text"], where, by_server=found["who"] in ("S", "Response"))


def _seconds(stamp: str) -> float | None:
    if re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}", stamp):
        return float(stamp)
    return clock_seconds(stamp)


def _csv_row(columns: Sequence[str], text: str) -> tuple[str, str, str, str, str] | None:
    row = dict(zip(columns, cells(text), strict=False))
    if "Info" not in row or "Protocol" not in row:
        return None
    return row.get("Source", ""), row.get("Destination", ""), row["Protocol"], row["Info"], row.get("Time", "")


def _sniff_rows(lines: Sequence[Line]) -> float:
    columns: list[str] = []
    spoken = 0
    for line in lines:
        if _HEADER.match(line.text):
            columns = cells(line.text)
            continue
        row = _csv_row(columns, line.text) if columns else None
        if row is None and (found := _ROW.match(line.text)):
            row = found["source"], found["target"], found["protocol"], found["info"], found["at"]
        spoken += row is not None and row[2] == "SMTP" and bool(_SPOKEN.match(row[3]))
    return 0.96 if spoken > 1 else 0.0


# The tree of fields of each packet


class _Tree:
    """Reader of the fields that tshark -V, tshark -O smtp and Wireshark's export as plain text show."""

    def __init__(self) -> None:
        self._heard = _Heard()
        self._hosts = ("client", "server")
        self._key: Hashable = None
        self._where = Line("", 0)
        self._in_smtp = False
        self._reply: list[str] = []

    def records(self, lines: Iterable[Line]) -> Iterator[Record]:
        for line in lines:
            yield from self._line(line)
        yield from self._flush()
        yield from self._heard.voices.finish()

    def _line(self, line: Line) -> Iterator[Record]:
        text = line.text
        if self._in_smtp and (found := _PARAMETER.match(text)):
            if self._reply and len(self._reply) < _MOST_PARTS:
                self._reply.append(_without_end(found["text"]))
            return
        if text[:1].strip():
            yield from self._flush()
            self._in_smtp = text.startswith(_SMTP)
            if found := _NETWORK.match(text):
                self._hosts = found["source"], found["target"]
            elif found := _TRANSPORT.match(text):
                self._ends(found["source"], found["target"])
            elif text.startswith("Internet Message Format"):
                yield from self._heard.data_ended(self._key, line)
        elif self._in_smtp and (found := _FIELD.match(text)):
            yield from self._flush()
            yield from self._field(found["name"], found["text"], Line(text, line.number, line.at))

    def _ends(self, source: str, target: str) -> None:
        self._key = tuple(sorted(((self._hosts[0], source), (self._hosts[1], target))))

    def _field(self, name: str, text: str, line: Line) -> Iterator[Record]:
        self._where = line
        if name in ("Response", "S"):
            self._reply = [_without_end(text)]
        elif text == ".":
            yield from self._heard.data_ended(self._key, line)
        elif not _FRAGMENT.match(text):
            yield from self._heard.voices.said(Said(self._key, _without_end(text), by_server=False), line)

    def _flush(self) -> Iterator[Record]:
        reply, self._reply = self._reply, []
        if not reply:
            return
        # The first parameter is the text of the line itself; the others are the lines that follow it.
        parts = [reply[0], *reply[2:]] if len(reply) > 2 else [reply[0]]
        lines = _reply_lines(parts) if len(parts) > 1 else iter(parts)
        for part in lines:
            yield from self._heard.voices.said(Said(self._key, part, by_server=True), self._where)


def _parse_tree(lines: Iterable[Line]) -> Iterator[Record]:
    return _Tree().records(lines)


def _sniff_tree(lines: Sequence[Line]) -> float:
    trees = sum(line.text.startswith(_SMTP) for line in lines)
    fields = sum(bool(_FIELD.match(line.text)) for line in lines)
    frames = any(_FRAME.match(line.text) or _TRANSPORT.match(line.text) for line in lines)
    return 0.98 if trees and fields and frames else 0.0


DIALECTS: Final = (
    Dialect(
        name="packets",
        title="the packet list of Wireshark or tshark, as text or CSV",
        sniff=_sniff_rows,
        parse=_parse_rows,
        keeps_times=True,
    ),
    Dialect(
        name="packet-details",
        title="the packet details of Wireshark or tshark -V",
        sniff=_sniff_tree,
        parse=_parse_tree,
        keeps_times=True,
    ),
)
"""The dialects of this module."""
