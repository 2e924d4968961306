"""The practice server's replies to each command."""

from __future__ import annotations

import asyncio
import re

from aiosmtpd.smtp import TLSSetupException

from smtp_shell.servers.mailboxes import (
    HOSTNAME,
    LOCAL_DOMAINS,
    MAILBOX_RULES,
    MESSAGE_LIMIT,
    RECIPIENT_LIMIT,
    verify,
)
from smtp_shell.servers.practice.connection import ERROR_LIMIT, GREETING, Goodbye
from smtp_shell.servers.practice.hello import HelloTransport
from smtp_shell.servers.practice.transaction import PracticeTransaction

_AUTH_AFTER_TLS = "AUTH is offered once TLS has been started."
_HELP = (
    f"This is {HOSTNAME}, a server to practise with. It takes mail for",
    f"{' and '.join(LOCAL_DOMAINS)}, and passes nothing on.",
    "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP",
    "QUIT, BDAT (in place of DATA), XCLIENT (from this machine)",
    _AUTH_AFTER_TLS,
    *MAILBOX_RULES,
    f"Limits: {MESSAGE_LIMIT} octets in a message, {RECIPIENT_LIMIT} recipients,",
    f"{ERROR_LIMIT} errors in a row",
)
XCLIENT_KEYWORD = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
# Names and address literals; some real clients send an underscore, and an `@` is a person's mistake.
_CLIENT_NAME = re.compile(r"[^\x00-\x20\x7f()<>@,;\"\\]{1,255}")


class PracticeConnection(PracticeTransaction):
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
        keywords += ["CHUNKING", "BINARYMIME", "DSN", "PRDR"]
        if self.session.ssl is None:
            keywords.append("STARTTLS")
        if self.may_authenticate:
            keywords.append(f"AUTH {' '.join(self.mechanisms)}")
        if self._may_speak_for_others:
            keywords.append(XCLIENT_KEYWORD)
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
        from smtp_shell.net.key_log import exporter_secret
        from smtp_shell.net.memory_key_log import log_in_memory

        context = (await asyncio.wrap_future(self._shared.certificate)).context
        log_in_memory(context)
        self.tls_context = context
        assert self.transport is not None
        first = HelloTransport(self.transport)
        self.transport = first  # type: ignore[assignment]
        try:
            await super().smtp_STARTTLS("")
        except (TLSSetupException, ConnectionError):
            raise
        except asyncio.CancelledError:
            # The client was silent for too long. asyncio would tell nobody that the connection is gone.
            raise TLSSetupException from TimeoutError()
        except Exception as error:  # the 220 has been sent: there is no way back to commands
            raise TLSSetupException from error
        self.origin = None  # nothing counts that the client said in the clear (RFC 3207 section 4.2)
        self.exporter_secret = exporter_secret(context, first.client_random, self._shared.keys)
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

    smtp_ETRN = smtp_SEND = smtp_SOML = smtp_SAML = smtp_TURN = _not_implemented

    async def smtp_XCLIENT(self, arg: str | None) -> None:
        """Believe a client on this machine for whom it speaks. Its dialogue begins anew, with a greeting.

        Source: Postfix, XCLIENT_README
        """
        if not self._may_speak_for_others:
            await self.push("550 5.7.1 XCLIENT is for clients on this machine only")
            return
        if self.envelope.mail_from is not None:
            await self.push("503 5.5.1 XCLIENT may not stand inside a mail transaction; RSET ends it")
            return
        from smtp_shell.servers.practice.xclient import Origin, parse_xclient

        origin = parse_xclient(arg, self.origin or Origin())
        if isinstance(origin, str):
            await self.push(origin)
            return
        self._set_rset_state()
        self.origin = origin
        self.session.host_name = origin.helo or None
        self.session.extended_smtp = origin.protocol == "ESMTP"
        self.session.authenticated = bool(origin.login)
        await self.push(GREETING)

    @property
    def _may_speak_for_others(self) -> bool:
        address = str((self.session.peer or ("",))[0])
        return address == "::1" or address.startswith("127.")


def _lines(code: int, texts: list[str] | tuple[str, ...]) -> str:
    """Write a reply of several lines, without its last line end."""
    *first, last = texts
    return "\r\n".join([*(f"{code}-{text}" for text in first), f"{code} {last}"])
