"""The Python API of a session: connect in one call.

```python
from smtp_shell import Command, connect

with connect("mail.example.org:587", starttls=True) as session:
    print(session.command(Command.of("NOOP")).text)
```
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.resolve import local_name
from smtp_shell.net.target import parse_target
from smtp_shell.net.tls_check import check_tls
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.octets import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from smtp_shell.protocol.events import Consumer


def connect(
    server: str,
    *,
    tls: bool = False,
    starttls: bool = False,
    ehlo: str = "",
    ca_file: str | PathLike[str] | None = None,
    insecure: bool = False,
    timeout: float | None = None,
    consumers: Sequence[Consumer] = (),
) -> Session:
    """Connect to a server and read its greeting.

    Args:
        server: A URL or HOST[:PORT], as on the command line.
        tls: Begin TLS with the first octet.
        starttls: Send EHLO and STARTTLS, do the handshake, and send EHLO again.
        ehlo: The name that EHLO gives; empty for this host's own, as `local_name` finds it. Only with `starttls`.
        ca_file: PEM file with the authorities to trust, in place of the system's.
        insecure: Go on although the certificate cannot be verified.
        timeout: Timeout in seconds of every wait but QUIT's; None for the defaults.
        consumers: Called with each event.

    Returns:
        The session, to be closed by the caller: it is a context manager.

    Raises:
        UsageError: `server` is no address.
        ConfigError: `ca_file` cannot be used.
        ConnectFailed: There is no connection.
        TlsFailed: TLS was refused or failed, or the certificate could not be verified.
        DialogueBroken: There was no greeting.
    """
    target = parse_target(server, tls=tls, starttls=starttls)
    settings = TlsSettings(ca_file=Path(ca_file) if ca_file is not None else None, insecure=insecure)
    check_tls(settings)
    times = Timeouts() if timeout is None else Timeouts().all(timeout)
    session = Session.open(target, consumers, timeouts=times, tls=settings, strict=True)
    try:
        session.read_reply()
        if target.starttls:
            _start_tls(session, settings, ehlo)
    except BaseException:
        session.close()
        raise
    return session


def _start_tls(session: Session, settings: TlsSettings, ehlo: str) -> None:
    hello = Command.of("LHLO" if session.dialogue.lmtp else "EHLO", ehlo or local_name(session.transport.local_host))
    session.command(hello)
    reply = session.command(Command(b"STARTTLS"))
    if not session.tls_due:
        raise TlsFailed(f"the server did not start TLS: it said {quoted(reply.one_line())}; nothing secret was sent.")
    session.start_tls(settings)
    session.command(hello)
