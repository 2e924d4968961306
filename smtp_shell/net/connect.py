"""Opening a connection: names looked up, each address tried, Unix sockets, and programs as servers."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from typing import Any

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport, tick, wait_for
from smtp_shell.private_files import reason_of


def connect(target: Target, seconds: float, *, source: str | None = None, family: int = 0) -> Transport:
    """Open a connection.

    Args:
        target: What to connect to.
        seconds: How long looking the name up and connecting may take in all.
        source: Local address to connect from.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.

    Raises:
        ConnectFailed: There is no connection.
    """
    if target.way is Way.PIPE:
        return _connect_pipe(target)
    deadline = time.monotonic() + seconds
    if target.way is Way.UNIX:
        return _connect_unix(target, deadline)
    problem = "it has no address"
    for kind, address in _look_up(target, deadline, family):
        try:
            sock = _connect_one(kind, address, deadline, source)
        except OSError as error:
            problem = reason_of(error)
            continue
        return Transport(sock, _address(address))
    raise ConnectFailed(f"no connection to {target}: {problem}; {_advice(target)}")


def _look_up(target: Target, deadline: float, family: int) -> list[tuple[int, Any]]:
    """Give the addresses that a host has; one that is an address itself needs nobody to look it up."""
    for kind in (socket.AF_INET, socket.AF_INET6):
        if family in (0, kind):
            with contextlib.suppress(OSError, ValueError):
                socket.inet_pton(kind, target.host)
                return [(kind, (target.host, target.port))]
    return _look_name_up(target, deadline, family)


def _look_name_up(target: Target, deadline: float, family: int) -> list[tuple[int, Any]]:
    """Look the name up in a thread of its own: the system's call knows neither deadline nor Ctrl-C."""
    import threading

    found: list[tuple[int, Any]] = []
    failure: list[str] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM)
            found.extend((row[0], row[4]) for row in rows)
        except socket.gaierror:
            failure.append("the name is not known")
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


def _connect_one(kind: int, address: Any, deadline: float, source: str | None) -> socket.socket:
    sock = socket.socket(kind, socket.SOCK_STREAM)
    try:
        # A command must not wait until what went before it is acknowledged: a server may delay that by 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            sock.bind((source, 0))
        _finish_connect(sock, address, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def _finish_connect(sock: socket.socket, address: Any, deadline: float) -> None:
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)
        return
    while True:
        wait = tick(deadline)
        if wait is None:
            raise TimeoutError("it did not answer in time")
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
        _finish_connect(sock, target.host, deadline)
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
    environment = {name: value for name, value in os.environ.items() if name != "SMTP_SHELL_PASSWORD"}
    try:
        # In a session of its own, where Ctrl-C at the prompt does not reach it.
        child = subprocess.Popen(
            words, stdin=theirs.fileno(), stdout=theirs.fileno(), env=environment, start_new_session=True
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
        return "many networks block port 25: try port 587 with --starttls, or smtps://, or `smtp-shell practice`."
    return "check the host, the port and the network."


def _address(address: Any) -> str:
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def local_name(address: str, seconds: float = 1.0) -> str:
    """Give this host's name for EHLO: its fully qualified name, else the address literal of its end of the connection.

    Args:
        address: The address that this end of the connection has.
        seconds: How long the system may take to look its own name up.

    Source: RFC 5321 §4.1.3, §4.1.4
    """
    found = [socket.gethostname()]
    if "." not in found[0]:
        import threading

        thread = threading.Thread(target=lambda: found.append(socket.getfqdn()), daemon=True, name="own-name")
        thread.start()
        thread.join(seconds)
    name = found[-1]
    if re.fullmatch(_HOST_NAME, name) and not name.startswith("localhost"):
        return name
    return f"[IPv6:{address}]" if ":" in address else f"[{address or '127.0.0.1'}]"


_HOST_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"

FAMILIES = {"-4": int(socket.AF_INET), "-6": int(socket.AF_INET6)}
"""Address family by the option that asks for it."""
