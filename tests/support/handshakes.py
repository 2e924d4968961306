"""Handshakes of TLS in memory, between our client and a server's context."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from smtp_shell.errors import TlsFailed
from smtp_shell.net.tls_layer import TlsLayer

if TYPE_CHECKING:
    from smtp_shell.config import TlsSettings
    from smtp_shell.protocol.events import TlsStarted


def shake(
    server: ssl.SSLContext, settings: TlsSettings, name: str = "mail.example.com"
) -> tuple[TlsStarted | None, TlsFailed | None, TlsLayer]:
    """Do a handshake. Return what was seen of the server, why it failed, and the client's end.

    Args:
        server: The server's context.
        settings: The client's settings.
        name: The name that the client asks for.
    """
    layer = TlsLayer(settings, name)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = server.wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(6):
            if layer.handshake():
                break
            to_server.write(layer.outgoing())
            with suppress(ssl.SSLError):
                end.do_handshake()
            layer.feed(to_client.read())
        to_server.write(layer.outgoing())
        with suppress(ssl.SSLError):
            end.do_handshake()
        if to_client.pending:  # session tickets
            layer.feed(to_client.read())
            layer.decrypt(1)
    except TlsFailed as failure:
        return failure.seen, failure, layer
    return layer.facts(), None, layer
