"""What becomes of a message that is whole: who takes it, where it is stored, and the reports about it."""

from __future__ import annotations

import email.utils
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.servers.mailboxes import HOSTNAME, PathArgument, why_not_that_big

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smtp_shell.servers.inbox import Inbox, IncomingMessage
    from smtp_shell.servers.notifications import Verdict


class Mail(Struct, frozen=True):
    """The envelope of a message.

    Args:
        sender: The mailbox of the reverse-path.
        parameters: The parameters of MAIL.
        recipients: The arguments of the RCPT commands that were accepted.
    """

    sender: bytes
    parameters: dict[str, str]
    recipients: tuple[PathArgument, ...]

    @property
    def wants_each_reply(self) -> bool:
        """Whether there is to be a reply for each recipient.

        Source: draft-hall-prdr-00 section 4
        """
        return "PRDR" in self.parameters

    def begin(self, inbox: Inbox, trace: bytes) -> IncomingMessage:
        """Begin to store the message.

        Args:
            inbox: Where.
            trace: The `Received:` header field.

        Raises:
            OSError: The disk is full, or the mailbox has gone.
        """
        requests: list[bytes] = []
        if "RET" in self.parameters or "ENVID" in self.parameters or any(each.parameters for each in self.recipients):
            from smtp_shell.servers.notifications import requested_of_message, requested_of_recipient

            requests += requested_of_message(self.parameters)
            for each in self.recipients:
                requests += requested_of_recipient(each.mailbox, each.parameters)
        return inbox.deliver(self.sender, [each.mailbox for each in self.recipients], trace, requests)

    def verdicts(self, size: int) -> list[Verdict]:
        """Return what each recipient replies to a message of this size."""
        from smtp_shell.servers.notifications import Verdict

        return [
            Verdict(each.mailbox, why_not_that_big(each.mailbox, size) or "250 2.1.5 Ok", each.parameters)
            for each in self.recipients
        ]


def refusal_of_all(verdicts: Sequence[Verdict]) -> str:
    """Return the reply to a message that nobody takes; empty if somebody does."""
    if any(verdict.is_good for verdict in verdicts):
        return ""
    return verdicts[0].reply if len(verdicts) == 1 else "552 5.2.3 No recipient takes the message"


def deliver(inbox: Inbox, message: IncomingMessage, mail: Mail, verdicts: Sequence[Verdict], trace: bytes) -> None:
    """Put a message into the inbox, unless nobody takes it, and the reports about it that are due.

    A recipient's refusal that the client has not been told is reported.

    Args:
        inbox: Where.
        message: The message, stored, with all recipients. Nothing is left of it if nobody takes it.
        mail: Its envelope.
        verdicts: Who takes it.
        trace: Its `Received:` header field.

    Raises:
        OSError: The disk is full, or the mailbox has gone.
    """
    if refusal_of_all(verdicts):
        message.discard()
        return
    stored = message
    if not all(verdict.is_good for verdict in verdicts):
        takers = [each for each, verdict in zip(mail.recipients, verdicts, strict=True) if verdict.is_good]
        stored = replace(mail, recipients=tuple(takers)).begin(inbox, trace)
        _fill(stored, message.mail_data())
        message.discard()
    stored.commit()
    told = [each for each in verdicts if each.is_wanted and (each.is_good or not mail.wants_each_reply)]
    if told and mail.sender:
        # The message is stored: refused for want of its report, it would be sent once more.
        with suppress(OSError):
            _report(inbox, stored, mail, told)


def _report(inbox: Inbox, stored: IncomingMessage, mail: Mail, told: Sequence[Verdict]) -> None:
    """Store the report about a message for its sender.

    Raises:
        OSError: The disk is full, or the mailbox has gone. Nothing is left of the report.
    """
    from smtp_shell.servers.notifications import report

    pieces = report(HOSTNAME, mail.sender, mail.parameters, told, stored.mail_data())
    date = email.utils.formatdate(localtime=True).encode()
    notice = inbox.deliver(b"", [mail.sender], b"Received: by %b (smtp-shell practice); %b" % (HOSTNAME.encode(), date))
    _fill(notice, pieces)
    notice.commit()


def _fill(message: IncomingMessage, pieces: Iterable[bytes]) -> None:
    """Write a message.

    Raises:
        OSError: The disk is full, or the mailbox has gone. Nothing is left of the message.
    """
    try:
        for piece in pieces:
            message.write(piece)
    except BaseException:
        message.discard()
        raise
