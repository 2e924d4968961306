"""What tools print of the octets of a connection: "Follow stream" of Wireshark and tshark, tcpdump -A and -X, ngrep."""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from msgspec.structs import replace

from smtp_shell.importers.captures import Connections
from smtp_shell.importers.conversation import Conversation
from smtp_shell.importers.dialect import Dialect, Line, Record
from smtp_shell.importers.segments import segment_of
from smtp_shell.importers.sessions import Sessions
from smtp_shell.importers.times import clock_seconds

_MOST_TALKS = 1_000
_MOST_OCTETS = 256 * 1024  # of one packet
_LINKS = (101, 1, 113, 276)  # what a dump in hexadecimal may begin with: IP, Ethernet, Linux's two headers

_FOLLOW = re.compile(r"Follow: tcp,|Filter: \(?tcp\.stream eq [0-9]+|Node [01]: ")
_NODE = re.compile(r"Node (?P<node>[01]): (?P<address>\S+:[0-9]+)")
_MISSING = re.compile(rb"\[([0-9]{1,9}) bytes missing in capture file\][\0.]?")
_LENGTH = re.compile(r"(?P<tab>\t?)(?P<length>[0-9]{1,9})$")
_HEX_LINE = re.compile(
    r"(?P<margin>[\t ]*)(?P<at>[0-9a-fA-F]{8}) {1,3}(?P<hex>[0-9a-fA-F]{2}(?: {1,3}[0-9a-fA-F]{2}){0,15})(?: {2,}.*| .{0,18})?$"
)
_RULE = re.compile(r"={20,}\s*$")
_LOOK_AHEAD = 2_000
_MOST_LINES = 100_000  # of one turn
_RAW_LINE = re.compile(r"(?P<tab>\t?)(?P<hex>(?:[0-9a-fA-F]{2}){2,})$")
_C_ARRAY = re.compile(r"(?:static |const |unsigned )*char peer(?P<peer>[01])_[0-9]+\[\] = \{")
_C_OCTET = re.compile(r"0x([0-9a-fA-F]{2})")
_YAML_PACKET = re.compile(r"(?:- peer: (?P<old>[01])|\s*- packet: [0-9]+|# Packet [0-9]+)")
_YAML_PEER = re.compile(r"\s*(?:- )?peer: (?P<peer>[01])\s*$|peer(?P<short>[01])_[0-9]+: !!binary \|")
_YAML_STAMP = re.compile(r"\s*timestamp: (?P<at>[0-9]+(?:\.[0-9]+)?)")
_YAML_DATA = re.compile(r"\s*(?:data|peer(?P<peer>[01])_[0-9]+): !!binary \|\s*$")
_BASE_64 = re.compile(r"\s*(?P<data>[A-Za-z0-9+/]{2,80}={0,2})\s*$")
_TCPDUMP = re.compile(
    r"(?P<time>[0-9-]{0,10} ?[0-9:]{8}\.[0-9]{6}) (?:\S+ +(?:In|Out|M|B|P) +)?(?:[0-9a-f:]{17} .{1,200}?: )?IP6? "
    r"(?P<source>\S+)\.(?P<source_port>[\w-]+) > (?P<target>\S+)\.(?P<target_port>[\w-]+): Flags \[(?P<flags>[^\]]*)\]"
    r".*?, length (?P<length>[0-9]+)"
)
_LOOKS_SAID = re.compile(
    rb"[2-5][0-9]{2}[ -][ -~]|(?i:(?:EHLO|HELO|LHLO|AUTH|VRFY|EXPN|ETRN) [ -~]+|(?:MAIL FROM|RCPT TO):[ -~]+"
    rb"|(?:DATA|QUIT|RSET|NOOP|STARTTLS|HELP)\r\n)"
)
_TCPDUMP_HEX = re.compile(
    r"\s+0x(?P<at>[0-9a-f]{4}):  (?P<hex>(?:[0-9a-f]{2}){1,2}(?: (?:[0-9a-f]{2}){1,2}){0,7})(?:\s|$)"
)
_NGREP = re.compile(r"T (?:[0-9/]{10} [0-9:]{8}\.[0-9]+ )?(?P<source>\S+:[0-9]+) -> (?P<target>\S+:[0-9]+) \[[A-Z]+\]")
_NGREP_HASHES = re.compile(r"#+")  # one for each packet that it has seen
_NGREP_ENDS = re.compile(r"exit$|[0-9]+ received, [0-9]+ (?:matched|dropped)")
_PORTS = {"smtp": "25", "smtps": "465", "submission": "587", "submissions": "465", "urd": "465", "lmtp": "24"}


