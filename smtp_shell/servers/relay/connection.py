"""One relayed dialogue: a client, a server, and what passes between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from smtp_shell.errors import SmtpShellError
from smtp_shell.figures import plain
from smtp_shell.net.connect import connect
from smtp_shell.net.target import Way
from smtp_shell.net.tls_layer import TlsLayer
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.events import End, NoticeKind
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.servers.closing import or_abort
from smtp_shell.servers.relay.gate import Gate
from smtp_shell.servers.relay.half import TLS_RECORDS, AcceptedTls, Half
from smtp_shell.servers.sessions import EARLY

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from smtp_shell.net.transport import Transport
    from smtp_shell.servers.relay.shared import Shared
    from smtp_shell.servers.watching import Tap

LINGER: Final = 10.0
"""Seconds that one side has to close its connection after the other has."""

_LONGEST_REASON = 380  # octets of a reply line: RFC 5321 section 4.5.3.1.5 has 512
_TOO_MANY = "421 4.7.0 The relay has too many connections at once, try again later"
_NOT_THERE = "421 4.4.1 The relay has no connection to the server: {}"
_NO_TLS = "454 4.7.0 The relay has no TLS with the server: {}"
_GONE = "421 4.4.2 The relay has no connection to the server any more"
_IDLE = "421 4.4.2 Nothing passed the relay for {} s, closing the connection"
_ENDLESS = "421 4.7.0 The line does not end, closing the connection"
_BYE = "221 2.0.0 Bye"
BOUND: Final = (
    "the server announces {}, whose proof is bound to one TLS connection: no client can authenticate with it through the relay, which has "
    "a TLS connection to each side; let the client use a mechanism without -PLUS, such as SCRAM-SHA-256"
)
_LONGEST_NAMES = 200
INJECTED: Final = "text in the clear came after the 220 to STARTTLS; somebody on the way may have put it there"
DROPPED: Final = (
    "ATTACK? The client sent {} octets in the clear after STARTTLS and before TLS: they were dropped, and not passed on"
)


class Relayed:
    """A client's connection, and the one to the server that is opened for it.

    Args:
        shared: What all connections of the relay share.
        loop: The relay's event loop.
    """

    def __init__(self, shared: Shared, loop: asyncio.AbstractEventLoop) -> None:
        self._shared, self._loop = shared, loop
        self.client, self.server = Half(self), Half(self)
        self._gate = Gate(preamble=shared.target.way is Way.PIPE)
        self._tap: Tap | None = None
        self._upstream: Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = loop.time()
        self._limit = shared.idle
        self._end: tuple[End, str] | None = None  # how it ended, as far as it is known yet
        self._is_over = False
        self._is_bound = False  # whether it was remarked that the server announces channel binding
        self._is_lame = False  # the server is gone, and the client is told so whatever it says
        self.client.pause("open")
        self.server.pause("open")

    # How it begins

    @or_abort
    def opened(self, half: Half) -> None:
        """Accept a client that has just connected, and connect to the server."""
        if half is self.server:
            return
        shared = self._shared
        if len(shared.connections) >= shared.most:
            self.client.write(_TOO_MANY.encode() + b"\r\n")
            self._is_over = True
            self.client.close()
            return
        shared.connections.add(self)
        if shared.watch is not None:
            self._tap = shared.watch.begin(
                self._loop,
                str(shared.target),
                self.client.address(peer=True),
                tls=shared.target.tls,
                preamble=shared.target.way is Way.PIPE,
            )
        self._look_at_clock()
        self._start(self._open())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._task = self._loop.create_task(self._run(work))

    async def _run(self, work: Coroutine[None, None, None]) -> None:
        """Open the connection, or start TLS. Meanwhile nobody else ends the dialogue because the server is gone."""
        try:
            await work
        except Exception as error:
            # Nothing that comes over a connection may end the relay, and a mistake of ours must not be hidden either.
            self._give_up(f"the relay failed: {type(error).__name__}")
        finally:
            self._task = None
            if self.server.is_lost and not (self.client.is_shut or self._is_lame):
                self.lost(self.server, None)  # it went meanwhile, and nobody has told the client
            self._settle()

    async def _open(self) -> None:
        shared = self._shared
        try:
            if shared.implicit_tls:
                await self._secure_client(b"", implicit=True)
        except SmtpShellError as error:
            self._give_up(error.message)
            return
        try:
            self._upstream = await self._loop.run_in_executor(shared.executor, self._connect)
            sock = self._upstream.release()
            try:
                await self._loop.create_connection(lambda: self.server, sock=sock)
            except BaseException:
                sock.close()
                raise
            if self._is_over:
                self.server.abort()
                return
            self._note_addresses()
            if shared.target.tls:
                await self._secure_server(implicit=True)
        except (SmtpShellError, OSError) as error:
            reason = error.message if isinstance(error, SmtpShellError) else reason_of(error)
            self._tell(_NOT_THERE, reason)
            self._give_up(reason)
            return
        self.server.resume("open")
        self.client.resume("open")
        self.server.resume("tls")
        self.client.resume("tls")

    def _connect(self) -> Transport:
        shared = self._shared
        return connect(shared.target, shared.timeouts.connect, shared.connection)

    def _note_addresses(self) -> None:
        client, server = self.client, self.server
        there = server.address(peer=True)
        there = f", server {there} from {server.address(peer=False)}" if there else ""
        self._remark(f"relayed: client {client.address(peer=True)} to {client.address(peer=False)}{there}")

    # TLS

    async def _secure_client(self, octets: bytes, *, implicit: bool) -> None:
        """Do TLS with the client.

        Raises:
            SmtpShellError: It failed, or there is no certificate.
        """
        certificate = await asyncio.wrap_future(self._shared.certificate)
        layer = AcceptedTls(certificate.context)
        await self.client.secure(layer, self._shared.timeouts.tls, octets, implicit=implicit)
        version, cipher = layer.facts
        self._remark(f"TLS towards the client: {version} {cipher}, with the relay's own certificate")

    async def _secure_server(self, *, implicit: bool) -> None:
        """Do TLS with the server.

        Raises:
            SmtpShellError: It failed, or the certificate could not be verified.
        """
        shared = self._shared
        layer = TlsLayer(shared.tls, shared.target.name)
        await self.server.secure(layer, shared.timeouts.tls, implicit=implicit)
        if self._tap is not None:
            self._tap.tls_as(layer.facts())

    async def _switch(self) -> None:
        """Begin TLS on both sides, once the server has agreed to STARTTLS."""
        gate = self._gate
        go_ahead = gate.go_ahead
        if self.client.is_ended:  # it sends no more, so that there will be no TLS
            self.client.write(go_ahead)
            self._close_both()
            return
        try:
            if gate.is_injected:
                raise SmtpShellError(f"{INJECTED}.")
            await self._secure_server(implicit=False)
        except SmtpShellError as error:
            self._tell(_NO_TLS, error.message)
            self._lame(error.message)
            return
        early = gate.start_tls()
        if early and early[0] not in TLS_RECORDS:
            self._remark(DROPPED.format(f"{len(early):,}"))
            early = b""
        self.client.write(go_ahead)
        try:
            await self._secure_client(early, implicit=False)
        except SmtpShellError as error:
            self._give_up(error.message)
            return
        self.client.resume("held")
        self.server.resume("held")
        self.server.resume("tls")
        self.client.resume("tls")

    # What passes

    def received(self, half: Half, octets: bytes) -> None:
        """Pass octets on, and note them."""
        self._heard = self._loop.time()
        if half is self.client:
            self._from_client(octets)
        else:
            self._from_server(octets)

    def _from_client(self, octets: bytes) -> None:
        if self._is_lame:
            said_quit = octets[:4].upper() == b"QUIT"
            self.client.write((_BYE if said_quit else _GONE).encode() + b"\r\n")
            self._close_both()
            return
        if self.server.is_ended and self._gate.is_holding:
            return  # nothing will release it
        gate = self._gate
        self._pass_on(gate.from_client(octets))
        if gate.is_endless:
            self._tell(_ENDLESS, "")
            self._give_up("the client's line did not end")
        elif gate.is_holding and not self.server.is_ended:
            self.client.pause("held")
            if gate.awaited == "DATA":
                self._remark(EARLY.format("DATA"))

    def _pass_on(self, octets: bytes) -> None:
        """Send octets of the client to the server, and note them: what is held back may never be sent."""
        self.server.write(octets)
        if octets and self._tap is not None:
            self._tap.client(octets)

    def _from_server(self, octets: bytes) -> None:
        gate = self._gate
        self._pass_on_errors()
        self.client.write(gate.from_server(octets))
        if self._tap is not None:
            self._tap.server_lines(octets)
        if not self._is_bound and gate.bound_mechanisms:
            self._is_bound = True
            self._remark(BOUND.format(escape_str(", ".join(gate.bound_mechanisms)[:_LONGEST_NAMES])))
        if gate.garbled:
            self._give_up(f"the server does not speak SMTP: {gate.garbled}")
        elif gate.tls_due:
            self.client.pause("held")
            self.server.pause("held")
            self._start(self._switch())
        else:
            self._pass_on(gate.release())
            if not gate.is_holding:
                self.client.resume("held")

    def crowded(self, half: Half, *, is_crowded: bool) -> None:
        """Read no more from one side while the other does not read."""
        other = self.server if half is self.client else self.client
        if is_crowded:
            other.pause("crowded")
        else:
            self._heard = self._loop.time()
            other.resume("crowded")

    # How it ends

    def ended(self, half: Half) -> None:
        """Pass the end of one direction on, after what was sent before it."""
        is_client = half is self.client
        self._end = self._end or (End.CLIENT if is_client else End.SERVER, "")
        other = self.server if is_client else self.client
        if not is_client and self._tap is not None:
            self._tap.closed(*self._end)  # nothing that counts can follow
        if other.is_ended:
            self._close_both()
            return
        other.shut()
        if is_client:  # it may still wait for a reply
            self._hasten(max(LINGER, self._shared.timeouts.reply))
        else:
            self.client.resume("held")
            self._hasten(LINGER)

    def lost(self, half: Half, error: Exception | None) -> None:
        """End the other side as well, and in the same way."""
        is_client = half is self.client
        is_reset = isinstance(error, ConnectionError)
        if self._end is None:
            self._end = (End.CLIENT if is_client else End.SERVER, "reset" if is_reset else "")
        other = self.server if is_client else self.client
        if not is_client and (self._task is not None or self._is_lame):
            pass  # the client is to be told
        elif is_reset and self._end[1] == "reset":
            other.abort(reset=True)
        elif not other.is_lost:
            other.close()
            self._hasten(LINGER)
        self._settle()

    def _settle(self) -> None:
        """Finish if both connections are gone."""
        if self.client.is_lost and self.server.is_lost and self._task is None:
            self._finish()

    def _hasten(self, seconds: float) -> None:
        self._limit = min(self._limit, seconds)
        self._heard = self._loop.time()
        self._look_at_clock()

    @or_abort
    def _look_at_clock(self) -> None:
        """End it when nothing has passed for too long."""
        if self._timer is not None:
            self._timer.cancel()
        left = self._heard + self._limit - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_at_clock)
        elif self._end is not None:
            self.abort()
        else:
            self._tell(_IDLE, plain(self._limit))
            self._give_up(f"nothing passed for {plain(self._limit)} s")

    def _tell(self, reply: str, reason: str) -> None:
        """Send the client a reply of the relay's own, and note it."""
        if self._is_over or self.client.is_shut:
            return
        text = reply.format(reason.partition("\n")[0].encode("ascii", "backslashreplace").decode()[:_LONGEST_REASON])
        self.client.write(text.encode("ascii", "backslashreplace") + b"\r\n")
        self._remark(f"the relay told the client: {text}")

    def _lame(self, reason: str) -> None:
        """Drop the server, and go on with the client for one line more."""
        self._note_end((End.ERROR, reason))
        self._is_lame = True
        self.server.abort()
        if not self.client.is_lost:
            self.client.resume("held")
            self._hasten(LINGER)

    def _give_up(self, reason: str) -> None:
        """End both sides for a reason of the relay's own."""
        self._note_end((End.ERROR, reason))
        self._close_both()

    def _close_both(self) -> None:
        for half in (self.client, self.server):
            if not half.is_lost:
                half.close()
        self._hasten(LINGER)
        self._settle()

    def abort(self) -> None:
        """Close both sides at once."""
        self._end = self._end or (End.ERROR, "the relay was stopped")
        for half in (self.client, self.server):
            half.abort()
        if self._task is not None:
            self._task.cancel()

    def _note_end(self, end: tuple[End, str]) -> None:
        """Note how it ended, unless one side had ended it before: what fails after that is a consequence."""
        self._end = self._end or end
        if self._tap is not None:
            self._tap.closed(*self._end)

    def _finish(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._pass_on_errors()
        self._shared.connections.discard(self)
        self.client.release()
        self.server.release()
        if self._timer is not None:
            self._timer.cancel()
        if self._end is not None and self._tap is not None:
            self._tap.closed(*self._end)
        if self._upstream is not None and self._shared.target.way is Way.PIPE:
            self._loop.run_in_executor(self._shared.executor, self._upstream.close)

    def _pass_on_errors(self) -> None:
        """Remark what a program, which is the server, has written on its standard error."""
        program = self._upstream.program if self._upstream is not None else None
        if program is not None and program.has_lines:
            for line in program.take():
                self._remark(f"{NoticeKind.PROGRAM.value}: {escape(line)}")

    def _remark(self, text: str) -> None:
        if self._tap is not None:
            self._tap.remark(text)
