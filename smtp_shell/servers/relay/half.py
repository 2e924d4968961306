"""One of the two connections that a relay joins: its octets, TLS over memory buffers, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Protocol

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ProtocolViolation, TlsFailed
from smtp_shell.net.tls_layer import TlsBuffers, TlsLayer
from smtp_shell.net.tls_report import LEFT_IN_HANDSHAKE, cleartext_error
from smtp_shell.servers.closing import reset_on_close
from smtp_shell.servers.handshake import why_no_handshake
from smtp_shell.servers.receiving import Receiving

CHUNK = 64 * 1024
TLS_RECORDS = frozenset({20, 21, 22, 23})
"""First octets of the records of TLS. Source: RFC 8446 section 5.1"""

_NO_TLS = "the client's TLS handshake failed: {}."
_SPOKE_IN_CLEAR = "the client sent something else after the 220"


class AcceptedTls(TlsBuffers):
    """The server's end of a TLS connection.

    Args:
        context: It holds the certificate and its key.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context, TlsSettings(), server_side=True)

    def handshake(self) -> bool:
        """Continue the handshake. Return True if it is done, False if it needs more octets.

        Raises:
            TlsFailed: It failed.
        """
        try:
            return super().handshake()
        except ssl.SSLError as error:
            raise TlsFailed(_NO_TLS.format(why_no_handshake(error, "relay"))) from None

    @property
    def facts(self) -> tuple[str, str]:
        """The version and the cipher that the handshake agreed on."""
        cipher = self._tls.cipher()
        return self._tls.version() or "TLS", cipher[0] if cipher else ""


class Owner(Protocol):
    """What a half reports to."""

    def opened(self, half: Half) -> None:
        """Note that the connection is open."""

    def received(self, half: Half, octets: bytes) -> None:
        """Receive octets, decrypted."""

    def ended(self, half: Half) -> None:
        """Note that the other end sends no more."""

    def lost(self, half: Half, error: Exception | None) -> None:
        """Note that the connection is gone."""

    def crowded(self, half: Half, *, is_crowded: bool) -> None:
        """Note that what was written is not read by the other end, or is read again."""


