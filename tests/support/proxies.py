"""Proxies of Debian's packages on loopback: microsocks, Dante, tinyproxy, and HAProxy for the PROXY protocol."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.daemon import HOST, START_ATTEMPTS, NotStarted, answers, came_up, child, end_of, free_ports, program

PACKAGES = "apt-get install microsocks dante-server tinyproxy-bin haproxy"
USER = "ann"
PASSWORD = "ways-and-means"

_DANTE = """\
logoutput: stderr
internal: {host} port = {port}
external: lo
socksmethod: none
clientmethod: none
{users}client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
"""

# Only root can change to another user, and Dante stops where it cannot.
_DANTE_USERS = "user.privileged: root\nuser.unprivileged: nobody\n"

_TINYPROXY = """\
Port {port}
Listen {host}
Timeout 60
Allow 127.0.0.1
BasicAuth {user} {password}
"""

_HAPROXY = """\
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen wants_a_header
  bind {host}:{port} accept-proxy
  server there {server} {sends}
"""


def why_not() -> str | None:
    """Return why the proxies cannot be started here and what to do, or None if they can."""
    if sys.platform == "win32":
        return "These proxies do not run on Windows; run these tests on Linux."
    missing = [name for name in ("microsocks", "danted", "tinyproxy", "haproxy") if program(name) is None]
    return f"{', '.join(missing)} not found; install with: {PACKAGES}" if missing else None


@contextmanager
def _running(name: str, folder: Path, command: Callable[[int], list[str]]) -> Iterator[str]:
    """Run a proxy until the block ends; yield its host and port."""
    log = folder / f"{name}.log"
    for _ in range(START_ATTEMPTS):
        (port,) = free_ports(1)
        with child([program(name) or name, *command(port)], log) as process:
            if came_up(process, log, [partial(answers, HOST, port, greets=False)]):
                yield f"{HOST}:{port}"
                return
    raise NotStarted(f"{name} stopped at once, {START_ATTEMPTS} times; it said:\n{end_of(log)}")


def _written(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text)
    return str(file)


@contextmanager
def microsocks(folder: Path, *, password: bool = False) -> Iterator[str]:
    """Run a proxy of SOCKS 5, with a user and a password or with neither; yield its host and port."""
    words = ["-u", USER, "-P", PASSWORD] if password else []
    with _running("microsocks", folder, lambda port: ["-i", HOST, "-p", str(port), *words]) as address:
        yield address


@contextmanager
def dante(folder: Path) -> Iterator[str]:
    """Run a proxy of SOCKS 4, 4a and 5; yield its host and port."""

    def command(port: int) -> list[str]:
        text = _DANTE.format(host=HOST, port=port, users=_DANTE_USERS if os.geteuid() == 0 else "")
        return ["-f", _written(folder, "dante.conf", text), "-p", str(folder / "pid")]

    with _running("danted", folder, command) as address:
        yield address


@contextmanager
def tinyproxy(folder: Path) -> Iterator[str]:
    """Run a proxy of HTTP that wants a user and a password; yield its host and port."""

    def command(port: int) -> list[str]:
        text = _TINYPROXY.format(host=HOST, port=port, user=USER, password=PASSWORD)
        return ["-d", "-c", _written(folder, "tinyproxy.conf", text)]

    with _running("tinyproxy", folder, command) as address:
        yield address


@contextmanager
def haproxy(folder: Path, server: str, sends: str = "") -> Iterator[str]:
    """Run an HAProxy that wants a PROXY header first; yield its host and port.

    Args:
        folder: For its configuration and log.
        server: Host and port of the server behind it.
        sends: The option of the server's line that has a header sent to it, such as `send-proxy`.
    """

    def command(port: int) -> list[str]:
        text = _HAPROXY.format(host=HOST, port=port, server=server, sends=sends)
        return ["-db", "-f", _written(folder, "haproxy.cfg", text)]

    with _running("haproxy", folder, command) as address:
        yield address


def closed_port() -> int:
    """Return a port of loopback that refuses connections."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
