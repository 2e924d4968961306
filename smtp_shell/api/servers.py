"""Servers for programs and tests: the practice server, a mock that plays a transcript, a relay that records."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from smtp_shell.servers.inbox import Inbox
    from smtp_shell.servers.practice import PracticeServer


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
        maildir=None if maildir is None else Path(maildir),
    )
    del password  # a traceback with local variables must not show it
    with PracticeServer(settings) as server:
        yield Practice(server, server.password.reveal())
