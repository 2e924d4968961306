"""Replays at a terminal: step by step, the question of `--update`, and the progress bar."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.peer import Hear, ScriptedServer, Turn
from tests.support.terminal import ENTER, running

pytestmark = pytest.mark.terminal


def test_a_step_is_shown_whole_and_an_edit_begins_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(
        "Transcript: 1\nVar: to=bob\n\nS: 220\n# Who is it?\nC: EHLO ${to}.example\nS: 250-mx.example\nS: 250 HELP\n"
        "C: NOOP ${to}\nS: 250\nC: QUIT\nS: 221\n"
    )
    with (
        PracticeServer(PracticeSettings()) as server,
        running("replay", str(path), "--step", "--server", f"127.0.0.1:{server.port}") as terminal,
    ):
        terminal.wait(lambda: terminal.line.endswith("quit: "), "the first question")
        screen = "\n".join(terminal.all_rows)
        assert "     # Who is it?" in screen
        assert "next 6: C: EHLO ${to}.example" in screen
        assert "     filled in: EHLO bob.example" in screen
        assert "     expects: S: 250-mx.example" in screen
        terminal.type(ENTER)
        terminal.wait_for("as expected: 250-mx.example")
        terminal.wait(lambda: terminal.line.endswith("quit: "), "the second question")
        terminal.type("e" + ENTER)
        terminal.wait(lambda: terminal.line == "     send instead: NOOP ${to}", "the line of the file")
        terminal.type(" and more" + ENTER)
        terminal.wait_for("C: NOOP bob and more  250")
        terminal.wait(lambda: terminal.line.endswith("quit: "), "the third question")
        terminal.type(ENTER)
        terminal.wait_for("1 transcript, 4 steps")


def test_an_update_is_shown_and_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lab.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 550 no\n")
    with PracticeServer(PracticeSettings()) as server:
        words = ("replay", path.name, "--update", "--server", f"127.0.0.1:{server.port}")
        for answer, text in (("n", "S: 550 no"), ("y", "S: 250 2.0.0 Ok")):
            with running(*words) as terminal:
                terminal.wait(lambda: terminal.line.endswith("no more: "), "the question")
                screen = "\n".join(terminal.all_rows)
                assert "-S: 550 no" in screen
                assert "+S: 250 2.0.0 Ok" in screen
                terminal.type(answer + ENTER)
                terminal.wait_for("is rewritten: 1 line" if answer == "y" else "is left as it is: 1 line")
            assert path.read_text() == f"S: 220\nC: NOOP\n{text}\n"


def test_a_long_batch_has_a_bar_that_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\nC: RSET\nS: 250\n")
    script: list[Turn] = [b"220 mx.example\r\n", Hear(b"NOOP\r\n"), b"250 ok\r\n", Hear(b"RSET\r\n"), Hear(b"more\r\n")]
    with (
        ScriptedServer(script) as server,
        running("replay", str(path), "--server", server.address, "--timeout", "4") as terminal,
    ):
        terminal.wait_for("0 of 1 runs, 2 steps")
        terminal.wait_for("1 transcript, 3 steps")
        screen = "\n".join(terminal.all_rows)
        assert "of 1 runs" not in screen
        assert "ok      2  C: NOOP  250" in screen
        assert f"{path}:5: " in screen.replace("\n", "")
