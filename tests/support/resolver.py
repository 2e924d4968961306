"""A resolver on loopback, over UDP and TCP, with a zone that a test writes and ways to misbehave."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from smtp_shell.net.name_server import NameServer

Zone = Mapping[tuple[str, str], Sequence[str]]
"""(name, type) -> the records as a zone file writes them."""


class Resolver:
    """Answers from a zone. A name that is in it with other types only has no record; any other does not exist.

    Args:
        zone: The records.
        authenticated: Whether answers claim to have been checked with DNSSEC.
        mend: Changes an answer's octets before they go out, given whether it goes over TCP; None: nothing goes out.

    Attributes:
        asked: What was asked for, in order: name, type, and `udp` or `tcp`.
        server: Where it listens.
    """

    def __init__(
        self, zone: Zone, *, authenticated: bool = False, mend: Callable[[bytes, bool], bytes | None] | None = None
    ) -> None:
        self.replace(zone)
        self._authenticated = authenticated
        self._mend = mend
        self.asked: list[tuple[str, str, str]] = []
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._bind()
        self.server = NameServer("127.0.0.1", self._udp.getsockname()[1])
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._serve_udp, self._serve_tcp)]

    def _bind(self) -> None:
        """Bind both to one port. A port that is free for UDP may be taken for TCP."""
        for _ in range(50):
            self._udp.bind(("127.0.0.1", 0))
            with suppress(OSError):
                self._tcp.bind(self._udp.getsockname())
                self._tcp.listen(8)
                return
            self._udp.close()
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        raise AssertionError("no port is free for both")

    def replace(self, zone: Zone) -> None:
        """Answer from another zone from now on."""
        self._zone = {(name.rstrip("."), kind): records for (name, kind), records in zone.items()}

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for sock in (self._udp, self._tcp):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.server.port))
        for thread in self._threads:
            thread.join(10)
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        with suppress(OSError):
            while True:
                octets, peer = self._udp.recvfrom(4096)
                if not octets:
                    return
                answer = self._answer(octets, over_tcp=False)
                if answer is not None:
                    self._udp.sendto(answer, peer)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._tcp.accept()
                with client, suppress(OSError, struct.error):
                    client.settimeout(10)
                    (size,) = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
                    answer = self._answer(client.recv(size, socket.MSG_WAITALL), over_tcp=True)
                    if answer is not None:
                        client.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, octets: bytes, *, over_tcp: bool) -> bytes | None:
        query = dns.message.from_wire(octets)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, "tcp" if over_tcp else "udp"))
        response = dns.message.make_response(query, recursion_available=True)
        if self._authenticated:
            response.flags |= dns.flags.AD
        self._fill(response, name, kind)
        wire = response.to_wire(max_size=65535)
        if not over_tcp and len(wire) > 1200:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        return wire if self._mend is None else self._mend(wire, over_tcp)

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(40):  # a circle of CNAMEs is sent as far as this
            if alias := self._zone.get((name, "CNAME")):
                if not any(rrset.name.to_text(omit_final_dot=True) == name for rrset in response.answer):
                    response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", alias[0]))
                name = alias[0].rstrip(".")
                continue
            break
        if records := self._zone.get((name, kind)):
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *records))
        elif not any(owner == name for owner, _ in self._zone):
            response.set_rcode(dns.rcode.NXDOMAIN)


@contextmanager
def resolving(
    zone: Zone, *, authenticated: bool = False, mend: Callable[[bytes, bool], bytes | None] | None = None
) -> Iterator[Resolver]:
    """Run a resolver on loopback."""
    resolver = Resolver(zone, authenticated=authenticated, mend=mend)
    resolver.start()
    try:
        yield resolver
    finally:
        resolver.stop()
