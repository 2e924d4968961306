"""A program as the server that writes something in its own way before its greeting, as `exim -bh` does."""

import os
import sys
from pathlib import Path

import pytest

from tests.unit.cli.program import commands, run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs as servers need a POSIX system")

BANNER = "\\n**** SMTP testing session\\n**** no mail is sent\\n\\n"
SEEN = r'"**** SMTP testing session\x0a**** no mail is sent"'


def program(folder: Path, before: str) -> str:
    """Return a target: a program that writes this before its greeting."""
    file = folder / "server.py"
    file.write_text(
        "import os\n"
        "def say(text):\n"
        "    try:\n"
        "        os.write(1, text.encode())\n"
        "    except OSError:\n"
        "        raise SystemExit\n"
        f"say('{before}220 mail.example.org ESMTP\\r\\n')\n"
        "while line := os.read(0, 1000):\n"
        "    say('221 bye\\r\\n' if line.lower() == b'quit\\r\\n' else '250 ok\\r\\n')\n"
    )
    return f"pipe:{sys.executable} {file}"


def transcript(folder: Path) -> str:
    (folder / "a.smtp").write_text("S: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n")
    return str(folder / "a.smtp")


@pytest.mark.parametrize(("before", "seen"), [(BANNER, SEEN), ("\\n", "an empty line"), ("usage\\n", '"usage"')])
def test_where_nobody_watches_it_ends_the_session_and_is_shown(tmp_path: Path, before: str, seen: str) -> None:
    done = run(program(tmp_path, before), *commands("noop", "quit"))
    assert done.returncode == 6
    said = done.stderr.decode()
    assert f"the program wrote this before its greeting: {seen}" in said
    assert b"C: noop" not in done.stdout


def test_a_replay_shows_it_too(tmp_path: Path) -> None:
    done = run("replay", transcript(tmp_path), "--server", program(tmp_path, BANNER))
    assert done.returncode == 6
    assert r"received: \x0a**** SMTP testing session\x0a**** no mail is sent" in done.stdout.decode()


def test_without_such_text_nothing_is_different(tmp_path: Path) -> None:
    assert run(program(tmp_path, ""), *commands("noop", "quit")).returncode == 0
    assert run("replay", transcript(tmp_path), "--server", program(tmp_path, "")).returncode == 0


@pytest.mark.terminal
def test_at_the_prompt_it_is_shown_and_the_session_goes_on(tmp_path: Path) -> None:
    from tests.support.terminal import running

    with running(program(tmp_path, BANNER)) as terminal:
        terminal.wait_for("220 mail.example.org ESMTP")
        terminal.wait_prompt()
        assert "   S| **** SMTP testing session" in terminal.all_rows
        terminal.enter("noop")
        terminal.wait_for("250 ok")
