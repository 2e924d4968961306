"""A capture of a dialogue that was written down: the octets and times of the transcript in TCP packets that are made up.

Inside TLS the octets are in true TLS records, of a handshake that two ends in memory do with keys made up for it. So Wireshark dissects
STARTTLS, the handshake and what follows as it does on a wire.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from msgspec import Struct

from smtp_shell import __version__
from smtp_shell.export.packets import Endpoint, Packet, TcpConversation
from smtp_shell.export.pcapng import file_start, packet_block, secrets_block
from smtp_shell.export.wireshark import decode_as_advice
from smtp_shell.protocol.events import (
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyBegun,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.octets import CRLF

if TYPE_CHECKING:
    from smtp_shell.net.tls_pair import TlsPair
    from smtp_shell.protocol.events import Event

PLACEHOLDER: Final = b"SECRETLEFTOUT+++"
"""What stands in place of a credential: legible, and of the characters of base64, so that a dissector that decodes it does not trip."""

COMMENT: Final = (
    "SYNTHETIC: smtp-shell made this capture from a transcript{of}. The octets of the dialogue and their times are the transcript's. "
    "Addresses that it does not name, ports of the client, sequence numbers and TLS handshakes are made up, with keys that belong to no "
    f"real connection. In place of each credential stands {PLACEHOLDER.decode()}."
)

_RECORD = 16 * 1024  # octets of a TLS record
_SEGMENTS = 8  # that a stack sends at once of a long write
_FIRST_CLIENT_PORT = 49_152
_DEFAULT_PORT = 25
_MOST_SECONDS = 4_000_000_000.0
_ON_THE_WIRE = (Connected, ReplyReceived, ReplyBegun, ReplyExpected, Noticed, TlsStarted, Disconnected)
_PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\s]*)):(\d{1,5})")
_EXPECTED = {2: 250, 3: 334, 4: 450, 5: 550}


class Placed(Struct, frozen=True):
    """An entry, and the packets that hold it.

    Args:
        entry: The entry.
        first: Number of the first packet, from 1 as Wireshark counts; 0 if no packet holds it.
        last: Number of the last one.
    """

    entry: Entry
    first: int
    last: int


def write_pcapng(entries: Iterable[Entry], out: BinaryIO, title: str) -> str:
    """Write a dialogue as a capture that Wireshark reads.

    Args:
        entries: The dialogue.
        out: Where the capture goes.
        title: Its title, printable.

    Returns:
        What is to be set in Wireshark to see SMTP in it; empty where nothing is.
    """
    of = f" ({title})" if title != "smtp-shell" else ""
    out.write(file_start(f"smtp-shell {__version__}", COMMENT.format(of=of), "synthetic"))
    capture = SyntheticCapture()
    for entry in entries:
        for block in capture.feed(entry):
            out.write(block)
        capture.placed.clear()
    for block in capture.finish():
        out.write(block)
    return " ".join(
        decode_as_advice(port, implicit=implicit) for port, implicit in dict.fromkeys(capture.ports)
    ).strip()


def placed(entries: Iterable[Entry], capture: SyntheticCapture) -> Iterator[Placed]:
    """Yield each entry with the packets that hold it in the capture that `write_pcapng` writes of the same entries.

    Args:
        entries: The dialogue.
        capture: A new one, which knows the ports afterwards.
    """
    for entry in entries:
        for _ in capture.feed(entry):
            pass
        yield from capture.placed
        capture.placed.clear()
    for _ in capture.finish():
        pass
    yield from capture.placed


class SyntheticCapture:
    """Entries in, blocks of a pcapng file out.

    Attributes:
        placed: Entries whose packets are known, in order; whoever reads it clears it.
        ports: The server's port of each connection so far, and whether TLS began with the first octet.
    """

    def __init__(self) -> None:
        self.placed: list[Placed] = []
        self.ports: list[tuple[int, bool]] = []
        self._start = 0.0  # of the current connection, in seconds since the epoch
        self._now = 0.0  # time of the latest packet
        self._frames = 0
        self._header_server = ""
        self._servers: dict[str, int] = {}  # names that have an address of the documentation range
        self._tcp: TcpConversation | None = None
        self._pair: TlsPair | None = None
        self._host = ""
        self._held = bytearray()  # the client's octets of the write under way
        self._write_size = 1  # octets that a stack sends at once of a long write: whole segments, or a TLS record
        self._holding: list[Entry] = []
        self._first = self._last = 0  # the packets of the step under way, without mere acknowledgements
        self._in_message = False  # mail data was the last entry, and goes on
        self._note = ""  # a comment for the next packet
        self._starttls_open = False  # STARTTLS was the last thing said
        self._after_quit = False  # QUIT was answered
        self._said_quit = False
        self._is_cut = False  # TLS ends without close_notify

    def feed(self, entry: Entry) -> Iterable[bytes]:
        """Return the blocks that an entry adds, to be used up at once. What a client writes at once is held until the end of that write."""
        event = entry.event
        if type(event) is MailDataSent and self._in_message and not event.last:  # most entries are this one
            self._held += event.octets
            return self._send_full(self._time(entry)) if len(self._held) >= self._write_size else ()
        return self._feed(entry, event)

    def _feed(self, entry: Entry, event: Event) -> Iterator[bytes]:
        self._in_message = type(event) is MailDataSent and not event.last
        if isinstance(event, CommandSent | SaslSent | MailDataSent | OctetsSent):
            yield from self._client(entry, event)
            return
        if isinstance(event, _ON_THE_WIRE):
            yield from self._flush()
        if not self._holding:
            self._first = 0
        match event:
            case Written(marker="", text=text):
                self._header(text)
            case Connected():
                yield from self._connect(event, entry)
            case ReplyReceived() | ReplyBegun() | ReplyExpected():
                yield from self._server(entry, _reply_octets(event))
            case Noticed(octets=octets) if octets:
                yield from self._server(entry, octets)
            case Noticed(kind=NoticeKind.NO_CLOSE_NOTIFY):
                self._is_cut = True
            case TlsStarted():
                yield from self._begin_tls(entry, event)
            case Disconnected():
                yield from self._end(event, self._time(entry))
            case Remarked(text=text):
                self._note = f"{self._note}\n{text}".strip()
        self._place(entry)

    def finish(self) -> Iterator[bytes]:
        """Yield what is left at the end of the entries. A transcript that ends after QUIT says that the server has closed."""
        yield from self._flush()
        if self._after_quit and self._tcp is not None and not self._tcp.has_ended:
            yield from self._end(Disconnected(End.SERVER), self._now)

    # The connection

    def _header(self, text: str) -> None:
        name, _, value = text.partition(": ")
        if name.lower() == "server":
            self._header_server = value
        elif name.lower() == "date":
            self._start = self._now = _seconds(value)

    def _connect(self, event: Connected | None, entry: Entry) -> Iterator[bytes]:
        if self._tcp is not None:
            if not self._tcp.has_ended:
                yield from self._end(Disconnected(End.CLIENT), self._now)
            # The times of a transcript count from the opening of each connection.
            if self._start + entry.at < self._now:
                self._start = self._now - entry.at
        place = event.peer if event is not None and event.peer else event.address if event is not None else ""
        self._host, port = _host_and_port(place) or _host_and_port(self._header_server) or ("", _DEFAULT_PORT)
        self.ports.append((port, event is not None and event.tls))
        number = len(self.ports)
        client, server = self._endpoints(self._host, port, number)
        self._tcp = TcpConversation(client, server, number)
        self._write_size = _SEGMENTS * self._tcp.segment_size
        self._pair = None
        self._starttls_open = self._after_quit = self._said_quit = self._is_cut = False
        yield from self._blocks(self._tcp.open(self._time(entry)))

    def _endpoints(self, host: str, port: int, number: int) -> tuple[Endpoint, Endpoint]:
        client_port = _FIRST_CLIENT_PORT + number % 16_000
        try:
            server = Endpoint.of(host, port)
        except ValueError:
            last = 25 + self._servers.setdefault(host.lower(), len(self._servers)) % 200
            return Endpoint.of("198.51.100.7", client_port), Endpoint.of(f"192.0.2.{last}", port)
        if host in ("127.0.0.1", "::1"):
            return Endpoint.of(host, client_port), server
        return Endpoint.of("198.51.100.7" if len(server.address) == 4 else "2001:db8::7", client_port), server

    def _opened(self, entry: Entry) -> Iterator[bytes]:
        """Open a connection if the transcript does not say that there is one, or says that the last one has ended."""
        if self._tcp is None:
            yield from self._connect(None, entry)

    def _end(self, event: Disconnected, at: float) -> Iterator[bytes]:
        tcp = self._tcp
        if tcp is None or tcp.has_ended:
            return
        by_server = event.end is End.SERVER
        if event.detail == "reset" or (event.end is End.ERROR and "dropped the connection" in event.detail):
            yield from self._blocks(tcp.reset(at, from_client=event.detail == "reset"))
            return
        if self._pair is not None and not self._is_cut and event.detail != "dropped" and event.end is not End.ERROR:
            octets = self._pair.close_notify(from_client=not by_server)
            yield from self._blocks(tcp.send(octets, at, from_client=not by_server))
        yield from self._blocks(tcp.end(at, from_client=not by_server))
        yield from self._blocks(tcp.end(at, from_client=by_server))

    # TLS

    def _begin_tls(self, entry: Entry, event: TlsStarted | None) -> Iterator[bytes]:
        if self._pair is not None or self._tcp is None:
            return
        if self._starttls_open:  # a dissector waits for the 220, and a script may leave it out
            yield from self._send(b"220 \r\n", self._now, from_client=False)
        from smtp_shell.net.tls_pair import TlsPair

        version, cipher = (event.version, event.cipher) if event is not None else ("", "")
        self._pair = TlsPair(version, cipher, self._host)
        self._write_size = _RECORD
        flights = self._pair.handshake()
        yield secrets_block(self._pair.keys)
        begins, ends = self._now, self._time(entry)
        for number, (from_client, octets) in enumerate(flights, 1):
            at = begins + (ends - begins) * number / len(flights)
            yield from self._blocks(self._tcp.send(octets, at, from_client=from_client))

    # Octets

    def _client(self, entry: Entry, event: Event) -> Iterator[bytes]:
        if not self._holding:
            self._first = 0
        yield from self._opened(entry)
        if entry.tls and self._pair is None:
            yield from self._begin_tls(entry, None)
        octets, more = _client_octets(event)
        self._held += octets
        self._holding.append(entry)
        self._starttls_open = isinstance(event, CommandSent) and event.command.verb == "STARTTLS"
        self._said_quit = isinstance(event, CommandSent) and event.command.verb == "QUIT"
        at = self._time(entry)
        if not more:
            yield from self._flush(at)
            return
        yield from self._send_full(at)

    def _send_full(self, at: float) -> Iterator[bytes]:
        """Send what a stack would send at once of a write that goes on: whole records and whole segments."""
        size = self._write_size
        while len(self._held) >= size:
            octets = bytes(self._held[:size])
            del self._held[:size]
            yield from self._send(octets, at, from_client=True)

    def _flush(self, at: float | None = None) -> Iterator[bytes]:
        if self._held:
            octets = bytes(self._held)
            self._held.clear()
            yield from self._send(octets, self._now if at is None else at, from_client=True)
        for entry in self._holding:
            self._place(entry)
        self._holding.clear()

    def _server(self, entry: Entry, octets: bytes) -> Iterator[bytes]:
        yield from self._opened(entry)
        if entry.tls and self._pair is None:
            yield from self._begin_tls(entry, None)
        self._starttls_open = False
        self._after_quit = self._said_quit
        yield from self._send(octets, self._time(entry), from_client=False)

    def _send(self, octets: bytes, at: float, *, from_client: bool) -> Iterator[bytes]:
        tcp = self._tcp
        if tcp is None or not octets:
            return
        if self._pair is not None:
            octets = self._pair.encrypt(octets, from_client=from_client)
        yield from self._blocks(tcp.send(octets, at, from_client=from_client))

    def _blocks(self, packets: Iterable[Packet]) -> Iterator[bytes]:
        for packet in packets:
            self._frames += 1
            if not packet.acknowledges:
                self._first, self._last = self._first or self._frames, self._frames
            self._now = max(self._now, packet.at)
            note, self._note = self._note, ""
            yield packet_block(packet.at, packet.octets, note)

    def _time(self, entry: Entry) -> float:
        """Return when an entry happened. Time never runs back in a capture, and has its limits in the format."""
        return min(max(self._now, self._start + entry.at), _MOST_SECONDS)

    def _place(self, entry: Entry) -> None:
        self.placed.append(Placed(entry, self._first, self._last if self._first else 0))


def _client_octets(event: Event) -> tuple[bytes, bool]:
    """Return what a client sent, without credentials, and whether more follows in the same write."""
    match event:
        case CommandSent(command=command, pipelined=pipelined):
            if command.public is None:
                return command.octets, pipelined
            return command.line[: command.public] + PLACEHOLDER + CRLF, pipelined
        case SaslSent(line=line, secret=secret):
            return (PLACEHOLDER if secret else line) + CRLF, False
        case MailDataSent(octets=octets, last=last):
            return octets, not last
        case OctetsSent(octets=octets, public=public):
            if public is None:
                return octets, False
            return octets[:public] + PLACEHOLDER + (CRLF if octets.endswith(b"\n") else b""), False
    return b"", False


def _reply_octets(event: ReplyReceived | ReplyBegun | ReplyExpected) -> bytes:
    match event:
        case ReplyReceived():
            return event.new_octets
        case ReplyBegun():
            return event.octets
        case ReplyExpected():
            code = event.code or _EXPECTED.get(event.digit, 250)
            return b"%d (what is expected; the transcript has no reply)\r\n" % code


def _host_and_port(place: str) -> tuple[str, int] | None:
    """Return host and port of `mail.example.com:587` or a URL; None if it says neither."""
    match = _PLACE.search(place)
    if match is None:
        return None
    port = int(match[3])
    return (match[1] or match[2], port) if 0 < port < 65_536 else None


def _seconds(date: str) -> float:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError, OSError):
        return 0.0
