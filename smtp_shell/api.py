"""The Python API: a session and a replay, each in one call.

```python
from smtp_shell import Command, Transcript, connect, replay

with connect("mail.example.org:587", starttls=True) as session:
    print(session.command(Command.of("EHLO", "client.example.org")).text)

transcript = Transcript.read("lab.smtp")
result = replay("lab.smtp", "mail.example.org:587", user="ann", password="secret")
```
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.matching.expectation import Strictness
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.commands import Command
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.settings import ReplaySettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from smtp_shell.protocol.events import Consumer
    from smtp_shell.protocol.sasl import Credentials, Mechanism
    from smtp_shell.replay.results import ReplayResult, StepConsumer
    from smtp_shell.replay.settings import CredentialsFor


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
        ehlo: The name that EHLO gives; empty for the address literal of this end of the connection. Only with `starttls`.
        ca_file: PEM file with the authorities to trust, in place of the system's.
        insecure: Go on although the certificate cannot be verified.
        timeout: Timeout in seconds of every wait but QUIT's; None for the defaults.
        consumers: Called with each event.

    Returns:
        The session, to be closed by the caller: it is a context manager.

    Raises:
        UsageError: `server` is no address.
        ConnectFailed: There is no connection.
        TlsFailed: TLS was refused or failed, or the certificate could not be verified.
        DialogueBroken: There was no greeting.
    """
    target = parse_target(server, tls=tls, starttls=starttls)
    settings = _tls_settings(ca_file, insecure=insecure)
    session = Session.open(target, consumers, timeouts=_timeouts(timeout), tls=settings, strict=True)
    try:
        session.read_reply()
        if target.starttls:
            _start_tls(session, settings, ehlo)
    except BaseException:
        session.close()
        raise
    return session


def replay(
    path: str | PathLike[str],
    server: str | None = None,
    *,
    tls: bool = False,
    starttls: bool = False,
    user: str = "",
    password: str | None = None,
    variables: Mapping[str, str] | None = None,
    match: str = "code",
    keep_going: bool = False,
    ca_file: str | PathLike[str] | None = None,
    insecure: bool = False,
    timeout: float | None = None,
    on_step: StepConsumer | None = None,
) -> ReplayResult:
    """Replay a transcript once.

    Args:
        path: The transcript.
        server: What to replay it against, as a URL or HOST[:PORT]; None for what the transcript names, to which no credential is sent.
        tls: Begin TLS with the first octet.
        starttls: Send nothing of AUTH or a mail transaction in the clear.
        user: User name for `${sasl}`; empty for the one that the transcript names.
        password: Password for `${sasl}`; None where there is none.
        variables: Values of variables.
        match: How strict `S:` lines are: code, enhanced, keywords, text or exact.
        keep_going: Whether the replay goes on after a difference.
        ca_file: PEM file with the authorities to trust, in place of the system's.
        insecure: Go on although the certificate cannot be verified.
        timeout: Timeout in seconds of every wait but QUIT's; None for the defaults.
        on_step: Called with the result of each step.

    Returns:
        The result. Whatever the server does is in it, and no exception.

    Raises:
        TranscriptError: It cannot be replayed; nothing was sent.
        UsageError: There is no server, or a variable cannot be one; nothing was sent.
        NotSendable: The value of a variable would not stay inside one line; nothing was sent.
        ValueError: `match` is none of the levels.
    """
    settings = ReplaySettings(
        server=server,
        tls=tls,
        starttls=starttls,
        tls_settings=_tls_settings(ca_file, insecure=insecure),
        timeouts=_timeouts(timeout),
        strictness=Strictness.parse(match),
        variables=variables or {},
        credentials=_credentials(user, password) if password is not None else None,
        keep_going=keep_going,
    )
    return Replay(Path(path), settings).run(*([on_step] if on_step is not None else []))


def _start_tls(session: Session, settings: TlsSettings, ehlo: str) -> None:
    name = ehlo or f"[{session.local_host or '127.0.0.1'}]"
    hello = Command.of("LHLO" if session.dialogue.lmtp else "EHLO", name)
    session.command(hello)
    reply = session.command(Command(b"STARTTLS"))
    if not session.tls_due:
        raise TlsFailed(f'the server did not start TLS: it said "{reply.one_line()}"; nothing secret was sent.')
    session.start_tls(settings)
    session.command(hello)


def _credentials(user: str, password: str) -> CredentialsFor:
    def find(mechanism: Mechanism, named: str) -> Credentials:
        from smtp_shell.protocol.sasl import Credentials
        from smtp_shell.protocol.secret import Secret

        return Credentials(user or named, Secret(password))

    return find


def _tls_settings(ca_file: str | PathLike[str] | None, *, insecure: bool) -> TlsSettings:
    return TlsSettings(ca_file=Path(ca_file) if ca_file is not None else None, insecure=insecure)


def _timeouts(seconds: float | None) -> Timeouts:
    return Timeouts() if seconds is None else Timeouts().all(seconds)
