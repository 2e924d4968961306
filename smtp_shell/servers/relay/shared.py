"""What all connections of a relay share."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct, field

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import Target
from smtp_shell.servers.certificate import ServerCertificate

if TYPE_CHECKING:
    from smtp_shell.servers.relay.connection import Relayed
    from smtp_shell.servers.watching import Watch


class Shared(Struct):
    """What all connections share.

    Args:
        target: The server that it connects to.
        tls: How it does TLS with the server.
        certificate: For TLS with the clients; it may still be in the making.
        timeouts: Of the connection to the server, and of both handshakes.
        idle: Seconds without an octet in either direction after which both sides are closed.
        most: How many clients there may be at once.
        executor: Runs what would keep the event loop waiting.
        implicit_tls: Whether TLS with the clients begins with the first octet.
        connection: How the connection to the server is opened.
        watch: Watches the dialogues; None where nobody does.
        connections: Those that are open.
    """

    target: Target
    tls: TlsSettings
    certificate: Future[ServerCertificate]
    timeouts: Timeouts
    idle: float
    most: int
    executor: ThreadPoolExecutor
    implicit_tls: bool = False
    connection: ConnectSettings = ConnectSettings()
    watch: Watch | None = None
    connections: set[Relayed] = field(default_factory=set)
