"""One connection to the practice server: its octets, its limits, and the loop around a command."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from smtp_shell.protocol.events import End
from smtp_shell.protocol.octets import CRLF
from smtp_shell.servers.closing import or_abort, reset_on_close
from smtp_shell.servers.faults import Fault, HangUp, Hear, Pause, Phase, Send
from smtp_shell.servers.handshake import tls_facts, why_no_handshake
from smtp_shell.servers.mailboxes import HOSTNAME, MESSAGE_LIMIT
from smtp_shell.servers.practice.hello import HelloTransport
from smtp_shell.servers.practice.shared import SharedState

if TYPE_CHECKING:
    from smtp_shell.servers.watching import Tap

GREETING = f"220 {HOSTNAME} ESMTP practice server; try HELP"
CONNECTION_LIMIT = 50
ERROR_LIMIT = 20
LINE_LIMIT = 512
LINE_LIMITS = {
    "MAIL": LINE_LIMIT + 26 + 17 + 10 + 500 + 107 + 5,  # SIZE, BODY, SMTPUTF8, AUTH=, RET and ENVID, PRDR
    "RCPT": LINE_LIMIT + 500 + 29,  # ORCPT, NOTIFY
    "AUTH": 12288,
}
"""Octets of a command line that extensions have made longer.

