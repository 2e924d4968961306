"""Opening a connection: each address of a host in turn, a Unix socket, or a program as the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.attempts import MOST_ADDRESSES, first_open, why_none
from smtp_shell.net.literals import family_of, shown_place
from smtp_shell.net.resolve import FAMILIES, prepare, resolve
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.sockets import NoSource, open_tcp, open_unix, source_option, usable_family
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport

if TYPE_CHECKING:
    import socket

    from smtp_shell.net.attempts import Watch
    from smtp_shell.net.proxy import Proxy
    from smtp_shell.net.resolve import Address


def connect(
    target: Target, seconds: float, settings: ConnectSettings | None = None, watch: Watch | None = None
) -> Transport:
    """Open a connection.

    Args:
        target: What to connect to.
        seconds: How long the look-up and all attempts may take together.
        settings: How to open it; None for the defaults.
        watch: Follows the attempts.

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
            return _connect_tcp(target, deadline, settings, watch)
        case Way.MX:
            raise ConnectFailed(f"no connection to {target}: it is a domain; name one of its hosts.")


def _connect_through(proxy: Proxy, target: Target, deadline: float, settings: ConnectSettings) -> Transport:
    """Connect to a proxy, and have it connect to the server: to each of its addresses in turn, where the name is looked up here."""
    from smtp_shell.net.proxy import ask_proxy, check_proxy

    check_proxy(proxy)
    hosts, where = [target.host], "" if family_of(target.host) is not None else "; it looks up the name"
    if not proxy.looks_up:
        hosts, where = _hosts_for(proxy, target, deadline, settings), ""
    problem: ConnectFailed | None = None
    for host in hosts:
        try:
            transport = _connect_tcp(proxy.target, deadline, settings, None)
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


def _hosts_for(proxy: Proxy, target: Target, deadline: float, settings: ConnectSettings) -> list[str]:
    """Return the addresses of a server for a proxy that is told no names.

    Raises:
        ConnectFailed: It has none that the proxy can be told.
    """
    family = settings.family
    if proxy.scheme == "socks4" and family_of(target.host) == FAMILIES["-6"]:
        raise ConnectFailed(f"no connection to {target}: SOCKS 4 knows IPv4 only; use socks5://.")
    wanted = FAMILIES["-4"] if proxy.scheme == "socks4" else family
    addresses = resolve(target, deadline, wanted, "" if wanted == family else f"{proxy.scheme}://", settings.resolver)
    return list(dict.fromkeys(str(address.sockaddr[0]) for address in addresses))


def _connect_tcp(target: Target, deadline: float, settings: ConnectSettings, watch: Watch | None) -> Transport:
    family, option = usable_family(target, settings), source_option(settings)
    prepare(settings.resolver)
    begun = time.monotonic()
    addresses = resolve(target, deadline, family, option, settings.resolver)[:MOST_ADDRESSES]
    looked_up = 0.0 if family_of(target.host) is not None else time.monotonic() - begun

    def open_one(address: Address, until: float) -> socket.socket:
        return open_tcp(address.family, address.sockaddr, until, settings)

    try:
        sock, attempts = first_open(addresses, deadline, open_one, watch)
    except NoSource as error:
        what = "another port" if settings.source_port else "an address of this machine"
        raise ConnectFailed(f"no connection to {target}: {option}: {error}; give {what}, or leave it out.") from None
    if sock is None:
        why = why_none(attempts) if attempts else "it has no address"
        raise ConnectFailed(f"no connection to {target}: {why}; {_advice(target)}")
    transport = Transport(sock, attempts[-1].place)
    transport.looked_up, transport.opened_in = looked_up, attempts[-1].seconds
    return transport


def _advice(target: Target) -> str:
    if target.port == 25:
        return "many networks block port 25: try port 587 with STARTTLS, or smtps://, or `smtp-shell practice`."
    return "check the host, the port and the network."