class _Talks:
    """Conversations of which only what was said is known, and by which address."""

    def __init__(self) -> None:
        self._sessions = Sessions()
        self._line = 0
        self._talks: OrderedDict[Hashable, tuple[Conversation, str]] = OrderedDict()

    def said(self, speaker: str, listener: str, octets: bytes, line: int, at: float | None = None) -> Iterator[Record]:
        key = tuple(sorted((speaker, listener)))
        self._line = line
        if not octets:
            return
        if key not in self._talks:
            client = listener if octets[:1].isdigit() and not _MISSING.match(octets) else speaker
            server = speaker if client == listener else listener
            port = server.rpartition(":")[2]
            talk = Conversation(server, int(port) if port.isdecimal() and len(port) < 6 else 0)
            self._talks[key] = talk, client
            if len(self._talks) > _MOST_TALKS:
                old, _ = self._talks.popitem(last=False)
                yield from self._sessions.end(old)
        talk, client = self._talks[key]
        by_client, start = speaker == client, 0
        for found in _MISSING.finditer(octets):
            for record in talk.said(octets[start : found.start()], by_client=by_client, at=at):
                yield from self._sessions.add(key, replace(record, line=self._line))
            for record in talk.lost(int(found[1]), by_client=by_client, at=at):
                yield from self._sessions.add(key, replace(record, line=self._line))
            start = found.end()
        for record in talk.said(octets[start:], by_client=by_client, at=at):
            yield from self._sessions.add(key, replace(record, line=self._line))

    def finish(self) -> Iterator[Record]:
        for key, (talk, _) in self._talks.items():
            for record in talk.closed(by_client=None):
                yield from self._sessions.add(key, replace(record, line=self._line))
        yield from self._sessions.finish()


class _Follow:
    """Reader of what "Follow stream" shows: text with lengths, hexadecimal, C arrays or YAML."""

    def __init__(self) -> None:
        self._talks = _Talks()
        self._nodes = ["client", "localhost:25"]
        self._mode = ""
        self._side: int | None = None
        self._left = 0  # octets of the text that are still to come
        self._skip_blank = False
        self._held = bytearray()
        self._at: float | None = None
        self._number = 0
        self._is_edited = False
        self._turn_lines: list[str] = []

    def records(self, lines: Iterable[Line]) -> Iterator[Record]:
        lines = iter(lines)
        start = [*islice(lines, _LOOK_AHEAD)]
        self._is_edited = not _lengths_agree(start)
        for line in chain(start, lines):
            self._number = line.number
            yield from self._edited(line.text) if self._is_edited else self._line(line.text)
        yield from self._end_of_turn()
        yield from self._flush()
        yield from self._talks.finish()

    def _line(self, text: str) -> Iterator[Record]:
        if found := _NODE.match(text):
            self._nodes[int(found["node"])] = found["address"]
        elif self._left <= 0 and (found := _HEX_LINE.match(text)):
            side = int(bool(found["margin"]))
            yield from self._turn(side, bytes.fromhex(found["hex"]))
        elif found := _C_ARRAY.match(text):
            yield from self._flush()
            self._mode, self._side = "c", int(found["peer"])
            self._held += _c_octets(text)
        elif self._mode == "c":
            self._held += _c_octets(text)
        elif self._left <= 0 and (
            _YAML_PACKET.match(text) or _YAML_PEER.match(text) or _YAML_DATA.match(text) or _YAML_STAMP.match(text)
        ):
            yield from self._yaml(text)
        elif self._mode == "yaml":
            self._yaml_data(text)
        elif self._left <= 0 and (found := _LENGTH.match(text)):
            yield from self._flush()
            self._mode, self._side, self._left = "ascii", int(bool(found["tab"])), int(found["length"])
        elif self._mode == "ascii" and self._side is not None:
            yield from self._text(text)
        elif found := _RAW_LINE.match(text):
            yield from self._flush()
            side = int(bool(found["tab"]))
            yield from self._say(side, bytes.fromhex(found["hex"]))

    def _edited(self, text: str) -> Iterator[Record]:
        """Read a line of text whose lengths are no longer true, as when somebody has put in other names of hosts."""
        if found := _NODE.match(text):
            self._nodes[int(found["node"])] = found["address"]
        elif (found := _LENGTH.match(text)) and not (self._turn_lines and self._turn_lines[-1]):
            yield from self._end_of_turn()
            self._side = int(bool(found["tab"]))
        elif self._side is not None and not _RULE.match(text) and len(self._turn_lines) < _MOST_LINES:
            self._turn_lines.append(text)

    def _end_of_turn(self) -> Iterator[Record]:
        lines, self._turn_lines = self._turn_lines, []
        if lines and not lines[-1]:
            lines.pop()
        octets = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
        if octets and self._side is not None:
            yield from self._say(self._side, octets)

    def _text(self, text: str) -> Iterator[Record]:
        """Read a line of text, of whose octets `_left` are still to come."""
        if self._left <= 0:
            return
        octets = text.encode("utf-8", "surrogateescape") + b"\r\n"
        whole = octets[: self._left]
        self._left -= len(octets)
        assert self._side is not None
        yield from self._say(self._side, whole)

    def _yaml(self, text: str) -> Iterator[Record]:
        yield from self._flush()
        self._mode = "yaml"
        if found := _YAML_PEER.match(text):
            self._side = int(found["peer"] or found["short"] or 0)
        if (found := _YAML_DATA.match(text)) and found["peer"]:
            self._side = int(found["peer"])
        if found := _YAML_STAMP.match(text):
            self._at = float(found["at"][:30])

    def _yaml_data(self, text: str) -> None:
        found = _BASE_64.match(text)
        if found and len(self._held) < _MOST_OCTETS:
            self._held += found["data"].encode()

    def _turn(self, side: int, octets: bytes) -> Iterator[Record]:
        """Read octets of a side; those of a packet that go on are one piece."""
        if self._mode != "hex" or side != self._side or len(self._held) > _MOST_OCTETS:
            yield from self._flush()
        self._mode, self._side = "hex", side
        self._held += octets

    def _flush(self) -> Iterator[Record]:
        octets, self._held = bytes(self._held), bytearray()
        if not octets or self._side is None:
            return
        if self._mode == "yaml":
            try:
                octets = base64.b64decode(octets)
            except binascii.Error:
                octets = b""
        yield from self._say(self._side, octets)

    def _say(self, side: int, octets: bytes) -> Iterator[Record]:
        yield from self._talks.said(self._nodes[side], self._nodes[1 - side], octets, self._number, self._at)


