"""`smtp-shell show`."""

from pathlib import Path

from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import LETTER, at, commands, run


def test_show_prints_the_dialogue_of_a_recording(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    done = run(at(practice), "--record", str(path), *commands(*LETTER, "quit"))
    shown = run("show", str(path))
    assert shown.returncode == 0

    def dialogue(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if b"*:" not in line]

    assert dialogue(shown.stdout) == dialogue(done.stdout)
