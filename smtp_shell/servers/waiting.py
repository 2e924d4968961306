"""What a server waits for while a client says nothing, in a sentence for the person who writes the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from smtp_shell.servers.sessions import WatchedDialogue

PATIENCE: Final = 3.0
"""Seconds of silence after which the client is told what the server waits for."""

_NEXT: Final = {
    Phase.GREETING: "QUIT: the greeting refused the service",
    Phase.READY: "the next command, such as MAIL FROM or QUIT",
    Phase.MAIL: "RCPT TO",
    Phase.RCPT: "another RCPT TO, or DATA",
}


def waiting_for(watched: WatchedDialogue) -> str:
    """Return what the server waits for now; empty while it is the server that owes a reply, or when all is over.

    Args:
        watched: The dialogue.
    """
    dialogue = watched.dialogue
    if watched.is_closed or dialogue.phase is Phase.CLOSED:
        return ""
    if dialogue.phase is Phase.TLS:
        return "the TLS handshake has not begun: the server waits for it after its 220, before any other line"
    if watched.in_data:
        return _in_data(watched)
    if dialogue.owed:
        return ""
    if watched.held:
        return _unended(watched.held)
    if dialogue.phase is Phase.AUTH:
        return "the server waits for the answer to its 334, one line of base64, or * to cancel"
    if dialogue.phase is Phase.FRESH:
        if watched.tls:
            return "the server waits for EHLO again after TLS: nothing from before counts, and no second greeting comes"
        return "the server waits for EHLO or HELO after its greeting"
    expected = _NEXT.get(dialogue.phase, "the next command")
    return f"every line has its reply: the server waits for {expected}"


def _in_data(watched: WatchedDialogue) -> str:
    if watched.held.rstrip(b"\r\n") == b"." or (watched.has_bare_lf and watched.last_line == b"."):
        found = "your dot's line ends in LF" if watched.has_bare_lf else "your dot has no line end"
        return f"{found}: the server waits for CRLF, a dot, and CRLF"
    if watched.has_bare_lf:
        return "your line ends in LF: the server waits for CRLF, and still for a line with a single dot"
    if watched.held:
        return "your last line has no CRLF: still waiting for its end, and for a line with a single dot"
    if watched.last_line.upper() == b"QUIT":
        return "QUIT went into the message as text: still waiting for a line with a single dot before it"
    return "still waiting for a line with a single dot, which ends the mail data"


def _unended(held: bytes) -> str:
    if held.endswith(b"\r"):
        return "your line ends in CR: the server waits for CRLF"
    return f"your line has no end: the server waits for CRLF after the {len(held):,} octets that came"
