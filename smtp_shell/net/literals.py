"""IP addresses as text: their family, and how SMTP writes them."""

from __future__ import annotations

import socket
from contextlib import suppress

_MAPPED = b"\0" * 10 + b"\xff\xff"


def family_of(address: str) -> int | None:
    """Return the family of an address; None for a name. An IPv6 address with a zone counts as a name, since it must be looked up."""
    for kind in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(kind, address)
            return int(kind)
    return None


def unmapped(address: str) -> str:
    """Return an IPv6 address that stands for an IPv4 address as that address, without a zone; others as they are.

    `::ffff:192.0.2.1` is 192.0.2.1 over a socket for both: the packets and the server's view are those of IPv4.

    Source: RFC 4291 section 2.5.5.2
    """
    plain = address.partition("%")[0] if ":" in address else address
    if ":" in plain:
        with suppress(OSError, ValueError):
            octets = socket.inet_pton(socket.AF_INET6, plain)
            if octets.startswith(_MAPPED):
                return socket.inet_ntop(socket.AF_INET, octets[len(_MAPPED) :])
    return plain


def address_literal(address: str) -> str:
    """Return an IP address as SMTP writes it: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.

    Source: RFC 5321 section 4.1.3
    """
    plain = unmapped(address)
    return f"[IPv6:{plain}]" if ":" in plain else f"[{plain}]"
