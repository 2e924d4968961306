"""Packets as TCP segments, and segments as the octets that each side has sent, in order.

Source: RFC 791 section 3.1, RFC 8200 section 3 and 4, RFC 9293 section 3.1
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MOST_WAITING: Final = 512 * 1024
"""Octets of one side that may wait for an earlier segment. If there are more, the earlier one counts as lost."""

_VLAN = (0x8100, 0x88A8, 0x9100)
_PPPOE = 0x8864
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP = 6
_EXTENSIONS = (0, 43, 60)
_FRAGMENT = 44
_ETHERNET, _NULL, _LOOP, _SLL, _SLL2, _LINK_IPV4, _LINK_IPV6 = 1, 0, 108, 113, 276, 228, 229
_RAW = (12, 14, 101)
_PPP = 9
FIN, SYN, RST, ACK = 1, 2, 4, 16
_MODULO = 1 << 32
_HALF = 1 << 31


class End(Struct, frozen=True):
    """One end of a connection: an address, packed, and a port."""

    address: bytes
    port: int

    def __str__(self) -> str:
        import ipaddress

        address = ipaddress.ip_address(self.address)
        return f"[{address}]:{self.port}" if address.version == 6 else f"{address}:{self.port}"


class Segment(Struct, frozen=True):
    """One TCP segment.

    Args:
        source: Who sent it.
        target: To whom.
        number: Its sequence number.
        acknowledged: The sequence number that it acknowledges; None without one.
        flags: FIN, SYN, RST, ACK.
        octets: What it carries.
        at: When it was captured, in seconds since the epoch.
        missing: How many of its octets the capture has left out.
    """

    source: End
    target: End
    number: int
    acknowledged: int | None
    flags: int
    octets: bytes
    at: float | None = None
    missing: int = 0


def segment_of(link: int, packet: bytes, at: float | None = None) -> Segment | None:
    """Return the TCP segment in a packet; None for any other packet, and for a fragment.

    Args:
        link: Link type.
        packet: The packet.
        at: When it was captured.
    """
    try:
        start, kind = _network(link, packet)
        if kind == _IPV4:
            return _ipv4(packet, start, at)
        return _ipv6(packet, start, at) if kind == _IPV6 else None
    except (struct.error, IndexError):
        return None


def _network(link: int, packet: bytes) -> tuple[int, int]:
    """Return where the network's header begins, and its kind."""
    if link == _ETHERNET:
        start, kind = 14, struct.unpack_from(">H", packet, 12)[0]
        while kind in _VLAN:
            kind = struct.unpack_from(">H", packet, start + 2)[0]
            start += 4
        if kind == _PPPOE:
            start, kind = start + 8, {0x21: _IPV4, 0x57: _IPV6}.get(struct.unpack_from(">H", packet, start + 6)[0], 0)
        return start, kind
    if link == _SLL:
        start, kind = 16, struct.unpack_from(">H", packet, 14)[0]
    elif link == _SLL2:
        start, kind = 20, struct.unpack_from(">H", packet)[0]
    elif link in (_NULL, _LOOP):
        start, kind = 4, _by_version(packet, 4)
    elif link in _RAW or link in (_LINK_IPV4, _LINK_IPV6):
        start, kind = 0, _by_version(packet, 0)
    elif link == _PPP:
        start = 4 if packet[:2] == b"\xff\x03" else 2
        kind = _by_version(packet, start)
    else:
        return 0, 0
    while kind in _VLAN:
        kind = struct.unpack_from(">H", packet, start + 2)[0]
        start += 4
    return start, kind


def _by_version(packet: bytes, start: int) -> int:
    return {4: _IPV4, 6: _IPV6}.get(packet[start] >> 4, 0)


def _ipv4(packet: bytes, start: int, at: float | None) -> Segment | None:
    first, _, total, _, fragment, _, protocol = struct.unpack_from(">BBHHHBB", packet, start)
    if first >> 4 != 4 or protocol != _TCP or fragment & 0x3FFF:
        return None
    size = (first & 15) * 4
    end = start + total if total else len(packet)  # an adapter that cuts large packets by itself has no length here
    addresses = packet[start + 12 : start + 16], packet[start + 16 : start + 20]
    return _tcp(packet, start + size, end, addresses, at)


