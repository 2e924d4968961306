"""`smtp-shell convert`."""

import json
import os
from pathlib import Path

import pytest

from tests.unit.cli.program import run, sentence

TRANSCRIPT = """\
Transcript: 1
Title: Lab 7
Server: mail.example.com:587
Date: Sun, 22 Nov 2026 10:21:05 +0100

*: connect mail.example.com:587
S: 220 mail.example.com
C: DATA
S: 354 go
C: Subject: x
C:
C: hi
C: .
S: 250 ok
# a note
C: DATA
S: 354 go
C: .
S: 250 ok
"""


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "a.smtp"
    path.write_text(TRANSCRIPT)
    return path


@pytest.mark.parametrize("name", ["json", "svg", "html"])
def test_it_tells_what_it_wrote(transcript: Path, name: str) -> None:
    steps = len(run("convert", "--to", "json", str(transcript), "-").stdout.splitlines())
    out = transcript.with_name(f"a.{name}")
    done = run("convert", str(transcript), str(out))
    assert (done.returncode, done.stdout) == (0, b"")
    assert sentence(done) == f"smtp-shell: {out} is written: {name}, {steps} steps."


def test_the_count_is_that_of_the_json_lines(transcript: Path) -> None:
    out = transcript.with_name("a.json")
    done = run("convert", str(transcript), str(out))
    last = json.loads(out.read_text().splitlines()[-1])
    assert f"json, {last['n']} steps." in sentence(done)


def test_one_step_and_another_format_than_the_suffix(transcript: Path) -> None:
    transcript.write_text("C: NOOP\n")
    out = transcript.with_name("a.txt")
    assert sentence(run("convert", "--to", "svg", str(transcript), str(out))).endswith("a.txt is written: svg, 1 step.")


@pytest.mark.parametrize("options", [[], ["--theme", "light"]])
def test_on_standard_output_it_says_nothing_more(transcript: Path, options: list[str]) -> None:
    done = run("convert", "--to", "html", *options, str(transcript), "-")
    assert done.stderr == b""
    assert b"Server: mail.example.com:587" in done.stdout
    assert b"Date: Sun, 22 Nov 2026 10:21:05 +0100" in done.stdout
    assert (b"prefers-color-scheme" in done.stdout) is (not options)
    assert b"#ffffff" in done.stdout


@pytest.mark.parametrize("names", [["json", "--theme", "light"], ["svg", "--theme", "pink"]])
def test_a_theme_that_cannot_be_is_refused(transcript: Path, names: list[str]) -> None:
    done = run("convert", str(transcript), str(transcript.with_name(f"b.{names[0]}")), *names[1:])
    assert done.returncode == 2
    assert "--theme" in sentence(done)
    assert sorted(os.listdir(transcript.parent)) == ["a.smtp"]


def test_a_name_cannot_drive_the_terminal(transcript: Path) -> None:
    done = run("convert", "--to", "json", str(transcript), str(transcript.with_name("\x1b[2J")))
    assert "\\x1b[2J is written" in sentence(done)


def test_an_unknown_format_is_refused_with_the_known_ones(transcript: Path) -> None:
    done = run("convert", str(transcript), "-", "--to", "\x1bpdf")
    assert done.returncode == 2
    assert sentence(done) == (
        r"smtp-shell: \x1bpdf is no format that can be written; use one of smtp, json, md, svg, html, "
        r"swaks, openssl, curl, python, anki, pcapng."
    )


def test_standard_output_is_a_transcript_unless_said_otherwise(transcript: Path) -> None:
    done = run("convert", str(transcript), "-")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, b"Transcript: 1")


def test_a_name_without_a_suffix_tells_no_format(transcript: Path) -> None:
    done = run("convert", str(transcript), str(transcript.with_name("out")))
    assert done.returncode == 2
    assert sentence(done).startswith("smtp-shell: the name of OUT has no suffix that tells a format; use one of smtp,")
