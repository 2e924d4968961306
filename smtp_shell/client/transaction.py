"""A whole mail transaction over a session: MAIL, RCPT for each recipient, then the message with DATA or BDAT.

Each command and reply is published by the session as if it had been typed. What the server refuses is an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import MessageChanged, UsageError
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.maildata import END_OF_DATA, PIECE, MailDataEncoder, in_chunks
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.replies import Reply

_IN_ONE_WRITE = 100
"""Commands in one write: with more, both sides could wait for the other to read (RFC 2920 section 3.1)."""


class Step(Enum):
    """A step of a transaction, after whose reply it can stop."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"  # or the first BDAT
    MESSAGE = "."  # the end of the message


class Envelope(Struct, frozen=True):
    """Who sends a message, and who gets it.

    Args:
        sender: The reverse-path; empty for the null one.
        recipients: The forward-paths.
        mail_parameters: ESMTP parameters of MAIL, such as `SIZE=1200`.
        rcpt_parameters: ESMTP parameters of each RCPT.

    Source: RFC 5321 section 3.3
    """

    sender: str
    recipients: tuple[str, ...]
    mail_parameters: tuple[str, ...] = ()
    rcpt_parameters: tuple[str, ...] = ()

    def commands(self) -> tuple[Command, list[Command]]:
        """Return MAIL, and RCPT for each recipient.

        Raises:
            NotSendable: An address or a parameter holds CR, LF or NUL.
        """
        mail = Command.of("MAIL", " ".join((f"FROM:<{self.sender}>", *self.mail_parameters)))
        return mail, [Command.of("RCPT", " ".join((f"TO:<{each}>", *self.rcpt_parameters))) for each in self.recipients]


class RecipientOutcome(Struct, frozen=True):
    """What became of one recipient.

    Args:
        recipient: The forward-path.
        reply: The reply that decided: to RCPT, to the end of the message, or to what was refused for all. None: nothing is decided yet.
    """

    recipient: str
    reply: Reply | None

    @property
    def accepted(self) -> bool:
        """Whether the server took the message for this recipient."""
        return self.reply is not None and self.reply.code // 100 == 2


class Outcome(Struct, frozen=True):
    """What became of a transaction.

    Args:
        step: The last step that was made.
        reply: The last reply to it: of a refused step, the refusal.
        recipients: What became of each recipient, in order.
        is_done: Whether all was done that was asked.
    """

    step: Step
    reply: Reply
    recipients: tuple[RecipientOutcome, ...]
    is_done: bool

    @property
    def refused(self) -> tuple[RecipientOutcome, ...]:
        """The recipients that were refused."""
        return tuple(each for each in self.recipients if each.reply is not None and each.reply.is_negative)

    @property
    def is_delivered(self) -> bool:
        """Whether the server took the message for at least one recipient."""
        return self.step is Step.MESSAGE and any(each.accepted for each in self.recipients)

    @property
    def exit_status(self) -> int:
        """0 if all that was asked happened, 1 if something was refused."""
        return 0 if self.is_done and not self.refused else 1


def transact(
    session: Session,
    envelope: Envelope,
    pieces: Callable[[], Iterable[bytes]],
    *,
    bdat: bool = False,
    pipeline: bool = False,
    stop_after: Step | None = None,
) -> Outcome:
    """Send a message: MAIL, RCPT for each recipient, then the message for those that were accepted.

    If all of them are refused, or the server does not take the message, nothing of it is sent, and RSET ends the transaction.

    Args:
        session: The session, greeted.
        envelope: Sender and recipients.
        pieces: Returns the message in pieces of any size; called once, when the server is ready for it. Its line ends become CRLF.
        bdat: Whether to send it in chunks.
        pipeline: Whether to send the commands before the message in one write. The server must have announced PIPELINING.
        stop_after: The step after whose reply to stop; None for the whole. The caller says QUIT, RSET or nothing.

    Raises:
        UsageError: There is no recipient.
        NotSendable: An address or a parameter holds CR, LF or NUL; nothing was sent.
        MessageChanged: A file of the message has changed; no message was sent. The connection is closed where DATA left no other way.
        OutcomeUnknown: The connection broke after the end of the message.
        DialogueBroken: The connection broke.

    Source: RFC 5321 section 3.3, RFC 2920 section 3.1, RFC 3030 section 2
    """
    if not envelope.recipients:
        raise UsageError("the message has no recipient; nothing was sent.")
    transaction = _Transaction(session, envelope, bdat=bdat)
    if pipeline and stop_after is None:
        return transaction.pipelined(pieces)
    return transaction.in_lock_step(pieces, stop_after)


