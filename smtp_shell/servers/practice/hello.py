"""The random octets of a ClientHello, by which a key log names a connection: asyncio does not tell them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from smtp_shell.net.key_log import CLIENT_RANDOM

_LENGTH: Final = CLIENT_RANDOM.stop


class HelloTransport:
    """A transport that has the first octets of TLS read before whoever reads it next. It does nothing else.

    Args:
        transport: The socket's transport.
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._reader: _HelloReader | None = None

    def __getattr__(self, name: str) -> Any:  # all that asyncio asks of the transport itself
        return getattr(self._transport, name)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Set the protocol that does TLS. The first octets are read before it gets them."""
        assert isinstance(protocol, asyncio.BufferedProtocol)
        self._reader = _HelloReader(self._transport, protocol)
        self._transport.set_protocol(self._reader)

    @property
    def client_random(self) -> bytes:
        """The random octets; empty where TLS has not begun."""
        return b"" if self._reader is None else bytes(self._reader.octets[CLIENT_RANDOM])


class _HelloReader(asyncio.BufferedProtocol):
    """Stands before the protocol that does TLS until it has seen enough."""

    def __init__(self, transport: asyncio.BaseTransport, protocol: asyncio.BufferedProtocol) -> None:
        self.octets = bytearray()
        self._transport = transport
        self._protocol = protocol
        self._buffer = memoryview(b"")

    def get_buffer(self, sizehint: int) -> Any:
        buffer = self._protocol.get_buffer(sizehint)
        self._buffer = memoryview(buffer)
        return buffer

    def buffer_updated(self, nbytes: int) -> None:
        if len(self.octets) < _LENGTH:
            self.octets += self._buffer[: min(nbytes, _LENGTH - len(self.octets))]
        if len(self.octets) == _LENGTH and self._transport.get_protocol() is self:
            self._transport.set_protocol(self._protocol)
        self._protocol.buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
