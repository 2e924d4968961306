"""The phases of a dialogue, which replies lead from one to another, and what a reply can be owed to."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.octets import escape


class Phase(Enum):
    """Phase of a dialogue; the value is its name for users."""

    GREETING = "greeting"
    FRESH = "greeted"
    READY = "ready"
    MAIL = "mail"
    RCPT = "rcpt"
    MAILDATA = "mail data"
    ENDED = "end of data"  # the final dot is sent and its reply is owed; only `Dialogue.standing` has it
    AUTH = "auth"
    TLS = "tls"
    CLOSED = "closed"


class Asked(Enum):
    """The kind of thing that a reply is owed to."""

    GREETING = "the greeting"
    COMMAND = "the reply"
    SASL = "the reply to the response"
    END_OF_DATA = "the reply to the final dot"
    CHUNK = "the reply to the chunk"


class Owed(Struct, frozen=True):
    """A reply that the server owes.

    Args:
        asked: What kind of thing it answers.
        command: The command it answers, if it answers one.
        verb: Its verb; empty for none.
        late: Whether nobody waits for it any more.
        recipient: Whether a 353 announced it: it is for one recipient, or for the message after them.
        path: The recipient that it is for, with its angle brackets, as it was sent; empty for none, or if that is not known.
        doubtful: Whether it answers a dot that ends the mail data for some servers, and is text for others: it has not CRLF on both sides.
    """

    asked: Asked
    command: Command | None = None
    verb: str = ""
    late: bool = False
    recipient: bool = False
    path: bytes = b""
    doubtful: bool = False

    @property
    def ends_message(self) -> bool:
        """Whether the message is accepted or not by this reply."""
        return self.asked in (Asked.END_OF_DATA, Asked.CHUNK)

    def __str__(self) -> str:
        if self.path:
            return f"{self.asked.value} for {escape(self.path)}"
        if self.command is None:
            return self.asked.value
        return f"{self.asked.value} to {escape(self.verb.encode()) or 'the line'}"


# (verb, first digit of the reply code) -> the phase after it. What is not listed leaves the phase as it is.
# Source: RFC 5321 sections 4.1.4 and 4.3.2, RFC 3207 section 4, RFC 4954 section 4; XCLIENT: Postfix, XCLIENT_README.
TRANSITIONS: dict[tuple[str, int], Phase] = {
    ("EHLO", 2): Phase.READY,
    ("HELO", 2): Phase.READY,
    ("LHLO", 2): Phase.READY,
    ("MAIL", 2): Phase.MAIL,
    ("RCPT", 2): Phase.RCPT,
    ("DATA", 3): Phase.MAILDATA,
    ("RSET", 2): Phase.READY,
    ("AUTH", 3): Phase.AUTH,
    ("STARTTLS", 2): Phase.TLS,
    ("QUIT", 2): Phase.CLOSED,
    ("XCLIENT", 2): Phase.FRESH,
}
