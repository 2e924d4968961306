"""Opening a connection: each address of a host in turn, a Unix socket, or a program as the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.literals import family_of, shown_place
from smtp_shell.net.resolve import FAMILIES, resolve
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.sockets import NoSource, open_tcp, open_unix, source_option, usable_family
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.private_files import reason_of

if TYPE_CHECKING:
    from smtp_shell.net.proxy import Proxy


def connect(target: Target, seconds: float, settings: ConnectSettings | None = None) -> Transport:
    """Open a connection.

    Args:
        target: What to connect to.
        seconds: How long the look-up and all attempts may take together.
        settings: How to open it; None for the defaults.

    Raises:
        ConnectFailed: There is no connection.
    """
    settings = settings or ConnectSettings()
    deadline = time.monotonic() + seconds
    if target.way is not Way.TCP and (option := source_option(settings) or (settings.proxy and "--proxy")):
        raise ConnectFailed(f"no connection to {target}: {option} is for HOST:PORT; leave it out.")
    match target.way:
        case Way.PIPE:
            from smtp_shell.net.pipe import open_pipe

            return open_pipe(target)
        case Way.UNIX:
            return Transport(open_unix(target, deadline), "")
        case Way.TCP if settings.proxy is not None:
            return _connect_through(settings.proxy, target, deadline, settings)
        case Way.TCP:
            return _connect_tcp(target, deadline, settings)


def _connect_through(proxy: Proxy, target: Target, deadline: float, settings: ConnectSettings) -> Transport:
    """Connect to a proxy, and have it connect to the server: to each of its addresses in turn, where the name is looked up here."""
    from smtp_shell.net.proxy import ask_proxy, check_proxy

    check_proxy(proxy)
    hosts, where = [target.host], "" if family_of(target.host) is not None else "; it looks up the name"
    if not proxy.looks_up:
        hosts, where = _hosts_for(proxy, target, deadline, settings.family), ""
    problem: ConnectFailed | None = None
    for host in hosts:
        try:
            transport = _connect_tcp(proxy.target, deadline, settings)
        except ConnectFailed as error:
            raise ConnectFailed(f"the proxy {proxy}: {error.message}") from None
        try:
            ask_proxy(transport, proxy, host, target.port, deadline)
        except BaseException as error:
            transport.abort()
            if not isinstance(error, ConnectFailed):
                raise
            problem = error
            continue
        transport.peer = "" if host == target.host else shown_place((host, target.port))
        transport.through, transport.looked_up = f"{proxy}{where}", None
        return transport
    raise problem or ConnectFailed(f"no connection to {target}: it has no address.")


def _hosts_for(proxy: Proxy, target: Target, deadline: float, family: int) -> list[str]:
    """Return the addresses of a server for a proxy that is told no names.

    Raises:
        ConnectFailed: It has none that the proxy can be told.
    """
    if proxy.scheme == "socks4" and family_of(target.host) == FAMILIES["-6"]:
        raise ConnectFailed(f"no connection to {target}: SOCKS 4 knows IPv4 only; use socks5://.")
    wanted = FAMILIES["-4"] if proxy.scheme == "socks4" else family
    addresses = resolve(target, deadline, wanted, "" if wanted == family else f"{proxy.scheme}://")
    return list(dict.fromkeys(str(address.sockaddr[0]) for address in addresses))


def _connect_tcp(target: Target, deadline: float, settings: ConnectSettings) -> Transport:
    problem = "it has no address"
    family, option = usable_family(target, settings), source_option(settings)
    begun = time.monotonic()
    addresses = resolve(target, deadline, family, option)
    looked_up = 0.0 if family_of(target.host) is not None else time.monotonic() - begun
    for address in addresses:
        try:
            sock = open_tcp(address.family, address.sockaddr, deadline, settings)
        except NoSource as error:
            what = "another port" if settings.source_port else "an address of this machine"
            raise ConnectFailed(
                f"no connection to {target}: {option}: {error}; give {what}, or leave it out."
            ) from None
        except OSError as error:
            problem = reason_of(error)
            continue
        transport = Transport(sock, str(address))
        transport.looked_up = looked_up
        return transport
    raise ConnectFailed(f"no connection to {target}: {problem}; {_advice(target)}")


def _advice(target: Target) -> str:
    if target.port == 25:
        return "many networks block port 25: try port 587 with STARTTLS, or smtps://, or `smtp-shell practice`."
    return "check the host, the port and the network."
