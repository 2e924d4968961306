"""What curl writes: `-v`, `--trace` and `--trace-ascii`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.importers.marks import certainty, certainty_of, has

# The progress meter may stand in front of a line on the same row of the screen.
_METER = r"(?:[ 0-9kMG.:-]*[0-9-]{2}:[0-9-]{2}:[0-9-]{2} +[0-9.kMG]+)?"
_VERBOSE = re.compile(rf"{_METER}(?:(?P<c>>)|(?P<s><)) ")
_INFO = re.compile(rf"{_METER}\*[ ]{{1,3}}(?P<info>\S.*)|{_METER}(?P<sent>[}}]) \[(?P<size>[0-9]+) bytes data\]")
_SIGNS = re.compile(
    r"\* +(?:Trying |Connected to|Host |Rebuilt URL|Closing connection|Connection #|We are completely)|[{}] \[[0-9]+ bytes data\]"
)
_CONNECTED = re.compile(
    r"Connected to (\S+) \([^)]*\) port ([0-9]+)|Established connection to (\S+) \(\S+ port ([0-9]+)\)"
)
_TLS = re.compile(r"SSL connection using (TLS\S+) / (\S+)")
_ENDS = re.compile(r"Closing connection|[Ss]hutting down connection|Connection #[0-9]+ to host .* left intact")
_TRACE = re.compile(
    r"(?:(?P<way><=|=>) (?P<what>Recv|Send) (?P<kind>header|data|SSL data), [0-9]+ bytes \(0x[0-9a-f]+\)|== Info: +(?P<info>.*))$"
)
_DUMP = re.compile(r"([0-9a-f]{4,8}): (.*)$")
_HEX = re.compile(r"(?:[0-9a-f]{2} ){1,16} *")


_FEW_LINES = 500  # before the first that tells a trace from what -v writes
_LITTLE = 1_000_000  # characters in them


def _sniff(lines: Sequence[Line]) -> float:
    if has(lines, _TRACE):
        records = [*_parse_trace(lines)]
        said = {kind: [r.text for r in records if r.kind is kind] for kind in (Kind.CLIENT, Kind.SERVER)}
        return certainty(said[Kind.CLIENT], said[Kind.SERVER], signed=True)
    signed = has(lines, _SIGNS)
    return certainty_of(lines, _VERBOSE, _SIGNS) if signed else min(0.91, certainty_of(lines, _VERBOSE))


def _parse(lines: Iterable[Line]) -> Iterator[Record]:
    before: list[Line] = []
    size = 0
    rest = iter(lines)
    for line in rest:
        before.append(line)
        size += len(line.text)
        if _TRACE.match(line.text):
            yield from _parse_trace(_chain(before, rest))
            return
        if _VERBOSE.match(line.text) or len(before) >= _FEW_LINES or size > _LITTLE:
            break
    yield from _parse_verbose(_chain(before, rest))


def _chain(before: list[Line], rest: Iterator[Line]) -> Iterator[Line]:
    yield from before
    yield from rest


def _parse_verbose(lines: Iterable[Line]) -> Iterator[Record]:
    tls = False
    for line in lines:
        text = line.text
        if found := _VERBOSE.match(text):
            kind = Kind.CLIENT if found.lastgroup == "c" else Kind.SERVER
            yield Record(kind, text[found.end() :], line.number, line.at)
        elif found := _INFO.match(text):
            if found["size"]:
                # Under TLS the sizes are those of its records.
                yield Record(Kind.HIDDEN_DATA, "" if tls else f"{int(found['size']):,} octets", line.number, line.at)
                continue
            for record in _info(found["info"], line):
                tls = tls or record.kind is Kind.TLS
                yield record


def _info(text: str, line: Line) -> Iterator[Record]:
    if found := _CONNECTED.match(text):
        host, port = found[1] or found[3], found[2] or found[4]
        yield Record(
            Kind.CONNECT, f"[{host}]:{port}" if host.count(":") > 1 else f"{host}:{port}", line.number, line.at
        )
    elif found := _TLS.match(text):
        yield Record(Kind.TLS, f"{found[1]} {found[2]}", line.number, line.at)
    elif _ENDS.match(text):
        yield Record(Kind.CLOSE, "", line.number, line.at)
    elif text.startswith("We are completely uploaded"):
        yield Record(Kind.HIDDEN_DATA, "", line.number, line.at)


def _parse_trace(lines: Iterable[Line]) -> Iterator[Record]:
    block: _Block | None = None
    for line in lines:
        found = _TRACE.match(line.text)
        if found is None:
            if block is not None and (row := _DUMP.match(line.text)):
                block.add(int(row[1], 16), row[2])
            continue
        if block is not None:
            yield from block.records()
            block = None
        if found["info"]:
            yield from _info(found["info"], line)
        elif found["kind"] != "SSL data":
            block = _Block(found["what"] == "Send", found["kind"] == "data", line)
    if block is not None:
        yield from block.records()


class _Block:
    """One block of a trace: rows of octets in hexadecimal, or lines of ASCII in which a dot stands for what is not printable."""

    _MOST = 4 * 1024 * 1024

    def __init__(self, by_client: bool, is_data: bool, line: Line) -> None:
        self._by_client, self._is_data, self._line = by_client, is_data, line
        self._octets = bytearray()
        self._is_hex: bool | None = None
        self._is_cut = False

    def add(self, offset: int, row: str) -> None:
        self._is_cut = len(self._octets) > self._MOST
        if self._is_cut:
            return
        found = _HEX.match(row)
        if self._is_hex is None:
            self._is_hex = (found is not None and len(found[0]) >= 48) or bool(found and found.end() >= 48)
        if self._is_hex and found:
            self._octets += bytes.fromhex(found[0])
            return
        gap = offset - len(self._octets)
        self._octets += b"\r\n" if gap == 2 else b""
        self._octets += row.encode("utf-8", "surrogateescape")

    def records(self) -> Iterator[Record]:
        at = self._line.at
        number = self._line.number
        octets = bytes(self._octets)
        if self._is_data and not self._is_hex:
            note = "the trace shows line feeds and other octets of mail data as dots"
            yield Record(Kind.NOTE, note, number, at)
        elif self._is_data and b"\n" in octets.replace(b"\r\n", b""):
            yield Record(Kind.NOTE, BARE_LF, number, at)
        if self._is_cut:
            yield Record(Kind.NOTE, "a block of the trace is too long, and its end was left out", number, at)
        lines = octets.removesuffix(b"\n").removesuffix(b"\r").replace(b"\r\n", b"\n").split(b"\n")
        unstuffed = (
            self._by_client and self._is_data and lines[-1] != b"."
        )  # later versions show it as it goes over the wire
        kind = Kind.UNSTUFFED if unstuffed else Kind.CLIENT if self._by_client else Kind.SERVER
        for each in lines:
            yield Record(kind, each.decode("utf-8", "surrogateescape"), number, at)


BARE_LF: Final = "lines of the mail data end in LF alone in the log; they are written with CRLF here"

CURL: Final = Dialect(
    name="curl", title="curl -v, --trace and --trace-ascii", sniff=_sniff, parse=_parse, marks=_VERBOSE
)
