"""A callback of a connection that fails ends that connection, and nothing else."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from smtp_shell.servers.mock import MockServer
from smtp_shell.servers.mock.connection import MockConnection
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.servers.practice.connection import Connection
from smtp_shell.servers.relay import RelayServer
from smtp_shell.servers.relay.connection import Relayed
from smtp_shell.servers.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 20.0
SERVED = "S: 220 mail.example.org\nC: QUIT\nS: 221 Bye\n"


@pytest.fixture(params=["practice", "mock", "relay"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PracticeServer | MockServer | RelayServer]:
    """A server that watches its clients."""
    if request.param == "practice":
        with PracticeServer(PracticeSettings(), Watch()) as practice:
            yield practice
    elif request.param == "mock":
        (tmp_path / "served.smtp").write_text(SERVED)
        with MockServer(tmp_path / "served.smtp", watch=Watch()) as mock:
            yield mock
    else:
        with (
            PracticeServer(PracticeSettings()) as practice,
            RelayServer(f"127.0.0.1:{practice.port}", shows=True) as relay,
        ):
            yield relay


def greeting(port: int) -> bytes:
    """Return the first octets that a client gets; none where the connection is closed."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as client:
        try:
            return client.recv(3)
        except ConnectionResetError:
            return b""


def test_a_connection_that_cannot_be_served_is_closed_and_the_next_is_served(
    server: PracticeServer | MockServer | RelayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(self: Watch, *words: Any, **named: Any) -> Any:
        if faults:
            raise faults.pop()
        return real(self, *words, **named)

    faults, real = [RuntimeError("made to fail")], Watch.begin
    monkeypatch.setattr(Watch, "begin", begin)
    assert [greeting(server.port) for _ in range(2)] == [b"", b"220"]


@pytest.mark.parametrize(
    ("kind", "name"), [(MockConnection, "begin_tls"), (Connection, "_timeout_cb"), (Relayed, "_look_at_clock")]
)
def test_a_callback_of_the_loop_that_fails_aborts_its_connection(kind: type[Any], name: str) -> None:
    connection: Any = object.__new__(kind)  # with nothing in it: the callback fails at once
    aborted: list[str] = []
    connection.abort = lambda: aborted.append(name)
    getattr(connection, name)()
    assert aborted == [name]


def test_a_handshake_that_memory_fails_for_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def shake(self: ssl.SSLObject) -> None:
        if faults:
            raise faults.pop()
        real(self)

    faults, real = [MemoryError()], ssl.SSLObject.do_handshake
    monkeypatch.setattr(ssl.SSLObject, "do_handshake", shake)
    with PracticeServer(PracticeSettings(), Watch()) as server:
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as client:
            client.recv(1000)
            client.sendall(b"STARTTLS\r\n")
            assert client.recv(1000).startswith(b"220")
            assert client.recv(1000) == b""
        assert server.watch is not None
        assert [session.ended for session in server.watch.sessions()] == ["TLS failed"]
        assert greeting(server.port) == b"220"