def _lengths_agree(lines: Iterable[Line]) -> bool:
    """Return whether each length in a "Follow stream" as text is that of the lines after it."""
    left, after_text = 0, False
    for line in lines:
        if left > 0:
            left -= len(line.text.encode("utf-8", "surrogateescape")) + 2
            after_text = True
            if left < -2:
                return False
        elif found := _LENGTH.match(line.text):
            left, after_text = int(found["length"]), False
        elif after_text and line.text.strip() and not _RULE.match(line.text):
            return False
    return True


def _c_octets(text: str) -> bytes:
    return bytes(int(each, 16) for each in _C_OCTET.findall(text.partition("/*")[0]))


def _parse_follow(lines: Iterable[Line]) -> Iterator[Record]:
    return _Follow().records(lines)


def _sniff_follow(lines: Sequence[Line]) -> float:
    if sum(bool(_FOLLOW.match(line.text)) for line in lines[:40]) > 1:
        return 0.97
    if any(_C_ARRAY.match(line.text) for line in lines):
        return 0.96
    yaml = sum(bool(_YAML_DATA.match(line.text)) for line in lines)
    if yaml > 1:
        return 0.94
    return 0.92 if _hex_dump_says_smtp(lines) else 0.0


def _hex_dump_says_smtp(lines: Sequence[Line]) -> bool:
    """Whether the lines are a dump in hexadecimal, of a reply among others."""
    dumped = [found for line in lines if (found := _HEX_LINE.match(line.text))]
    starts = [bytes.fromhex(found["hex"])[:4] for found in dumped if found["at"].strip("0") == ""]
    return len(dumped) > 2 and any(re.match(rb"[2-5][0-9]{2}[ -]", start) for start in starts)


# tcpdump


