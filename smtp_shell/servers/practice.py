"""The practice server: a mail server on loopback that answers as a good one would, and says why."""

import asyncio
import base64
import binascii
import concurrent.futures
import contextlib
import email.utils
import hmac
import ipaddress
import logging
import os
import re
import secrets
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException, auth_mechanism

from smtp_shell.errors import ConnectFailed, SmtpShellError, UsageError
from smtp_shell.protocol.octets import CRLF, escape, escape_str
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.certificate import ServerCertificate, load_certificate, make_certificate
from smtp_shell.servers.faults import Fault, Mischief
from smtp_shell.servers.inbox import Delivery, Inbox

HOSTNAME = "practice.example"
LOCAL_DOMAINS = ("practice.example", "example.org")

MESSAGE_LIMIT = 10 * 1024 * 1024
RECIPIENT_LIMIT = 100
CONNECTION_LIMIT = 50
ERROR_LIMIT = 20
LINE_LIMIT = 512
LINE_LIMITS = {
    "MAIL": LINE_LIMIT + 26 + 17 + 10 + 500,
    "AUTH": 12288,
}  # SIZE, BODY, SMTPUTF8, AUTH= (RFC 1870, 6152, 6531, 4954)
ENDLESS = 4 * MESSAGE_LIMIT
LINGER = 2.0
START_LIMIT = 10.0

# aiosmtpd logs what a server's operator wants to know; without this, Python would print its warnings to the user.
logging.getLogger("mail.log").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class PracticeSettings:
    """How the practice server is to be.

    Args:
        host: An address of this machine's loopback, or `localhost`.
        port: The port to listen on; 0 for any free one.
        user: Who may authenticate.
        password: With which password; None to have one made up.
        faults: What to do wrong.
        maildir: Where mail goes; None for a temporary directory that is removed when the server stops.
        certificate: A PEM file with the server's certificate; None to have one made.
        key: A PEM file with its private key; None when it is in the file of the certificate.
        auth_before_tls: Whether AUTH is offered in the clear, too.
        idle_limit: How long a client may say nothing before the connection is closed, in seconds.
    """

    host: str = "127.0.0.1"
    port: int = 0
    user: str = "student"
    password: Secret | None = None
    faults: tuple[Fault, ...] = ()
    maildir: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    auth_before_tls: bool = False
    idle_limit: float = 300.0


