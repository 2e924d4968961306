"""Names and addresses: the addresses of a server, and the name of this host."""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.net.literals import address_literal, family_of
from smtp_shell.net.target import Target
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.hostnames import ascii_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.net.name_server import NameServer

FAMILIES = {"-4": int(socket.AF_INET), "-6": int(socket.AF_INET6)}
"""Address family by the option that selects it."""

_NAMES = {int(socket.AF_INET): "an IPv4 address", int(socket.AF_INET6): "an IPv6 address"}
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The last label begins with a letter: a machine whose name is an address has no name. A string: the first use pays, and few ask.
_FULL_NAME = rf"(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}"


class Address(Struct, frozen=True):
    """One address of a server.

    Args:
        family: `socket.AF_INET` or `socket.AF_INET6`.
        sockaddr: What `socket.connect` takes for this family.
    """

    family: int
    sockaddr: tuple[Any, ...]  # as getaddrinfo returns it: host and port, and for IPv6 two numbers more

    def __str__(self) -> str:
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(
    target: Target, deadline: float, family: int = 0, option: str = "", server: NameServer | None = None
) -> list[Address]:
    """Return the addresses of a host, in the order in which to try them.

    Args:
        target: A TCP target. A host that is an address literal is not looked up.
        deadline: When to give up, on the clock of `time.monotonic`.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.
        option: The option that asks for the family, for messages; empty for the one of `FAMILIES`.
        server: The resolver to ask; None for the system's way, which may be a file or more.

    Raises:
        ConnectFailed: The name is not known, has no address of the family, or was not found in time.
    """
    kind = family_of(target.host)
    if kind is None and not target.host.isascii():
        target = _in_ascii(target)
    if kind is None:
        if server is None or _is_local(target.host):
            return interleaved(_look_up(target, deadline, family, option))
        return interleaved(_ask(target, server, deadline, family))
    if family not in (0, kind):
        raise ConnectFailed(
            f"no connection to {target}: {_option(family, option)} needs {_NAMES[family]}, and this is {_NAMES[kind]}; leave it out."
        )
    return [Address(kind, (target.host, target.port))]


def _in_ascii(target: Target) -> Target:
    """Return a target that was not parsed from what a user typed, its name in ASCII: getaddrinfo would use IDNA 2003.

    Raises:
        ConnectFailed: It is no host name.
    """
    try:
        return replace(target, host=ascii_name(target.host))
    except UsageError as error:
        raise ConnectFailed(f"no connection to {target}: {error}") from None


def _option(family: int, option: str) -> str:
    return option or next(name for name, value in FAMILIES.items() if value == family)


def _unknown(error: socket.gaierror, family: int, option: str) -> str:
    if error.errno == socket.EAI_AGAIN:
        return "no name server answers"
    if family:
        return f"the name is not known, or has no {_NAMES[family].split()[1]} address, which {_option(family, option)} needs"
    return "the name is not known"


def _look_up(target: Target, deadline: float, family: int, option: str) -> list[Address]:
    """Call getaddrinfo, which has no time-out."""

    def look_up() -> list[Address]:
        rows = socket.getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM)
        return [Address(row[0], row[4]) for row in rows]

    from smtp_shell.net.in_time import in_time

    try:
        return in_time(look_up, deadline, "look-up")
    except TimeoutError:
        raise ConnectFailed(
            f"no connection to {target}: the name was not found in time; check the name and the network."
        ) from None
    except socket.gaierror as error:
        why = _unknown(error, family, option)
    except OSError as error:
        why = reason_of(error)
    except UnicodeError:
        why = "it is no valid host name"
    raise ConnectFailed(f"no connection to {target}: {why}; check the name and the network.")


def prepare(server: NameServer | None) -> None:
    """Load what asking a resolver needs, which takes longer than an answer, so that the time of a look-up is that of the answer."""
    if server is not None:
        from smtp_shell.net.dns import load

        load()


def _is_local(name: str) -> bool:
    """Return whether a name stands for this machine, so that no resolver is asked for it.

    Source: RFC 6761 section 6.3
    """
    return name.lower().removesuffix(".").rpartition(".")[2] == "localhost"


def _ask(target: Target, server: NameServer, deadline: float, family: int) -> list[Address]:
    """Ask the resolver that the user has named."""
    from smtp_shell.net.dns import ask_addresses

    found = ask_addresses(target.host, server, deadline, family)
    return [Address(family_of(address) or 0, (address, target.port)) for address in found]


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return addresses with their families in turn, beginning with that of the first: one family may not work at all here.

    Source: RFC 8305 section 4
    """
    first = [each for each in addresses if each.family == addresses[0].family]
    others = [each for each in addresses if each.family != addresses[0].family]
    pairs = zip_longest(first, others)
    return [each for pair in pairs for each in pair if each is not None]


def local_name(address: str, seconds: float = 1.0) -> str:
    """Return this host's name for EHLO: its fully qualified name, else the address literal of its end of the connection.

    Args:
        address: The address of this end of the connection. Empty if it has none.
        seconds: How long to wait for the system to look its own name up.

    Source: RFC 5321 sections 4.1.3 and 4.1.4
    """
    name = ""
    with suppress(OSError, UnicodeError):  # the system does not tell its name
        name = socket.gethostname()
        if "." not in name:
            from smtp_shell.net.in_time import in_time

            name = in_time(socket.getfqdn, time.monotonic() + seconds, "own-name")
    name = name.removesuffix(".")
    if re.fullmatch(_FULL_NAME, name) and not name.startswith("localhost"):
        return name
    return address_literal(address or "127.0.0.1")
