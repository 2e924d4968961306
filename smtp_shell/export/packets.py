"""TCP packets around octets: Ethernet, IPv4 or IPv6, and TCP as a stack would have sent it, with right checksums.

What the octets are is the caller's. Here are the three packets that open a connection, segments, acknowledgements and the end.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MSS: Final = 1460
"""Octets of a segment over IPv4 and Ethernet; over IPv6 there are 20 fewer."""

_FIN, _SYN, _RST, _PSH, _ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_WINDOW = 64_240
_DELAYED_ACK = 0.04
_TTL = 64
_SEGMENTS_AN_ACK = 2
_TCP = struct.Struct(">HHIIBBHHH")
_TCP_SIZE = 20


class Endpoint(Struct, frozen=True):
    """One end of a connection.

    Args:
        address: Its IP address, packed: 4 or 16 octets.
        port: Its port.
    """

    address: bytes
    port: int

    @classmethod
    def of(cls, address: str, port: int) -> Endpoint:
        """Return the end at an address, which may have a zone.

        Raises:
            ValueError: It is no IP address.
        """
        return cls(ipaddress.ip_address(address.partition("%")[0]).packed, port)

    def __str__(self) -> str:
        address = ipaddress.ip_address(self.address)
        return f"[{address}]:{self.port}" if address.version == 6 else f"{address}:{self.port}"


class Packet(Struct, frozen=True):
    """One packet.

    Args:
        at: When it was sent, in seconds.
        octets: All of it, from the Ethernet header on.
        acknowledges: Whether it does nothing but acknowledge.
    """

    at: float
    octets: bytes
    acknowledges: bool = False


class _Sender:
    """One direction of a connection: the headers that stay the same, and the sequence numbers."""

    def __init__(self, here: Endpoint, there: Endpoint, macs: bytes, start: int) -> None:
        self.next = start  # sequence number of the next octet
        self.unacknowledged = 0  # segments since the other side's last packet
        self.last_at = 0.0  # when the last of them was sent
        self.has_ended = False
        self._ports = here.port, there.port
        self._identification = start & 0x7FFF
        self._is_ipv6 = len(here.address) == 16
        self._addresses = here.address + there.address
        self._ethernet = macs + (b"\x86\xdd" if self._is_ipv6 else b"\x08\x00")
        self._pseudo = int.from_bytes(self._addresses, "big") + 6

    def packet(self, flags: int, acknowledged: int, payload: bytes = b"", options: bytes = b"") -> bytes:
        offset = (_TCP_SIZE + len(options)) << 2
        source, destination = self._ports
        length = _TCP_SIZE + len(options) + len(payload)
        head = _TCP.pack(source, destination, self.next, acknowledged, offset, flags, _WINDOW, 0, 0)
        segment = b"".join((head, options, payload))
        total = int.from_bytes(segment if not length & 1 else segment + b"\0", "big") + self._pseudo + length
        checksum = _checksum(total).to_bytes(2, "big")
        self.next = (self.next + len(payload) + bool(flags & (_SYN | _FIN))) & 0xFFFFFFFF
        return b"".join((self._ethernet, self._ip(length), segment[:16], checksum, segment[18:]))

    def _ip(self, length: int) -> bytes:
        if self._is_ipv6:
            return struct.pack(">IHBB", 6 << 28, length, 6, _TTL) + self._addresses
        self._identification = (self._identification + 1) & 0xFFFF
        head = struct.pack(">BBHHHBB", 0x45, 0, 20 + length, self._identification, 0x4000, _TTL, 6)
        checksum = _checksum(int.from_bytes(head + b"\0\0" + self._addresses, "big"))
        return head + checksum.to_bytes(2, "big") + self._addresses


class TcpConversation:
    """One TCP connection as packets.

    Args:
        client: Who connects.
        server: To whom. Its address is of the same family.
        number: Which connection of the capture this is; it gives the first sequence numbers.
    """

    def __init__(self, client: Endpoint, server: Endpoint, number: int = 1) -> None:
        ours, theirs = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"  # locally administered: no card has them
        start = number * 0x1D872B41
        self._client = _Sender(client, server, theirs + ours, start & 0xFFFFFFFF)
        self._server = _Sender(server, client, ours + theirs, (start * 5 + 0x3C6EF372) & 0xFFFFFFFF)
        self._mss = MSS if len(client.address) == 4 else MSS - 20

    @property
    def has_ended(self) -> bool:
        """Whether both sides have ended it."""
        return self._client.has_ended and self._server.has_ended

    @property
    def segment_size(self) -> int:
        """Octets of a full segment."""
        return self._mss

    def open(self, at: float) -> Iterator[Packet]:
        """Yield the three packets that open the connection."""
        client, server = self._client, self._server
        options = struct.pack(">BBH", 2, 4, self._mss)
        yield Packet(at, client.packet(_SYN, 0, options=options))
        yield Packet(at, server.packet(_SYN | _ACK, client.next, options=options))
        yield Packet(at, client.packet(_ACK, server.next))

    def send(self, octets: bytes, at: float, *, from_client: bool) -> Iterator[Packet]:
        """Yield the segments with these octets, and what acknowledges them while they go.

        After the end of a direction nothing more can come from it, and nothing is yielded.
        """
        sender, receiver = self._sides(from_client)
        if not octets or sender.has_ended:
            return
        yield from self._before(sender, receiver, at)
        for start in range(0, len(octets), self._mss):
            payload = octets[start : start + self._mss]
            flags = _PSH | _ACK if start + self._mss >= len(octets) else _ACK
            yield Packet(at, sender.packet(flags, receiver.next, payload))
            sender.unacknowledged += 1
            sender.last_at = at
            if sender.unacknowledged > _SEGMENTS_AN_ACK:
                yield self._acknowledge(sender, receiver, at)

    def end(self, at: float, *, from_client: bool) -> Iterator[Packet]:
        """Yield the end of one direction; if the other one has ended before, also the acknowledgement that closes the connection."""
        sender, receiver = self._sides(from_client)
        if sender.has_ended:
            return
        yield from self._before(sender, receiver, at)
        sender.has_ended = True
        yield Packet(at, sender.packet(_FIN | _ACK, receiver.next))
        sender.unacknowledged, sender.last_at = 1, at
        if receiver.has_ended:
            yield self._acknowledge(sender, receiver, at)

    def reset(self, at: float, *, from_client: bool) -> Iterator[Packet]:
        """Yield the reset that ends both directions at once."""
        sender, receiver = self._sides(from_client)
        if not self.has_ended:
            yield Packet(at, sender.packet(_RST | _ACK, receiver.next))
        sender.has_ended = receiver.has_ended = True

    def _sides(self, from_client: bool) -> tuple[_Sender, _Sender]:
        return (self._client, self._server) if from_client else (self._server, self._client)

    def _before(self, sender: _Sender, receiver: _Sender, at: float) -> Iterator[Packet]:
        """Yield what went before a packet with octets or an end, which itself acknowledges all that its sender has got."""
        yield from self._acknowledge_late(sender, receiver, at)
        yield from self._acknowledge_late(receiver, sender, at)
        receiver.unacknowledged = 0

    def _acknowledge_late(self, sender: _Sender, receiver: _Sender, at: float) -> Iterator[Packet]:
        """Yield the acknowledgement that the receiver has sent meanwhile, if it has been silent for so long that a stack sends one."""
        if sender.unacknowledged and at - sender.last_at > _DELAYED_ACK:
            yield self._acknowledge(sender, receiver, sender.last_at + _DELAYED_ACK)

    def _acknowledge(self, sender: _Sender, receiver: _Sender, at: float) -> Packet:
        sender.unacknowledged = 0
        return Packet(at, receiver.packet(_ACK, sender.next), acknowledges=True)


def _checksum(total: int) -> int:
    """Return the Internet checksum of octets that are given as one number, of a whole number of 16-bit words.

    One's complement addition of its words is the number modulo 65,535, which Python reckons 20 times as fast as a loop over them.

    Source: RFC 1071 section 2
    """
    return (0xFFFF - total % 0xFFFF) % 0xFFFF
