"""Opening a connection: each address of a host in turn, a Unix socket, or a program as the server."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time

from smtp_shell.config import child_environment
from smtp_shell.errors import ConnectFailed
from smtp_shell.net.literals import family_of
from smtp_shell.net.resolve import FAMILIES, Address, resolve
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.net.waiting import tick, wait_for
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str


def connect(target: Target, seconds: float, *, source: str | None = None, family: int = 0) -> Transport:
    """Open a connection.

    Args:
        target: What to connect to.
        seconds: How long the look-up and all attempts may take together.
        source: Local address to connect from. Default: the system's choice.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.

    Raises:
        ConnectFailed: There is no connection.
    """
    deadline = time.monotonic() + seconds
    match target.way:
        case Way.PIPE:
            return _connect_pipe(target)
        case Way.UNIX:
            return _connect_unix(target, deadline)
        case Way.TCP:
            return _connect_tcp(target, deadline, source, family)


def _connect_tcp(target: Target, deadline: float, source: str | None, family: int) -> Transport:
    problem = "it has no address"
    option = ""
    if source is not None:
        option = f"--source {escape_str(source)}"
        family = _source_family(target, source, option, family)
    begun = time.monotonic()
    addresses = resolve(target, deadline, family, option)
    looked_up = 0.0 if family_of(target.host) is not None else time.monotonic() - begun
    for address in addresses:
        try:
            sock = _attempt(address, deadline, source)
        except _NoSource as error:
            raise ConnectFailed(
                f"no connection to {target}: {option}: {error}; give an address of this machine, or leave it out."
            ) from None
        except OSError as error:
            problem = reason_of(error)
            continue
        transport = Transport(sock, str(address))
        transport.looked_up = looked_up
        return transport
    raise ConnectFailed(f"no connection to {target}: {problem}; {_advice(target)}")


def _attempt(address: Address, deadline: float, source: str | None) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        # Without it a command waits until the octets before it are acknowledged, which a server may delay by 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            _bind(sock, source)
        _connect_socket(sock, address.sockaddr, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def _source_family(target: Target, source: str, option: str, family: int) -> int:
    """Return the address family of the local address.

    Raises:
        ConnectFailed: It is no address, or not of the family that was asked for.
    """
    found = family_of(source.partition("%")[0])
    if found is None:
        raise ConnectFailed(f"no connection to {target}: {option} is no IP address; give one of this machine.")
    if family not in (0, found):
        wanted = next(name for name, value in FAMILIES.items() if value == family)
        raise ConnectFailed(
            f"no connection to {target}: {option} is not of the family that {wanted} asks for; leave one of them out."
        )
    return found


def _bind(sock: socket.socket, source: str) -> None:
    try:
        sock.bind((source, 0))
    except OSError as error:
        missing = error.errno == errno.EADDRNOTAVAIL
        raise _NoSource("this machine has no such address" if missing else reason_of(error)) from None


class _NoSource(Exception):
    """The local address cannot be used; why, in words."""


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


def _connect_unix(target: Target, deadline: float) -> Transport:
    if not hasattr(socket, "AF_UNIX"):
        raise ConnectFailed(f"no connection to {target}: this platform has no Unix sockets; use lmtp://HOST:PORT.")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _connect_socket(sock, target.host, deadline)
    except OSError as error:
        sock.close()
        raise ConnectFailed(f"no connection to {target}: {reason_of(error)}; check the path.") from None
    return Transport(sock, "")


def _connect_pipe(target: Target) -> Transport:
    if os.name == "nt":
        raise ConnectFailed(f"no connection to {target}: programs as servers need a POSIX system; use HOST:PORT.")
    import shlex
    import subprocess

    try:
        words = shlex.split(target.host)
    except ValueError:
        raise ConnectFailed(f"no connection to {target}: the command has an open quote; close it.") from None
    ours, theirs = socket.socketpair()
    try:
        child = subprocess.Popen(
            words,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            env=child_environment(),
            start_new_session=True,  # else Ctrl-C at the prompt would end it too
        )
    except (OSError, ValueError) as error:
        ours.close()
        reason = reason_of(error) if isinstance(error, OSError) else "it holds NUL"
        raise ConnectFailed(f"no connection to {target}: {reason}; check the command.") from None
    finally:
        theirs.close()
    return Transport(ours, "", child)


def _advice(target: Target) -> str:
    if target.port == 25:
        return "many networks block port 25: try port 587 with STARTTLS, or smtps://, or `smtp-shell practice`."
    return "check the host, the port and the network."
