"""Progress of commands that take long, on a terminal."""

import os
from pathlib import Path

import pytest

from tests.support.terminal import PROGRAM, running_program

pytestmark = pytest.mark.terminal


@pytest.mark.parametrize("command", ["convert", "lint"])
def test_a_file_that_takes_long_to_come_shows_a_bar_that_goes_away(command: str, tmp_path: Path) -> None:
    source = tmp_path / "lab.smtp"
    os.mkfifo(source)
    words = [str(source), str(tmp_path / "out.json")] if command == "convert" else [str(source)]
    with running_program(*PROGRAM, command, *words) as terminal:
        terminal.wait_for("ing lab.smtp")
        source.write_text("S: 220 mx.example.org\nC: QUIT\nS: 221 bye\n")
        terminal.wait_for("is written" if command == "convert" else "nothing to find")
        assert not any("━" in row for row in terminal.rows)