Source: RFC 1870, RFC 3461 section 4, RFC 4954, RFC 6152, RFC 6531
"""
ENDLESS = 4 * MESSAGE_LIMIT
LINGER = 2.0

_WITH_OCTETS = frozenset({"BDAT"})
"""Commands that are not over with their line: what is to go wrong goes wrong once their octets have come."""

_VERB = re.compile(rb"[A-Za-z0-9]+(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")

# aiosmtpd logs what a server's operator wants to know; without this, Python would print its warnings to the user.
logging.getLogger("mail.log").addHandler(logging.NullHandler())


class Goodbye(Exception):
    """The connection is to be closed."""


class Connection(SMTP):
    """One connection.

    aiosmtpd gives the streams and STARTTLS. The loop around a command and the replies are ours: theirs lack enhanced status codes, stop
    at the end of the input with commands still unanswered, and keep an endless line in memory.

    Attributes:
        exporter_secret: What this connection's TLS exports from; empty outside TLS, and where it is not known.
    """

    # Both are there from the moment of the connection on, which is before any use of ours.
    session: Session
    envelope: Envelope

    line_length_limit = 16384  # what the stream holds at most of one line; read in pieces beyond

    def __init__(self, shared: SharedState, loop: asyncio.AbstractEventLoop) -> None:
        self._shared = shared
        self._errors = 0
        self._last_heard = loop.time()
        self._recipients_refused = False
        self._admitted = True
        self._no_service = False
        self.exporter_secret = b""
        self._tap: Tap | None = None
        self._heard_end = False  # the client has closed, before the server
        self._hung_up = False  # the server has closed, before the client
        self._is_lost = False  # the connection is gone
        self._is_done = False  # nothing will be answered any more
        self._linger: asyncio.TimerHandle | None = None
        self._twists: Fault | None = None  # what is to go wrong with the next reply
        super().__init__(
            object(),
            hostname=HOSTNAME,
            data_size_limit=MESSAGE_LIMIT,
            enable_SMTPUTF8=True,
            auth_require_tls=not shared.settings.auth_before_tls,
            timeout=shared.settings.idle_limit,
            loop=loop,
        )

    # The connection

    @or_abort
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        if self not in self._shared.connections:
            self._admitted = len(self._shared.connections) < CONNECTION_LIMIT
            self._shared.connections.add(self)
        super().connection_made(transport)
        self._watch(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count it no more."""
        self._shared.connections.discard(self)
        self._is_lost = True
        if self._linger is not None:  # it would keep all of this for that long
            self._linger.cancel()
        self._note_end(error)
        super().connection_lost(error)
        self._release()

    def data_received(self, data: bytes) -> None:
        """Note that the client is there."""
        self._last_heard = self.loop.time()
        if self._tap is not None:
            self._tap.client(data)
        super().data_received(data)

    def eof_received(self) -> bool:
        """Answer what came before the end of the input; TLS cannot stay half open."""
        self._heard_end = not self._hung_up
        self._reader.feed_eof()
        return self.session.ssl is None

    @or_abort
    def _timeout_cb(self) -> None:
        left = self._last_heard + self._shared.settings.idle_limit - self.loop.time()
        if left > 0:
            self._reset_timeout(left)
            return
        self.say_goodbye("421 4.4.2 Nothing came for too long, closing the connection")

    def say_goodbye(self, reply: str) -> None:
        """Send a last reply that answers no command, and close.

        Args:
            reply: The reply without its line end.
        """
        if self.transport is not None and not self.transport.is_closing() and not self._is_in_handshake:
            self._write(reply.encode("ascii") + CRLF)
        self._hang_up()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    @property
    def _is_in_handshake(self) -> bool:
        """Whether STARTTLS has its 220 and TLS has not begun: no reply may come in between."""
        return self._original_transport is not None and self.session.ssl is None

    def abort(self) -> None:
        """Close at once, whatever the other side does."""
        self._hung_up = True
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.WriteTransport | HelloTransport):
                transport.abort()

    def _write(self, octets: bytes) -> None:
        if self._tap is not None:
            self._tap.server(octets)
        self._writer.write(octets)

    def _watch(self, transport: asyncio.BaseTransport) -> None:
        """Begin to note what passes, or note that TLS has started."""
        if self._tap is not None:
            version, cipher = tls_facts(transport)
            self._tap.tls(version, cipher)
        elif self._shared.watch is not None:
            server, peer = (_address(transport.get_extra_info(name)) for name in ("sockname", "peername"))
            socket = transport.get_extra_info("socket")
            self._tap = self._shared.watch.begin(self.loop, server, peer, socket.fileno() if socket else -1)

    def _note_end(self, error: Exception | None) -> None:
        if self._tap is None:
            return
        if isinstance(error, TLSSetupException):
            self._tap.closed(End.ERROR, f"the TLS handshake failed: {why_no_handshake(error.__cause__)}")
        elif error is not None and not self._hung_up:
            self._tap.closed(End.CLIENT, "reset")
        else:
            self._tap.closed(End.CLIENT if self._heard_end else End.SERVER)

    def _hang_up(self) -> None:
        self._hung_up = True
        if self.transport is not None:
            self.transport.close()
        if self.transport is not None and not self._is_lost and self._linger is None:
            # A client that reads nothing must not keep the connection.
            self._linger = self.loop.call_later(LINGER, self.abort)

    def _release(self) -> None:
        """Release TLS and the streams when nobody needs them any more.

        aiosmtpd keeps its methods in a dictionary, so that only the collector frees a connection, and with it 50 KiB of buffers.
        """
        if self._is_lost and self._is_done:
            self._tls_protocol = self._original_transport = self.session.ssl = None
            self._reader = self._writer = None  # type: ignore[assignment]

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._recipients_refused = False

    def _set_rset_state(self) -> None:
        self._set_post_data_state()

    # The loop

    async def push(self, status: str | bytes) -> None:
        """Send a reply. Count errors, and close after a 421.

        Args:
            status: The reply without its line end.

        Raises:
            Goodbye: It was a 421, or became one because there were too many errors in a row.
        """
        reply = status.encode("ascii", "backslashreplace") if isinstance(status, str) else status
        if reply[:1] in (b"4", b"5"):
            self._errors += 1
            if self._errors >= ERROR_LIMIT:
                reply = b"421 4.7.0 Too many errors in a row, closing the connection"
        elif reply[:1] == b"2":
            self._errors = 0
        twists, self._twists = self._twists, None
        if twists is not None:
            await self._perform(twists, reply + CRLF)
            return
        self._write(reply + CRLF)
        await self._writer.drain()
        if reply[:4] == b"421 ":
            raise Goodbye

    async def _handle_client(self) -> None:
        try:
            await self._greet()
            while True:
                await self._answer_one()
                await asyncio.sleep(0)  # a client that sends without end must not keep the others waiting
        except TLSSetupException as error:
            self.abort()
            self.connection_lost(error)  # asyncio does not say so when the handshake fails
        except (Goodbye, EOFError, ConnectionError):
            pass
        finally:
            self._hang_up()
            self._is_done = True
            self._release()

    async def _greet(self) -> None:
        if not self._admitted:
            await self.push(f"421 4.7.0 {HOSTNAME} Too many connections at once, try again later")
        self._no_service = await self._misbehaves("CONNECT")
        if self._no_service:
            return
        await self.push(GREETING)

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
            if name not in _WITH_OCTETS and await self._misbehaves(name):
                return
            if self._no_service and name != "QUIT":
                await self.push("503 5.5.1 There is no service here, as the greeting said; only QUIT is left")
                return
            method = self._smtp_methods.get(name)
            if method is None:
                await self.push("500 5.5.2 Command not recognized; HELP lists those that are")
                return
            await method(argument.strip(b" ").decode("utf-8", "surrogateescape") or None)
        except (Goodbye, EOFError, ConnectionError, TLSSetupException):
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
        for fault in self._shared.faults.at(verb):
            if fault.kind.phase is Phase.REPLY:
                self._twists = fault
                continue
            await self._perform(fault, b"", verb)
            if fault.kind.phase is Phase.INSTEAD:
                return True
        return False

    async def _perform(self, fault: Fault, reply: bytes, verb: str = "") -> None:
        """Do what is to go wrong.

        Raises:
            Goodbye: The connection is to be closed, or the reply was a 421.
        """
        for act in fault.acts(reply, verb):
            match act:
                case Send() if fault.kind.phase is Phase.INSTEAD:
                    await self.push(act.octets.removesuffix(CRLF))
                case Send():
                    self._write(act.octets)
                    await self._writer.drain()
                case Pause():
                    self._last_heard = self.loop.time() + act.seconds
                    await asyncio.sleep(act.seconds)
                case Hear():
                    if not await self._reader.read(LINE_LIMIT):
                        raise Goodbye
                case HangUp():
                    if act.reset:
                        reset_on_close(self.transport)
                    if act.at_once:
                        self.abort()
                    raise Goodbye

    async def _refuses(self, argument: str | None, syntax: str, *, transaction: bool = False) -> bool:
        """Refuse a command with an argument that takes none, or one that may not stand inside a mail transaction."""
        if argument:
            await self.push(f"501 5.5.4 Syntax: {syntax}, with nothing after it")
            return True
        if transaction and self.envelope.mail_from is not None:
            await self.push(f"503 5.5.1 {syntax} may not stand inside a mail transaction; RSET ends it")
            return True
        return False


def _address(name: object) -> str:
    """Return host and port of a socket's name."""
    if not isinstance(name, tuple):
        return ""
    host, port = str(name[0]).partition("%")[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _what_is_wrong_with(line: bytes) -> str:
    if not line:
        return "An empty line is no command"
    if not re.fullmatch(rb"[A-Za-z0-9]+", line.partition(b" ")[0]):
        return "A command begins with a verb made of letters"
    return "A command line holds no control characters"
