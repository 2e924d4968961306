"""A connection that is over is not kept: not by the timer for clients that do not close, and not until the collector comes round."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.mock import MockServer
from smtp_shell.servers.mock import connection as of_mock
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.servers.practice import connection as of_practice
from smtp_shell.servers.relay import RelayServer
from smtp_shell.servers.relay.connection import Relayed
from tests.support.faulty_clients import FAULTY, right
from tests.support.memory import without_collector

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "s3cret-Pass!"
PATIENCE = 20.0
TRANSCRIPT = "S: 220 mail.example.com\nC: EHLO a\nS: 250-mail.example.com\nS: 250 STARTTLS\nC: QUIT\nS: 221 Bye\n"


def _kept(kind: type, *, collects: bool) -> int:
    """Return how many connections are there, at the latest when they should long be gone."""
    until = time.monotonic() + PATIENCE
    while True:
        if collects:
            gc.collect()
        count = sum(isinstance(each, kind) for each in gc.get_objects())
        if not count or time.monotonic() > until:
            return count
        time.sleep(0.05)


def test_the_mock_keeps_nothing_of_a_connection_that_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_mock, "LINGER", 10 * PATIENCE)
    transcript = tmp_path / "a.smtp"
    transcript.write_text(TRANSCRIPT)
    with MockServer(transcript) as server, without_collector():
        for each in FAULTY.values():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("tests.support.faulty_clients.HANGS", 0.2)
                _come(each, server.port, server.ca_file)
        server.results(len(FAULTY))
        assert _kept(of_mock.MockConnection, collects=False) == 0


def test_the_practice_server_keeps_nothing_of_a_connection_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_practice, "LINGER", 10 * PATIENCE)
    settings = PracticeSettings(password=Secret(PASSWORD))
    with PracticeServer(settings) as server, without_collector():
        for _ in range(3):
            right("127.0.0.1", server.port, str(server.ca_file), PASSWORD)
        assert _kept(of_practice.Connection, collects=True) == 0


def test_the_relay_keeps_nothing_of_a_dialogue_that_is_over() -> None:
    settings = PracticeSettings(password=Secret(PASSWORD))
    with (
        PracticeServer(settings) as server,
        RelayServer(f"{server.host}:{server.port}", tls=TlsSettings(ca_file=server.ca_file)) as relay,
        without_collector(),
    ):
        for _ in range(3):
            right("127.0.0.1", relay.port, str(relay.ca_file), PASSWORD)
        assert _kept(Relayed, collects=False) == 0


def _come(client: object, port: int, ca_file: Path) -> None:
    """Have a client come; what it makes of the mock's replies is not the point."""
    assert callable(client)
    try:
        client("127.0.0.1", port, str(ca_file), PASSWORD)
    except (OSError, AssertionError):
        return