class PracticeServer:
    """A mail server of one's own, on loopback, in a thread of its own.

    Args:
        settings: How it is to be.
    """

    hostname = HOSTNAME

    def __init__(self, settings: PracticeSettings) -> None:
        self._settings = settings
        self._password = settings.password or Secret(secrets.token_urlsafe(9))
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._site: _Site | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._port = settings.port

    def start(self) -> None:
        """Start to listen, and return when connections are accepted.

        Raises:
            UsageError: The host is not loopback, or the certificate or the mailbox cannot be used, or the server runs already.
            ConnectFailed: The port is taken, or may not be used.
        """
        if self._thread is not None:
            raise UsageError("The practice server is running already.")
        listeners = _listen(self._settings.host, self._settings.port)
        try:
            self._port = int(listeners[0].getsockname()[1])
            self._site = self._open_site()
            ready: concurrent.futures.Future[None] = concurrent.futures.Future()
            self._thread = threading.Thread(
                target=self._run, args=(self._site, listeners, ready), name="practice server", daemon=True
            )
            self._thread.start()
            ready.result(START_LIMIT)
        except BaseException as error:
            for listener in listeners:
                listener.close()
            self.stop()
            if isinstance(error, (OSError, RuntimeError, TimeoutError)) and not isinstance(error, SmtpShellError):
                raise ConnectFailed(f"The practice server could not start: {escape_str(str(error))}.") from None
            raise

    def stop(self) -> None:
        """Close all connections, end the thread and remove the temporary files. Does nothing when stopped already."""
        if self._loop is not None and self._ended is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop has closed in between
                self._loop.call_soon_threadsafe(self._ended.set)
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join(START_LIMIT)
        self._thread = self._loop = self._ended = None
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def __enter__(self) -> "PracticeServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The address or name to connect to."""
        return self._settings.host

    @property
    def port(self) -> int:
        """The port that it listens on, once started."""
        return self._port

    @property
    def user(self) -> str:
        """Who may authenticate."""
        return self._settings.user

    @property
    def password(self) -> Secret:
        """With which password."""
        return self._password

    @property
    def ca_file(self) -> Path:
        """The PEM file with the certificate to trust, once started.

        Raises:
            UsageError: The server has never been started.
        """
        return self._opened().certificate.ca_file

    @property
    def maildir(self) -> Path:
        """The mailbox's directory, once started.

        Raises:
            UsageError: The server has never been started.
        """
        return self._opened().inbox.path

    @property
    def inbox(self) -> Inbox:
        """The mailbox, once started.

        Raises:
            UsageError: The server has never been started.
        """
        return self._opened().inbox

    def _opened(self) -> "_Site":
        if self._site is None:
            raise UsageError("The practice server has not been started.")
        return self._site

    def _open_site(self) -> "_Site":
        settings = self._settings
        self._directory = tempfile.TemporaryDirectory(prefix="smtp-shell-practice-", ignore_cleanup_errors=True)
        own = Path(self._directory.name)
        inbox = Inbox(settings.maildir or own / "Maildir")
        inbox.prepare()
        if settings.certificate is not None:
            certificate = load_certificate(settings.certificate, settings.key)
        else:
            certificate = make_certificate(own, "localhost", "127.0.0.1", "::1", HOSTNAME)
        return _Site(settings, self._password, certificate, inbox)

    def _run(self, site: "_Site", listeners: list[socket.socket], ready: concurrent.futures.Future[None]) -> None:
        try:
            asyncio.run(self._serve(site, listeners, ready))
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)

    async def _serve(
        self, site: "_Site", listeners: list[socket.socket], ready: concurrent.futures.Future[None]
    ) -> None:
        loop = asyncio.get_running_loop()
        # What goes wrong on one connection ends that connection; the default would print a traceback.
        loop.set_exception_handler(lambda _loop, _context: None)
        ended = asyncio.Event()
        self._loop, self._ended = loop, ended
        servers = [await loop.create_server(lambda: _Connection(site, loop), sock=listener) for listener in listeners]
        ready.set_result(None)
        await ended.wait()
        for server in servers:
            server.close()
        await _close_all(site)


@dataclass(slots=True)
class _Site:
    """What all connections share."""

    settings: PracticeSettings
    password: Secret
    certificate: ServerCertificate
    inbox: Inbox
    greylisted: set[str] = field(default_factory=set)
    connections: "set[_Connection]" = field(default_factory=set)

    def accepts(self, user: bytes, password: bytes) -> bool:
        """Say whether these credentials are right, in the same time whether or not the user is."""
        right_user = hmac.compare_digest(user, self.settings.user.encode())
        return hmac.compare_digest(password, self.password.reveal().encode()) and right_user

    def accepts_digest(self, user: bytes, digest: bytes, challenge: bytes) -> bool:
        """Say whether a CRAM-MD5 response is right.

        Source: RFC 2195 §2
        """
        expected = hmac.new(self.password.reveal().encode(), challenge, "md5").hexdigest().encode()
        right_user = hmac.compare_digest(user, self.settings.user.encode())
        return hmac.compare_digest(digest, expected) and right_user


class _Goodbye(Exception):
    """The connection is to be closed."""


