"""The mail data of a shell's connection: typed line by line, pasted, or from a file; in each case dot-stuffed as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from smtp_shell.display.render import tls_sign
from smtp_shell.errors import NotSendable
from smtp_shell.protocol.maildata import MailDataEncoder
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.untouched import mended_remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from smtp_shell.client.session import Session
    from smtp_shell.protocol.replies import Reply
    from smtp_shell.shell.outlet import Outlet
    from smtp_shell.shell.owed_replies import AwaitedT
    from smtp_shell.shell.settings import ShellOptions

_LEAVING_WORDS = ("quit", "/exit", "/quit", "exit")


class Sender(Protocol):
    """What sends for a user: the shell.

    Attributes:
        options: They say whether a user is at the prompt.
        outlet: What shows the dialogue.
    """

    options: ShellOptions
    outlet: Outlet

    def need_session(self) -> Session:
        """Return the session."""

    def waiting(self, wait: Callable[[], AwaitedT], what: Callable[[], str] = str) -> AwaitedT | None:
        """Wait for a reply; None if the user stopped the wait."""

    def say(self, text: str, style: str = "said") -> None:
        """Show the shell's own words."""


class TypedMailData:
    """Sends mail data in pieces, and knows whether a line has been begun.

    Args:
        sender: What sends it.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._encoder: MailDataEncoder | None = None  # None outside of mail data

    @property
    def has_begun(self) -> bool:
        """Whether lines of it have been sent, but not its end."""
        return self._encoder is not None

    def forget(self) -> None:
        """Forget mail data that was begun: its connection is closed."""
        self._encoder = None

    def send_line(self, text: str) -> None:
        """Send a line, or the end of the mail data if it is a dot alone, and wait for its reply.

        Raises:
            NotSendable: The line holds CR, LF or NUL.
            UsageError: There is no connection.
            DialogueBroken: The connection broke.
        """
        sender = self._sender
        session = sender.need_session()
        if "\r" in text or "\n" in text or "\0" in text:
            raise NotSendable(
                "mail data: the line holds CR, LF or NUL; use data < FILE, or /raw to send octets as they are."
            )
        if text == ".":
            encoder, self._encoder = self._encoder, None
            sender.waiting(lambda: session.end_message(encoder))
            return
        encoder = self._encoder = self._encoder or MailDataEncoder()
        octets = encoder.encode(text.encode("utf-8", "surrogateescape") + b"\n")
        session.send_mail_data(octets)
        if not sender.options.interactive:
            return
        if octets.startswith(b".."):
            wire = escape_str(octets[:-2].decode("utf-8", "surrogateescape"))
            sender.say(f" {tls_sign(session.tls)} C: {wire}   (a dot that begins a line is doubled)")
        if text.strip().lower() in _LEAVING_WORDS:
            sender.say(
                "That went into the mail as text. A dot alone on a line ends the mail data; Ctrl-C offers to drop the connection."
            )

    def send_lines(self, lines: Sequence[str]) -> None:
        """Send lines in one write; 10,000 lines that are pasted take a tenth of the time of as many writes.

        Args:
            lines: Lines about which there is nothing to say: no dot begins one, and there is no CR, LF, NUL or half character.

        Raises:
            UsageError: There is no connection.
            DialogueBroken: The connection broke.
        """
        encoder = self._encoder = self._encoder or MailDataEncoder()
        octets = encoder.encode("".join(f"{line}\n" for line in lines).encode("utf-8"))
        self._sender.need_session().send_mail_data(octets)

    def send_message(self, pieces: Iterable[bytes], what: Callable[[], str] = str) -> Reply | None:
        """Send a message as mail data, with the final dot, and wait for its reply.

        After Ctrl-C in the middle of it, what is typed next goes on where it stopped.

        Args:
            pieces: The message, in pieces of any size, with any line ends.
            what: Returns what is awaited, in words; empty for the server.

        Returns:
            The reply, or None if the user stopped.

        Raises:
            UsageError: There is no connection.
            DialogueBroken: The connection broke.
        """
        sender = self._sender
        session = sender.need_session()
        encoder = self._encoder = MailDataEncoder()

        def send() -> Reply:
            for piece in pieces:
                session.send_mail_data(encoder.encode(piece))
            self._encoder = None
            return session.end_message(encoder)

        with sender.outlet.showing_mail_data():
            reply = sender.waiting(send, what)
        if reply is not None and (remark := mended_remark(encoder)):
            sender.say(remark, "notice")
        return reply
