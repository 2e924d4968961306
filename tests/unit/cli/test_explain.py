"""`smtp-shell explain` and `show --explain`: whole processes."""

import json
import os
import pty
from pathlib import Path

import pytest

from tests.unit.cli.program import PROGRAM, commands, faulty, run, run_text, sentence
from tests.unit.cli.test_start import LIBRARIES, STANDARD, loaded_by, ours, top_level

WIDE = ("PIPELINING", "550 5.7.1", "AUTH LOGIN")


def objects(*words: str) -> list[dict[str, object]]:
    done = run_text("explain", "--json", *words)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_reply_is_explained_without_a_connection() -> None:
    done = run_text("explain", "550", "5.7.1")
    assert (done.returncode, done.stderr) == (0, "")
    heading, *rows = done.stdout.splitlines()
    assert heading.startswith("550 5.7.1  ")
    assert any(row.startswith("  Source") and "RFC 5321" in row for row in rows)


def test_json_has_the_fields_of_the_contract() -> None:
    (found,) = objects("550 5.7.1")
    assert (found["what"], found["kind"]) == ("550 5.7.1", "reply")
    assert found["do"] in ("fix", "retry", "give up", "none")
    for name in ("title", "meaning"):
        assert isinstance(found[name], str)
    assert isinstance(found["sources"], list)
    assert None not in found.values()
    assert "causes" not in found


def test_several_explanations_are_several_objects() -> None:
    assert [found["kind"] for found in objects("SIZE")] == ["extension", "parameter"]


def test_what_is_not_known_is_one_sentence_and_status_one() -> None:
    for options in ([], ["--json"]):
        done = run("explain", *options, "piplining")
        assert done.returncode == 1
        assert done.stdout == b""
        assert "did you mean" in sentence(done)


@pytest.mark.parametrize("words", [[], ["--json"], ["--what"], ["550", "--color", "blue"]])
def test_wrong_usage(words: list[str]) -> None:
    assert run("explain", *words).returncode == 2


def test_help_shows_what_can_be_asked() -> None:
    done = run_text("explain", "--help")
    assert done.returncode == 0
    assert "  smtp-shell explain open relay\n" in done.stdout


def test_nothing_raw_is_shown() -> None:
    done = run("explain", "EHLO \x1b]0;x\x07\u202e")
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    assert "\u202e".encode() not in done.stdout
    assert run("explain", "\x1b[31m").returncode == 1


@pytest.mark.parametrize("what", WIDE)
def test_lines_fit_eighty_columns_and_are_cut_between_words(what: str) -> None:
    rows = run_text("explain", what).stdout.splitlines()
    assert all(len(row) < 80 for row in rows)
    whole = [line for found in _explained(what) for line in found]
    assert " ".join(" ".join(rows).split()) == " ".join(" ".join(whole).split())


def _explained(what: str) -> list[list[str]]:
    from smtp_shell.knowledge.explain import explanations

    return [list(found.lines()) for found in explanations(what)]


def test_colour_is_asked_for() -> None:
    assert "\x1b[1m550" in run_text("explain", "550", "--color", "always").stdout
    assert "\x1b" not in run_text("explain", "550").stdout
    plain = run_text("explain", "550", "--color", "never").stdout
    coloured = run_text("explain", "550", "--color", "always").stdout
    for sequence in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        coloured = coloured.replace(sequence, "")
    assert coloured == plain


def test_a_terminal_is_wrapped_at_its_width() -> None:
    import fcntl
    import struct
    import subprocess
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    subprocess.run(
        [*PROGRAM, "explain", "PIPELINING"],
        stdout=follower,
        env={**os.environ, "NO_COLOR": "1"},
        timeout=30,
        check=True,
    )
    os.close(follower)
    shown = b""
    with os.fdopen(leader, "rb", buffering=0) as screen:
        try:
            while piece := screen.read(65536):
                shown += piece
        except OSError:  # Linux: the other end is closed
            pass
    rows = shown.decode().splitlines()
    assert max(map(len, rows)) < 50
    assert len(rows) > 8


def test_it_loads_nothing_that_takes_long() -> None:
    code = "from smtp_shell.cli.main import main\nassert main(['explain', '550']) == 0"
    found = loaded_by(code)
    assert not top_level(found) & (LIBRARIES | {"msgspec", "argparse", "json"})
    assert ours(found) == {
        *("cli", "cli.main", "cli.startup", "cli.explain"),
        *("knowledge", "knowledge.explain", "knowledge.explanation", "knowledge.codes", "knowledge.tables"),
    }


