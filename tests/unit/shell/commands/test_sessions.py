"""`/sessions`: the practice server's dialogues, listed and shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.protocol.events import CommandSent, Remarked
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.servers.watching import MOST_SESSIONS, Watch
from tests.support.faulty_clients import Client
from tests.unit.shell.fake import Screen, make_shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.shell.shell import Shell


@pytest.fixture
def server() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings(), Watch()) as server:
        yield server


def shell_of(server: PracticeServer | None) -> tuple[Shell, Screen]:
    shell, *_ = make_shell()
    shell.options = replace(shell.options, practice=server)
    assert isinstance(shell.outlet.to, Screen)
    return shell, shell.outlet.to


def talk(server: PracticeServer, *lines: str) -> None:
    client = Client(server.host, server.port)
    client.reply()
    for line in lines:
        client.say(line)
    client.close()
    time.sleep(0.05)


def test_without_a_practice_server_there_are_none() -> None:
    shell, _ = shell_of(None)
    with pytest.raises(UsageError, match="no practice server"):
        shell.run("/sessions")


def test_they_are_listed_with_how_they_ended(server: PracticeServer) -> None:
    shell, screen = shell_of(server)
    shell.run("/sessions")
    assert "no client has connected yet" in screen.words
    talk(server, "EHLO one.example", "QUIT")
    talk(
        server,
        "HELO two.example",
        "MAIL FROM:<ann@example.org>",
        "RCPT TO:<bob@example.org>",
        "DATA",
        "Subject: x\r\n\r\nx\r\n.",
    )
    shell.run("/sessions")
    first, second = screen.said[-2:]
    assert "one.example" in first
    assert first.endswith("QUIT")
    assert "two.example" in second
    assert second.split()[5] == "1"
    assert second.endswith("no QUIT")
    assert all(len(row) <= 80 for row in screen.said[-3:])


def test_one_is_shown_with_what_lint_says(server: PracticeServer) -> None:
    shell, screen = shell_of(server)
    talk(server, "EHLO one.example", "QUIT")
    client = Client(server.host, server.port)
    client.reply()
    client.say("NOOP", "\n")
    client.close()
    time.sleep(0.05)
    shell.run("/sessions 1")
    assert [entry.event.command.line for entry in screen.entries if isinstance(entry.event, CommandSent)] == [
        b"EHLO one.example",
        b"QUIT",
    ]
    shell.run("/sessions 2")
    remarks = [entry.event.text for entry in screen.entries if isinstance(entry.event, Remarked)]
    assert any(remark.startswith("error bare-lf: ") for remark in remarks)
    assert "in all." in screen.words


@pytest.mark.parametrize("word", ["0", "2", "x", "-1"])
def test_one_that_is_not_there(server: PracticeServer, word: str) -> None:
    shell, _ = shell_of(server)
    talk(server, "QUIT")
    with pytest.raises(UsageError, match="there are 1 to 1"):
        shell.run(f"/sessions {word}")


def test_the_last_hundred_are_kept(server: PracticeServer) -> None:
    shell, screen = shell_of(server)
    for _ in range(MOST_SESSIONS + 5):
        talk_quickly(server)
    shell.run("/sessions")
    assert len(screen.said) == MOST_SESSIONS + 1
    assert screen.said[1].split()[0] == "6"


def talk_quickly(server: PracticeServer) -> None:
    client = Client(server.host, server.port)
    client.reply()
    client.say("QUIT")
    client.close()


def test_long_mail_data_is_cut_and_that_is_said(server: PracticeServer) -> None:
    shell, screen = shell_of(server)
    body = "a line of this message\r\n" * 20_000
    talk(
        server,
        "HELO a",
        "MAIL FROM:<ann@example.org>",
        "RCPT TO:<bob@example.org>",
        "DATA",
        f"Subject: x\r\n\r\n{body}.",
    )
    shell.run("/sessions 1")
    assert any(
        isinstance(entry.event, Remarked) and "more octets of mail data are left out" in entry.event.text
        for entry in screen.entries
    )
