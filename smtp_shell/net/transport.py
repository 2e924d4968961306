"""Octets to a server and back: TCP, Unix sockets and programs, in the clear or inside TLS. It knows no SMTP.

Every wait is cut into short ticks, so that Ctrl-C works at once on every platform, and one deadline spans the whole of it. TLS runs
over memory buffers of our own: what a server sent before the handshake is never lost inside somebody else's buffer.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import time
from collections.abc import Callable, Sized
from typing import TYPE_CHECKING

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConnectionLost, ProtocolViolation, TlsFailed, WaitTimedOut
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.events import TlsStarted
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    import subprocess

    from smtp_shell.net.tls_layer import TlsLayer

TICK = 0.2
_TICK_MS = 1000 * TICK
_SHORTEST_WAIT = 0.001
_ATTENTION = 0.0003
CHUNK = 64 * 1024
_RECEIVE_AHEAD = 1024 * 1024
_ENCRYPT_AT_ONCE = 256 * 1024
_TLS_RECORDS = frozenset({20, 21, 22, 23})


class Transport:
    """An open connection. Make one with `connecting.connect`.

    Args:
        sock: The connected socket; it becomes non-blocking.
        peer: The address that answered, escaped.
        child: The program at the other end of a pipe.

    Attributes:
        attentive: Whether this process stays awake for a moment to hear what a quick server says: to be woken takes longer than many
            an answer. It takes processor time, so it is for one connection at a time, and only as long as the server is that quick.
    """

    def __init__(self, sock: socket.socket, peer: str, child: subprocess.Popen[bytes] | None = None) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._wait_readable = _watch(sock)  # takes milliseconds
        self._child = child
        self._tls: TlsLayer | None = None
        self._ahead = bytearray()
        self._eof = False
        self._end_taken = False
        self._tells_at_once = False
        self._is_quick = True
        self.attentive = False
        self.peer = peer

    @property
    def in_tls(self) -> bool:
        """Whether the connection is inside TLS."""
        return self._tls is not None

    @property
    def truncated(self) -> bool:
        """Whether what the server sent ended without TLS's own end."""
        return self._tls is not None and self._tls.truncated

    @property
    def local_host(self) -> str:
        """The address of this end of the connection; empty where it has none."""
        with contextlib.suppress(OSError):
            name = self._socket.getsockname()
            if isinstance(name, tuple):
                return str(name[0]).partition("%")[0]
        return ""

    @property
    def readable(self) -> bool:
        """Whether something has come that nobody has taken, be it the end."""
        if self._ahead or (self._tls is not None and self._tls.pending):
            return True
        return not self._end_taken if self._eof else bool(self._wait_readable(0))

    def send(self, octets: bytes, seconds: float, until: float = math.inf) -> None:
        """Send all of it; what the server says meanwhile is kept.

        Args:
            octets: What to send.
            seconds: How long each 64 KiB may take.
            until: When all of it must be sent, on the clock of `time.monotonic`.

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
        if self._tells_at_once:
            self._tells_at_once = False
            _acknowledge_at_once(self._socket)

    def recv(self, deadline: float) -> bytes | None:
        """Wait for octets.

        Args:
            deadline: When to stop waiting, on the clock of `time.monotonic`; in the past to look without waiting.

        Returns:
            What came; `b""` when the server sends no more, None when nothing came in time.

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

    def start_tls(self, settings: TlsSettings, name: str, seconds: float, *, implicit: bool = False) -> TlsStarted:
        """Do the TLS handshake.

        Args:
            settings: How to do it.
            name: The name to check the certificate against.
            seconds: How long the whole handshake may take.
            implicit: Whether TLS begins with the first octet, and not after STARTTLS.

        Raises:
            TlsFailed: It was refused, failed, took too long, or the certificate could not be verified.
            ProtocolViolation: Text in the clear came in place of the handshake, after STARTTLS.
            ConnectionLost: The connection broke.
        """
        from smtp_shell.net.tls_context import LEFT_IN_HANDSHAKE
        from smtp_shell.net.tls_layer import TlsLayer

        layer = TlsLayer(settings, name)
        deadline = time.monotonic() + seconds
        first = True
        while not self._shake_hands(layer, deadline):
            try:
                raw = self._recv_raw(deadline)
            except ConnectionLost:
                raise TlsFailed(LEFT_IN_HANDSHAKE) from None
            if raw is None:
                raise TlsFailed(
                    f"the TLS handshake did not end within {seconds:g} s; the server may not speak TLS here."
                )
            if first and raw and raw[0] not in _TLS_RECORDS:
                raise _plaintext(raw, implicit=implicit)
            first = False
            layer.feed(raw)
        self._tls = layer
        self._tells_at_once = True
        return layer.facts()

    def _shake_hands(self, layer: TlsLayer, deadline: float) -> bool:
        try:
            done = layer.shake_hands()
        except TlsFailed:
            with contextlib.suppress(ConnectionLost, WaitTimedOut):  # our alert; the server may be gone already
                self._flush(layer, deadline)
            raise
        self._flush(layer, deadline)
        return done

    def close(self) -> None:
        """Close the connection as a client should; never waits and never fails."""
        with contextlib.suppress(OSError):
            if self._tls is not None:
                self._socket.send(self._tls.farewell())
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()
        self._reap()

    def shut(self) -> None:
        """End the connection in both directions and keep its descriptor; any thread may."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def abort(self, *, reset: bool = False) -> None:
        """Drop the connection at once, without the close of TLS.

        Args:
            reset: Send a TCP reset.
        """
        if reset:
            import struct

            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
        self._reap()

    def _reap(self) -> None:
        if self._child is None:
            return
        import subprocess

        try:
            self._child.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _flush(self, layer: TlsLayer, deadline: float) -> None:
        """Send what TLS itself has to say."""
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
                    f"sending stalled: the server read nothing for {seconds:g} s; the connection is of no more use."
                )
            readable, _ = wait_for(
                self._socket, wait, write=True, read=len(self._ahead) < _RECEIVE_AHEAD and not self._eof
            )
            if readable:
                self._read_ahead()

    def _send_some(self, octets: bytes | memoryview) -> int:
        """Send as much as the system takes at once; give how much that was."""
        try:
            return self._socket.send(octets)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _broken(error) from None

    def _read_ahead(self) -> None:
        try:
            raw = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            raise _broken(error) from None
        self._ahead += raw
        self._eof = not raw

    def _comes_within(self, seconds: float) -> bool:
        """Wait for octets, a tick at the most; say whether some came."""
        milliseconds = _TICK_MS if seconds > TICK else max(0, seconds * 1000)
        if not self.attentive or not milliseconds:
            return bool(self._wait_readable(milliseconds))
        start = time.monotonic()
        came = False
        while self._is_quick and not came and time.monotonic() - start < _ATTENTION:
            _let_others_run()
            came = bool(self._wait_readable(0))
        came = came or bool(self._wait_readable(milliseconds))
        self._is_quick = time.monotonic() - start < _ATTENTION
        return came

    def _recv_raw(self, deadline: float) -> bytes | None:
        if self._ahead:
            raw = bytes(self._ahead)
            self._ahead.clear()
            return raw
        while not self._eof:
            left = deadline - time.monotonic()
            if not self._comes_within(left):
                if left <= 0:
                    return None
                continue
            try:
                raw = self._socket.recv(CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                raise _broken(error) from None
            self._eof = self._end_taken = not raw
            return raw
        self._end_taken = True
        return b""


def _acknowledge_at_once(sock: socket.socket) -> None:
    """Have the system tell the server what has come, also when there is nothing else to send.

    Behind the handshake a server sends tickets, and then its reply to the first command. Where that went out before the tickets came,
    many a server's system keeps the reply back until the tickets are acknowledged, and ours would take 40 ms to do so.
    """
    with contextlib.suppress(OSError, AttributeError):  # Linux only; and a pipe has none
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _let_others_run_by_sleep() -> None:
    time.sleep(0)


_let_others_run: Callable[[], None] = getattr(os, "sched_yield", _let_others_run_by_sleep)


def tick(deadline: float) -> float | None:
    """Give how many seconds to wait before looking up again; None when the deadline is over."""
    left = deadline - time.monotonic()
    return min(left, TICK) if left > 0 else None


def _watch_by_poll(sock: socket.socket) -> Callable[[float], Sized]:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll


def _watch_by_select(sock: socket.socket) -> Callable[[float], Sized]:
    return lambda milliseconds: select.select([sock], [], [], milliseconds / 1000)[0]


def _wait_by_poll(sock: socket.socket, seconds: float, *, read: bool = True, write: bool = False) -> tuple[bool, bool]:
    poll = select.poll()
    poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    for _, happened in poll.poll(seconds * 1000):
        broken = bool(happened & (select.POLLERR | select.POLLHUP))
        return read and bool(happened & select.POLLIN or broken), write and bool(happened & select.POLLOUT or broken)
    return False, False


def _wait_by_select(
    sock: socket.socket, seconds: float, *, read: bool = True, write: bool = False
) -> tuple[bool, bool]:
    # Windows reports a refused connection in the third list only.
    readers, writers, broken = select.select(
        [sock] if read else [], [sock] if write else [], [sock] if write else [], seconds
    )
    return bool(readers), bool(writers or broken)


_Wait = Callable[..., tuple[bool, bool]]
# poll has no limit on descriptor numbers; Windows has only select, whose limit counts sockets there.
wait_for: _Wait = _wait_by_poll if hasattr(select, "poll") else _wait_by_select
_watch = _watch_by_poll if hasattr(select, "poll") else _watch_by_select


def _broken(error: OSError) -> ConnectionLost:
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return ConnectionLost("the server dropped the connection.")
    return ConnectionLost(f"the connection broke: {reason_of(error)}.")


def _plaintext(raw: bytes, *, implicit: bool) -> TlsFailed | ProtocolViolation:
    shown = escape(raw[:80].partition(b"\n")[0].rstrip(b"\r"))
    if implicit:
        return TlsFailed(
            f'the server speaks in the clear here, not TLS: "{shown}"; connect without TLS, then use starttls.'
        )
    return ProtocolViolation(
        f'text in the clear came behind the 220 to STARTTLS, in place of the handshake: "{shown}"; '
        "somebody on the way may have put it there. The connection is closed."
    )
