"""Opening a connection: each address of a host in turn, a Unix socket, or a program as the server."""

from __future__ import annotations

import time

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.literals import family_of
from smtp_shell.net.resolve import resolve
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.sockets import NoSource, open_tcp, open_unix, source_option, usable_family
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.private_files import reason_of


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
    match target.way:
        case Way.PIPE:
            from smtp_shell.net.pipe import open_pipe

            return open_pipe(target)
        case Way.UNIX:
            return Transport(open_unix(target, deadline), "")
        case Way.TCP:
            return _connect_tcp(target, deadline, settings)


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


def _advice(target: Target) -> str:
    if target.port == 25:
        return "many networks block port 25: try port 587 with STARTTLS, or smtps://, or `smtp-shell practice`."
    return "check the host, the port and the network."
