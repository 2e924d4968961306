"""The shell's way into TLS: STARTTLS as typed or as asked for from the start, the handshake, and the certificate it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from smtp_shell.display.render import certificate_rows
from smtp_shell.errors import TlsFailed
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.octets import escape, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from smtp_shell.client.session import Session
    from smtp_shell.config import TlsSettings
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import TlsStarted
    from smtp_shell.protocol.replies import Reply
    from smtp_shell.shell.settings import ShellOptions, ShellSettings

WAIT_ENDED_BEFORE_TLS = (
    "--starttls: the wait for {} ended before TLS could start, and the connection is in the clear; "
    "say starttls after the reply, or /reconnect."
)
_IN_TLS_ALREADY = "TLS is on already, and stays on: it is started once in a connection (RFC 3207 §4.2)."


class Client(Protocol):
    """What talks to a server for a user: the shell."""

    session: Session | None
    target: Target | None
    options: ShellOptions
    settings: ShellSettings
    waiting_for: Callable[[Callable[[], str]], AbstractContextManager[None]]

    @property
    def tls(self) -> TlsSettings:
        """How TLS is done."""

    def need_session(self) -> Session:
        """Return the session, or raise."""

    def command(self, command: Command) -> Reply | None:
        """Send a command and wait for its reply."""

    def hello(self) -> Reply | None:
        """Send EHLO."""

    def disconnect(self) -> None:
        """Close the connection."""

    def say(self, text: str, style: str = "said") -> None:
        """Show the shell's own words."""


def start_tls(shell: Client, *, advises: bool = True) -> None:
    """Send STARTTLS and do the handshake. A server that refuses it inside TLS has not refused TLS.

    Args:
        shell: The shell.
        advises: Whether a user is told to say EHLO again.

    Raises:
        TlsFailed: The server refused, or the handshake failed.

    Source: RFC 3207 section 4.2
    """
    session = shell.need_session()
    reply = shell.command(Command(b"STARTTLS"))
    if session.tls_due:
        finish_tls(shell, advises=advises)
        return
    if session.tls is not None:
        shell.say(_IN_TLS_ALREADY)
        return
    if reply is not None:
        said = escape(b" ".join(reply.wire_lines())[:200])
        hint = " Say ehlo first." if reply.code == 503 else ""
        refused = f"the server did not start TLS: it said {quoted(said)}; nothing secret was sent.{hint}"
        if shell.target is not None and shell.target.starttls:
            shell.disconnect()
        raise TlsFailed(refused)


def start_tls_at_once(shell: Client) -> None:
    """Start TLS after the greeting, or stop: nothing else may happen in the clear if the user asked for TLS.

    Raises:
        TlsFailed: There is no TLS; where the server does not offer it, the connection is closed.
    """
    session = shell.need_session()
    reply = shell.hello()
    extensions = session.dialogue.extensions
    if reply is None:
        raise TlsFailed(WAIT_ENDED_BEFORE_TLS.format("the reply to EHLO"))
    if reply.is_negative or extensions is None or "STARTTLS" not in extensions:
        shell.disconnect()
        raise TlsFailed(
            "--starttls: the server does not announce STARTTLS (or somebody on the way takes it out); nothing was sent in the clear. "
            "Try smtps:// or leave --starttls out."
        )
    start_tls(shell)
    shell.hello()


def finish_tls(shell: Client, *, advises: bool = True) -> None:
    """Do the handshake if the server said 220 to STARTTLS. The arguments are those of `start_tls`.

    Raises:
        TlsFailed: It failed, or the certificate could not be verified.
    """
    session = shell.session
    if session is None or not session.is_open or not session.tls_due:
        return
    with shell.waiting_for(lambda: "the TLS handshake"):
        facts = session.start_tls(shell.tls)
    show_certificate(shell, facts)
    if shell.settings.auto_ehlo:
        shell.hello()
    elif advises and shell.options.interactive and not (shell.target and shell.target.starttls):
        shell.say("Say ehlo again: what the server announced in the clear counts no more (RFC 3207 §4.2).")


def show_certificate(shell: Client, facts: TlsStarted | None) -> None:
    """Show the server's certificate to a user at the prompt, and one that was not verified to everybody."""
    if facts is None or (facts.verified and not shell.options.interactive):
        return
    problems: Sequence[str] = ()
    if not facts.verified:
        from smtp_shell.net.chain_checks import chain_problems

        problems = chain_problems(facts, shell.tls)
    for row in certificate_rows(facts, problems):
        shell.say(f"  {row}", "quoted" if facts.verified else "notice")
