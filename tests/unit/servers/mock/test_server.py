"""A mock server whose TLS, folder or thread fails, and one whose client says nothing inside TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from smtp_shell.errors import ConnectFailed, TlsFailed
from smtp_shell.net.tls_layer import TlsBuffers
from smtp_shell.servers.mock import MockServer, MockSettings
from smtp_shell.servers.mock import server as module
from smtp_shell.servers.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 20.0
SERVED = """\
S: 220 mail.example.org
C: STARTTLS
S: 220 Go ahead
C: EHLO client.example.org
S: 250 mail.example.org
C: QUIT
S: 221 Bye
"""


@pytest.fixture
def served(tmp_path: Path) -> Path:
    path = tmp_path / "served.smtp"
    path.write_text(SERVED)
    return path


@contextmanager
def secured(server: MockServer) -> Iterator[ssl.SSLSocket]:
    """Connect, and begin TLS."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as plain:
        plain.recv(1000)
        plain.sendall(b"STARTTLS\r\n")
        plain.recv(1000)
        context = ssl.create_default_context(cafile=str(server.ca_file))
        with context.wrap_socket(plain, server_hostname="localhost") as client:
            yield client


@pytest.mark.timeout(60)  # what is tested for is an end that waits for ever
@pytest.mark.parametrize(
    ("holder", "name", "error"),
    [
        (module, "TemporaryFolder", PermissionError("no folder")),
        (threading.Thread, "start", RuntimeError("can't start new thread")),
    ],
)
def test_a_server_that_can_have_no_certificate_made_does_not_start(
    holder: object, name: str, error: Exception, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: object, **named: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(holder, name, refuse)
        with pytest.raises(ConnectFailed, match=f"The mock server could not start: {error}"):
            MockServer(served).start()
    with MockServer(served) as server, secured(server) as client:
        client.sendall(b"EHLO client.example.org\r\nQUIT\r\n")
        assert client.recv(1000).startswith(b"250")


def test_a_client_that_says_nothing_inside_tls_is_told_so_inside_tls_and_that_is_recorded(served: Path) -> None:
    watch = Watch()
    with MockServer(served, settings=MockSettings(idle_limit=1.0), watch=watch) as server:
        with secured(server) as client:
            reply = client.recv(1000)
        assert reply == b"421 4.4.2 mock.example Nothing came for too long, closing the connection\r\n"
        (session,) = watch.sessions()
    assert any("421 4.4.2" in str(entry.event) for entry in session.entries)


def test_a_reply_that_cannot_be_encrypted_ends_the_connection(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: TlsBuffers, octets: bytes | memoryview) -> bytes:
        raise TlsFailed("TLS broke: bad length.")

    with MockServer(served) as server:
        with secured(server) as client:
            monkeypatch.setattr(TlsBuffers, "encrypt", refuse)
            client.sendall(b"EHLO client.example.org\r\n")
            with suppress(ConnectionResetError, ssl.SSLError):  # no close_notify: nothing can be encrypted any more
                assert client.recv(1000) == b""
        monkeypatch.undo()
        with secured(server) as client:
            client.sendall(b"EHLO client.example.org\r\nQUIT\r\n")
            assert client.recv(1000).startswith(b"250")
