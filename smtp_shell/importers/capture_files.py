"""Packets of a capture file: pcap and pcapng, as a stream.

Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, Literal

from msgspec import Struct

LONGEST_PACKET: Final = 1024 * 1024
"""Octets of a packet, or of a block of a pcapng file. A file with a longer one is not read on."""

MOST_KEYS: Final = 1024 * 1024
"""Octets of keys of TLS that are kept."""

_PCAP: Final[dict[bytes, tuple[Literal["<", ">"], float, int]]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1e-6, 24),
    b"\xa1\xb2\xcd\x34": (">", 1e-6, 24),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET, _SECRETS = 1, 2, 3, 6, 10
_TLS_KEY_LOG = 0x544C534B
_TSRESOL, _TSOFFSET = 9, 14
_MOST_INTERFACES = 10_000


class Captured(Struct, frozen=True):
    """One packet.

    Args:
        link: Link type, as registered with tcpdump.org.
        octets: The packet.
        at: When it was captured, in seconds since the epoch; None if the file does not say.
    """

    link: int
    octets: bytes
    at: float | None = None


class Keys(Struct, frozen=True):
    """Keys of TLS that the file holds: lines of a TLS key log."""

    octets: bytes


class Broken(Struct, frozen=True):
    """The file cannot be read on from here.

    Args:
        problem: Why, in words.
    """

    problem: str


Item = Captured | Keys | Broken


class _Interface(Struct, frozen=True):
    link: int
    unit: float
    offset: int


def is_capture(start: bytes) -> Literal["pcap", "pcapng", ""]:
    """Return which kind of capture file these octets begin; empty for none."""
    if start[:4] in _PCAP and len(start) >= 24:
        return "pcap"
    return "pcapng" if start[:4] == _SECTION and start[8:12] in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d") else ""


def captured(stream: BinaryIO) -> Iterator[Item]:
    """Yield what a capture file holds.

    Args:
        stream: The file, from its start.
    """
    start = stream.read(4)
    if start == _SECTION:
        yield from _pcapng(stream)
    elif start in _PCAP:
        yield from _pcap(stream, *_PCAP[start])
    else:
        yield Broken("it is no capture file")


def _exactly(stream: BinaryIO, size: int) -> bytes | None:
    """Return as many octets of a file; None if there are fewer."""
    parts: list[bytes] = []
    while size:
        part = stream.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _pcap(stream: BinaryIO, order: str, unit: float, size: int) -> Iterator[Item]:
    head = _exactly(stream, 20)
    if head is None:
        yield Broken("the capture ends within its header")
        return
    link = struct.unpack(f"{order}I", head[16:])[0] & 0x0FFFFFFF
    while first := stream.read(1):
        rest = _exactly(stream, size - 1)
        if rest is None:
            yield Broken("the capture is cut off here")
            return
        seconds, part, length = struct.unpack_from(f"{order}III", first + rest)
        if length > LONGEST_PACKET:
            yield Broken("the capture is damaged here: it says that a packet is longer than any")
            return
        octets = _exactly(stream, length)
        if octets is None:
            yield Broken("the capture is cut off here")
            return
        yield Captured(link, octets, seconds + part * unit)


def _pcapng(stream: BinaryIO) -> Iterator[Item]:
    order, interfaces = "<", list[_Interface]()
    first = True
    while True:
        kind = _SECTION if first else stream.read(4)
        first = False
        if not kind:
            return
        length = _exactly(stream, 4)
        if length is None or len(kind) < 4:
            yield Broken("the capture is cut off here")
            return
        magic = b""
        if kind == _SECTION:
            magic = _exactly(stream, 4) or b""
            order = "<" if magic == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        total = struct.unpack(f"{order}I", length)[0]
        rest = total - 8 - len(magic)
        if total % 4 or rest < 4 or total > LONGEST_PACKET + 1024:
            yield Broken("the capture is damaged here: a block has a length that none has")
            return
        body = _exactly(stream, rest)
        if body is None:
            yield Broken("the capture is cut off here")
            return
        number = struct.unpack(f"{order}I", kind)[0]
        if number == _INTERFACE and len(interfaces) < _MOST_INTERFACES:
            interfaces.append(_interface(body[:-4], order))
        elif number in _BLOCKS:
            item = _BLOCKS[number](body[:-4], order, interfaces)
            if item is not None:
                yield item


def _interface(body: bytes, order: str) -> _Interface:
    link = struct.unpack_from(f"{order}H", body)[0] if len(body) >= 2 else 0
    unit, offset = 1e-6, 0
    at = 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == _TSRESOL and value:
            unit = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
        elif code == _TSOFFSET and len(value) == 8:
            offset = struct.unpack(f"{order}q", value)[0]
        at += 4 + length + -length % 4
    return _Interface(link, unit, offset)


def _packet(body: bytes, order: str, interfaces: list[_Interface]) -> Captured | None:
    if len(body) < 20:
        return None
    number, high, low, length, _ = struct.unpack_from(f"{order}IIIII", body)
    return _timed(number, high, low, body[20 : 20 + length], interfaces)


def _old_packet(body: bytes, order: str, interfaces: list[_Interface]) -> Captured | None:
    if len(body) < 20:
        return None
    number, _, high, low, length, _ = struct.unpack_from(f"{order}HHIIII", body)
    return _timed(number, high, low, body[20 : 20 + length], interfaces)


def _timed(number: int, high: int, low: int, octets: bytes, interfaces: list[_Interface]) -> Captured | None:
    if number >= len(interfaces):
        return None
    interface = interfaces[number]
    return Captured(interface.link, octets, (high << 32 | low) * interface.unit + interface.offset)


def _simple(body: bytes, order: str, interfaces: list[_Interface]) -> Captured | None:
    if len(body) < 4 or not interfaces:
        return None
    return Captured(interfaces[0].link, body[4 : 4 + struct.unpack_from(f"{order}I", body)[0]])


def _secrets(body: bytes, order: str, interfaces: list[_Interface]) -> Keys | None:
    if len(body) < 8:
        return None
    kind, length = struct.unpack_from(f"{order}II", body)
    return Keys(body[8 : 8 + min(length, MOST_KEYS)]) if kind == _TLS_KEY_LOG else None


_BLOCKS: Final[dict[int, Callable[[bytes, str, list[_Interface]], Captured | Keys | None]]] = {
    _PACKET: _packet,
    _OLD_PACKET: _old_packet,
    _SIMPLE: _simple,
    _SECRETS: _secrets,
}