def _parse_tcpdump(lines: Iterable[Line]) -> Iterator[Record]:
    connections, talks = Connections(), _Talks()
    head: re.Match[str] | None = None
    octets, text = bytearray(), list[str]()
    size = number = 0

    def packet() -> Iterator[Record]:
        if head is None:
            return
        at = clock_seconds(head["time"])
        if octets:
            found = (segment_of(link, bytes(octets), at) for link in _LINKS)
            length = int(head["length"][:9])
            segment = next((each for each in found if each and len(each.octets) + each.missing == length), None)
            if segment is not None:
                yield from connections.add(segment, number)
        elif text and (length := int(head["length"][:9])):
            whole = "\n".join(text).encode("utf-8", "surrogateescape").replace(b"\n", b"\r\n")
            source = f"{head['source']}:{_PORTS.get(head['source_port'], head['source_port'])}"
            target = f"{head['target']}:{_PORTS.get(head['target_port'], head['target_port'])}"
            yield from talks.said(source, target, _payload("\n".join(text), whole, length, head), number, at)

    for line in lines:
        if found := _TCPDUMP.match(line.text):
            yield from packet()
            head, size, number = found, 0, line.number
            octets.clear()
            text.clear()
        elif found := _TCPDUMP_HEX.match(line.text):
            if len(octets) < _MOST_OCTETS:
                octets += bytes.fromhex(found["hex"].replace(" ", ""))
        elif head is not None and size < _MOST_OCTETS:
            size += len(line.text) + 2
            text.append(line.text)
    yield from packet()
    yield from connections.finish()
    yield from talks.finish()


def _payload(text: str, whole: bytes, length: int, head: re.Match[str]) -> bytes:
    """Return what a packet that tcpdump -A shows carries.

    Its length is that of the packet. Where that does not fit, as when somebody has put in other names of hosts, the headers in front of
    it are measured, or the first command or reply is looked for.
    """
    counted = whole[-length:]
    size = {"E": 20, "`": 40}.get(text[:1], 0) + (32 if "TS val" in head[0] else 20)
    rest = text[size:].replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    if len(rest) == length - 2:
        return rest + b"\r\n"  # without the blank line that follows a packet
    if len(rest) == length or _LOOKS_SAID.match(counted):
        return counted
    if (found := _LOOKS_SAID.search(whole + b"\r\n")) and found.start() < 2 * size:
        return whole[found.start() :].rstrip(b"\r\n") + b"\r\n"
    return counted


def _sniff_tcpdump(lines: Sequence[Line]) -> float:
    heads = sum(bool(_TCPDUMP.match(line.text)) for line in lines)
    return 0.96 if heads > 1 else 0.0


# ngrep


def _parse_ngrep(lines: Iterable[Line]) -> Iterator[Record]:
    talks = _Talks()
    head: re.Match[str] | None = None
    text: list[str] = []
    size = number = 0
    for line in lines:
        if found := _NGREP.match(line.text):
            yield from _ngrep_packet(talks, head, text, number)
            head, text, size, number = found, [], 0, line.number
        elif head is not None and size < _MOST_OCTETS and not _NGREP_HASHES.fullmatch(line.text):
            size += len(line.text) + 1
            text.append(line.text)
    yield from _ngrep_packet(talks, head, text, number)
    yield from talks.finish()


def _ngrep_packet(talks: _Talks, head: re.Match[str] | None, text: list[str], number: int) -> Iterator[Record]:
    while text and (not text[-1].strip() or _NGREP_ENDS.match(text[-1])):
        text.pop()
    if head is None or not text:
        return
    if all(line.startswith("  ") for line in text if line.strip()):
        whole = "".join(line[2:] for line in text).rstrip().removesuffix("..")
        between = r"\.\.(?=[2-5][0-9]{2}[ -])" if re.match(r"[2-5][0-9]{2}[ -]", whole) else r"\.\."
        lines = re.split(between, whole)
    else:
        lines = [line.removesuffix(".") for line in text]
    octets = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
    yield from talks.said(head["source"], head["target"], octets, number)


def _sniff_ngrep(lines: Sequence[Line]) -> float:
    return 0.96 if sum(bool(_NGREP.match(line.text)) for line in lines) > 1 else 0.0


DIALECTS: Final = (
    Dialect(name="follow", title='"Follow stream" of Wireshark or tshark', sniff=_sniff_follow, parse=_parse_follow),
    Dialect(name="tcpdump", title="tcpdump -A or -X", sniff=_sniff_tcpdump, parse=_parse_tcpdump, keeps_times=True),
    Dialect(name="ngrep", title="ngrep", sniff=_sniff_ngrep, parse=_parse_ngrep, keeps_times=True),
)
"""The dialects of this module."""
