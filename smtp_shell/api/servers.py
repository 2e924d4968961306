"""Servers for programs and tests: the practice server, a mock that plays a transcript, a relay that records."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smtp_shell.servers.inbox import Inbox
    from smtp_shell.servers.mock import MockServer, MockSettings
    from smtp_shell.servers.mock.script import MockScript
    from smtp_shell.servers.practice import PracticeServer
    from smtp_shell.servers.relay import RelayServer
    from smtp_shell.transcript.transcript import Transcript


class Practice:
    """A practice server that runs: where it is, who may authenticate, and what has arrived.

    Args:
        server: The server.
        password: Its password, which is not in the repr.

    Attributes:
        host: The address that it listens on.
        port: Its port.
        url: Both, as `smtp://127.0.0.1:2525`.
        user: Who may authenticate.
        password: With which password.
    """

    def __init__(self, server: PracticeServer, password: str) -> None:
        self._server = server
        self.host = server.host
        self.port = server.port
        self.url = f"smtp://{server.host}:{server.port}"
        self.user = server.user
        self.password = password

    def __repr__(self) -> str:
        return f"<practice server at {self.url}>"

    @property
    def ca_file(self) -> Path:
        """The PEM file with the certificate to trust; waits until it is there."""
        return self._server.ca_file

    @property
    def inbox(self) -> Inbox:
        """The mailbox: `inbox.messages()` and `inbox.read(number)`."""
        return self._server.inbox


@contextmanager
def practice_server(
    *,
    port: int = 0,
    user: str = "student",
    password: str | None = None,
    faults: Sequence[str] = (),
    auth_before_tls: bool = False,
    maildir: str | PathLike[str] | None = None,
) -> Iterator[Practice]:
    r"""Run a mail server on loopback, in a thread, with STARTTLS, AUTH and a mailbox.

    >>> import smtplib
    >>> from smtp_shell import practice_server
    >>> with practice_server() as server:
    ...     with smtplib.SMTP(server.host, server.port) as client:
    ...         refused = client.sendmail("ann@example.org", ["bob@example.org"], "Subject: hello\n\nIt is me.\n")
    ...     print(refused, server.inbox.messages()[0].recipients)
    {} (b'bob@example.org',)

    Args:
        port: The port to listen on; 0 for any free one.
        user: Who may authenticate.
        password: With which password; None to have one made up.
        faults: What to do wrong, such as `rcpt=451`, as `smtp-shell practice --fault` takes it.
        auth_before_tls: Whether AUTH is offered in the clear, too.
        maildir: Where mail goes; None for a temporary directory that is removed at the end.

    Raises:
        UsageError: A fault is none, or the mailbox cannot be used.
        ConnectFailed: The port is taken, or may not be used.
    """
    from smtp_shell.servers.faults import parse_faults
    from smtp_shell.servers.practice import PracticeServer, PracticeSettings

    settings = PracticeSettings(
        port=port,
        user=user,
        password=None if password is None else Secret(password),
        faults=parse_faults(faults),
        auth_before_tls=auth_before_tls,
        maildir=_path(maildir),
    )
    del password  # a traceback with local variables must not show it
    with PracticeServer(settings) as server:
        yield Practice(server, server.password.reveal())


def serve(
    transcript: str | PathLike[str] | Transcript,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    user: str = "",
    password: str | Secret | None = None,
    faults: Sequence[str] = (),
    extra: str = "ok",
    variables: Mapping[str, str] | None = None,
    certificate: str | PathLike[str] | None = None,
    key: str | PathLike[str] | None = None,
    settings: MockSettings | None = None,
) -> MockServer:
    r"""Return a mock server that speaks the server's side of a transcript, to the client under test.

    >>> import smtplib
    >>> from smtp_shell import Transcript, serve
    >>> script = Transcript.parse("S: 220 mx.example.org\nC: NOOP\nS: 451 4.7.1 later\nC: QUIT\nS: 221 bye\n")
    >>> with serve(script) as server, smtplib.SMTP(server.host, server.port) as client:
    ...     print(client.noop())
    (451, b'4.7.1 later')
    >>> server.ok
    True
    >>> with serve(script) as server, smtplib.SMTP(server.host, server.port) as client:
    ...     print(client.docmd("HELP")[0])
    214
    >>> print(server.report().splitlines()[0])
    <transcript>:2: another command came; the client said: HELP (expected: NOOP)

    Args:
        transcript: The file, or a transcript in memory.
        host: The address to listen on, of this machine's loopback.
        port: The port to listen on; 0 for any free one.
        user: Who may authenticate; empty to accept whoever does.
        password: With which password.
        faults: What to do wrong, such as `rcpt=451`, as `smtp-shell serve --fault` takes it.
        extra: What a command is answered with that the transcript does not have: `ok`, `421` or `close`.
        variables: Values of variables, before those of the header.
        certificate: A PEM file with the server's certificate; None to have one made.
        key: A PEM file with its private key; None when it is in the file of the certificate.
        settings: All else that can be set; None for the defaults.

    Returns:
        The server, a context manager, with `host`, `port`, `url`, `ca_file`, `ok`, `results()` and `report()`.

    Raises:
        TranscriptError: The transcript cannot be read or served.
        UsageError: A fault cannot be read, `extra` is none of the three, or a variable cannot be one.
        NotSendable: The value of a variable would not stay inside one line.
    """
    from smtp_shell.protocol.sasl import Credentials
    from smtp_shell.servers.mock import MockServer, MockSettings

    settings = settings or MockSettings()
    if user:
        secret = password if isinstance(password, Secret) else Secret(password or "")
        settings = replace(settings, credentials=Credentials(user, secret))
    del password  # a traceback with local variables must not show it
    return MockServer(
        _script(transcript, variables, settings),
        host=host,
        port=port,
        faults=faults,
        extra=extra,
        certificate=certificate,
        key=key,
        variables=variables,
        settings=settings,
    )


def _script(
    transcript: str | PathLike[str] | Transcript, variables: Mapping[str, str] | None, settings: MockSettings
) -> str | PathLike[str] | MockScript:
    if isinstance(transcript, (str, PathLike)):
        return transcript
    from smtp_shell.replay.in_memory import in_file
    from smtp_shell.servers.mock import compile_script
    from smtp_shell.transcript.transcript import TEXT_NAME

    with in_file(transcript) as path:
        script = compile_script(path, variables, keeps_data=settings.data_exact)
    sessions = tuple(replace(each, file=TEXT_NAME) for each in script.sessions)
    return replace(script, file=TEXT_NAME, sessions=sessions)


def relay(
    target: str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: bool = False,
    keep: str | PathLike[str] | None = None,
    ca_file: str | PathLike[str] | None = None,
    insecure: bool = False,
    certificate: str | PathLike[str] | None = None,
    key: str | PathLike[str] | None = None,
) -> RelayServer:
    r"""Return a server that stands between a client and a server, and records what both say.

    >>> import smtplib
    >>> from smtp_shell import practice_server, relay, replay
    >>> with practice_server() as server, relay(server.url, keep="relayed") as between:
    ...     with smtplib.SMTP(between.host, between.port) as client:
    ...         code, text = client.noop()
    ...     (recording,) = between.recordings()
    ...     print(code, replay(recording, server.url).ok)
    250 True

    Args:
        target: The server, as a URL or HOST[:PORT].
        host: The address to listen on, of this machine's loopback.
        port: The port to listen on; 0 for any free one.
        tls: Whether TLS with the clients begins with the first octet, and not with STARTTLS.
        keep: The folder for the transcripts, one for each dialogue; None to write none.
        ca_file: PEM file with the authorities to trust on the server's side, in place of the system's.
        insecure: Go on although the server's certificate cannot be verified.
        certificate: A PEM file with the certificate for the clients; None to have one made.
        key: A PEM file with its private key; None when it is in the file of the certificate.

    Returns:
        The relay, a context manager, with `host`, `port`, `url`, `ca_file` and `recordings()`.

    Raises:
        UsageError: The target is none, or the folder cannot be used.
    """
    from smtp_shell.config import Place, TlsSettings
    from smtp_shell.servers.relay import RelayServer

    return RelayServer(
        target,
        host=host,
        port=port,
        implicit_tls=tls,
        tls=TlsSettings(ca_file=_path(ca_file), insecure=insecure, place=Place.PYTHON),
        keep=_path(keep),
        certificate=_path(certificate),
        key=_path(key),
        on_failure=lambda sentence: warnings.warn(sentence, RuntimeWarning, stacklevel=2),
    )


def _path(name: str | PathLike[str] | None) -> Path | None:
    return None if name is None else Path(name)
