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
