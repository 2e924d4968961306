"""A connection of the practice server with a tap: what goes over the wire, below TLS, is delivered to it as well."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtp_shell.net.tap import Place, Tap, Taps


class TappedProtocol(asyncio.Protocol):
    """Stands between the socket's transport and the protocol, which is SMTP at first, and TLS after STARTTLS.

    Args:
        protocol: The protocol of the connection.
        taps: Has the tap.
    """

    def __init__(self, protocol: asyncio.BaseProtocol, taps: Taps) -> None:
        self.protocol = protocol
        self._taps = taps
        self._tap: Tap | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to tap."""
        assert isinstance(transport, asyncio.Transport)
        client, server = _place(transport.get_extra_info("peername")), _place(transport.get_extra_info("sockname"))
        self._tap = self._taps.begin(client, server, opened=True)
        self.protocol.connection_made(_TappedTransport(transport, self, self._tap))

    def data_received(self, data: bytes) -> None:
        """Pass on what the client has sent."""
        if self._tap is not None:
            self._tap.sent(data)
        protocol = self.protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            assert isinstance(protocol, asyncio.Protocol)
            protocol.data_received(data)
            return
        while data:
            buffer = memoryview(protocol.get_buffer(len(data)))
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            protocol.buffer_updated(size)
            data = data[size:]

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        if self._tap is not None:
            self._tap.ended(by_client=True)
        protocol = self.protocol
        if isinstance(protocol, asyncio.Protocol | asyncio.BufferedProtocol):
            return protocol.eof_received()
        return None

    def connection_lost(self, error: Exception | None) -> None:
        """Pass on that the connection is gone."""
        if self._tap is not None:
            if isinstance(error, ConnectionError):
                self._tap.ended(by_client=True, reset=True)
            self._tap.ended(by_client=False)
            self._tap.ended(by_client=True)  # after close_notify, asyncio closes without reading the end of the stream
        self.protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass on that the client does not read."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that it reads again."""
        self.protocol.resume_writing()


class _TappedTransport(asyncio.Transport):
    """The socket's transport, as the protocol sees it."""

    def __init__(self, transport: asyncio.Transport, below: TappedProtocol, tap: Tap) -> None:
        super().__init__()
        self._transport = transport
        self._below = below
        self._tap = tap

    def __getattr__(self, name: str) -> Any:  # what asyncio asks of its own transports beyond the documented methods
        return getattr(self._transport, name)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._below.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._below.protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._tap.received(bytes(data))
        self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self._tap.ended(by_client=False)
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def abort(self) -> None:
        self._tap.ended(by_client=False, reset=True)
        self._transport.abort()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._transport.get_write_buffer_limits()


def _place(name: object) -> Place:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
