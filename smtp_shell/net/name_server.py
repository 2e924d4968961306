"""Which resolver is asked: the system's, or the one that the user names."""

from __future__ import annotations

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.net.literals import endpoint
from smtp_shell.protocol.octets import escape_str

_PORT = 53


class NameServer(Struct, frozen=True):
    """A resolver.

    Args:
        address: Its IP address.
        port: Its port.
    """

    address: str
    port: int = _PORT

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port == _PORT else f"{host}:{self.port}"


def parse_name_server(text: str, what: str) -> NameServer:
    """Parse ADDR[:PORT].

    Args:
        text: An IP address, an IPv6 one with a port in brackets.
        what: The option or setting, for the message.

    Raises:
        UsageError: The text is something else.
    """
    found = endpoint(text, lenient=True)
    if found is None or not found[0] or "%" in found[0]:
        raise UsageError(
            f"{what} takes the IP address of a name server, ADDR or ADDR:PORT, and not {escape_str(text)}."
        )
    return NameServer(found[0], found[1] or _PORT)