class Half(Receiving):
    """One of the two connections.

    It is made paused: `resume` begins to read.

    Args:
        owner: What it reports to.

    Attributes:
        is_lost: Whether the connection is gone, or was never there.
        is_ended: Whether the other end sends no more.
        is_shut: Whether nothing more is sent to the other end.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner: Owner | None = owner
        self._transport: asyncio.Transport | None = None
        self._layer: TlsBuffers | None = None
        self._handshake: asyncio.Future[None] | None = None
        self._first = b""  # the first octets of the handshake, for the message if they are none
        self._reasons: set[str] = set()  # why it is paused
        self._quick = False
        self.is_lost, self.is_ended, self.is_shut = True, False, False

    # Of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and read nothing yet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.is_lost = transport, False
        if self._reasons:
            transport.pause_reading()
        if self._owner is not None:
            self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Receive octets as they came over the wire."""
        if self._layer is None:
            self._report(data)
            return
        self._layer.feed(data)
        if self._handshake is not None:
            self._first = self._first or data[:80]
            self._shake_hands()
        else:
            self._deliver()

    def eof_received(self) -> bool:
        """Note the end of the input; the other direction stays open."""
        if self._handshake is not None:
            self._fail(TlsFailed(self._left()))
        elif self._layer is not None:
            self._layer.feed(b"")
            self._deliver()
        else:
            self._end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        self.is_lost = self.is_ended = self.is_shut = True
        if self._handshake is not None:
            self._fail(TlsFailed(self._left()))
        if self._owner is not None:
            self._owner.lost(self, exc)

    def pause_writing(self) -> None:
        """Report that the other end does not read."""
        if self._owner is not None:
            self._owner.crowded(self, is_crowded=True)

    def resume_writing(self) -> None:
        """Report that it reads again."""
        if self._owner is not None:
            self._owner.crowded(self, is_crowded=False)

    # For the owner

    @property
    def socket(self) -> socket.socket | None:
        """The socket, as asyncio lends it; None before there is one."""
        return self._transport.get_extra_info("socket") if self._transport is not None else None

    def address(self, *, peer: bool) -> str:
        """Return the address of one end of the connection; empty where it has none.

        Args:
            peer: Whether the other end is meant.
        """
        name = self._transport.get_extra_info("peername" if peer else "sockname") if self._transport else None
        if not isinstance(name, tuple):
            return ""
        host = str(name[0]).partition("%")[0]
        return f"[{host}]:{name[1]}" if ":" in host else f"{host}:{name[1]}"

    def write(self, octets: bytes) -> None:
        """Send octets."""
        if self.is_shut or not octets:
            return
        if self._layer is None:
            self._send(octets)
            return
        view = memoryview(octets)
        try:
            for start in range(0, len(view), CHUNK):
                self._send(self._layer.encrypt(view[start : start + CHUNK]))
        except TlsFailed:  # these octets are lost: nothing may follow them
            self.abort()
            return
        if self._quick:
            self._quick = False
            self._acknowledge()

    def pause(self, reason: str) -> None:
        """Read no more until `resume` is called for the same reason."""
        if not self._reasons and self._transport is not None and not self.is_lost:
            self._transport.pause_reading()
        self._reasons.add(reason)

    def resume(self, reason: str) -> None:
        """Read on, unless there is another reason not to."""
        self._reasons.discard(reason)
        if self._reasons or self._transport is None or self.is_lost:
            return
        if self._layer is not None and self._handshake is None:
            self._deliver()
        if not self._reasons and not self._transport.is_closing():
            self._transport.resume_reading()

    async def secure(self, layer: TlsBuffers, seconds: float, octets: bytes = b"", *, implicit: bool = False) -> None:
        """Do the TLS handshake. Then it stays paused for the reason `tls`.

        Args:
            layer: This end of it.
            seconds: How long it may take.
            octets: What has come of it already.
            implicit: Whether TLS begins with the first octet.

        Raises:
            TlsFailed: It failed, or took too long.
            ProtocolViolation: The server sent text in the clear in its place.
        """
        self._layer, self._first = layer, octets[:80]
        self._handshake = asyncio.get_running_loop().create_future()
        kept, self._reasons = self._reasons, set()  # why it was paused does not concern the handshake
        if octets:
            layer.feed(octets)
        if self.is_ended or self.is_shut or self._transport is None:
            self._fail(TlsFailed(self._left()))
        else:
            self._transport.resume_reading()
            self._shake_hands()
        try:
            async with asyncio.timeout(seconds):
                await self._handshake
        except TimeoutError:
            raise TlsFailed(f"{self._whose} TLS handshake did not end within {seconds:g} s.") from None
        except ssl.SSLError as error:
            raise TlsFailed(_NO_TLS.format(why_no_handshake(error, "relay"))) from None
        except TlsFailed:
            if self._first and self._first[0] not in TLS_RECORDS:
                raise self._in_clear(implicit=implicit) from None
            raise
        finally:
            self._handshake = None
            self._reasons |= kept
        self._quick = True

    def shut(self) -> None:
        """Send nothing more, and tell the other end so. What was written before is sent."""
        if self.is_shut or self._transport is None:
            return
        if self._layer is not None and self._handshake is None:
            self._send(self._layer.close_notify())
        self.is_shut = True
        with contextlib.suppress(OSError, NotImplementedError):
            self._transport.write_eof()

    def close(self) -> None:
        """Close the connection once what was written is sent."""
        self.shut()
        if self._transport is not None:
            self._transport.close()

    def abort(self, *, reset: bool = False) -> None:
        """Close the connection at once.

        Args:
            reset: Whether to send a TCP reset.
        """
        if self._transport is None:
            return
        if reset:
            reset_on_close(self._transport)
        self._transport.abort()

    def release(self) -> None:
        """Release the owner, who holds this too, and TLS: both connections are gone, and nothing more is reported.

        The collector comes too late for the circle: at 70 dialogues a second the memory of a relay grew by 8 MB in 16,000 of them.
        """
        self._owner = self._transport = self._layer = None

    # Private

    def _report(self, octets: bytes) -> None:
        if self._owner is not None:
            self._owner.received(self, octets)

    @property
    def _whose(self) -> str:
        return "the server's" if isinstance(self._layer, TlsLayer) else "the client's"

    def _left(self) -> str:
        if isinstance(self._layer, TlsLayer):
            return LEFT_IN_HANDSHAKE
        return _NO_TLS.format("the client closed the connection")

    def _in_clear(self, *, implicit: bool) -> TlsFailed | ProtocolViolation:
        if isinstance(self._layer, TlsLayer):
            return cleartext_error(self._first, implicit=implicit)
        return TlsFailed(_NO_TLS.format(_SPOKE_IN_CLEAR))

    def _send(self, octets: bytes) -> None:
        if octets and not self.is_shut and self._transport is not None:
            self._transport.write(octets)

    def _shake_hands(self) -> None:
        assert self._layer is not None
        assert self._handshake is not None
        if self._handshake.done():
            return
        try:
            done = self._layer.handshake()
        except (TlsFailed, ProtocolViolation) as error:
            self._send(self._layer.outgoing())  # our alert
            self._fail(error)
            return
        self._send(self._layer.outgoing())
        if done:
            self.pause("tls")  # what came after the handshake waits in the layer
            self._handshake.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._handshake is not None and not self._handshake.done():
            self._handshake.set_exception(error)

    def _deliver(self) -> None:
        """Deliver what can be decrypted, until it is paused."""
        layer = self._layer
        assert layer is not None
        assert self._transport is not None
        try:
            while not self._reasons and not self.is_ended:
                octets = layer.decrypt(CHUNK)
                if octets is None:
                    break
                if octets:
                    self._report(octets)
                else:
                    self._end()
        except TlsFailed:
            self._transport.abort()
            return
        self._send(layer.outgoing())

    def _end(self) -> None:
        if not self.is_ended:
            self.is_ended = True
            if self._owner is not None:
                self._owner.ended(self)

    def _acknowledge(self) -> None:
        """Acknowledge at once what came with the handshake, as `net.transport` does: a reply waits for it up to 40 ms."""
        sock = self.socket
        if sock is not None:
            with contextlib.suppress(OSError, AttributeError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
