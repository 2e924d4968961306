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


def test_what_is_said_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(tmp_path))
    for said in (first_start.unconnected(), first_start.in_practice()):
        assert all(len(line) < 80 for text in said for line in text.split("\n"))
        assert len(said[0].split("\n")) == 5
    (tmp_path / "history").touch()
    for said in (first_start.unconnected(), first_start.in_practice()):
        assert all(len(line) < 80 for text in said for line in text.split("\n"))
        assert "\n" not in said[0]
