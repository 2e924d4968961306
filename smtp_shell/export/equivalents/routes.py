"""How a dialogue's connection was made, as far as a script can say it: by which proxy, from where, and with which PROXY header."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.net.literals import endpoint
from smtp_shell.net.proxy import parse_proxy
from smtp_shell.protocol.rawlines import PROXY_SIGNATURE

if TYPE_CHECKING:
    from smtp_shell.net.proxy import Proxy
    from smtp_shell.protocol.proxy_header import Endpoint

_LINE_WORDS = 6  # PROXY TCP4 SOURCE DESTINATION PORT PORT
_SIZES = {0x11: 4, 0x21: 16}  # family and transport of version 2 -> octets of an address


class Route(Struct, frozen=True):
    """How a connection was made.

    Args:
        proxy: The proxy; None for none.
        source: The local address that was asked for; empty for none.
        header: The PROXY header that was sent first; empty for none.
    """

    proxy: Proxy | None = None
    source: str = ""
    header: bytes = b""

    @property
    def version(self) -> int:
        """The version of the PROXY header; 0 without one."""
        return 0 if not self.header else 2 if self.header.startswith(PROXY_SIGNATURE) else 1

    @property
    def ends(self) -> tuple[Endpoint, Endpoint] | None:
        """Who is connected, and to where, by the PROXY header; None where it does not say, or is none that can be read.

        Source: The PROXY protocol (HAProxy), sections 2.1 and 2.2
        """
        return _binary_ends(self.header) if self.version == 2 else _text_ends(self.header)


def proxy_of(words: str) -> Proxy | None:
    """Return the proxy that a notice names, with or without words after a semicolon; None where it names none that is understood."""
    try:
        return parse_proxy(words.partition(";")[0])
    except UsageError:
        return None


def source_of(words: str) -> str:
    """Return the address of an address with its port; empty where it is none. The port may be one that nobody asked for."""
    found = endpoint(words)
    return found[0] if found is not None else ""


def _text_ends(header: bytes) -> tuple[Endpoint, Endpoint] | None:
    words = header.decode("ascii", "replace").split()
    if len(words) != _LINE_WORDS or not all(word.isascii() and word.isdigit() for word in words[4:]):
        return None
    try:
        source, destination = (str(ipaddress.ip_address(word)) for word in words[2:4])
    except ValueError:
        return None
    return (source, int(words[4])), (destination, int(words[5]))


def _binary_ends(header: bytes) -> tuple[Endpoint, Endpoint] | None:
    start = len(PROXY_SIGNATURE) + 4
    size = _SIZES.get(header[start - 3]) if len(header) >= start else None
    block = header[start:]
    if size is None or len(block) < 2 * size + 4:
        return None
    source, destination = (str(ipaddress.ip_address(block[at : at + size])) for at in (0, size))
    ports = [int.from_bytes(block[at : at + 2], "big") for at in (2 * size, 2 * size + 2)]
    return (source, ports[0]), (destination, ports[1])
