"""One half of a relayed dialogue, where TLS breaks."""

from __future__ import annotations

import asyncio
import ssl

from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.tls_layer import TlsBuffers
from smtp_shell.servers.relay.half import Half


class Owner:
    """Is told nothing that counts here."""

    def opened(self, half: Half) -> None: ...
    def received(self, half: Half, octets: bytes) -> None: ...
    def ended(self, half: Half) -> None: ...
    def lost(self, half: Half, error: Exception | None) -> None: ...
    def crowded(self, half: Half, *, is_crowded: bool) -> None: ...


class Broken(TlsBuffers):
    """TLS that can encrypt nothing any more."""

    def __init__(self) -> None:
        super().__init__(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), TlsSettings(), server_side=True)

    def handshake(self) -> bool:
        return True

    def encrypt(self, octets: bytes | memoryview) -> bytes:
        raise TlsFailed("TLS broke: bad length.")


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_aborted = False

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def abort(self) -> None:
        self.is_aborted = True


def test_octets_that_cannot_be_encrypted_end_the_connection_and_are_not_left_out() -> None:
    half, transport = Half(Owner()), Transport()
    half.connection_made(transport)
    half.write(b"220 ready\r\n")
    asyncio.run(half.secure(Broken(), 10.0))
    half.write(b"250 Ok\r\n")
    assert transport.is_aborted
    assert transport.sent == b"220 ready\r\n"
