"""Captures of the network, pcap and pcapng: the SMTP dialogues in them, whatever their port."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from msgspec.structs import replace

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.importers.capture_files import Broken, Captured, Keys, captured, is_capture
from smtp_shell.importers.conversation import Conversation
from smtp_shell.importers.decryption import KeyLog
from smtp_shell.importers.dialect import Dialect, Record
from smtp_shell.importers.segments import FIN, RST, SYN, End, Lost, Segment, Side, segment_of
from smtp_shell.importers.sessions import Sessions

MOST_CONNECTIONS: Final = 10_000
"""Connections that are followed at the same time. If there are more, the one that has said nothing for the longest time is given up."""

_Key = tuple[End, End]
_LOWEST_DYNAMIC = 1_024


class _Connection:
    """One TCP connection: both of its sides, and who of them is the client."""

    def __init__(self, key: _Key, number: int) -> None:
        self.key = key
        self.number = number
        self.sides = {key[0]: Side(), key[1]: Side()}
        self.client: End | None = None
        self.begun = False
        self.conversation: Conversation | None = None
        self.is_over = False

    def other(self, end: End) -> End:
        return self.key[1] if end == self.key[0] else self.key[0]

    def talk(self, speaker: End, octets: bytes, keys: KeyLog) -> Conversation:
        """Return the conversation. Who is the client is decided when the first octets come, if no SYN has told."""
        if self.conversation is None:
            if self.client is None:
                is_server = octets[:1].isdigit() or speaker.port < _LOWEST_DYNAMIC <= self.other(speaker).port
                self.client = self.other(speaker) if is_server else speaker
            server = self.other(self.client)
            self.conversation = Conversation(str(server), server.port, begun=self.begun, keys=keys)
        return self.conversation


class Connections:
    """Turns TCP segments into the records of the SMTP dialogues in them.

    Attributes:
        keys: The keys of TLS that have been seen.
        encrypted: How many connections began with TLS.
        found: Whether there was a dialogue.
    """

    def __init__(self) -> None:
        self.keys = KeyLog()
        self.found = False
        self.encrypted = 0
        self._sessions = Sessions()
        self._connections: OrderedDict[_Key, _Connection] = OrderedDict()
        self._number = 0
        self._line = 0

    def add(self, segment: Segment, number: int = 0) -> Iterator[Record]:
        """Add a segment, and yield the records that can be passed on.

        Args:
            segment: The segment.
            number: Number of its packet in the capture, or of its line, which is that of the records.
        """
        self._line = number
        key = _key(segment)
        connection = self._connections.get(key)
        if connection is not None and segment.flags & SYN and not segment.flags & 16 and connection.is_over:
            yield from self._over(connection, None, segment.at)
            connection = None
        if connection is None:
            if segment.flags & RST or not (segment.octets or segment.flags & SYN):
                return
            self._number += 1
            connection = self._connections[key] = _Connection(key, self._number)
            if len(self._connections) > MOST_CONNECTIONS:
                _, oldest = self._connections.popitem(last=False)
                yield from self._over(oldest, None, segment.at)
        else:
            self._connections.move_to_end(key)
        yield from self._segment(connection, segment)

    def finish(self) -> Iterator[Record]:
        """End all connections."""
        while self._connections:
            _, connection = self._connections.popitem(last=False)
            yield from self._over(connection, None, None)
        yield from self._sessions.finish()

    def _segment(self, connection: _Connection, segment: Segment) -> Iterator[Record]:
        if segment.flags & SYN and connection.client is None:
            connection.client = segment.target if segment.flags & 16 else segment.source
            connection.begun = True
        talk = connection.conversation
        if talk is not None and talk.is_smtp is False and not segment.flags & (FIN | RST | SYN):
            return
        if segment.acknowledged is not None:
            other = connection.sides[segment.target]
            yield from self._pass(connection, segment.target, other.acknowledged(segment.acknowledged), segment.at)
        side = connection.sides[segment.source]
        yield from self._pass(connection, segment.source, side.add(segment), segment.at)
        if segment.flags & RST:
            yield from self._end(connection, segment.source, segment.at, reset=True)
        elif segment.flags & FIN and side.ended:
            yield from self._end(connection, segment.source, segment.at)

    def _pass(
        self, connection: _Connection, speaker: End, found: Iterable[bytes | Lost], at: float | None
    ) -> Iterator[Record]:
        for octets in found:
            if isinstance(octets, Lost):
                talk = connection.conversation
                if talk is not None:
                    yield from self._records(
                        connection, talk.lost(octets.count, by_client=speaker == connection.client, at=at)
                    )
                continue
            talk = connection.talk(speaker, octets, self.keys)
            self.encrypted += talk.is_smtp is None and octets.startswith(b"\x16\x03")
            yield from self._records(connection, talk.said(octets, by_client=speaker == connection.client, at=at))

    def _end(self, connection: _Connection, speaker: End, at: float | None, *, reset: bool = False) -> Iterator[Record]:
        if connection.is_over:
            return
        talk = connection.conversation
        if reset or (talk is not None and talk.is_smtp):
            for end, side in connection.sides.items():
                yield from self._pass(connection, end, side.finish(), at)
        connection.is_over = True
        if talk is not None:
            by_client = speaker == connection.client
            yield from self._records(connection, talk.closed(by_client=by_client, at=at, reset=reset))
        yield from self._sessions.end(connection.number)

    def _over(self, connection: _Connection, speaker: End | None, at: float | None) -> Iterator[Record]:
        """Abandon a connection whose end was not seen, or forget one that has ended."""
        self._connections.pop(connection.key, None)
        if connection.is_over:
            return
        for end, side in connection.sides.items():
            yield from self._pass(connection, end, side.finish(), at)
        if connection.conversation is not None:
            yield from self._records(connection, connection.conversation.closed(by_client=None, at=at))
        yield from self._sessions.end(connection.number)

    def _records(self, connection: _Connection, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            self.found = True
            yield from self._sessions.add(connection.number, replace(record, line=self._line))


def _key(segment: Segment) -> _Key:
    ends = (segment.source, segment.target)
    low, high = sorted(ends, key=lambda end: (end.address, end.port))
    return low, high


def parse_capture(stream: BinaryIO) -> Iterator[Record]:
    """Yield the dialogues in a capture file.

    Args:
        stream: The file, from its start.

    Raises:
        TranscriptError: It cannot be read from its start on.
    """
    connections = Connections()
    packets = 0
    for item in captured(stream):
        if isinstance(item, Captured):
            packets += 1
            segment = segment_of(item.link, item.octets, item.at)
            if segment is not None:
                yield from connections.add(segment, packets)
        elif isinstance(item, Keys):
            connections.keys.add(item.octets)
        elif isinstance(item, Broken):
            if not packets:
                raise TranscriptError("the capture", Fault(0, item.problem))
            break
    yield from connections.finish()
    if connections.encrypted and not connections.found:
        keys = "the keys in it do not fit" if connections.keys else "it holds no keys"
        problem = f"what is in it is encrypted from its first octet ({connections.encrypted:,} connections), and {keys}"
        raise TranscriptError("the capture", Fault(0, problem, "a dialogue in the clear, or up to its STARTTLS"))


def _sniff_pcap(start: bytes) -> float:
    return 1.0 if is_capture(start) == "pcap" else 0.0


def _sniff_pcapng(start: bytes) -> float:
    return 1.0 if is_capture(start) == "pcapng" else 0.0


DIALECTS: Final = (
    Dialect(name="pcap", title="a capture, pcap", sniff_octets=_sniff_pcap, parse_octets=parse_capture),
    Dialect(name="pcapng", title="a capture, pcapng", sniff_octets=_sniff_pcapng, parse_octets=parse_capture),
)
"""The dialects of this module."""