def test_a_replay_loads_no_knowledge(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("C: NOOP\n")
    found = loaded_by(
        f"{STANDARD}from smtp_shell.cli.main import main\nassert main(['replay', {str(path)!r}, '--server', '127.0.0.1:1']) == 3"
    )
    assert not {name for name in ours(found) if name.startswith("knowledge")}


ORDER = (
    "S: 220 mx\nC: MAIL FROM:<ann@example.org>\nS: 503 5.5.1 no\nC: EHLO x\nS: 250 mx\nC: EHL0 x\nS: 500 5.5.2 what\n"
)


def test_show_explains_each_line(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(ORDER)
    done = run_text("show", "--explain", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    rows = done.stdout.splitlines()
    told = [row for row in rows if row.startswith("        ")]
    assert len(told) == 7
    assert [row for row in rows if row not in told] == run_text("show", str(path)).stdout.splitlines()
    assert "MAIL comes after EHLO or HELO" in told[2]
    assert "the letter O" in told[5]


def test_show_explains_and_masks(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(
        "S: 220 mx\nC: EHLO x\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 UGFzc3dvcmQ6\nC: czNjcmV0\nS: 535 5.7.8 no\n"
    )
    done = run("show", "--explain", str(path))
    assert b"czNjcmV0" not in done.stdout
    assert b"wrong" in done.stdout


def test_set_explain_tells_the_refusals_on_standard_error() -> None:
    with faulty("MAIL=550") as server:
        done = run_text(server, *commands("/set explain on", "ehlo", "mail ann@example.org"))
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("        ")]
    assert len(told) == 1
    assert told[0].strip().startswith("550")
    assert not any(line.startswith("        ") for line in done.stdout.splitlines())


def test_set_explain_all_leaves_json_as_it_is() -> None:
    with faulty() as server:
        done = run_text(server, "--json", *commands("/set explain all", "ehlo", "quit"))
    assert done.returncode == 0
    assert all(json.loads(line) for line in done.stdout.splitlines())
    assert len([line for line in done.stderr.splitlines() if line.startswith("        ")]) == 2


LAB = """\
Transcript: 1
Title: Lab 7

S: 220 mx
C: MAIL FROM:<ann@example.org>
S: 503 5.5.1 no
C: EHLO x
S: 250-mx
S: 250 AUTH PLAIN LOGIN
C: EHL0 x
S: 500 5.5.2 what
C: AUTH PLAIN AGFubgBzM2NyZXQ=
S: 235 ok
C: MAIL FROM:<ann@example.org> SIZE=100
S: 250 ok
C: RCPT TO:<bob@example.org>
S: 250 ok
C: DATA
S: 354 go
C: Subject: dots
C:
C: ..
C: .
S: 250 2.0.0 taken
# a note
C: QUIT
S: 221 bye
"""
EXPLAINED = [
    (2, 4, "220", "reply"),
    (3, 5, "MAIL FROM:<ann@example.org>", "command"),
    (4, 6, "503 5.5.1", "reply"),
    (5, 7, "EHLO x", "command"),
    (6, 8, "250", "reply"),
    (7, 10, "EHL0 x", "command"),
    (8, 11, "500 5.5.2", "reply"),
    (9, 12, "PLAIN", "mechanism"),
    (9, 12, "AUTH", "command"),
    (10, 13, "235", "reply"),
    (11, 14, "MAIL FROM:<ann@example.org> SIZE=100", "command"),
    (11, 14, "SIZE", "parameter"),
    (12, 15, "250", "reply"),
    (13, 16, "RCPT TO:<bob@example.org>", "command"),
    (14, 17, "250", "reply"),
    (15, 18, "DATA", "command"),
    (16, 19, "354", "reply"),
    (17, 20, "Subject", "header"),
    (17, 21, "body", "term"),
    (17, 22, "dot-stuffing", "term"),
    (17, 23, ".", "command"),
    (18, 24, "250 2.0.0", "reply"),
    (20, 26, "QUIT", "command"),
    (21, 27, "221", "reply"),
]


def test_show_explains_as_json_with_the_step_and_the_line_of_each_explanation(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(LAB)
    done = run("show", "--explain", "--json", str(path))
    assert done.returncode == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["n"], each["line"], each["what"], each["kind"]) for each in found] == EXPLAINED
    assert all({"title", "meaning", "do", "sources"} <= each.keys() for each in found)
    assert b"AGFubgBzM2NyZXQ" not in done.stdout + done.stderr
    by_line = {each["line"]: each for each in found}
    assert by_line[6]["meaning"].startswith("MAIL comes after EHLO or HELO")
    assert (by_line[10]["known"], by_line[10]["do"]) == (False, "fix")
    assert "the letter O" in by_line[10]["meaning"]
    shown = [json.loads(line) for line in run("show", "--json", str(path)).stdout.splitlines()]
    assert shown == [json.loads(line) for line in run("convert", "--to", "json", str(path), "-").stdout.splitlines()]
    steps = {step["n"]: step for step in shown}
    assert all(steps[each["n"]]["dir"] == "S" for each in found if each["kind"] == "reply")


@pytest.mark.parametrize("picture", ["--diagram", "--timing", "--packets"])
def test_a_picture_is_no_json(tmp_path: Path, picture: str) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(LAB)
    done = run_text("show", picture, "--json", str(path))
    assert done.returncode == 2
    assert f"{picture} draws a picture, and --json has none" in done.stderr
