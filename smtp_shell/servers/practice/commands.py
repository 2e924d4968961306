"""The practice server's replies to each command."""

from __future__ import annotations

import asyncio
import email.utils
import re
import secrets

from smtp_shell.net.literals import address_literal
from smtp_shell.protocol.octets import CRLF
from smtp_shell.servers.inbox import IncomingMessage
from smtp_shell.servers.mailboxes import (
    EXAMPLE_MAILBOX,
    HOSTNAME,
    LOCAL_DOMAINS,
    MAILBOX_RULES,
    MESSAGE_LIMIT,
    RECIPIENT_LIMIT,
    PathArgument,
    parse_path,
    verify,
    why_not_from,
    why_not_to,
)
from smtp_shell.servers.practice.authentication import MECHANISMS, PracticeAuth
from smtp_shell.servers.practice.connection import ENDLESS, ERROR_LIMIT, Goodbye

_NO_ROOM = "452 4.3.1 Insufficient storage, try again later"
_AUTH_AFTER_TLS = "AUTH is offered once TLS has been started."
_HELP = (
    f"This is {HOSTNAME}, a server to practise with. It takes mail for",
    f"{' and '.join(LOCAL_DOMAINS)}, and passes nothing on.",
    "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT",
    _AUTH_AFTER_TLS,
    *MAILBOX_RULES,
    f"Limits: {MESSAGE_LIMIT} octets in a message, {RECIPIENT_LIMIT} recipients,",
    f"{ERROR_LIMIT} errors in a row",
)
# Names and address literals; some real clients send an underscore, and an `@` is a person's mistake.
_CLIENT_NAME = re.compile(r"[^\x00-\x20\x7f()<>@,;\"\\]{1,255}")


