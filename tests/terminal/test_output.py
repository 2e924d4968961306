"""Long answers in a pager, and a program after a bar, on a terminal."""

import sys
from pathlib import Path

import pytest

from tests.support.terminal import CTRL_C, ENTER, running

pytestmark = pytest.mark.terminal

PAGER = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
lines = sys.stdin.readlines()
print(f"PAGER: {len(lines)} lines", flush=True)
open("/dev/tty").readline()
print("PAGER: bye", flush=True)
"""


@pytest.fixture
def pager(tmp_path: Path) -> str:
    program = tmp_path / "pager.py"
    program.write_text(PAGER)
    return f"{sys.executable} {program}"


def test_what_fits_is_on_the_screen_and_what_does_not_is_in_the_pager(pager: str, state_dir: Path) -> None:
    with running("practice", env={"PAGER": pager}) as terminal:
        terminal.enter("/set pager on", "greeted")
        terminal.enter("ehlo", "greeted")
        terminal.enter("/capabilities", "ready")
        terminal.wait_for("The command HELP is offered")
        terminal.enter("/set", "ready")
        terminal.wait_for("PAGER: ")
        assert "chunk-size" not in terminal.text
        terminal.type(CTRL_C)
        terminal.type("q" + ENTER)
        terminal.wait_for("PAGER: bye")
        terminal.enter("noop", "ready")
        terminal.wait_for("250 2.0.0")


def test_a_program_after_a_bar_has_the_terminal(pager: str, state_dir: Path) -> None:
    with running("practice") as terminal:
        terminal.enter(f"/help | {pager}", "greeted")
        terminal.wait_for("PAGER: ")
        assert "/capabilities" not in terminal.text
        terminal.type(ENTER)
        terminal.wait_for("PAGER: bye")
        terminal.enter("/exit", "greeted")
