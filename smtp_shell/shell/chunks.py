r"""Chunks that a user sends by hand: BDAT as typed, then its octets as lines or with `/raw`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from smtp_shell.protocol.commands import Command, bdat_chunk, refuse_line_breaks
from smtp_shell.protocol.octets import CRLF

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.client.session import Session
    from smtp_shell.protocol.replies import Reply

_DUE = (
    "The server waits for {:,} octets of the chunk now: lines that you type, each with its CRLF (two octets), or /raw."
)


class Sender(Protocol):
    """What sends for a user: the shell."""

    def need_session(self) -> Session:
        """Return the session, or raise."""

    def say(self, text: str, style: str = "said") -> None:
        """Show the shell's own words."""

    def waiting(self, wait: Callable[[], Reply]) -> Reply | None:
        """Wait for a reply."""


def takes_chunk(session: Session | None) -> bool:
    """Return whether the server waits for octets of a chunk, so that a line is no command."""
    return session is not None and session.is_open and session.dialogue.chunk_left > 0


def begin_chunk(sender: Sender, command: Command) -> bool:
    """Send a BDAT command that was typed, and wait for no reply before its octets; return whether it is one.

    Raises:
        DialogueBroken: The connection broke.

    Source: RFC 3030 section 2
    """
    session, chunk = sender.need_session(), bdat_chunk(command.line)
    if chunk is None or not chunk.size or session.dialogue.unended:
        return False
    session.send(command, more=True)
    sender.say(_DUE.format(chunk.size))
    return True


def send_chunk_line(sender: Sender, text: str) -> None:
    """Send a line as octets of the chunk, with CRLF.

    Raises:
        NotSendable: It holds CR, LF or NUL.
        DialogueBroken: The connection broke.
    """
    refuse_line_breaks(text, "the chunk")
    send_octets(sender, text.encode("utf-8", "surrogateescape") + CRLF)


def send_octets(sender: Sender, octets: bytes) -> None:
    """Send exactly these octets. Where they end a chunk, wait for its reply.

    Raises:
        DialogueBroken: The connection broke.
    """
    session = sender.need_session()
    was_chunk = takes_chunk(session)
    session.send_raw(octets)
    if was_chunk and session.is_open and not takes_chunk(session) and not session.dialogue.unended:
        sender.waiting(session.read_late)
