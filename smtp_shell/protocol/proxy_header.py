"""The header of the PROXY protocol, with which a client tells a server whose connection it passes on.

It is sent before anything else, TLS too. `rawlines` recognises one among octets that a user sends.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.protocol.rawlines import PROXY_SIGNATURE

Endpoint = tuple[str, int]
"""An IP address and a port."""

FORMS: Final = ("v1", "v2", "v1-unknown", "v2-local")
"""Forms of the header: text or binary, and each without addresses, as a health check sends it."""

_COMMAND_PROXY = 0x21
_COMMAND_LOCAL = 0x20
_TCP = {4: 0x11, 6: 0x21}


class ProxyHeader(Struct, frozen=True):
    """Which header to send.

    Args:
        form: One of `FORMS`.
        source: The client whose connection it is said to be; None for this end of the connection.
        destination: Where that client connected to; None for the other end.
        verbatim: The header itself, as a transcript has it; empty where it is made.
    """

    form: str
    source: Endpoint | None = None
    destination: Endpoint | None = None
    verbatim: bytes = b""

    def octets(self, local: Endpoint | None, server: Endpoint | None) -> bytes:
        """Return the header.

        Where an address is neither given nor known, as over a Unix socket, it is the form without addresses.

        Args:
            local: This end of the connection; None if it has no address.
            server: The other end; None if its address is not known.

        Raises:
            UsageError: One address is IPv4 and the other one IPv6.

        Source: The PROXY protocol (HAProxy), sections 2.1 and 2.2
        """
        if self.verbatim:
            return self.verbatim
        text, ends = self.form.startswith("v1"), self._ends(local, server)
        if ends is None:
            return b"PROXY UNKNOWN\r\n" if text else PROXY_SIGNATURE + bytes((_COMMAND_LOCAL, 0, 0, 0))
        source, destination = ends
        ours, theirs = _address(source), _address(destination)
        if ours.version != theirs.version:
            raise UsageError(
                f"a PROXY header has two addresses of one family, and {ours} and {theirs} are not: "
                "give both --proxy-source and --proxy-destination."
            )
        if text:
            return f"PROXY TCP{ours.version} {ours} {theirs} {source[1]} {destination[1]}\r\n".encode()
        block = ours.packed + theirs.packed + source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
        return PROXY_SIGNATURE + bytes((_COMMAND_PROXY, _TCP[ours.version])) + len(block).to_bytes(2, "big") + block

    def _ends(self, local: Endpoint | None, server: Endpoint | None) -> tuple[Endpoint, Endpoint] | None:
        """Return the two addresses that the header names; None for none."""
        source, destination = self.source or local, self.destination or server
        if self.form not in ("v1", "v2") or source is None or destination is None:
            return None
        return source, destination

    def words(self, local: Endpoint | None, server: Endpoint | None) -> str:
        """Return what the header says, in words, with the arguments of `octets`."""
        ends = self._ends(local, server)
        if self.verbatim or ends is None:
            return "the PROXY header is the transcript's" if self.verbatim else "the PROXY header names no addresses"
        client, there = (f"{_address(each)} port {each[1]}" for each in ends)
        return f"the PROXY header says: a client at {client}, which connected to {there}"


def _address(endpoint: Endpoint) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address without a zone; one of IPv4 in the form of IPv6 is one of IPv4."""
    address = ipaddress.ip_address(endpoint[0].partition("%")[0])
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
