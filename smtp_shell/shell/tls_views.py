"""The TLS connection of a shell, or the last one that failed, as a value for whoever shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.net.tls_view import TlsView
    from smtp_shell.protocol.events import TlsStarted
    from smtp_shell.shell.shell import Shell


def shown_facts(shell: Shell) -> TlsStarted | None:
    """Return what the server has shown of TLS, whether or not it was refused; None if it has shown nothing."""
    failure = shell.tls_failure
    if failure is not None and failure.seen is not None:
        return failure.seen
    return (
        shell.session.tls if shell.session is not None else None
    )  # a failure without more: TLS broke after the handshake


def shown_view(shell: Shell) -> TlsView | None:
    """Return the view of the shell's connection, open or closed, or of the last one whose TLS failed; None without TLS."""
    failure, facts = shell.tls_failure, shown_facts(shell)
    if failure is None and facts is None:
        return None
    from smtp_shell.net.tls_view import TlsView, view_of

    if facts is None:
        name = shell.target.host if shell.target is not None else ""
        return TlsView(
            name=escape_str(name), outcome="failed", reason=str(failure), why_unknown="there was no handshake"
        )
    ticket = shell.session.transport.ticket_seconds if failure is None and shell.session is not None else None
    return view_of(
        facts,
        shell.tls,
        failure,
        ticket_seconds=ticket,
        asked=shell.asked_for_staple,
        demands=[*shell.demands.values()],
    )
