"""A relayed dialogue whose server goes while TLS begins."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import closing
from typing import TYPE_CHECKING

from smtp_shell.config import TlsSettings
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.servers.relay import RelayServer
from smtp_shell.servers.relay.connection import Relayed

if TYPE_CHECKING:
    import pytest

PATIENCE = 20.0


def test_a_client_is_not_left_alone_when_its_server_goes_after_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    async def secure_and_lose(self: Relayed, *, implicit: bool) -> None:
        await real(self, implicit=implicit)
        self.server.abort()
        while not self.server.is_lost:
            await asyncio.sleep(0)

    real = Relayed._secure_server
    monkeypatch.setattr(Relayed, "_secure_server", secure_and_lose)
    with (
        PracticeServer(PracticeSettings()) as server,
        RelayServer(f"localhost:{server.port}", tls=TlsSettings(ca_file=server.ca_file)) as relay,
        closing(socket.create_connection(("127.0.0.1", relay.port), timeout=PATIENCE)) as plain,
    ):
        plain.recv(1000)
        plain.sendall(b"STARTTLS\r\n")
        assert plain.recv(1000).startswith(b"220")
        context = ssl.create_default_context(cafile=str(relay.ca_file))
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            secured.sendall(b"EHLO client.example.org\r\n")
            assert secured.recv(1000) == b""
