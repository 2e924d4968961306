"""One connection of a mock server, on asyncio: the socket, the clock, and the bounds."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.events import End
from smtp_shell.servers.closing import or_abort, reset_on_close
from smtp_shell.servers.mock.dialogue import MockDialogue
from smtp_shell.servers.mock.results import ServedSession
from smtp_shell.servers.mock.wire import MockWire
from smtp_shell.servers.receiving import Receiving

if TYPE_CHECKING:
    from smtp_shell.servers.faults import HangUp
    from smtp_shell.servers.mock.results import Difference
    from smtp_shell.servers.mock.shared import MockShared
    from smtp_shell.servers.watching import Tap

CONNECTION_LIMIT: Final = 1_000
"""Connections at a time."""

LINGER: Final = 2.0
"""Seconds that a client has to read the last reply, and to close."""


class MockConnection(Receiving):
    """One connection.

    Args:
        shared: What all connections share.
        loop: The server's event loop.
    """

    def __init__(self, shared: MockShared, loop: asyncio.AbstractEventLoop) -> None:
        self._shared, self._loop = shared, loop
        self._transport: asyncio.Transport | None = None
        self._tap: Tap | None = None
        self._number = 0
        self._peer = ""
        self._began = self._heard = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._is_blocked = False  # the client does not read
        self._is_over = False
        self._heard_end = False
        self._wire: MockWire | None = None

    @or_abort
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the dialogue."""
        assert isinstance(transport, asyncio.Transport)
        shared = self._shared
        self._transport = transport
        if len(shared.connections) >= CONNECTION_LIMIT or shared.is_done:
            transport.write(b"421 4.7.0 mock.example Too many connections, closing the connection\r\n")
            transport.close()
            self._is_over = True
            return
        shared.connections.add(self)
        self._number = shared.count()
        self._peer = _address(transport.get_extra_info("peername"))
        dialogue = MockDialogue(shared.script, shared.settings, shared.picker, shared.faults, self._note)
        if shared.watch is not None:
            sock = transport.get_extra_info("socket")
            tls = dialogue.session is not None and dialogue.session.tls
            server = _address(transport.get_extra_info("sockname"))
            descriptor = sock.fileno() if sock is not None else -1
            self._tap = shared.watch.begin(self._loop, server, self._peer, descriptor, tls=tls)
        self._wire = MockWire(dialogue, self._tap)
        self._timer = self._loop.call_later(shared.settings.idle_limit, self._look)
        self._wire.proceed()
        self._act()

    def data_received(self, data: bytes) -> None:
        """Go on with the dialogue."""
        wire = self._wire
        if wire is None or self._is_over:
            return
        self._heard = self._loop.time()
        wire.receive(data)
        if not self._is_blocked:
            wire.proceed()
        self._act()

    def eof_received(self) -> bool:
        """Answer what came before the end of the input."""
        self._heard_end = True
        if self._wire is not None and not self._is_over:
            self._wire.end()
            self._wire.proceed()
            self._act()
        return not self._is_over

    def connection_lost(self, error: Exception | None) -> None:
        """Note how the connection ended."""
        if self._wire is None:
            return
        for timer in (self._timer, self._pause, self._linger):
            if timer is not None:
                timer.cancel()
        wire, dialogue = self._wire, self._wire.dialogue
        if not self._is_over:
            self._is_over = True
            wire.pause, wire.wants_certificate = None, False
            wire.end()
            wire.proceed()  # what is still to be said is not said, and noted
        if self._tap is not None:
            if wire.why_no_tls:
                self._tap.closed(End.ERROR, f"the TLS handshake failed: {wire.why_no_tls}")
            elif error is not None:
                self._tap.closed(End.CLIENT, "reset")
            else:
                self._tap.closed(End.CLIENT if self._heard_end else End.SERVER)
        self._shared.connections.discard(self)
        self._release()
        session = dialogue.session
        if session is not None:
            self._shared.add(
                ServedSession(
                    self._number,
                    self._peer,
                    session.file,
                    session.line,
                    dialogue.matched,
                    tuple(dialogue.differences),
                    dialogue.differed,
                    tuple(dialogue.made),
                    round(self._loop.time() - self._began, 6),
                )
            )

    def _release(self) -> None:
        """Release what refers back to this: at a hundred dialogues a second the collector left 40 KiB of each for too long."""
        self._wire = self._transport = self._tap = None

    def pause_writing(self) -> None:
        """Wait for a client that does not read."""
        self._is_blocked = True

    @or_abort
    def resume_writing(self) -> None:
        """Go on."""
        self._is_blocked = False
        if self._wire is not None and not self._is_over:
            self._wire.proceed()
            self._act()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    @or_abort
    def begin_tls(self) -> None:
        """Go on with a handshake, now that there is a certificate."""
        wire, certificate = self._wire, self._shared.certificate()
        if wire is None or self._is_over or not wire.wants_certificate:
            return
        if certificate.exception() is not None:
            self.abort()
            return
        wire.begin_tls(certificate.result())
        self._act()

    def _note(self, difference: Difference) -> None:
        if self._tap is not None:
            self._tap.remark(str(difference))

    def _act(self) -> None:
        """Do what the dialogue asks for."""
        wire, transport = self._wire, self._transport
        assert wire is not None
        assert transport is not None
        if self._is_over or transport.is_closing():
            return
        if octets := wire.take():
            transport.write(octets)
        if wire.hang_up is not None:
            self._close(wire.hang_up)
            return
        if wire.wants_certificate:
            certificate = self._shared.certificate()
            if certificate.done():
                self.begin_tls()
                return
            certificate.add_done_callback(lambda _: self._call())
        if wire.pause is not None and self._pause is None:
            self._heard = self._loop.time() + wire.pause
            self._pause = self._loop.call_later(wire.pause, self._resume)
        if wire.is_full:
            transport.pause_reading()
        elif not transport.is_reading():
            transport.resume_reading()

    def _call(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed in between
            self._loop.call_soon_threadsafe(self.begin_tls)

    @or_abort
    def _resume(self) -> None:
        self._pause = None
        if self._wire is not None and not self._is_over:
            self._wire.resume()
            self._act()

    @or_abort
    def _look(self) -> None:
        """Close the connection of a client that has said nothing for too long."""
        limit = self._shared.settings.idle_limit
        left = self._heard + limit - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        if self._wire is not None and self._transport is not None and not self._is_over:
            self._wire.dialogue.broke(f"the client said nothing for {limit:g} s")
            self._wire.say_goodbye(b"421 4.4.2 mock.example Nothing came for too long, closing the connection\r\n")
            self._act()

    def _close(self, how: HangUp) -> None:
        transport = self._transport
        assert transport is not None
        self._is_over = True
        if how.reset:
            reset_on_close(transport)
            transport.abort()
        elif how.at_once:
            transport.abort()
        else:
            transport.close()
            # A client that reads nothing must not keep the connection.
            self._linger = self._loop.call_later(LINGER, self.abort)


def _address(name: object) -> str:
    """Return host and port of a socket's name."""
    if not isinstance(name, tuple):
        return ""
    host, port = str(name[0]).partition("%")[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
