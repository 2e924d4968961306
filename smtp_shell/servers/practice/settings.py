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
        anywhere: Whether `host` may be any address of this machine, as the user has confirmed.
        port: The port to listen on; 0 for any free one.
        user: Who may authenticate.
        password: With which password; None to have one made up.
        token: The token for XOAUTH2 and OAUTHBEARER; None to have one made up.
        password_shown: What to show of the password to a user; empty for all of it.
        faults: What to do wrong.
        seed: For the faults with a probability; None for another course in each run.
        maildir: Where mail goes; None for a temporary directory that is removed when the server stops.
        certificate: A PEM file with the server's certificate; None to have one made.
        kept: A folder of this user in which a certificate that is made is kept; None to make one for this run.
        key: A PEM file with its private key; None when it is in the file of the certificate.
        auth_before_tls: Whether AUTH is offered in the clear, too.
        idle_limit: How long a client may say nothing before the connection is closed, in seconds.
    """

    host: str = "127.0.0.1"
    anywhere: bool = False
    port: int = 0
    user: str = "student"
    password: Secret | None = None
    token: Secret | None = None
    password_shown: str = ""
    faults: tuple[Fault, ...] = ()
    seed: int | None = None
    maildir: Path | None = None
    certificate: Path | None = None
    kept: Path | None = None
    key: Path | None = None
    auth_before_tls: bool = False
    idle_limit: float = 300.0
