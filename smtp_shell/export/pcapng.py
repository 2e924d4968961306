"""The blocks of a pcapng file: what Wireshark and tshark read. A stream: each block is octets that are appended to the file.

Source: draft-ietf-opsawg-pcapng
"""

from __future__ import annotations

import struct
from typing import Final, Literal

ETHERNET: Final = 1
"""Link type of an interface whose packets begin with an Ethernet header."""
MOST_COMMENT: Final = 4_000
"""Octets of a comment. The format allows 65,535, and nobody reads more than a screen of it."""

_SECTION, _INTERFACE, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_BYTE_ORDER = 0x1A2B3C4D
_NO_LENGTH = 0xFFFFFFFFFFFFFFFF
_SNAP_LENGTH = 0x40000
_TLS_KEY_LOG = 0x544C534B
_COMMENT, _APPLICATION, _IF_NAME, _IF_TSRESOL, _END = 1, 4, 2, 9, 0
_MICROSECONDS = 6
_PACKET_FIXED = struct.Struct("<IIIIIII")
_LENGTH = struct.Struct("<I")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

Order = Literal["<", ">"]


def file_start(application: str, comment: str, interface: str) -> bytes:
    """Return the first blocks of a file: the section's header and one Ethernet interface, whose times are in microseconds.

    Args:
        application: The program that writes the file.
        comment: What the file is, for whoever opens it; printable.
        interface: Name of the interface.
    """
    options = _option(_COMMENT, _text(comment)) + _option(_APPLICATION, _text(application)) + _option(_END, b"")
    section = _block(_SECTION, struct.pack("<IHHQ", _BYTE_ORDER, 1, 0, _NO_LENGTH) + options)
    options = _option(_IF_NAME, _text(interface)) + _option(_IF_TSRESOL, bytes([_MICROSECONDS])) + _option(_END, b"")
    return section + _block(_INTERFACE, struct.pack("<HHI", ETHERNET, 0, _SNAP_LENGTH) + options)


def packet_block(at: float, packet: bytes, comment: str = "") -> bytes:
    """Return the block of one packet.

    Args:
        at: Seconds since the epoch.
        packet: The packet, from its Ethernet header on.
        comment: A comment on it, printable; empty for none.
    """
    stamp = int(at * 1_000_000)
    size = len(packet)
    options = _option(_COMMENT, _text(comment)) + _option(_END, b"") if comment else b""
    total = 32 + size + (-size % 4) + len(options)
    head = _PACKET_FIXED.pack(_PACKET, total, 0, stamp >> 32, stamp & 0xFFFFFFFF, size, size)
    return b"".join((head, packet, _PADDING[size % 4], options, _LENGTH.pack(total)))


def secrets_block(keys: bytes, order: Order = "<") -> bytes:
    """Return a block with keys of TLS. It decrypts the packets that follow it in the file.

    Args:
        keys: Lines of a TLS key log.
        order: Byte order of the section that it goes into.
    """
    head = struct.pack(f"{order}II", _TLS_KEY_LOG, len(keys))
    return _block(_SECRETS, head + keys + _PADDING[len(keys) % 4], order)


def section_header(start: bytes) -> tuple[int, Order] | None:
    """Return the length of the section's header at the start of a file, and the byte order of what follows; None for another file."""
    if len(start) < 12 or start[:4] != _SECTION.to_bytes(4, "big"):
        return None
    for order in ("<", ">"):
        length, magic = struct.unpack_from(f"{order}II", start, 4)
        if magic == _BYTE_ORDER:
            return (length, "<") if order == "<" else (length, ">")
    return None


def _block(kind: int, body: bytes, order: Order = "<") -> bytes:
    total = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + total + body + total


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + _PADDING[len(value) % 4]


def _text(text: str) -> bytes:
    """Return text as an option holds it, and no more of it than `MOST_COMMENT`, cut between characters."""
    return text.encode("utf-8", "replace")[:MOST_COMMENT].decode("utf-8", "ignore").encode()
