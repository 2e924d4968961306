"""The sockets that a server of ours listens on: loopback, unless the user asks for another address."""

from __future__ import annotations

import ipaddress
import os
import socket

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str

BACKLOG = 100


def listen(host: str, port: int, *, anywhere: bool = False, what: str = "The practice server") -> list[socket.socket]:
    """Open the sockets to listen on: the host's, and the same port of IPv6 where there is one.

    Args:
        host: An address of this machine's loopback, or `localhost`.
        port: The port; 0 for any free one.
        anywhere: Whether it may be any address of this machine.
        what: What listens, for messages.

    Raises:
        UsageError: The host is not loopback although it must be, or the port is none.
        ConnectFailed: The port is taken, or may not be used.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"There is no port {port}: ports go from 0 (any free one) to 65535.")
    address = "127.0.0.1" if host.lower() == "localhost" else host
    if not is_loopback(address) and not anywhere:
        raise UsageError(
            f"{what} listens on loopback only, not on {escape_str(host)}; leave the host out, or say 127.0.0.1 or ::1."
        )
    try:
        first = _listener(address, port)
    except OSError as error:
        raise ConnectFailed(
            f"{what} cannot listen on {escape_str(host)} port {port}: "
            f"{reason_of(error)}; choose another port, or 0 for any free one."
        ) from None
    if address != "127.0.0.1":
        return [first]
    try:
        return [first, _listener("::1", int(first.getsockname()[1]))]
    except OSError:
        return [first]  # no IPv6 here, or the port is taken there; nobody asked for it by name


def is_loopback(host: str) -> bool:
    """Return whether a host is an address of this machine's loopback, or `localhost`."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_address(text: str) -> str:
    """Return an address to listen on.

    Args:
        text: What the user gave.

    Raises:
        UsageError: It is no IP address.
    """
    if text.lower() == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise UsageError(
            f"--listen takes an IP address of this machine, or 0.0.0.0 for all of them, not {escape_str(text)}."
        ) from None


def reachable_addresses(host: str) -> tuple[str, ...]:
    """Return the addresses at which other machines reach a listener; none for loopback, and where there is no network.

    Args:
        host: The address that it listens on.
    """
    if is_loopback(host):
        return ()
    if not ipaddress.ip_address(host).is_unspecified:
        return (host,)
    family, elsewhere = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((elsewhere, 9))  # nothing is sent: it only chooses the address of the route
            found = str(probe.getsockname()[0])
        except OSError:
            return ()
    return () if is_loopback(found) else (found,)


def _listener(address: str, port: int) -> socket.socket:
    ipv6 = ":" in address
    # asyncio sends small replies at once (TCP_NODELAY) on sockets that say TCP by name, and on no others.
    listener = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            # On Windows that option would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", ~socket.SO_REUSEADDR), 1)
        if ipv6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
