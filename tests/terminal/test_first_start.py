"""What is on the screen before the first prompt, on the first start and on the next one; and that each thing to try can be typed."""

from pathlib import Path

import pytest

from smtp_shell.cli import first_start
from tests.support.terminal import running

pytestmark = pytest.mark.terminal


def test_the_first_start_shows_three_things_to_try(tmp_path: Path) -> None:
    environment = {"SMTP_SHELL_STATE_DIR": str(tmp_path / "state")}
    with running(env=environment) as terminal:
        terminal.wait_prompt()
        assert "Three things to try:" in terminal.text
        terminal.enter("/explain 550 5.7.1")
        terminal.wait_for("RFC 3463")
        terminal.enter("/exit")
        assert terminal.wait_end() == 0
    with running(env=environment) as terminal:
        terminal.wait_prompt()
        assert "Three things" not in terminal.text
        assert "Not connected: /connect HOST[:PORT], or /connect practice" in terminal.text


def test_the_first_start_of_practice_shows_them_below_the_facts(tmp_path: Path) -> None:
    with running("practice", env={"SMTP_SHELL_STATE_DIR": str(tmp_path / "state")}) as terminal:
        terminal.wait_prompt()
        assert "Three things to try:" in terminal.text
        terminal.enter("ehlo")
        terminal.wait_for("250-STARTTLS")
        terminal.enter("mail ann@example.org")
        terminal.wait_for("S: 250 2.1.0")
        terminal.enter("/lesson")
        terminal.wait_for("starttls")


def test_the_first_practice_server_shows_them_though_the_shell_has_been_used_before(tmp_path: Path) -> None:
    environment = {"SMTP_SHELL_STATE_DIR": str(tmp_path / "state")}
    with running(env=environment) as terminal:
        terminal.wait_prompt()
        terminal.enter("/connect practice")
        terminal.wait_for("220 practice.example")
        assert "mail ann@example.org       then rcpt bob@example.org" in terminal.text
        terminal.enter("/exit")
        assert terminal.wait_end() == 0
    with running("practice", env=environment) as terminal:
        terminal.wait_for("220 practice.example")
        assert "Three things" not in terminal.text
        assert first_start.in_practice(first=False)[0] in terminal.text


def test_words_that_a_newcomer_types_lead_to_the_command_of_the_shell(tmp_path: Path) -> None:
    with running(env={"SMTP_SHELL_STATE_DIR": str(tmp_path / "state")}) as terminal:
        for word, meant in (("help", "/help"), ("?", "/help"), ("quit", "/exit"), ("telnet 192.0.2.1 25", "/connect")):
            terminal.wait_prompt()
            terminal.enter(word)
            terminal.wait_for(f"there is no connection, and nothing was sent; did you mean {meant}?")
        terminal.wait_prompt()
        terminal.enter("/connec\tprac\t")
        terminal.wait_for("220 practice.example")
        terminal.wait_prompt()
        terminal.enter("exit")
        terminal.wait_for("/exit is a command of the shell; without the / the line was sent.")
        terminal.wait_prompt()
        terminal.enter("/quit")
        terminal.wait_for("did you mean /exit?")


def test_what_is_said_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(tmp_path))
    for said in (first_start.unconnected(), first_start.in_practice(first=True)):
        assert all(len(line) < 80 for text in said for line in text.split("\n"))
        assert len(said[0].split("\n")) == 5
    (tmp_path / "history").touch()
    (tmp_path / first_start.PRACTICE_FOLDER).mkdir()
    assert not first_start.is_first_practice()
    for said in (first_start.unconnected(), first_start.in_practice(first=False)):
        assert all(len(line) < 80 for text in said for line in text.split("\n"))
        assert "\n" not in said[0]
