"""A reader of pcapng files that checks all of it: lengths, checksums, sequence numbers. It shares no code with the writer."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_SYN, _FIN, _RST, _ACK = 2, 1, 4, 16


@dataclass
class Direction:
    """What one side has sent."""

    next: int | None = None
    octets: bytearray = field(default_factory=bytearray)
    ended: bool = False


@dataclass
class Read:
    """What a file holds."""

    comment: str = ""
    secrets: list[bytes] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    packets: int = 0
    directions: dict[tuple[bytes, int, bytes, int], Direction] = field(default_factory=dict)

    def sent(self, *, by_client: bool) -> bytes:
        """Return all octets of one side, of all connections in order. The side that sent the first packet is the client."""
        found = list(self.directions.values())
        return b"".join(bytes(each.octets) for each in found[0 if by_client else 1 :: 2])


def read(octets: bytes) -> Read:
    """Return what is in a file.

    Raises:
        AssertionError: Something in it is wrong.
    """
    found = Read()
    at = 0
    while at < len(octets):
        kind, length = struct.unpack_from("<II", octets, at)
        assert length % 4 == 0
        assert length >= 12
        body = octets[at + 8 : at + length - 4]
        assert len(body) == length - 12, "cut off"
        assert struct.unpack_from("<I", octets, at + length - 4) == (length,)
        _block(found, kind, body)
        at += length
    return found


def _block(found: Read, kind: int, body: bytes) -> None:
    if kind == 0x0A0D0D0A:
        assert struct.unpack_from("<IHHQ", body) == (0x1A2B3C4D, 1, 0, 2**64 - 1)
        found.comment = _options(body[16:])[1].decode()
    elif kind == 1:
        assert struct.unpack_from("<H", body) == (1,)
        assert _options(body[8:])[9] == b"\x06"
    elif kind == 10:
        name, length = struct.unpack_from("<II", body)
        assert name == 0x544C534B
        found.secrets.append(body[8 : 8 + length])
    elif kind == 6:
        interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
        assert interface == 0
        assert captured == original
        found.times.append(high << 32 | low)
        assert found.times[-1] >= max(found.times[-2:]), "time runs back"
        options = _options(body[20 + captured + -captured % 4 :])
        found.comments += [options[1].decode()] if 1 in options else []
        found.packets += 1
        _packet(found, body[20 : 20 + captured])
    else:
        raise AssertionError(f"a block of kind {kind}")


def _options(octets: bytes) -> dict[int, bytes]:
    options = {}
    while octets:
        code, length = struct.unpack_from("<HH", octets)
        options[code] = octets[4 : 4 + length]
        octets = octets[4 + length + -length % 4 :]
        if code == 0:
            assert not octets
    return options


def _sum(octets: bytes) -> int:
    """Return the one's complement sum of the 16-bit words."""
    total = 0
    for (word,) in struct.iter_unpack(">H", octets + b"\0" * (len(octets) % 2)):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _packet(found: Read, packet: bytes) -> None:
    kind = packet[12:14]
    if kind == b"\x08\x00":
        head, segment = packet[14:34], packet[34:]
        assert head[0] == 0x45
        assert struct.unpack_from(">H", head, 2) == (20 + len(segment),)
        assert _sum(head) == 0xFFFF, "checksum of IPv4"
        source, destination = head[12:16], head[16:20]
    else:
        assert kind == b"\x86\xdd"
        head, segment = packet[14:54], packet[54:]
        assert head[0] >> 4 == 6
        assert struct.unpack_from(">H", head, 4) == (len(segment),)
        source, destination = head[8:24], head[24:40]
    pseudo = source + destination + struct.pack(">II", len(segment), 6)
    assert _sum(pseudo + segment) == 0xFFFF, "checksum of TCP"
    _segment(found, source, destination, segment)


def _segment(found: Read, source: bytes, destination: bytes, segment: bytes) -> None:
    ours, theirs, number, acknowledged, offset, flags = struct.unpack_from(">HHIIBB", segment)
    payload = segment[(offset >> 4) * 4 :]
    assert len(payload) <= 1460
    here = found.directions.setdefault((source, ours, destination, theirs), Direction())
    there = found.directions.setdefault((destination, theirs, source, ours), Direction())
    if flags & _SYN:
        assert here.next is None
        here.next = number
    assert here.next is None or here.next == number, "a gap in the sequence numbers"
    assert not here.ended or not payload, "octets after the end"
    if flags & _ACK and there.next is not None:
        assert acknowledged == there.next, "the other side has sent more, or less"
    here.octets += payload
    here.next = (number + len(payload) + bool(flags & (_SYN | _FIN))) % 2**32
    here.ended = here.ended or bool(flags & (_FIN | _RST))
