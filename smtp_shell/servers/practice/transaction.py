"""The mail transaction at the practice server: MAIL, RCPT, DATA, BDAT, and what becomes of the message."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import secrets
from typing import TYPE_CHECKING

from smtp_shell.net.literals import address_literal
from smtp_shell.protocol.commands import Chunk, bdat_chunk
from smtp_shell.protocol.octets import CRLF
from smtp_shell.servers.mailboxes import (
    EXAMPLE_MAILBOX,
    HOSTNAME,
    MESSAGE_LIMIT,
    RECIPIENT_LIMIT,
    PathArgument,
    parse_path,
    why_not_from,
    why_not_to,
)
from smtp_shell.servers.practice.authentication import PracticeAuth
from smtp_shell.servers.practice.connection import ENDLESS, LINGER, Goodbye
from smtp_shell.servers.practice.delivery import Mail, deliver, refusal_of_all

if TYPE_CHECKING:
    from smtp_shell.servers.inbox import IncomingMessage
    from smtp_shell.servers.practice.xclient import Origin

_NO_ROOM = "452 4.3.1 Insufficient storage, try again later"
_TOO_BIG = f"552 5.3.4 Message is too big, {MESSAGE_LIMIT} octets at most"
_CHUNK_PIECE = 64 * 1024


class PracticeTransaction(PracticeAuth):
    """A connection that knows the mail transaction."""

    # All of the transaction is here and in aiosmtpd's envelope; `_set_post_data_state` forgets both.
    _parameters: dict[str, str]  # of MAIL
    _recipients: list[PathArgument]
    _message: IncomingMessage | None  # that BDAT has begun
    _size: int  # octets that its chunks have had
    _has_begun: bool  # a chunk has been accepted
    _queue_id: str  # of the message that BDAT has begun

    origin: Origin | None = None  # for whom the client speaks, by XCLIENT

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()
        self._forget_message()
        self._parameters, self._recipients = {}, []
        self._message, self._queue_id, self._size, self._has_begun = None, "", 0, False

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the message that was under way."""
        self._forget_message()
        super().connection_lost(error)

    def _hang_up(self) -> None:
        self._forget_message()
        super()._hang_up()

    def _forget_message(self) -> None:
        message = getattr(self, "_message", None)  # aiosmtpd resets before the first use of ours
        if message is not None:
            message.discard()

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a mail transaction.

        Source: RFC 5321 section 4.1.1.2
        """
        if not self.session.host_name:
            await self.push("503 5.5.1 Send EHLO or HELO first")
            return
        if self.envelope.mail_from is not None:
            await self.push("503 5.5.1 Nested MAIL command; RSET ends the mail transaction")
            return
        parsed = parse_path(arg, b"FROM:")
        if isinstance(parsed, str):
            await self.push(parsed)
            return
        refusal = why_not_from(
            parsed, extended=bool(self.session.extended_smtp), may_authenticate=self.may_authenticate
        )
        if refusal:
            await self.push(refusal)
            return
        self.envelope.mail_from = parsed.mailbox.decode("utf-8")
        self.envelope.smtp_utf8 = "SMTPUTF8" in parsed.parameters
        self._parameters = parsed.parameters
        await self.push(f"250 2.1.0 Ok{parsed.hint}")

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Accept or refuse a recipient.

        Source: RFC 5321 section 4.1.1.3
        """
        if self.envelope.mail_from is None:
            await self.push("503 5.5.1 Send MAIL first")
            return
        if self._has_begun:
            await self.push("503 5.5.1 RCPT may not follow BDAT: the message has begun; RSET ends it")
            return
        parsed = parse_path(arg, b"TO:")
        refusal = parsed if isinstance(parsed, str) else self._why_not_to(parsed)
        if isinstance(parsed, str) or refusal:
            self._recipients_refused = True
            await self.push(refusal)
            return
        self._recipients.append(parsed)
        await self.push(f"250 2.1.5 Ok{parsed.hint}")

    def _why_not_to(self, path: PathArgument) -> str:
        """Return the reply if there is no delivery to this forward-path; empty when there is."""
        if len(self._recipients) >= RECIPIENT_LIMIT:
            return f"452 4.5.3 Too many recipients, {RECIPIENT_LIMIT} at most in one mail transaction"
        refusal = why_not_to(
            path,
            smtp_utf8=bool(self.envelope.smtp_utf8),
            authenticated=bool(self.session.authenticated),
            extended=bool(self.session.extended_smtp),
            size=int(self._parameters.get("SIZE", "0")),
        )
        return refusal or self._shared.greylist.why_not_yet(self.envelope.mail_from or "", path)

    def _why_no_message(self) -> str:
        """Return the reply if there is nobody to send a message to; empty when there is."""
        if self.envelope.mail_from is None:
            return "503 5.5.1 Send MAIL first"
        if not self._recipients:
            problem = "554 5.5.1 No valid recipients" if self._recipients_refused else "503 5.5.1 Send RCPT first"
            return f"{problem}; RCPT TO:<{EXAMPLE_MAILBOX}> works"
        return ""

    async def smtp_DATA(self, arg: str | None) -> None:
        """Read the mail data and deliver it.

        Source: RFC 5321 section 4.1.1.4; RFC 3030 sections 2 and 3 (after BDAT, with BINARYMIME)
        """
        if await self._refuses(arg, "DATA"):
            return
        refusal = self._why_no_message()
        if not refusal and self._has_begun:
            refusal = "503 5.5.1 DATA may not follow BDAT: the message has begun; RSET ends it"
        if not refusal and self._parameters.get("BODY", "").upper() == "BINARYMIME":
            refusal = "503 5.5.1 BODY=BINARYMIME needs BDAT: in binary octets no dot can end the mail data"
        if refusal:
            await self.push(refusal)
            return
        queue_id = _new_queue_id()
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        message = self._begin_message(queue_id)
        try:
            refusal = await self._receive_mail_data(message)
            await self._end_message(message, queue_id, refusal)
        finally:
            if message is not None:
                message.discard()

    async def smtp_BDAT(self, arg: str | None) -> None:
        """Read a chunk of the message, and deliver it after the last one. Its octets are read whether it is taken or not.

        Source: RFC 3030 section 2
        """
        chunk = bdat_chunk(b"BDAT " + (arg or "").encode("utf-8", "surrogateescape"))
        if chunk is None:
            await self.push("501 5.5.4 Syntax: BDAT octets [LAST]")
            return
        if chunk.size > ENDLESS:
            await self._refuse_endless()
        out_of_order = self._why_no_message()
        refusal = out_of_order or self._why_no_chunk(chunk)
        refusal = await self._receive_chunk(chunk.size, None if refusal else self._message) or refusal
        is_answered = await self._misbehaves("BDAT")
        if not (is_answered or refusal):
            await self._take_chunk(chunk)
            return
        if not out_of_order:
            self._set_post_data_state()  # without this chunk the message cannot become whole any more
        if not is_answered:
            await self.push(refusal)

    def _why_no_chunk(self, chunk: Chunk) -> str:
        """Return the reply if a chunk cannot be stored; empty when it can, for which the message is begun."""
        if self._size + chunk.size > MESSAGE_LIMIT:
            return _TOO_BIG
        if self._message is None:
            self._queue_id = _new_queue_id()
            self._message = self._begin_message(self._queue_id)
        return "" if self._message is not None else _NO_ROOM

    async def _refuse_endless(self) -> None:
        """Refuse a chunk that is too long to be read up to its end. Its octets cannot be told from commands: the connection ends."""
        with contextlib.suppress(Goodbye):
            await self.push(f"{_TOO_BIG}; closing the connection")
        with contextlib.suppress(TimeoutError):
            # Closed with octets unread, the connection would be reset, and the client might not see the reply.
            async with asyncio.timeout(LINGER):
                while await self._reader.read(_CHUNK_PIECE):
                    pass
        raise Goodbye

    async def _receive_chunk(self, size: int, message: IncomingMessage | None) -> str:
        """Read the octets of a chunk and store them; return why they cannot be taken, or nothing.

        Raises:
            EOFError: The input has ended inside the chunk.
        """
        refusal = ""
        while size:
            piece = await self._reader.read(min(size, _CHUNK_PIECE))
            if not piece:
                raise EOFError
            size -= len(piece)
            refusal = refusal or _stored(message, piece)
        return refusal

    async def _take_chunk(self, chunk: Chunk) -> None:
        self._size += chunk.size
        self._has_begun = True
        if not chunk.last:
            await self.push(f"250 2.0.0 Ok: {chunk.size} octets, {self._size} in all")
            return
        message, self._message = self._message, None
        try:
            await self._end_message(message, self._queue_id, "")
        finally:
            if message is not None:
                message.discard()

    # The end of the message

    async def _end_message(self, message: IncomingMessage | None, queue_id: str, refusal: str) -> None:
        """Deliver a message that is whole, or say why not; the mail transaction ends."""
        mail = Mail((self.envelope.mail_from or "").encode(), self._parameters, tuple(self._recipients))
        trace = self._received(queue_id)
        self._set_post_data_state()
        if await self._misbehaves("DOT"):
            return
        if message is None or refusal:
            if message is not None:
                message.discard()
            await self.push(refusal or _NO_ROOM)
            return
        verdicts = mail.verdicts(message.size)
        try:
            deliver(self._shared.inbox, message, mail, verdicts, trace)
        except OSError:
            message.discard()
            await self.push(_NO_ROOM)
            return
        if mail.wants_each_reply:
            await self.push("353 One reply for each recipient follows, then one for the message")
            for verdict in verdicts:
                await self.push(verdict.reply)
        refused = refusal_of_all(verdicts)
        await self.push(refused or f"250 2.0.0 Ok: queued as {queue_id}")

    def _begin_message(self, queue_id: str) -> IncomingMessage | None:
        mail = Mail((self.envelope.mail_from or "").encode(), self._parameters, tuple(self._recipients))
        try:
            return mail.begin(self._shared.inbox, self._received(queue_id))
        except OSError:
            return None

    def _received(self, queue_id: str) -> bytes:
        """Return the trace header field.

        Source: RFC 5321 section 4.4; RFC 3848, RFC 6531 section 4.3 (the protocol's name)
        """
        protocol = "SMTP"
        if self.session.extended_smtp:
            protocol = "UTF8SMTP" if self.envelope.smtp_utf8 else "ESMTP"
            protocol += "S" if self.session.ssl is not None else ""
            protocol += "A" if self.session.authenticated else ""
        return (
            f"Received: from {self.session.host_name} ({self._client})\r\n"
            f"\tby {HOSTNAME} (smtp-shell practice) with {protocol} id {queue_id};\r\n"
            f"\t{email.utils.formatdate(localtime=True)}"
        ).encode("utf-8", "surrogateescape")

    @property
    def _client(self) -> str:
        """The client as the trace has it: its address, and its name where XCLIENT told it."""
        origin = self.origin
        address = str((self.session.peer or ("",))[0])
        if origin is not None and origin.address != "":
            address = origin.address or "unknown"
        shown = address_literal(address) if address != "unknown" else address
        return f"{origin.name or 'unknown'} {shown}" if origin is not None and origin.name != "" else shown

    async def _receive_mail_data(self, message: IncomingMessage | None) -> str:
        """Read up to the final dot and store it; return why it cannot be taken, or nothing.

        Only CRLF ends a line, so that a bare LF around a dot ends nothing. A line may have any length.

        Source: RFC 5321 section 4.1.1.4, section 4.5.2
        """
        size, refusal, at_line_start = 0, "", True
        while True:
            try:
                piece = await self._reader.readuntil(CRLF)
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.readexactly(error.consumed)
            begins, at_line_start = at_line_start, piece.endswith(CRLF)
            if begins and piece == b".\r\n":
                return refusal
            if begins and piece.startswith(b"."):
                piece = piece[1:]
            size += len(piece)
            if size > ENDLESS:
                await self.push("421 4.7.0 The mail data does not end, closing the connection")
            if size > MESSAGE_LIMIT and not refusal:
                refusal = _TOO_BIG
            refusal = refusal or _stored(message, piece)


def _stored(message: IncomingMessage | None, piece: bytes) -> str:
    """Store octets of a message, if it is stored at all; return why they cannot be taken, or nothing."""
    try:
        if message is not None:
            message.write(piece)
    except OSError:
        return _NO_ROOM
    return ""


def _new_queue_id() -> str:
    return secrets.token_hex(5).upper()