class _Transaction:
    """One transaction under way."""

    def __init__(self, session: Session, envelope: Envelope, *, bdat: bool) -> None:
        self._session = session
        self._recipients = envelope.recipients
        self._mail, self._rcpts = envelope.commands()
        self._bdat = bdat
        self._replies: list[Reply] = []  # to RCPT

    def in_lock_step(self, pieces: Callable[[], Iterable[bytes]], stop_after: Step | None) -> Outcome:
        reply = self._session.command(self._mail)
        if reply.is_negative or stop_after is Step.MAIL:
            return self._stopped(Step.MAIL, reply, is_done=stop_after is Step.MAIL)
        for command in self._rcpts:
            reply = self._session.command(command)
            self._replies.append(reply)
        if stop_after is Step.RCPT or not self._has_recipient:
            return self._without_message(Step.RCPT, reply, reset=stop_after is None)
        if self._bdat:
            return self._chunks(pieces(), stop_after)
        reply = self._session.command(Command(b"DATA"))
        if self._session.phase is not Phase.MAILDATA:
            return self._without_message(Step.DATA, reply, reset=stop_after is None)
        if stop_after is Step.DATA:
            return self._stopped(Step.DATA, reply, is_done=True)
        return self._mail_data(pieces())

    def pipelined(self, pieces: Callable[[], Iterable[bytes]]) -> Outcome:
        """Send all before the message in one write; the server answers each command of it in order.

        DATA can be answered with 354 although there is no recipient. The message is then empty, and refused.
        """
        session = self._session
        commands = [self._mail, *self._rcpts, *([] if self._bdat else [Command(b"DATA")])]
        replies: list[Reply] = []
        for start in range(0, len(commands), _IN_ONE_WRITE):
            group = commands[start : start + _IN_ONE_WRITE]
            session.send(*group)
            replies += session.read_replies()
        mail, self._replies = replies[0], replies[1 : len(self._rcpts) + 1]
        if mail.is_negative or not self._has_recipient:
            if session.phase is Phase.MAILDATA:
                session.end_message()
            step, reply = (Step.MAIL, mail) if mail.is_negative else (Step.RCPT, self._replies[-1])
            return self._without_message(step, reply, reset=not mail.is_negative)
        if self._bdat:
            return self._chunks(pieces(), None)
        if session.phase is not Phase.MAILDATA:
            return self._without_message(Step.DATA, replies[-1], reset=True)
        return self._mail_data(pieces())

    @property
    def _has_recipient(self) -> bool:
        return any(each.code // 100 == 2 for each in self._replies)

    def _mail_data(self, pieces: Iterable[bytes]) -> Outcome:
        session, encoder = self._session, MailDataEncoder()
        try:
            for piece in pieces:
                session.send_mail_data(encoder.encode(piece))
        except MessageChanged as error:
            session.drop()
            raise MessageChanged(
                f"{error}. No message was sent: the connection was dropped before the final dot."
            ) from None
        except KeyboardInterrupt:
            session.drop()  # a dot that is typed later would end half a message
            raise
        session.send_mail_data(encoder.end()[: -len(END_OF_DATA)], last=True)
        return self._ended(session.read_replies())

    def _chunks(self, pieces: Iterable[bytes], stop_after: Step | None) -> Outcome:
        """Send each chunk when the next one is known, since the last chunk says that it is the last."""
        session = self._session
        held: bytes | None = None
        try:
            for chunk in in_chunks(pieces, PIECE, MailDataEncoder(transparent=False)):
                if held is not None:
                    reply = session.send_bdat(held, last=False)
                    if reply.is_negative or stop_after is Step.DATA:
                        return self._without_message(Step.DATA, reply, reset=stop_after is None)
                held = chunk
        except MessageChanged as error:
            session.command(Command(b"RSET"))
            raise MessageChanged(f"{error}. No message was sent: RSET gave it up before its last chunk.") from None
        last = held or b""
        session.send(Command(b"BDAT %d LAST" % len(last)), more=True)
        if last:
            session.send_chunk(last)
        return self._ended(session.read_replies())

    def _without_message(self, step: Step, reply: Reply, *, reset: bool) -> Outcome:
        if reset and self._session.is_open and self._session.phase is not Phase.CLOSED:
            self._session.command(Command(b"RSET"))
        return self._stopped(step, reply, is_done=not reset)

    def _stopped(self, step: Step, reply: Reply, *, is_done: bool) -> Outcome:
        """Return the outcome where no message was sent.

        Args:
            step: The last step.
            reply: Its reply.
            is_done: Whether the step was to be the last.
        """
        decided = None if is_done and not reply.is_negative else reply
        own = [*self._replies, *[None] * (len(self._recipients) - len(self._replies))]
        return Outcome(
            step,
            reply,
            tuple(
                RecipientOutcome(recipient, each if each is not None and each.is_negative else decided or each)
                for recipient, each in zip(self._recipients, own, strict=True)
            ),
            is_done and not reply.is_negative,
        )

    def _ended(self, final: list[Reply]) -> Outcome:
        """Return the outcome of a message that was sent whole.

        Args:
            final: What answers its end: in LMTP and PRDR a reply for each accepted recipient, in PRDR between a 353 and one for all.
        """
        each_has_one = self._session.dialogue.lmtp or final[0].code == 353
        own = iter(final[1:] if final[0].code == 353 else final)
        last = final[-1]
        outcomes = []
        for recipient, reply in zip(self._recipients, self._replies, strict=True):
            if reply.code // 100 == 2:
                reply = next(own, last) if each_has_one else last
                if final[0].code == 353 and last.is_negative:
                    reply = last
            outcomes.append(RecipientOutcome(recipient, reply))
        return Outcome(Step.MESSAGE, last, tuple(outcomes), not last.is_negative)