class _Connection(SMTP):
    """One connection.

    aiosmtpd gives the streams, STARTTLS, and the exchanges of AUTH PLAIN and LOGIN. The loop around a command and the replies are
    ours: theirs lack enhanced status codes, stop at the end of the input with commands still unanswered, and keep an endless line
    in memory.
    """

    # Both are there from the moment of the connection on, which is before any use of ours.
    session: Session  # type: ignore[assignment]
    envelope: Envelope  # type: ignore[assignment]

    line_length_limit = 16384  # what the stream holds at most of one line; read in pieces beyond
    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    def __init__(self, site: _Site, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._errors = 0
        self._last_heard = loop.time()
        self._recipients_refused = False
        self._admitted = True
        self._no_service = False
        super().__init__(
            object(),
            hostname=HOSTNAME,
            data_size_limit=MESSAGE_LIMIT,
            enable_SMTPUTF8=True,
            tls_context=site.certificate.context,
            auth_require_tls=not site.settings.auth_before_tls,
            authenticator=self._judge,
            timeout=site.settings.idle_limit,
            loop=loop,
        )

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self not in self._site.connections:
            self._admitted = len(self._site.connections) < CONNECTION_LIMIT
            self._site.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._site.connections.discard(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._last_heard = self.loop.time()
        super().data_received(data)

    def eof_received(self) -> bool:
        # What came before the end still gets its answer; TLS cannot stay half open.
        self._reader.feed_eof()
        return self.session.ssl is None

    def _timeout_cb(self) -> None:
        left = self._last_heard + self._site.settings.idle_limit - self.loop.time()
        if left > 0:
            self._reset_timeout(left)
            return
        self.say_goodbye("421 4.4.2 Nothing came for too long, closing the connection")

    def say_goodbye(self, reply: str) -> None:
        """Send a last reply that answers no command, and close."""
        if self.transport is not None and not self.transport.is_closing():
            self._writer.write(reply.encode("ascii") + CRLF)
        self._hang_up()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    def abort(self) -> None:
        """Close at once, whatever the other side does."""
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()
            self.loop.call_later(LINGER, self.abort)  # a client that reads nothing must not keep the connection

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._recipients_refused = False

    def _set_rset_state(self) -> None:
        self._set_post_data_state()

    # The loop

    async def push(self, status: str | bytes) -> None:
        reply = status.encode("ascii", "backslashreplace") if isinstance(status, str) else status
        if reply[:1] in (b"4", b"5"):
            self._errors += 1
            if self._errors >= ERROR_LIMIT:
                reply = b"421 4.7.0 Too many errors in a row, closing the connection"
        elif reply[:1] == b"2":
            self._errors = 0
        self._writer.write(reply + CRLF)
        await self._writer.drain()
        if reply[:4] == b"421 ":
            raise _Goodbye

    async def _handle_client(self) -> None:
        try:
            await self._greet()
            while True:
                await self._answer_one()
        except TLSSetupException as error:
            self.abort()
            self.connection_lost(error)  # asyncio does not say so when the handshake fails
        except (_Goodbye, EOFError, ConnectionError):
            pass
        finally:
            self._hang_up()

    async def _greet(self) -> None:
        if not self._admitted:
            await self.push(f"421 4.7.0 {HOSTNAME} Too many connections at once, try again later")
        self._no_service = await self._misbehaves("CONNECT")
        if self._no_service:
            return
        await self.push(f"220 {HOSTNAME} ESMTP practice server; HELP tells what there is to try")

    async def _answer_one(self) -> None:
        line = await self._read_line(max(LINE_LIMITS.values()))
        if line is None:
            await self.push("500 5.5.2 Line too long")
            return
        verb, _, argument = line.partition(b" ")
        name = verb.upper().decode("ascii", "replace")
        if not _VERB.fullmatch(line):
            await self.push(f"500 5.5.2 {_what_is_wrong_with(line)}")
            return
        if len(line) + len(CRLF) > LINE_LIMITS.get(name, LINE_LIMIT):
            await self.push(
                f"500 5.5.2 Line too long, {name[:10]} has at most {LINE_LIMITS.get(name, LINE_LIMIT)} octets"
            )
            return
        try:
            if await self._misbehaves(name):
                return
            if self._no_service and name != "QUIT":
                await self.push("503 5.5.1 There is no service here, as the greeting said; only QUIT is left")
                return
            method = self._smtp_methods.get(name)
            if method is None:
                await self.push("500 5.5.2 Command not recognized; HELP lists those that are")
                return
            await method(argument.strip(b" ").decode("utf-8", "surrogateescape") or None)
        except (_Goodbye, EOFError, ConnectionError, TLSSetupException):
            raise
        except Exception:
            # Nothing that a client sends may end the server or say more than this.
            await self.push("451 4.3.0 Local error in processing, the command was not carried out")

    async def _read_line(self, limit: int) -> bytes | None:
        """Read a line and take its end off; None when it has more octets than the limit.

        Raises:
            EOFError: The input has ended.
        """
        skipped = 0
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
                break
            except asyncio.LimitOverrunError as error:
                skipped += len(await self._reader.readexactly(error.consumed))
            if skipped > ENDLESS:
                await self.push("421 4.7.0 The line does not end, closing the connection")
        if skipped or len(line) > limit:
            return None
        return line.removesuffix(b"\n").removesuffix(b"\r")

    async def _misbehaves(self, verb: str) -> bool:
        """Do what was asked to go wrong at this command; say whether it has been answered with that."""
        for fault in self._site.settings.faults:
            if fault.verb != verb:
                continue
            match fault.mischief:
                case Mischief.DELAY:
                    self._last_heard = self.loop.time() + fault.seconds
                    await asyncio.sleep(fault.seconds)
                case Mischief.DROP:
                    self.abort()
                    raise _Goodbye
                case Mischief.REPLY:
                    await self.push(fault.reply())
                    return True
        return False

    async def _refuses(self, argument: str | None, syntax: str, *, transaction: bool = False) -> bool:
        """Refuse a command with an argument that takes none, or one that may not stand inside a mail transaction."""
        if argument:
            await self.push(f"501 5.5.4 Syntax: {syntax}, with nothing behind it")
            return True
        if transaction and self.envelope.mail_from is not None:
            await self.push(f"503 5.5.1 {syntax} may not stand inside a mail transaction; RSET ends it")
            return True
        return False

    # Commands that begin and end

    async def smtp_HELO(self, hostname: str | None) -> None:
        if not hostname or not _CLIENT_NAME.fullmatch(hostname):
            await self.push("501 Syntax: HELO domain")
            return
        self._set_rset_state()
        self.session.extended_smtp = False
        self.session.host_name = hostname
        await self.push(f"250 {HOSTNAME}")

    async def smtp_EHLO(self, hostname: str | None) -> None:
        if not hostname or not _CLIENT_NAME.fullmatch(hostname):
            await self.push("501 Syntax: EHLO domain, or EHLO [address]")
            return
        self._set_rset_state()
        self.session.extended_smtp = True
        self.session.host_name = hostname
        keywords = [f"SIZE {MESSAGE_LIMIT}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        if self.session.ssl is None:
            keywords.append("STARTTLS")
        if self._may_authenticate():
            keywords.append(f"AUTH {' '.join(_MECHANISMS)}")
        await self.push(_lines(250, [HOSTNAME, *keywords, "HELP"]))

    async def smtp_STARTTLS(self, arg: str | None) -> None:
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
            raise _Goodbye
        await super().smtp_STARTTLS("")
        if self.session.ssl is None:
            raise ConnectionResetError

    async def smtp_QUIT(self, arg: str | None) -> None:
        if await self._refuses(arg, "QUIT"):
            return
        await self.push("221 2.0.0 Bye")
        raise _Goodbye

    # Commands that change nothing, or forget

    async def smtp_NOOP(self, arg: str | None) -> None:
        await self.push("250 2.0.0 Ok")

    async def smtp_RSET(self, arg: str | None) -> None:
        if await self._refuses(arg, "RSET"):
            return
        self._set_rset_state()
        await self.push("250 2.0.0 Ok")

    async def smtp_HELP(self, arg: str | None) -> None:
        await self.push(_lines(214, _HELP))

    async def smtp_VRFY(self, arg: str | None) -> None:
        if not arg:
            await self.push("501 5.5.4 Syntax: VRFY mailbox")
            return
        mailbox = _PATH.fullmatch(
            b"<" + arg.removeprefix("<").removesuffix(">").encode("utf-8", "surrogateescape") + b">"
        )
        if mailbox is None or not _is_local(mailbox["domain"]):
            await self.push("252 2.0.0 Cannot verify this, but will take mail and try to deliver it")
            return
        if _is_unknown(mailbox["local"]):
            await self.push("550 5.1.1 There is no such mailbox here")
            return
        await self.push(f"250 2.1.5 <{_ascii(mailbox['mailbox'])}>")

    async def smtp_EXPN(self, arg: str | None) -> None:
        await self.push("502 5.5.1 EXPN is not offered: it would tell strangers who is on a list")

    async def _not_implemented(self, arg: str | None) -> None:
        await self.push("502 5.5.1 Command not implemented")

    smtp_BDAT = smtp_ETRN = smtp_SEND = smtp_SOML = smtp_SAML = smtp_TURN = _not_implemented

    # AUTH

    def _may_authenticate(self) -> bool:
        return self.session.ssl is not None or self._site.settings.auth_before_tls

    async def smtp_AUTH(self, arg: str | None) -> None:
        words = (arg or "").split()
        refusal = self._why_no_auth(words)
        if refusal:
            await self.push(refusal)
            return
        method = self._auth_methods[words[0].upper()].method
        result: Any = await method(self, ["" if word == "=" else word for word in words])
        if result.success:
            self.session.authenticated = True
            await self.push("235 2.7.0 Authentication successful")
        elif not result.handled:
            await self.push("535 5.7.8 Authentication credentials invalid")

    def _why_no_auth(self, words: list[str]) -> str:
        if not self.session.host_name or not self.session.extended_smtp:
            return "503 5.5.1 Send EHLO first"
        if not self._may_authenticate():
            return "538 5.7.11 Encryption required for authentication; send STARTTLS first"
        if self.session.authenticated:
            return "503 5.5.1 Authenticated already; only once in a session"
        if self.envelope.mail_from is not None:
            return "503 5.5.1 AUTH may not stand inside a mail transaction; RSET ends it"
        if not 1 <= len(words) <= 2:
            return "501 5.5.4 Syntax: AUTH mechanism [initial-response]"
        if words[0].upper() not in _MECHANISMS:
            return f"504 5.5.4 Mechanism not recognized; there are {', '.join(_MECHANISMS)}"
        return ""

    async def challenge_auth(
        self, challenge: str | bytes, encode_to_b64: bool = True, log_client_response: bool = False
    ) -> Any:
        """Send a challenge and return the decoded response, or `MISSING` when it has been refused.

        Source: RFC 4954 §4
        """
        octets = challenge.encode() if isinstance(challenge, str) else challenge
        await self.push(b"334 " + base64.b64encode(octets))
        response = await self._read_line(LINE_LIMITS["AUTH"])
        if response is None:
            await self.push(f"500 5.5.6 Authentication exchange line is too long, {LINE_LIMITS['AUTH']} octets at most")
        elif response == b"*":
            await self.push("501 5.7.0 Authentication cancelled")
        else:
            try:
                return base64.b64decode(response, validate=True)
            except (binascii.Error, ValueError):
                await self.push("501 5.5.2 The response is not base64")
        return MISSING

    @auth_mechanism("CRAM-MD5")
    async def auth_CRAM_MD5(self, _: SMTP, args: list[str]) -> AuthResult:
        """Carry out the exchange of CRAM-MD5.

        Source: RFC 2195 §2
        """
        if len(args) > 1:
            await self.push("501 5.5.4 CRAM-MD5 takes no initial response: the server speaks first")
            return AuthResult(success=False)
        challenge = f"<{secrets.token_hex(8)}.{time.time_ns()}@{HOSTNAME}>".encode()
        response = await self.challenge_auth(challenge)
        if response is MISSING:
            return AuthResult(success=False)
        user, _space, digest = response.rpartition(b" ")
        return AuthResult(success=self._site.accepts_digest(user, digest, challenge), handled=False)

    def _judge(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        return AuthResult(success=self._site.accepts(given.login, given.password), handled=False)

    # The mail transaction

    async def smtp_MAIL(self, arg: str | None) -> None:
        if not self.session.host_name:
            await self.push("503 5.5.1 Send EHLO or HELO first")
            return
        if self.envelope.mail_from is not None:
            await self.push("503 5.5.1 Nested MAIL command; RSET ends the mail transaction")
            return
        parsed = _parse_path(arg, b"FROM:")
        if isinstance(parsed, str):
            await self.push(parsed)
            return
        refusal = self._why_not_these(parsed.parameters)
        if not refusal and not parsed.mailbox.isascii() and "SMTPUTF8" not in parsed.parameters:
            refusal = "553 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8"
        if refusal:
            await self.push(refusal)
            return
        self.envelope.mail_from = parsed.mailbox.decode("utf-8")
        self.envelope.smtp_utf8 = "SMTPUTF8" in parsed.parameters
        await self.push(f"250 2.1.0 Ok{parsed.hint}")

    def _why_not_these(self, parameters: dict[str, str]) -> str:
        """Say what is wrong with the parameters of a MAIL command; empty when nothing is."""
        if parameters and not self.session.extended_smtp:
            return "555 5.5.4 Parameters need EHLO"
        for keyword, value in parameters.items():
            match keyword:
                case "SIZE" if not _SIZE.fullmatch(value):
                    return "501 5.5.4 Syntax: SIZE=octets"
                case "SIZE" if int(value) > MESSAGE_LIMIT:
                    return f"552 5.3.4 Message is too big, {MESSAGE_LIMIT} octets at most"
                case "BODY" if value.upper() not in ("7BIT", "8BITMIME"):
                    return "501 5.5.4 BODY is 7BIT or 8BITMIME"
                case "SMTPUTF8" if value:
                    return "501 5.5.4 SMTPUTF8 takes no value"
                case "SIZE" | "BODY" | "SMTPUTF8":
                    pass
                case "AUTH" if value and self._may_authenticate():
                    pass
                case _:
                    return f"555 5.5.4 Parameter {keyword[:40]} not recognized; EHLO tells those that are"
        return ""

    async def smtp_RCPT(self, arg: str | None) -> None:
        if self.envelope.mail_from is None:
            await self.push("503 5.5.1 Send MAIL first")
            return
        parsed = _parse_path(arg, b"TO:")
        refusal = parsed if isinstance(parsed, str) else self._why_not_to(parsed)
        if isinstance(parsed, str) or refusal:
            self._recipients_refused = True
            await self.push(refusal)
            return
        self.envelope.rcpt_tos.append(parsed.mailbox.decode("utf-8"))
        await self.push(f"250 2.1.5 Ok{parsed.hint}")

    def _why_not_to(self, path: "_Path") -> str:
        """Say why there is no delivery to this forward-path; empty when there is."""
        if path.parameters:
            return f"555 5.5.4 Parameter {next(iter(path.parameters))[:40]} not recognized; EHLO tells those that are"
        if not path.mailbox:
            return "501 5.1.3 The null path cannot be a recipient"
        if len(self.envelope.rcpt_tos) >= RECIPIENT_LIMIT:
            return f"452 4.5.3 Too many recipients, {RECIPIENT_LIMIT} at most in one mail transaction"
        if not path.mailbox.isascii() and not self.envelope.smtp_utf8:
            return "553 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8 at MAIL"
        shown = _ascii(path.mailbox)
        if not _is_local(path.domain):
            if path.domain.lower().endswith(b".invalid"):
                return f"550 5.1.2 <{shown}>: there is no such domain"
            if not self.session.authenticated:
                return "530 5.7.0 Authentication required for mail to other domains"
            return ""
        if _is_unknown(path.local):
            return f"550 5.1.1 <{shown}>: there is no such mailbox here"
        local = path.local.lower()
        if local == b"full":
            return f"452 4.2.2 <{shown}>: the mailbox is full, try again later"
        if local == b"greylisted" and path.domain.decode().lower() not in self._site.greylisted:
            self._site.greylisted.add(path.domain.decode().lower())
            return f"450 4.2.1 <{shown}>: greylisted, try again and it will be taken"
        return ""

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self._refuses(arg, "DATA"):
            return
        if self.envelope.mail_from is None:
            await self.push("503 5.5.1 Send MAIL first")
            return
        if not self.envelope.rcpt_tos:
            await self.push(
                "554 5.5.1 No valid recipients" if self._recipients_refused else "503 5.5.1 Send RCPT first"
            )
            return
        queue_id = secrets.token_hex(5).upper()
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        delivery = self._begin_delivery(queue_id)
        try:
            refusal = await self._receive_mail_data(delivery)
            self._set_post_data_state()
            if await self._misbehaves("DOT"):
                return
            if delivery is None or refusal:
                await self.push(refusal or _NO_ROOM)
                return
            delivery.commit()
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            await self.push(_NO_ROOM)
            return
        finally:
            if delivery is not None:
                delivery.discard()
        await self.push(f"250 2.0.0 Ok: queued as {queue_id}")

    def _begin_delivery(self, queue_id: str) -> Delivery | None:
        sender = (self.envelope.mail_from or "").encode()
        recipients = [recipient.encode() for recipient in self.envelope.rcpt_tos]
        try:
            return self._site.inbox.deliver(
                sender, recipients, self._received(queue_id).encode("utf-8", "surrogateescape")
            )
        except OSError:
            return None

    def _received(self, queue_id: str) -> str:
        """Return the trace header field.

        Source: RFC 5321 §4.4; RFC 3848, RFC 6531 §4.3 (the protocol's name)
        """
        protocol = "SMTP"
        if self.session.extended_smtp:
            protocol = "UTF8SMTP" if self.envelope.smtp_utf8 else "ESMTP"
            protocol += "S" if self.session.ssl is not None else ""
            protocol += "A" if self.session.authenticated else ""
        address = str((self.session.peer or ("",))[0])
        literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        return (
            f"Received: from {self.session.host_name} ({literal})\r\n"
            f"\tby {HOSTNAME} (smtp-shell practice) with {protocol} id {queue_id};\r\n"
            f"\t{email.utils.formatdate(localtime=True)}\r\n"
        )

    async def _receive_mail_data(self, delivery: Delivery | None) -> str:
        """Read up to the final dot and store it; return why it cannot be taken, or nothing.

        Only CRLF ends a line, so that a bare LF around a dot ends nothing. A line may have any length.

        Source: RFC 5321 §4.1.1.4, §4.5.2
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
            if delivery is None or refusal:
                continue
            try:
                delivery.write(piece)
            except OSError:
                refusal = _NO_ROOM


_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
_NO_ROOM = "452 4.3.1 Insufficient storage, try again later"
_HELP = (
    f"This is {HOSTNAME}, a server to practise with. It takes mail for",
    f"{' and '.join(LOCAL_DOMAINS)}, and passes nothing on.",
    "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT",
    "AUTH is offered once TLS has been started.",
    "Every mailbox exists, but for some there is something to see:",
    "  nobody... unknown...   550, there is no such mailbox",
    "  greylisted             450 the first time, taken the next",
    "  full                   452, the mailbox is full",
    "  at another domain      530 before AUTH, taken after it",
    "  at a domain .invalid   550, there is no such domain",
    f"Limits: {MESSAGE_LIMIT} octets in a message, {RECIPIENT_LIMIT} recipients,",
    f"{ERROR_LIMIT} errors in a row",
)

_ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
_QUOTED = rb'"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*"'
_LABEL = rb"[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]{0,252}[A-Za-z0-9\x80-\xff])?"
_MAILBOX = (
    rb"(?P<local>" + _ATEXT + rb"(?:\." + _ATEXT + rb")*|" + _QUOTED + rb")"
    rb"@(?P<domain>" + _LABEL + rb"(?:\." + _LABEL + rb")*|\[[!-Z^-~]+\])"
)
# The source route is read and left out, as RFC 5321 §4.1.1.3 and appendix C want it.
_PATH = re.compile(rb"<(?:@[^:<>]*:)?(?P<mailbox>" + _MAILBOX + rb"|(?i:postmaster)|)>")
_KEYWORD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\xff]+))?")
_SIZE = re.compile(r"[0-9]{1,20}", re.ASCII)
_VERB = re.compile(rb"[A-Za-z0-9]+(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_CLIENT_NAME = re.compile(r"[^\x00-\x20\x7f()<>,;\"\\]{1,255}")


@dataclass(frozen=True, slots=True)
class _Path:
    mailbox: bytes
    local: bytes
    domain: bytes
    parameters: dict[str, str]
    hint: str


def _parse_path(argument: str | None, keyword: bytes) -> _Path | str:
    """Read `FROM:<path> [parameters]`, or the same with `TO:`; return the reply that refuses it when it is malformed.

    Source: RFC 5321 §4.1.2, §4.5.3.1.1 to §4.5.3.1.3
    """
    verb, enhanced = ("MAIL", "5.1.7") if keyword == b"FROM:" else ("RCPT", "5.1.3")
    syntax = f"501 5.5.4 Syntax: {verb} {keyword.decode()}<address> [parameters]"
    text = (argument or "").encode("utf-8", "surrogateescape")
    path_text = text[len(keyword) :].lstrip(b" ")
    if text[: len(keyword)].upper() != keyword or not path_text.startswith(b"<"):
        return syntax
    path = _PATH.match(path_text)
    if path is None:
        return f"501 {enhanced} Malformed address"
    local, domain = path["local"] or path["mailbox"], path["domain"] or b""
    if len(local) > 64 or len(domain) > 255 or len(path["mailbox"]) > 254:
        return f"501 {enhanced} Address too long"
    if not _is_utf8(path["mailbox"]):
        return f"501 {enhanced} The address is not UTF-8"
    rest = path_text[path.end() :]
    if rest and not rest.startswith(b" "):
        return syntax
    parameters: dict[str, str] = {}
    for word in rest.split():
        parameter = _KEYWORD.fullmatch(word)
        if parameter is None or parameter[1].decode().upper() in parameters:
            return syntax
        parameters[parameter[1].decode().upper()] = (parameter[2] or b"").decode("utf-8", "replace")
    hint = f" (the standard has no space behind {keyword.decode()})" if text[len(keyword) :][:1] == b" " else ""
    return _Path(path["mailbox"], local, domain, parameters, hint)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_local(domain: bytes | None) -> bool:
    # A path without a domain is <postmaster>, whom every server has (RFC 5321 §4.5.1).
    return not domain or domain.lower().decode("utf-8", "replace") in LOCAL_DOMAINS


def _is_unknown(local_part: bytes | None) -> bool:
    return (local_part or b"").lower().lstrip(b'"').startswith((b"nobody", b"unknown"))


def _ascii(octets: bytes) -> str:
    """Show what the client said inside a reply, which is ASCII without SMTPUTF8."""
    return escape(octets).encode("ascii", "backslashreplace").decode("ascii")


def _what_is_wrong_with(line: bytes) -> str:
    if not line:
        return "An empty line is no command"
    if not re.fullmatch(rb"[A-Za-z0-9]+", line.partition(b" ")[0]):
        return "A command begins with a verb made of letters"
    return "A command line holds no control characters"


def _lines(code: int, texts: "list[str] | tuple[str, ...]") -> str:
    """Write a reply of several lines, without its last line end."""
    *first, last = texts
    return "\r\n".join([*(f"{code}-{text}" for text in first), f"{code} {last}"])


async def _close_all(site: _Site) -> None:
    for connection in list(site.connections):
        connection.say_goodbye(f"421 4.3.2 {HOSTNAME} is shutting down")
    await asyncio.sleep(0)
    for connection in list(site.connections):
        connection.abort()
    for _ in range(100):
        if not site.connections:
            return
        await asyncio.sleep(0.005)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Open the sockets to listen on: the host's, and the same port of IPv6 where there is one.

    Raises:
        UsageError: The host is not loopback, or the port is none.
        ConnectFailed: The port is taken, or may not be used.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"There is no port {port}: ports go from 0 (any free one) to 65535.")
    address = "127.0.0.1" if host.lower() == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(
            f"The practice server listens on loopback only, not on {escape_str(host)}; leave the host out, or say 127.0.0.1 or ::1."
        )
    try:
        first = _listener(address, port)
    except OSError as error:
        raise ConnectFailed(
            f"The practice server cannot listen on {escape_str(host)} port {port}: "
            f"{escape_str(error.strerror or 'unknown error')}; choose another port, or 0 for any free one."
        ) from None
    if address != "127.0.0.1":
        return [first]
    try:
        return [first, _listener("::1", int(first.getsockname()[1]))]
    except OSError:
        return [first]  # no IPv6 here, or the port is taken there; nobody asked for it by name


def _listener(address: str, port: int) -> socket.socket:
    ipv6 = ":" in address
    listener = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            # On Windows that option would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", ~socket.SO_REUSEADDR), 1)
        if ipv6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(CONNECTION_LIMIT * 2)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
