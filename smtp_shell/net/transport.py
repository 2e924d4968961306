"""One open connection: octets to a server and back, over TCP, a Unix socket or a pipe, in the clear or inside TLS.

Waits are cut into short ticks, so that Ctrl-C works at once on every platform, and one deadline covers all of them. TLS runs over
memory buffers, so that octets that came before the handshake are not lost in the buffer of a wrapped socket.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import socket
import time
from typing import TYPE_CHECKING

from smtp_shell.errors import ConnectionLost, TlsFailed, WaitTimedOut
from smtp_shell.figures import plain
from smtp_shell.net.waiting import TICK, tick, wait_for, watch
from smtp_shell.private_files import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.config import TlsSettings
    from smtp_shell.net.pipe import Program
    from smtp_shell.net.session_keys import SessionKeys
    from smtp_shell.net.tap import Place, Tap, Taps
    from smtp_shell.net.tls_identity import TlsSession
    from smtp_shell.net.tls_layer import TlsLayer
    from smtp_shell.protocol.events import TlsStarted
    from smtp_shell.protocol.sasl.exchange import ChannelBinding

CHUNK = 64 * 1024
_SHORTEST_WAIT = 0.001
_BUSY_POLL = 0.0003
_RECEIVE_AHEAD = 1024 * 1024
_ENCRYPT_AT_ONCE = 256 * 1024
_ANSWERS_NO_MORE = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})
_TLS_RECORDS = frozenset({20, 21, 22, 23})


class _Dropped(ConnectionLost):
    """The server dropped the connection: nothing on this side went wrong."""


class Transport:
    """An open connection, which `connect` makes.

    Args:
        sock: The connected socket. It becomes non-blocking.
        peer: The address of the server. Empty if it has none.
        program: The program at the other end of a pipe.

    Attributes:
        busy_poll: Whether a wait polls without sleeping for up to 0.3 ms before it sleeps: to wake a process takes longer than a
            server nearby takes to answer. Worth a quarter of the time of plain messages over one connection. It costs processor
            time, so set it for one connection at a time. A wait that took longer turns it off until the next quick reply.
        peer: As given, or what the caller knows better.
        program: As given.
        looked_up: How many seconds the look-up of the server's name took; None where no name is looked up.
        header: The PROXY header that was sent first; empty for none.
        resume: The session of TLS to go on from, if it fits; None for none.
        opened_in: How many seconds the connection to the address that answered took; None where there is none.
        through: The proxy that it goes through, and where the server's name was looked up, in words; empty for no proxy.
    """

    _tls: TlsLayer | None = None
    program: Program | None = None
    looked_up: float | None = None
    opened_in: float | None = None
    through = ""
    header = b""
    resume: TlsSession | None = None

    def __init__(self, sock: socket.socket, peer: str, program: Program | None = None) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._poll = watch(sock)
        self.program = program
        self._received_ahead = bytearray()  # raw octets that came while sending
        self._eof = False  # the server sends no more
        self._eof_delivered = False  # and `recv` has said so
        self._acknowledge_next = False  # see _acknowledge_at_once
        self._tap: Tap | None = None
        self._keys: SessionKeys | None = None  # where the keys of TLS go for the tap
        self._last_was_quick = True  # the last reply came within _BUSY_POLL
        self.busy_poll = False
        self.peer = peer

    def keep_alive(self) -> None:
        """Notice within a minute that the server is gone, though nothing is sent. For a connection that a user may leave silent."""
        from smtp_shell.net.keepalive import keep_alive

        keep_alive(self._socket)

    @property
    def in_tls(self) -> bool:
        """True if the connection is inside TLS."""
        return self._tls is not None

    def channel_binding(self, kind: str = "") -> ChannelBinding | None:
        """Return what an exchange inside the connection's TLS can be bound to; None if there is nothing, as without TLS.

        Args:
            kind: `tls-exporter`, `tls-unique` or `tls-server-end-point`; empty for the best there is.
        """
        return self._tls.channel_binding(kind) if self._tls is not None else None

    @property
    def ticket_seconds(self) -> int | None:
        """The lifetime of the session ticket of TLS that the server has sent by now; None without one."""
        return self._tls.ticket_seconds if self._tls is not None else None

    @property
    def truncated(self) -> bool:
        """True if the server closed the connection without a close_notify of TLS."""
        return self._tls is not None and self._tls.truncated

    @property
    def local(self) -> Place:
        """Address and port of this end of the connection. None if it has none."""
        with contextlib.suppress(OSError):
            return _place(self._socket.getsockname())
        return None

    @property
    def server(self) -> Place:
        """Address and port of the server. None if it has none, or a proxy alone knows it."""
        with contextlib.suppress(OSError):
            return None if self.through else _place(self._socket.getpeername())
        return None

    @property
    def local_host(self) -> str:
        """The address of this end of the connection, without a zone. Empty if it has none."""
        local = self.local  # asked once: the next answer may be that there is none
        return local[0].partition("%")[0] if local is not None else ""

    def attach(self, taps: Taps, *, opened: bool = False) -> None:
        """Have what goes over the wire from now on delivered to a tap, in place of the one before.

        Args:
            taps: Has the tap.
            opened: Whether nothing has gone over the wire yet.
        """
        server: Place = None
        with contextlib.suppress(OSError):
            server = _place(self._socket.getpeername())
        self._keys, self._tap = taps.keys, taps.begin(self.local, server, opened=opened)

    def detach(self) -> None:
        """Deliver no more octets to the tap."""
        self._keys = self._tap = None

    @property
    def readable(self) -> bool:
        """True if `recv` would return at once, be it with the end of the stream."""
        if self._received_ahead or (self._tls is not None and self._tls.pending):
            return True
        if self._eof:
            return not self._eof_delivered
        try:
            return bool(self._poll(0))
        except (OSError, MemoryError):
            return True  # `recv` has the sentence for it

    def send(self, octets: bytes, seconds: float, until: float = math.inf) -> None:
        """Send octets. Read meanwhile what the server sends, up to 1 MiB, and keep it for `recv`.

        Args:
            octets: What to send.
            seconds: How long each 64 KiB may take.
            until: Deadline for all of it, on the clock of `time.monotonic`.

        Raises:
            WaitTimedOut: The server stopped reading.
            ConnectionLost: The connection broke.
            TlsFailed: TLS broke.
        """
        if self._tls is None:
            self._send_raw(octets, seconds, until)
            return
        view = memoryview(octets)
        for start in range(0, len(view), _ENCRYPT_AT_ONCE):
            self._send_raw(self._tls.encrypt(view[start : start + _ENCRYPT_AT_ONCE]), seconds, until)
        if self._acknowledge_next:
            self._acknowledge_next = False
            _acknowledge_at_once(self._socket)

    def recv(self, deadline: float) -> bytes | None:
        """Wait for octets.

        Args:
            deadline: When to stop waiting, on the clock of `time.monotonic`. If it is in the past, poll once.

        Returns:
            The octets. `b""` at the end of the stream, None if nothing came in time.

        Raises:
            ConnectionLost: The connection broke.
            TlsFailed: TLS broke.
        """
        if self._tls is None:
            return self._recv_raw(deadline)
        while True:
            if self._tls.pending or self._eof:
                octets = self._tls.decrypt(CHUNK)
                if octets is not None:
                    return octets
            self._flush(self._tls, deadline)
            raw = self._recv_raw(deadline)
            if raw is None:
                return None
            self._tls.feed(raw)

    def unread(self, octets: bytes) -> None:
        """Put octets back that `recv` has returned, before TLS and before anything else was received."""
        self._received_ahead[:0] = octets

    @property
    def tls_session(self) -> TlsSession | None:
        """The session of TLS, for another connection to go on from; None without one."""
        return self._tls.session if self._tls is not None else None

    @property
    def tls_details(self) -> tuple[str, ...]:
        """What came of what the user has asked of TLS by name, in words, escaped."""
        return self._tls.details if self._tls is not None else ()

    def start_tls(self, settings: TlsSettings, name: str, seconds: float, *, implicit: bool = False) -> TlsStarted:
        """Do the TLS handshake.

        Args:
            settings: Versions, ciphers, certificates and verification.
            name: The name to check the certificate against.
            seconds: How long the whole handshake may take.
            implicit: Whether TLS begins with the first octet, and not after STARTTLS.

        Raises:
            TlsFailed: It was refused, failed, took too long, or the certificate could not be verified.
            ProtocolViolation: Text in the clear came in place of the handshake, after STARTTLS.
            ConnectionLost: The connection broke.
            ConfigError: A file that the settings name cannot be read, or a version or cipher is unknown.
        """
        from smtp_shell.net.tls_layer import TlsLayer

        layer = TlsLayer(settings, name, self._keys, self.resume)
        deadline = time.monotonic() + seconds
        first = True
        while not self._handshake_step(layer, deadline):
            try:
                raw = self._recv_raw(deadline)
            except ConnectionLost as error:
                from smtp_shell.net.tls_report import LEFT_IN_HANDSHAKE

                words = LEFT_IN_HANDSHAKE if isinstance(error, _Dropped) else f"in the TLS handshake {error.message}"
                raise TlsFailed(words) from None
            if raw is None:
                raise TlsFailed(
                    f"the TLS handshake did not end within {plain(seconds)} s; the server may not speak TLS here."
                )
            if first and raw and raw[0] not in _TLS_RECORDS:
                from smtp_shell.net.tls_report import cleartext_error

                raise cleartext_error(raw, implicit=implicit)
            first = False
            layer.feed(raw)
        self._tls = layer
        self._acknowledge_next = True
        return layer.facts()

    def _handshake_step(self, layer: TlsLayer, deadline: float) -> bool:
        try:
            done = layer.handshake()
        except TlsFailed:
            with contextlib.suppress(ConnectionLost, WaitTimedOut):  # our alert, for a server that may be gone already
                self._flush(layer, deadline)
            raise
        self._flush(layer, deadline)
        return done

    def close(self) -> None:
        """Close the connection, inside TLS with a close_notify. It neither waits for the server nor fails."""
        try:
            with contextlib.suppress(OSError, ConnectionLost):
                if self._tls is not None:
                    self._send_some(self._tls.close_notify())
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            if self._tap is not None:
                self._tap.ended(by_client=True)
        finally:  # after Ctrl-C too
            self._close_socket()
        if self.program is not None:
            self.program.end()

    def release(self) -> socket.socket:
        """Return the socket, for an event loop. What is left here is the program at its other end, which `close` waits for."""
        sock = self._socket.dup()
        self._socket.close()
        return sock

    def shut(self) -> None:
        """Shut both directions down and keep the descriptor, so that another thread may call it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def abort(self, *, reset: bool = False) -> None:
        """Close the connection at once, without a close_notify.

        Args:
            reset: Send a TCP reset.
        """
        if reset:
            import struct

            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._tap is not None:
            self._tap.ended(by_client=True, reset=reset)
        self._close_socket()
        if self.program is not None:
            self.program.end()

    def _close_socket(self) -> None:
        with contextlib.suppress(OSError):  # its descriptor is gone whatever the system says
            self._socket.close()

    def _flush(self, layer: TlsLayer, deadline: float) -> None:
        """Send what TLS has put into its output: handshake messages, alerts, key updates."""
        if octets := layer.outgoing():
            self._send_raw(octets, max(deadline - time.monotonic(), 1))

    def _send_raw(self, octets: bytes, seconds: float, until: float = math.inf) -> None:
        sent = self._send_some(octets)
        if sent != len(octets):
            left = max(until - time.monotonic(), _SHORTEST_WAIT)
            self._send_rest(memoryview(octets)[sent:], min(seconds, left))

    def _send_rest(self, rest: memoryview, seconds: float) -> None:
        begun, deadline = len(rest), time.monotonic() + seconds
        while rest:
            if sent := self._send_some(rest):
                rest = rest[sent:]
                if begun - len(rest) >= CHUNK:
                    begun, deadline = len(rest), time.monotonic() + seconds
                continue
            wait = tick(deadline)
            if wait is None:
                raise WaitTimedOut(
                    f"sending stalled: the server read nothing for {plain(seconds)} s; the connection is of no more use."
                )
            may_read = len(self._received_ahead) < _RECEIVE_AHEAD and not self._eof
            try:
                readable, _ = wait_for(self._socket, wait, read=may_read, write=True)
            except (OSError, MemoryError) as error:
                raise self._broken(error) from None
            if readable:
                self._read_ahead()

    def _send_some(self, octets: bytes | memoryview) -> int:
        """Send what the system takes without waiting. Return how many octets that was."""
        try:
            sent = self._socket.send(octets)
        except BlockingIOError:
            return 0
        except (OSError, MemoryError) as error:
            raise self._broken(error) from None
        if self._tap is not None and sent:
            self._tap.sent(bytes(octets[:sent]))
        return sent

    def _read_ahead(self) -> None:
        try:
            raw = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except (OSError, MemoryError) as error:
            raise self._broken(error) from None
        self._tell_received(raw)
        self._received_ahead += raw
        self._eof = not raw

    def _wait_readable(self, seconds: float) -> bool:
        """Wait for octets, at most one tick. Return True if there are some."""
        milliseconds = 1000 * min(max(seconds, 0), TICK)
        if self._tap is not None and milliseconds:
            self._tap.flush()
        if not self.busy_poll or not milliseconds:
            return self._polled(milliseconds)
        start = time.monotonic()
        readable = False
        while self._last_was_quick and not readable and time.monotonic() - start < _BUSY_POLL:
            _yield_processor()
            readable = self._polled(0)
        readable = readable or self._polled(milliseconds)
        self._last_was_quick = time.monotonic() - start < _BUSY_POLL
        return readable

    def _polled(self, milliseconds: float) -> bool:
        try:
            return bool(self._poll(milliseconds))
        except (OSError, MemoryError) as error:
            raise self._broken(error) from None

    def _recv_raw(self, deadline: float) -> bytes | None:
        if self._received_ahead:
            raw = bytes(self._received_ahead)
            self._received_ahead.clear()
            return raw
        while not self._eof:
            left = deadline - time.monotonic()
            if not self._wait_readable(left):
                if left <= 0:
                    return None
                continue
            try:
                raw = self._socket.recv(CHUNK)
            except BlockingIOError:
                continue
            except (OSError, MemoryError) as error:
                raise self._broken(error) from None
            self._tell_received(raw)
            self._eof = self._eof_delivered = not raw
            return raw
        self._eof_delivered = True
        return b""

    def _tell_received(self, raw: bytes) -> None:
        if self._tap is None:
            return
        if raw:
            self._tap.received(raw)
        else:
            self._tap.ended(by_client=False)

    def _broken(self, error: OSError | MemoryError) -> ConnectionLost:
        if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
            if self._tap is not None:
                self._tap.ended(by_client=False, reset=True)
            return _Dropped("the server dropped the connection.")
        if isinstance(error, OSError) and error.errno in _ANSWERS_NO_MORE:
            return ConnectionLost("the server answers no more: the connection is dead.")
        return ConnectionLost(f"the connection broke: {reason_of(error)}.")


def _place(name: object) -> Place:
    """Return address and port of a socket's name; None if it has none, as a Unix socket."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None


def _acknowledge_at_once(sock: socket.socket) -> None:
    """Acknowledge at once what the server has sent, although there is nothing to send with it.

    After the handshake a server sends session tickets, and then its reply to the first command. Many systems hold that reply back
    (Nagle's algorithm) until the tickets are acknowledged, and a delayed acknowledgement takes 40 ms.
    """
    with contextlib.suppress(OSError, AttributeError):  # Linux only, and a pipe has none
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _yield_by_sleep() -> None:
    time.sleep(0)


# Where client and server share one processor, the server must run for its reply to come.
_yield_processor: Callable[[], None] = getattr(os, "sched_yield", _yield_by_sleep)