def _ipv6(packet: bytes, start: int, at: float | None) -> Segment | None:
    length, kind = struct.unpack_from(">HB", packet, start + 4)
    end = start + 40 + length if length else len(packet)
    addresses = packet[start + 8 : start + 24], packet[start + 24 : start + 40]
    at_header = start + 40
    for _ in range(8):
        if kind in _EXTENSIONS:
            kind, at_header = packet[at_header], at_header + 8 + packet[at_header + 1] * 8
        elif kind == _FRAGMENT:
            if struct.unpack_from(">H", packet, at_header + 2)[0] & 0xFFF9:
                return None
            kind, at_header = packet[at_header], at_header + 8
    return _tcp(packet, at_header, end, addresses, at) if kind == _TCP and len(addresses[1]) == 16 else None


def _tcp(packet: bytes, start: int, end: int, addresses: tuple[bytes, bytes], at: float | None) -> Segment | None:
    source, target, number, acknowledged, offset, flags = struct.unpack_from(">HHIIBB", packet, start)
    size = (offset >> 4) * 4
    if size < 20 or end < start + size:
        return None
    octets = packet[start + size : end]
    return Segment(
        End(addresses[0], source),
        End(addresses[1], target),
        number,
        acknowledged if flags & ACK else None,
        flags,
        octets,
        at,
        end - start - size - len(octets),
    )


class Lost(Struct, frozen=True):
    """Octets that one side has sent and that the capture lacks.

    Args:
        count: How many.
    """

    count: int


class Side:
    """What one side of a connection has sent, put in order."""

    def __init__(self) -> None:
        self._next: int | None = None  # sequence number of the octet that comes next
        self._waiting: dict[int, bytes] = {}
        self._size = 0
        self._end: int | None = None  # sequence number of FIN
        self.ended = False

    @property
    def is_known(self) -> bool:
        """Whether anything of this side has been seen."""
        return self._next is not None

    def add(self, segment: Segment) -> Iterator[bytes | Lost]:
        """Add a segment, and yield the octets that are in order now."""
        number = segment.number
        if segment.flags & SYN:
            number = (number + 1) % _MODULO
            if self._next is None:
                self._next = number
        if self._next is None:
            self._next = number
        octets = segment.octets
        if octets:
            self._wait(number, octets, segment.missing)
        if segment.flags & FIN:
            self._end = (number + len(octets) + segment.missing) % _MODULO
        yield from self._in_order()
        if self._size > MOST_WAITING or len(self._waiting) > 4_000:
            yield from self._skip()

    def acknowledged(self, number: int) -> Iterator[bytes | Lost]:
        """Note what the other side has received. What the capture lacks of it is lost."""
        while self._waiting and self._next is not None and _after(number, self._next) > 0:
            yield from self._skip()

    def finish(self) -> Iterator[bytes | Lost]:
        """Yield what still waits."""
        while self._waiting:
            yield from self._skip()

    def _wait(self, number: int, octets: bytes, missing: int) -> None:
        assert self._next is not None
        early = -_after(number, self._next)
        if early > 0:
            if early >= len(octets):
                return
            number, octets = self._next, octets[early:]
        elif -early > _HALF // 2:
            return
        held = self._waiting.get(number)
        if held is None or len(held) < len(octets):
            self._waiting[number] = octets
            self._size += len(octets) - len(held or b"")

    def _in_order(self) -> Iterator[bytes | Lost]:
        while self._next is not None and self._waiting:
            octets = self._waiting.pop(self._next, None)
            if octets is None:
                octets = self._overlapping()
                if octets is None:
                    break
            else:
                self._size -= len(octets)
            if octets:
                self._next = (self._next + len(octets)) % _MODULO
                yield octets
        if self._end is not None and self._next == self._end:
            self.ended = True

    def _overlapping(self) -> bytes | None:
        """Remove and return a segment that begins before what comes next; None if there is none."""
        assert self._next is not None
        for number in self._waiting:
            early = -_after(number, self._next)
            if early > 0:
                octets = self._waiting.pop(number)
                self._size -= len(octets)
                return octets[early:]
        return None

    def _skip(self) -> Iterator[bytes | Lost]:
        """Skip what is missing in front of what waits."""
        assert self._next is not None
        following = self._next
        nearest = min(self._waiting, key=lambda number: _after(number, following))
        gap = _after(nearest, self._next)
        if gap > 0:
            self._next = nearest
            yield Lost(gap)
        yield from self._in_order()


def _after(number: int, other: int) -> int:
    """Return how far a sequence number is after another one; less than 0 if it is before."""
    return (number - other + _HALF) % _MODULO - _HALF
