"""How far a dialogue has come: what leads to the same point again over another connection. It keeps no credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.figures import counted
from smtp_shell.protocol.commands import HELLOS, Command, bdat_chunk
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Disconnected,
    End,
    MailDataSent,
    OctetsSent,
    ReplyReceived,
    TlsStarted,
)
from smtp_shell.protocol.octets import escape, escape_str

if TYPE_CHECKING:
    from smtp_shell.protocol.events import Entry
    from smtp_shell.protocol.replies import Reply

MOST_RECIPIENTS = 1000
"""Recipients that are kept of a transaction. One with more is not repeated."""


class Point(Struct, frozen=True):
    """How far the dialogue of one connection came.

    Args:
        address: The server, as `Target` writes it; empty before a connection.
        hello: The last EHLO, HELO or LHLO that was accepted since TLS started; None for none.
        in_tls: Whether STARTTLS began TLS. What begins with the first octet is no step of a way back.
        mechanism: The mechanism of the last AUTH that was accepted; empty for none.
        user: Who was authenticated by it.
        mail: The MAIL command of the open transaction; None outside of one, and once its message may have been accepted.
        recipients: The RCPT commands that were accepted in it.
        is_left: Whether the user has said QUIT.
        is_lost: Whether the connection ended without the user's doing.
    """

    address: str = ""
    hello: Command | None = None
    in_tls: bool = False
    mechanism: str = ""
    user: str = ""
    mail: Command | None = None
    recipients: tuple[Command, ...] = ()
    is_left: bool = False
    is_lost: bool = False

    @property
    def is_beyond_greeting(self) -> bool:
        """Whether anything was reached that a new connection does not have by itself."""
        return self.hello is not None or self.in_tls

    @property
    def steps(self) -> str:
        """What leads to it, without the transaction, in words."""
        found = [escape_str(self.hello.verb)] if self.hello is not None else []
        if self.in_tls:
            found = ["EHLO", "STARTTLS", *found]
        if self.mechanism:
            found.append(f"AUTH {escape_str(self.mechanism)} as {escape_str(self.user)}")
        return ", ".join(found)

    @property
    def transaction(self) -> str:
        """What the transaction is, in words; empty for none."""
        if self.mail is None:
            return ""
        whom = counted(len(self.recipients), "recipient") if self.recipients else "no recipient yet"
        return f"{escape(self.mail.line)}, {whom}"


class Reached:
    """Follows one dialogue. A consumer of the event stream.

    Attributes:
        point: How far it has come.
    """

    def __init__(self) -> None:
        self.point = Point()
        self._recipients: list[Command] = []
        self._from_first_octet = False
        self._is_raw = False  # what was sent last was octets, and what they held is not known before the replies

    def __call__(self, entry: Entry) -> None:
        """Follow an event."""
        match entry.event:
            case Connected() as event:
                self._from_first_octet = event.tls
                self._set(Point(event.address))
            case TlsStarted():
                # All that was learnt before counts no more (RFC 3207 section 4.2).
                self._set(Point(self.point.address, in_tls=not self._from_first_octet))
            case Authenticated(mechanism, user):
                self.point = replace(self.point, mechanism=mechanism, user=user)
            case CommandSent(command):
                self._is_raw = False
                if _ends_message(command):
                    self._end_transaction()
            case OctetsSent(octets):
                self._is_raw = True
                if b"BDAT" in octets.upper():
                    self._end_transaction()
            case MailDataSent(last=True):
                self._end_transaction()
            case ReplyReceived() as event:
                self._take_reply(event.reply, event.command, event.verb)
            case Disconnected(end):
                self.point = replace(
                    self.point,
                    recipients=tuple(self._recipients),
                    is_lost=end is not End.CLIENT and not self.point.is_left,
                )

    def _take_reply(self, reply: Reply, command: Command | None, verb: str) -> None:
        if command is None:
            return
        if verb == "DATA" and reply.code == 354 and self._is_raw:
            self._end_transaction()  # its text, and the dot, may have gone out too
        if verb == "QUIT" and reply.code == 221:
            self.point = replace(self.point, is_left=True)
        if reply.code // 100 != 2:
            return
        if verb in HELLOS:
            self._end_transaction()
            self.point = replace(self.point, hello=command)
        elif verb == "RSET":
            self._end_transaction()
        elif verb == "MAIL":
            self._end_transaction()
            self.point = replace(self.point, mail=command)
        elif verb == "RCPT" and self.point.mail is not None:
            self._recipients.append(command)
            if len(self._recipients) > MOST_RECIPIENTS:
                self._end_transaction()

    def _set(self, point: Point) -> None:
        self.point = point
        self._recipients.clear()

    def _end_transaction(self) -> None:
        if self.point.mail is not None:
            self._set(replace(self.point, mail=None, recipients=()))


def _ends_message(command: Command) -> bool:
    """Whether a message may be accepted once the command is sent."""
    chunk = bdat_chunk(command.line) if command.verb == "BDAT" else None
    return chunk is not None and chunk.last
