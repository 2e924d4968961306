"""Names and addresses: the addresses of a server, and the name of this host."""

from __future__ import annotations

import re
import socket
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.net.literals import address_literal, family_of
from smtp_shell.net.target import Target
from smtp_shell.net.waiting import tick
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.hostnames import ascii_name

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


def resolve(target: Target, deadline: float, family: int = 0, option: str = "") -> list[Address]:
    """Return the addresses of a host, in the order in which to try them.

    Args:
        target: A TCP target. A host that is an address literal is not looked up.
        deadline: When to give up, on the clock of `time.monotonic`.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.
        option: The option that asks for the family, for messages; empty for the one of `FAMILIES`.

    Raises:
        ConnectFailed: The name is not known, has no address of the family, or was not found in time.
    """
    kind = family_of(target.host)
    if kind is None and not target.host.isascii():
        target = _in_ascii(target)
    if kind is None:
        return _look_up(target, deadline, family, option)
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
    """Call getaddrinfo in a thread of its own: it has no time-out, and Ctrl-C does not interrupt it."""
    import threading

    found: list[Address] = []
    failure: list[str] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM)
            found.extend(Address(row[0], row[4]) for row in rows)
        except socket.gaierror as error:
            failure.append(_unknown(error, family, option))
        except OSError as error:
            failure.append(reason_of(error))
        except UnicodeError:
            failure.append("it is no valid host name")

    thread = threading.Thread(target=look_up, daemon=True, name="look-up")
    thread.start()
    while thread.is_alive():
        wait = tick(deadline)
        if wait is None:
            raise ConnectFailed(
                f"no connection to {target}: the name was not found in time; check the name and the network."
            )
        thread.join(wait)
    if failure:
        raise ConnectFailed(f"no connection to {target}: {failure[0]}; check the name and the network.")
    return found


def local_name(address: str, seconds: float = 1.0) -> str:
    """Return this host's name for EHLO: its fully qualified name, else the address literal of its end of the connection.

    Args:
        address: The address of this end of the connection. Empty if it has none.
        seconds: How long to wait for the system to look its own name up.

    Source: RFC 5321 sections 4.1.3 and 4.1.4
    """
    found = [socket.gethostname()]
    if "." not in found[0]:
        import threading

        thread = threading.Thread(target=lambda: found.append(socket.getfqdn()), daemon=True, name="own-name")
        thread.start()
        thread.join(seconds)
    name = found[-1].removesuffix(".")
    if re.fullmatch(_FULL_NAME, name) and not name.startswith("localhost"):
        return name
    return address_literal(address or "127.0.0.1")
