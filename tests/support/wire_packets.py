"""Packets and capture files made by hand, whatever is wrong with them."""

import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT, SERVER = ("192.0.2.1", 50_000), ("192.0.2.25", 25)
ETHERNET, NULL, LOOP, RAW, SLL, SLL2 = 1, 0, 108, 101, 113, 276


def tcp(source: int, target: int, number: int, octets: bytes = b"", *, flags: int = ACK, acked: int = 0) -> bytes:
    """Return a TCP segment with no options."""
    return struct.pack(">HHIIBBHHH", source, target, number % 2**32, acked % 2**32, 0x50, flags, 1000, 0, 0) + octets


def ip(source: str, target: str, segment: bytes, *, total: int | None = None) -> bytes:
    """Return a packet of IPv4, or of IPv6 if the addresses have colons."""
    import ipaddress

    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    if ":" in source:
        return struct.pack(">IHBB", 0x60000000, len(segment), 6, 64) + addresses + segment
    size = 20 + len(segment) if total is None else total
    return struct.pack(">BBHHHBBH", 0x45, 0, size, 1, 0, 64, 6, 0) + addresses + segment


def framed(packet: bytes, link: int = ETHERNET, *, vlan: bool = False) -> bytes:
    """Return a packet with the header of a link."""
    kind = struct.pack(">H", 0x86DD if packet[0] >> 4 == 6 else 0x0800)
    tag = b"\x81\x00\x00\x07" if vlan else b""
    heads = {
        ETHERNET: bytes(12) + tag + kind,
        NULL: struct.pack("<I", 2),
        LOOP: struct.pack(">I", 2),
        RAW: b"",
        SLL: bytes(14) + kind,
        SLL2: kind + bytes(18),
    }
    return heads[link] + packet


def pcap(packets: list[bytes], link: int = ETHERNET, *, order: str = "<", nano: bool = False) -> bytes:
    """Return a pcap file of packets that are a tenth of a second apart."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    unit = 1_000_000_000 if nano else 1_000_000
    out = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, link)
    for index, packet in enumerate(packets):
        part = index % 10 * unit // 10
        out += struct.pack(f"{order}IIII", 1_700_000_000 + index // 10, part, len(packet), len(packet)) + packet
    return out


class Wire:
    """A connection whose packets are made one by one.

    Attributes:
        packets: The packets, framed.
    """

    def __init__(
        self,
        link: int = ETHERNET,
        *,
        client: tuple[str, int] = CLIENT,
        server: tuple[str, int] = SERVER,
        vlan: bool = False,
        start: int = 1_000,
    ) -> None:
        self.packets: list[bytes] = []
        self._link, self._vlan = link, vlan
        self._ends = {True: client, False: server}
        self._next = {True: start, False: start * 2}

    def open(self) -> "Wire":
        """Do the three packets that open a connection."""
        self._put(True, b"", SYN)
        self._put(False, b"", SYN | ACK)
        self._put(True, b"", ACK)
        return self

    def client(self, octets: bytes) -> "Wire":
        """Send octets of the client."""
        return self._put(True, octets, PSH | ACK)

    def server(self, octets: bytes) -> "Wire":
        """Send octets of the server."""
        return self._put(False, octets, PSH | ACK)

    def close(self, *, by_client: bool = True) -> "Wire":
        """End the connection from one side, and then the other."""
        return self._put(by_client, b"", FIN | ACK)._put(not by_client, b"", FIN | ACK)

    def reset(self, *, by_client: bool = True) -> "Wire":
        """Reset the connection."""
        return self._put(by_client, b"", RST | ACK)

    def _put(self, by_client: bool, octets: bytes, flags: int) -> "Wire":
        (address, port), (other, other_port) = self._ends[by_client], self._ends[not by_client]
        number, acked = self._next[by_client], self._next[not by_client]
        segment = tcp(port, other_port, number, octets, flags=flags, acked=acked)
        self.packets.append(framed(ip(address, other, segment), self._link, vlan=self._vlan))
        self._next[by_client] += len(octets) + bool(flags & (SYN | FIN))
        return self
