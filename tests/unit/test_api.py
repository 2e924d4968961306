"""The Python API, against the practice server."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import smtp_shell
from smtp_shell import Command, Transcript, connect, replay
from smtp_shell.errors import ConnectFailed, TlsFailed, UsageError
from smtp_shell.protocol.events import CommandSent, Event
from smtp_shell.replay.results import Outcome
from smtp_shell.servers.practice import PracticeServer

TEXT = "Transcript: 1\nTitle: Lab\n\nS: 220\nC: EHLO client.example.org\nS: 250\nC: STARTTLS\nS: 220\n"
TEXT += "C: EHLO client.example.org\nS: 250\nC: AUTH PLAIN ${sasl}\nS: 235\nC: QUIT\nS: 221\n"


def address(practice: PracticeServer) -> str:
    return f"{practice.host}:{practice.port}"


def test_a_session(practice: PracticeServer) -> None:
    seen: list[Event] = []
    with connect(address(practice), consumers=[lambda entry: seen.append(entry.event)]) as session:
        assert session.command(Command.of("EHLO", "client.example.org")).code == 250
    assert not session.is_open
    assert [type(event).__name__ for event in seen] == [
        "Connected",
        "ReplyReceived",
        "CommandSent",
        "ReplyReceived",
        "Disconnected",
    ]


def test_a_session_with_starttls(practice: PracticeServer) -> None:
    with connect(address(practice), starttls=True, ca_file=practice.ca_file) as session:
        assert session.tls is not None
        assert session.dialogue.extensions is not None
        assert "AUTH" in session.dialogue.extensions


def test_starttls_greets_with_the_name_that_the_shell_gives(
    practice: PracticeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "client.example.org")
    seen: list[Event] = []
    with connect(
        address(practice),
        starttls=True,
        ca_file=practice.ca_file,
        consumers=[lambda entry: seen.append(entry.event)],
    ):
        sent = [event.command.line for event in seen if isinstance(event, CommandSent)]
    hello = b"EHLO client.example.org"
    assert sent == [hello, b"STARTTLS", hello]


def test_what_cannot_be_verified_is_an_error(practice: PracticeServer) -> None:
    with pytest.raises(TlsFailed):
        connect(address(practice), starttls=True)
    with pytest.raises(ConnectFailed):
        connect("127.0.0.1:1", timeout=5)
    with pytest.raises(UsageError):
        connect("not a host")


def test_a_replay(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(TEXT, encoding="utf-8")
    told: list[Outcome] = []
    result = replay(
        path,
        address(practice),
        user=practice.user,
        password=practice.password.reveal(),
        ca_file=practice.ca_file,
        on_step=lambda step: told.append(step.outcome),
    )
    assert (result.failure, result.exit_status) == (None, 0)
    assert told == [Outcome.MATCHED] * 6
    assert replay(path, address(practice)).exit_status == 4


def test_a_transcript_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(TEXT, encoding="utf-8")
    transcript = Transcript.read(path)
    assert transcript.header is not None
    assert (transcript.header.title, len(transcript.steps)) == ("Lab", 11)
    transcript.write(tmp_path / "copy.smtp")
    assert Transcript.read(tmp_path / "copy.smtp").steps == transcript.steps
    with pytest.raises(UsageError):
        transcript.write(path)
    transcript.write(path, overwrite=True)


def test_the_names_are_imported_when_they_are_used() -> None:
    code = (
        "import smtp_shell, sys\nassert 'smtp_shell.client' not in sys.modules\nassert callable(smtp_shell.connect)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert set(smtp_shell.__all__) >= {"Command", "Transcript", "connect", "replay"}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = smtp_shell.nothing