class PracticeConnection(PracticeAuth):
    """A connection that knows the commands; aiosmtpd finds the method by the verb in its name."""

    # Commands that begin and end

    async def smtp_HELO(self, hostname: str | None) -> None:
        """Greet a client of the old kind; a mail transaction ends.

        Source: RFC 5321 section 4.1.1.1
        """
        if not hostname or not _CLIENT_NAME.fullmatch(hostname):
            await self.push("501 Syntax: HELO domain, the name of the client's host")
            return
        self._set_rset_state()
        self.session.extended_smtp = False
        self.session.host_name = hostname
        await self.push(f"250 {HOSTNAME}")

    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Greet a client and tell it what is offered now; a mail transaction ends.

        Source: RFC 5321 section 4.1.1.1
        """
        if not hostname or not _CLIENT_NAME.fullmatch(hostname):
            await self.push("501 Syntax: EHLO domain, the name of the client's host, or EHLO [address]")
            return
        self._set_rset_state()
        self.session.extended_smtp = True
        self.session.host_name = hostname
        keywords = [f"SIZE {MESSAGE_LIMIT}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        if self.session.ssl is None:
            keywords.append("STARTTLS")
        if self.may_authenticate:
            keywords.append(f"AUTH {' '.join(MECHANISMS)}")
        await self.push(_lines(250, [HOSTNAME, *keywords, "HELP"]))

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Start TLS.

        Source: RFC 3207 section 4
        """
        if await self._refuses(arg, "STARTTLS", transaction=True):
            return
        if self.session.ssl is not None:
            await self.push("503 5.5.1 TLS is in use already")
            return
        if self._reader._buffer:  # type: ignore[attr-defined]
            # "The server MUST discard any knowledge obtained from the client": commands from before must not count after.
            await self.push(
                "554 5.5.0 Nothing may follow STARTTLS before TLS has started (RFC 3207), closing the connection"
            )
            raise Goodbye
        self.tls_context = (await asyncio.wrap_future(self._shared.certificate)).context
        await super().smtp_STARTTLS("")
        if self.session.ssl is None:
            raise ConnectionResetError

    async def smtp_QUIT(self, arg: str | None) -> None:
        """Send 221 and close.

        Source: RFC 5321 section 4.1.1.10
        """
        if await self._refuses(arg, "QUIT"):
            return
        await self.push("221 2.0.0 Bye")
        raise Goodbye

    # Commands that change nothing, or forget

    async def smtp_NOOP(self, arg: str | None) -> None:
        """Do nothing.

        Source: RFC 5321 section 4.1.1.9
        """
        await self.push("250 2.0.0 Ok")

    async def smtp_RSET(self, arg: str | None) -> None:
        """Forget the mail transaction.

        Source: RFC 5321 section 4.1.1.5
        """
        if await self._refuses(arg, "RSET"):
            return
        self._set_rset_state()
        await self.push("250 2.0.0 Ok")

    async def smtp_HELP(self, arg: str | None) -> None:
        """List what there is to try.

        Source: RFC 5321 section 4.1.1.8
        """
        told: tuple[str, ...] = _HELP
        if self._shared.settings.auth_before_tls:
            told = tuple("AUTH is offered even without TLS." if line == _AUTH_AFTER_TLS else line for line in _HELP)
        await self.push(_lines(214, told))

    async def smtp_VRFY(self, arg: str | None) -> None:
        """Check whether there is such a mailbox.

        Source: RFC 5321 section 4.1.1.6
        """
        await self.push(verify(arg))

    async def smtp_EXPN(self, arg: str | None) -> None:
        """Refuse to tell who is on a list.

        Source: RFC 5321 section 4.1.1.7, section 7.3
        """
        await self.push("502 5.5.1 EXPN is not offered: it would tell strangers who is on a list")

    async def _not_implemented(self, arg: str | None) -> None:
        await self.push("502 5.5.1 Command not implemented")

    smtp_BDAT = smtp_ETRN = smtp_SEND = smtp_SOML = smtp_SAML = smtp_TURN = _not_implemented

    # The mail transaction

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
        await self.push(f"250 2.1.0 Ok{parsed.hint}")

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Accept or refuse a recipient.

        Source: RFC 5321 section 4.1.1.3
        """
        if self.envelope.mail_from is None:
            await self.push("503 5.5.1 Send MAIL first")
            return
        parsed = parse_path(arg, b"TO:")
        refusal = parsed if isinstance(parsed, str) else self._why_not_to(parsed)
        if isinstance(parsed, str) or refusal:
            self._recipients_refused = True
            await self.push(refusal)
            return
        self.envelope.rcpt_tos.append(parsed.mailbox.decode("utf-8"))
        await self.push(f"250 2.1.5 Ok{parsed.hint}")

    def _why_not_to(self, path: PathArgument) -> str:
        """Return the reply if there is no delivery to this forward-path; empty when there is."""
        if len(self.envelope.rcpt_tos) >= RECIPIENT_LIMIT:
            return f"452 4.5.3 Too many recipients, {RECIPIENT_LIMIT} at most in one mail transaction"
        refusal = why_not_to(
            path, smtp_utf8=bool(self.envelope.smtp_utf8), authenticated=bool(self.session.authenticated)
        )
        return refusal or self._shared.greylist.why_not_yet(self.envelope.mail_from or "", path)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Read the mail data and deliver it.

        Source: RFC 5321 section 4.1.1.4
        """
        if await self._refuses(arg, "DATA"):
            return
        if self.envelope.mail_from is None:
            await self.push("503 5.5.1 Send MAIL first")
            return
        if not self.envelope.rcpt_tos:
            problem = "554 5.5.1 No valid recipients" if self._recipients_refused else "503 5.5.1 Send RCPT first"
            await self.push(f"{problem}; RCPT TO:<{EXAMPLE_MAILBOX}> works")
            return
        queue_id = secrets.token_hex(5).upper()
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        message = self._begin_message(queue_id)
        try:
            refusal = await self._receive_mail_data(message)
            self._set_post_data_state()
            if await self._misbehaves("DOT"):
                return
            if message is None or refusal:
                await self.push(refusal or _NO_ROOM)
                return
            message.commit()
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            await self.push(_NO_ROOM)
            return
        finally:
            if message is not None:
                message.discard()
        await self.push(f"250 2.0.0 Ok: queued as {queue_id}")

    def _begin_message(self, queue_id: str) -> IncomingMessage | None:
        sender = (self.envelope.mail_from or "").encode()
        recipients = [recipient.encode() for recipient in self.envelope.rcpt_tos]
        try:
            return self._shared.inbox.deliver(
                sender, recipients, self._received(queue_id).encode("utf-8", "surrogateescape")
            )
        except OSError:
            return None

    def _received(self, queue_id: str) -> str:
        """Return the trace header field.

        Source: RFC 5321 section 4.4; RFC 3848, RFC 6531 section 4.3 (the protocol's name)
        """
        protocol = "SMTP"
        if self.session.extended_smtp:
            protocol = "UTF8SMTP" if self.envelope.smtp_utf8 else "ESMTP"
            protocol += "S" if self.session.ssl is not None else ""
            protocol += "A" if self.session.authenticated else ""
        address = str((self.session.peer or ("",))[0])
        return (
            f"Received: from {self.session.host_name} ({address_literal(address)})\r\n"
            f"\tby {HOSTNAME} (smtp-shell practice) with {protocol} id {queue_id};\r\n"
            f"\t{email.utils.formatdate(localtime=True)}\r\n"
        )

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
                refusal = f"552 5.3.4 Message is too big, {MESSAGE_LIMIT} octets at most"
            if message is None or refusal:
                continue
            try:
                message.write(piece)
            except OSError:
                refusal = _NO_ROOM


def _lines(code: int, texts: list[str] | tuple[str, ...]) -> str:
    """Write a reply of several lines, without its last line end."""
    *first, last = texts
    return "\r\n".join([*(f"{code}-{text}" for text in first), f"{code} {last}"])
