"""IP addresses as text: their family, and how SMTP writes them."""

from __future__ import annotations

import socket
from contextlib import suppress

_MAPPED = b"\0" * 10 + b"\xff\xff"
_LAST_PORT = 65_535


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


def endpoint(text: str, *, lenient: bool = False) -> tuple[str, int] | None:
    """Return the address and the port of `192.0.2.1:25` or `[2001:db8::1]:25`; None if it is neither.

    Args:
        text: What a user typed.
        lenient: Whether the port may be left out, which is 0 then, and likewise the address, which is empty then.
    """
    bracketed = text.startswith("[")
    if bracketed:
        address, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in address or (rest and not rest.startswith(":")):
            return None
        colon, port = rest[:1], rest[1:]
    elif text.count(":") > 1:
        address, colon, port = text, "", ""
    else:
        address, colon, port = text.partition(":")
    if colon and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) <= _LAST_PORT):
        return None
    if not (colon or lenient) or (not address and not (lenient and colon)):
        return None
    if address and family_of(address.partition("%")[0]) is None:
        return None
    return address, int(port or 0)


def shown_place(place: tuple[str, int]) -> str:
    """Return an address and a port as a user writes them."""
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
