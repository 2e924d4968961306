"""`smtp-shell show`."""

from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import LETTER, at, commands, run


def test_show_prints_the_dialogue_of_a_recording(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    done = run(at(practice), "--record", str(path), *commands(*LETTER, "quit"))
    shown = run("show", str(path))
    assert shown.returncode == 0

    def dialogue(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if b"*:" not in line and not line.startswith(b"      ")]

    assert dialogue(shown.stdout) == dialogue(done.stdout)


def test_show_begins_with_what_the_header_says(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text("Transcript: 1\nTitle: Lab 7\nServer: mx.example:25\nTags: a b\n\nS: 220 hello\n")
    shown = run("show", str(path))
    assert shown.stdout.decode().splitlines() == [
        "      Title: Lab 7",
        "      Server: mx.example:25",
        "      Tags: a b",
        "+  S: 220 hello",
    ]


@pytest.mark.parametrize("form", ["json", "html", "svg"])
def test_convert_keeps_what_the_header_says_and_expectations(tmp_path: Path, form: str) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(
        "Transcript: 1\nTitle: Lab 7\nServer: mx.example:25\n\nC: DATA\nS: 3yz\nC: hello\nC: .\nS~ 250 .*\n"
    )
    done = run("convert", "--to", form, str(path), "-")
    assert done.returncode == 0
    text = done.stdout.decode().replace("&#160;", " ")
    for wanted in ("Lab 7", "mx.example:25", "3yz", "hello", "250 .*"):
        assert wanted in text
    assert "cannot have" not in text
