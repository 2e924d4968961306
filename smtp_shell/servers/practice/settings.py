"""How the practice server is to be."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.faults import Fault


class PracticeSettings(Struct, frozen=True):
    """How the practice server is to be.

    Args:
        host: An address of this machine's loopback, or `localhost`.
        port: The port to listen on; 0 for any free one.
        user: Who may authenticate.
        password: With which password; None to have one made up.
        faults: What to do wrong.
        maildir: Where mail goes; None for a temporary directory that is removed when the server stops.
        certificate: A PEM file with the server's certificate; None to have one made.
        key: A PEM file with its private key; None when it is in the file of the certificate.
        auth_before_tls: Whether AUTH is offered in the clear, too.
        idle_limit: How long a client may say nothing before the connection is closed, in seconds.
    """

    host: str = "127.0.0.1"
    port: int = 0
    user: str = "student"
    password: Secret | None = None
    faults: tuple[Fault, ...] = ()
    maildir: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    auth_before_tls: bool = False
    idle_limit: float = 300.0
