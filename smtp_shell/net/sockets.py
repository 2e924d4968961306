"""Opening of one socket: to one address over TCP, from a local address if one is asked for, or to the path of a Unix socket."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import Any

from msgspec.structs import replace

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.literals import family_of
from smtp_shell.net.resolve import FAMILIES
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import Target
from smtp_shell.net.waiting import tick, wait_for
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str


class NoSource(Exception):
    """The local address or port cannot be used; why, in words."""


def open_tcp(family: int, sockaddr: tuple[Any, ...], deadline: float, settings: ConnectSettings) -> socket.socket:
    """Open a TCP connection to one address.

    Args:
        family: The address family.
        sockaddr: What `socket.connect` takes for this family.
        deadline: When to give up, on the clock of `time.monotonic`.
        settings: Where the connection comes from.

    Raises:
        NoSource: The local address cannot be used.
        OSError: There is no connection; TimeoutError if there was none in time.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a command waits until the octets before it are acknowledged, which a server may delay by 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.source is not None or settings.source_port:
            _bind(sock, settings.source or "", settings.source_port)
        _connect_socket(sock, sockaddr, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def open_unix(target: Target, deadline: float) -> socket.socket:
    """Open a connection to a Unix socket.

    Args:
        target: Has the path.
        deadline: When to give up, on the clock of `time.monotonic`.

    Raises:
        ConnectFailed: There is no connection.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise ConnectFailed(f"no connection to {target}: this platform has no Unix sockets; use lmtp://HOST:PORT.")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _connect_socket(sock, target.host, deadline)
    except OSError as error:
        sock.close()
        raise ConnectFailed(f"no connection to {target}: {reason_of(error)}; check the path.") from None
    return sock


def source_option(settings: ConnectSettings) -> str:
    """Return how the user asked for the local address and port, for messages; empty if nobody did."""
    if settings.source is None and not settings.source_port:
        return ""
    address = escape_str(settings.source or "")
    if not settings.source_port:
        return f"--source {address}"
    return f"--source {f'[{address}]' if ':' in address else address}:{settings.source_port}"


def usable_family(target: Target, settings: ConnectSettings) -> int:
    """Return the address family to look up: the one asked for, or the local address's; 0 for either.

    Raises:
        ConnectFailed: The local address is none, or not of the family that was asked for.
    """
    if settings.source is None:
        return settings.family
    option, family = source_option(replace(settings, source_port=0)), settings.family
    found = family_of(settings.source.partition("%")[0])
    if found is None:
        raise ConnectFailed(f"no connection to {target}: {option} is no IP address; give one of this machine.")
    if family not in (0, found):
        wanted = next(name for name, value in FAMILIES.items() if value == family)
        raise ConnectFailed(
            f"no connection to {target}: {option} is not of the family that {wanted} asks for; leave one of them out."
        )
    return found


def _bind(sock: socket.socket, source: str, port: int) -> None:
    # A connection from this port that was closed a minute ago keeps it. On Windows it does not, and the option means another thing.
    if port and os.name != "nt":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((source, port))
    except OSError as error:
        raise NoSource(_why_not_bound(error, port)) from None


def _why_not_bound(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    if error.errno == errno.EADDRINUSE and port:
        return f"port {port} is in use"
    if isinstance(error, PermissionError) and port:
        return f"port {port} is for the system's administrator"
    return reason_of(error)


def _connect_socket(sock: socket.socket, address: tuple[object, ...] | str, deadline: float) -> None:
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)
        return
    while True:
        wait = tick(deadline)
        if wait is None:
            raise TimeoutError
        _, writable = wait_for(sock, wait, read=False, write=True)
        if writable:
            break
    status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if status:
        raise OSError(status, os.strerror(status))
