"""How a mock server is to be."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.servers.mock.comparing import DEFAULT_IGNORED, ClientMatch

if TYPE_CHECKING:
    from pathlib import Path

    from smtp_shell.protocol.sasl import Credentials
    from smtp_shell.servers.faults import Fault


class Extra(Enum):
    """What a command is answered with that the transcript does not have."""

    OK = "ok"
    UNAVAILABLE = "421"
    CLOSE = "close"


class MockSettings(Struct, frozen=True):
    """How a mock server is to be.

    Args:
        extra: What a command is answered with that the transcript does not have at its place.
        match: How much of a client's line must be as in the transcript.
        ignored: Names of parameters of MAIL and RCPT that are not compared, upper-case.
        data_exact: Whether the mail data must be that of the transcript.
        reuse: Whether commands of the transcript may come again in one connection, such as a second message.
        once: Whether each session of the transcript is played once only; then the server is done.
        by_content: Whether the session of the transcript is chosen by what the client says, and not by the order of the connections.
        times: Whether replies take as long as they took when the transcript was recorded.
        refresh: Whether the dates in replies are set to now.
        credentials: Who may authenticate; None to accept whoever does.
        faults: What to do wrong.
        seed: For the faults with a probability; None for another course in each run.
        host: An address of this machine's loopback, or `localhost`.
        anywhere: Whether `host` may be any address of this machine, as the user has confirmed.
        port: The port to listen on; 0 for any free one.
        certificate: A PEM file with the server's certificate; None to have one made.
        key: A PEM file with its private key; None when it is in the file of the certificate.
        kept: A folder of this user in which a certificate that is made is kept; None to make one for this run.
        idle_limit: How long a client may say nothing before the connection is closed, in seconds.
        sessions: After how many connections the server is done; 0 for no limit.
    """

    extra: Extra = Extra.OK
    match: ClientMatch = ClientMatch.PARAMETERS
    ignored: frozenset[str] = DEFAULT_IGNORED
    data_exact: bool = False
    reuse: bool = False
    once: bool = False
    by_content: bool = False
    times: bool = False
    refresh: bool = True
    credentials: Credentials | None = None
    faults: tuple[Fault, ...] = ()
    seed: int | None = None
    host: str = "127.0.0.1"
    anywhere: bool = False
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    kept: Path | None = None
    idle_limit: float = 300.0
    sessions: int = 0
