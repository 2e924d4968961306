"""`replay --update`: what changes in a file, what stays, and what is refused."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from smtp_shell.cli.updating import Updater
from smtp_shell.errors import UsageError
from smtp_shell.matching.expectation import ExpectedLine, Strictness
from smtp_shell.replay.results import Answer
from smtp_shell.replay.updating import plan_update, stamp_of, write_update
from smtp_shell.transcript.step import Marker, Step
from tests.support.peer import Hear, ScriptedServer, Turn
from tests.unit.cli.program import run_text

GREETING = b"220 mx.example ESMTP\r\n"
PASSWORD = "c4nary-Pass"


def turn(hear: bytes, say: bytes) -> list[Turn]:
    return [Hear(hear + b"\r\n"), say]


EHLO = turn(b"EHLO x.example", b"250-mx.example\r\n250-SIZE 1000\r\n250-DSN\r\n250 HELP\r\n")
QUIT = turn(b"QUIT", b"221 bye\r\n")


def update(path: Path, turns: Sequence[Turn], *options: str, status: int = 0, closes: bool = True) -> str:
    """Update a transcript, check the exit status, and return standard output."""
    with ScriptedServer([GREETING, *turns], closes=closes) as server:
        done = run_text(
            "replay", str(path), "--server", server.address, "--update", "--yes", "--timeout", "5", *options
        )
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout


def changed(tmp_path: Path, text: str, turns: Sequence[Turn], *options: str, status: int = 0) -> str:
    path = tmp_path / "lab.smtp"
    path.write_bytes(text.encode())
    update(path, turns, *options, status=status)
    return path.read_bytes().decode()


HELLO = "S: 220\nC: EHLO x.example\n"


@pytest.mark.parametrize(
    ("match", "before", "after"),
    [
        ("code", "S: 550\n", "S: 250\n"),
        ("code", "S: 5yz\n", "S: 250\n"),
        ("code", "S: 250-fine\nS: 250 as it is\n", "S: 250-fine\nS: 250 as it is\n"),
        (
            "code",
            "S: 550 no\n",
            "S: 250-mx.example\nS: 250-SIZE 1000\nS: 250-DSN\nS: 250 HELP\n",
        ),
        (
            "keywords",
            "S: 250-other\nS: 250-SIZE 9\nS: 250-ETRN\nS: 250 HELP\n",
            "S: 250-other\nS: 250-SIZE 9\nS: 250-DSN\nS: 250 HELP\n",
        ),
        (
            "text",
            "  0.123  S: 250-other.example\n         # sizes\n  0.124  S: 250-SIZE 9\n  0.125  S: 250 HELP\n",
            "  0.123  S: 250-other.example\n         # sizes\n  0.124  S: 250-SIZE 1000\n  0.124  S: 250-DSN\n"
            "  0.125  S: 250 HELP\n",
        ),
        (
            "text",
            "S: 250-mx.example\nS: 250-SIZE 1000\nS: 250-DSN\nS: 250-HELP\nS: 250-A\nS: 250 B\n",
            "S: 250-mx.example\nS: 250-SIZE 1000\nS: 250-DSN\nS: 250 HELP\n",
        ),
        (
            "code",
            "S= 250-mx.example\nS= 250-SIZE 9\nS= 250-DSN\nS= 250 HELP\n",
            "S= 250-mx.example\nS= 250-SIZE 1000\nS= 250-DSN\nS= 250 HELP\n",
        ),
        (
            "code",
            "S~ 250-(?P<host>mx.*)\nS= 250-SIZE 9\nS: 250\n",
            "S~ 250-(?P<host>mx.*)\nS= 250-SIZE 1000\nS: 250-DSN\nS: 250 HELP\n",
        ),
        (
            "exact",
            "S| 250-mx.example\\r\\n\nS| 250-SIZE 9\\r\\n\nS| 250-DSN\\r\\n\nS| 250 HELP\\r\\n\n",
            "S| 250-mx.example\\r\\n\nS| 250-SIZE 1000\\x0d\\x0a\nS| 250-DSN\\r\\n\nS| 250 HELP\\r\\n\n",
        ),
    ],
)
def test_only_lines_that_differ_are_rewritten(tmp_path: Path, match: str, before: str, after: str) -> None:
    head, foot = HELLO.replace("220", "220 mx.example ESMTP"), "# a note\nC: QUIT\nS: 221 bye\n"
    found = changed(tmp_path, head + before + foot, [*EHLO, *QUIT], "--match", match)
    assert found == head + after + foot
    again = update(tmp_path / "lab.smtp", [*EHLO, *QUIT], "--match", match)
    assert "---" not in again


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_all_else_of_the_file_stay(tmp_path: Path, end: str, last: bool, bom: str) -> None:
    text = "Transcript: 1\nTitle: \u00e9t\u00e9\n X-Odd: kept\nX-Other:  a  b\n\n\t*: connect x.example:25\n \tS: 220   \n\n#x\n"
    text += "   1.5\tC: EHLO x.example\n   1.5  S: 550 no\n  C: QUIT\n*: odd event\n S: 550"
    text = (bom + text + ("\n" if last else "")).replace("\n", end)
    new = "".join(f"   1.5  S: {line}{end}" for line in ("250-mx.example", "250-SIZE 1000", "250-DSN", "250 HELP"))
    wanted = text.replace(f"   1.5  S: 550 no{end}", new).replace(" S: 550", " S: 221")
    with ScriptedServer([GREETING, *EHLO, *QUIT]) as server:
        text = text.replace("x.example:25", server.address)
        path = tmp_path / "lab.smtp"
        path.write_bytes(text.encode())
        done = run_text("replay", str(path), "--server", server.address, "--update", "--yes")
        assert done.returncode == 0, done
        assert "\ufeff" not in done.stdout
        assert path.read_bytes().decode() == wanted.replace("x.example:25", server.address)


def test_a_reply_that_the_transcript_lacks_is_added(tmp_path: Path) -> None:
    turns = [*turn(b"NOOP", b"250 ok\r\n421 going down\r\n")]
    assert changed(tmp_path, "S: 220\nC: NOOP\n  0.1  S: 250\n", turns, status=1).startswith(
        "S: 220\nC: NOOP\n  0.1  S: 250\n"
    )
    text = "S: 220\nC& NOOP\nC: NOOP\n  0.1  S: 250\n"
    turns = [Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n250 b\r\n"]
    assert changed(tmp_path, text, turns) == "S: 220\nC& NOOP\nC: NOOP\n  0.1  S: 250\n       S: 250 b\n"


def test_what_cannot_be_told_is_left_as_it_is(tmp_path: Path) -> None:
    text = "S: 220\nC: NOOP\nS~ 251 (?P<x>.*)\nC: RSET\nS: 550\nC: NOOP\nS: 250\nS: 250\n"
    path = tmp_path / "lab.smtp"
    path.write_text(text)
    turns = [*turn(b"NOOP", b"250 ok\r\n"), *turn(b"RSET", b"250 ok\r\n"), Hear(b"NOOP\r\n")]
    shown = update(path, turns, status=3, closes=False)
    assert path.read_text() == text.replace("S: 550", "S: 250")
    assert f"{path}:3: no line of the reply meets the pattern in line 3; change it by hand: not rewritten" in shown
    assert f"{path}:7: no whole reply came, and what is expected stays as it is: not rewritten" in shown


def test_a_broken_reply_is_no_expectation(tmp_path: Path) -> None:
    text = "S: 220\nC: NOOP\nS: 250\n"
    assert changed(tmp_path, text, turn(b"NOOP", b"250-a\r\n550 b\r\n"), status=6) == text


def test_the_diff_has_no_credential(tmp_path: Path) -> None:
    secret = "AGFubgBjNG5hcnktUGFzcw=="
    text = f"Transcript: 1\nVar: word={secret}\n\nS: 220\nC: AUTH PLAIN {secret}\nS: 550\n"
    path = tmp_path / "lab.smtp"
    path.write_text(text)
    shown = update(
        path, turn(f"AUTH PLAIN {secret}".encode(), f"235 welcome {PASSWORD}\r\n".encode()), "--send-secrets"
    )
    assert "+S: 235" in shown
    assert secret not in shown
    assert PASSWORD not in shown
    assert PASSWORD not in path.read_text()


def test_several_files_each_with_its_diff(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.smtp").write_text(
            "S: 220\nC: NOOP\nS: 550\n" if name != "b" else "S: 220\nC: NOOP\nS: 250\n"
        )
    with ScriptedServer([GREETING, *turn(b"NOOP", b"250 ok\r\n")]) as server:
        done = run_text("replay", str(tmp_path), "--server", server.address, "--update", "--yes")
    assert done.returncode == 0, done
    assert [line for line in done.stdout.splitlines() if line.startswith("--- ")] == [
        f"--- {tmp_path / name}" for name in ("a.smtp", "c.smtp")
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --yes to write without a question"),
        (("--yes", "--jobs", "2"), "leave out --jobs"),
        (("--yes", "--repeat", "2"), "leave out --repeat"),
        (("--yes", "--json"), "leave out --json"),
        (("--yes", "--server", "127.0.0.1:1"), "leave out a second --server"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "a.smtp").write_text("S: 550\n")
    with ScriptedServer([GREETING]) as server:
        done = run_text("replay", str(tmp_path / "a.smtp"), "--server", server.address, "--update", *options)
        assert server.connections == 0
    assert done.returncode == 2
    assert words in done.stderr
    assert (tmp_path / "a.smtp").read_text() == "S: 550\n"


def test_permissions_stay_and_a_link_is_not_written_through(tmp_path: Path) -> None:
    path, link = tmp_path / "lab.smtp", tmp_path / "link.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 550\n")
    path.chmod(0o640)
    changed_text = "S: 220\nC: NOOP\nS: 250\n"
    if sys.platform != "win32":
        link.symlink_to(path)
        with ScriptedServer([GREETING, *turn(b"NOOP", b"250 ok\r\n")]) as server:
            done = run_text("replay", str(link), "--server", server.address, "--update", "--yes")
        assert done.returncode == 2
        assert "is a link" in done.stderr
        assert path.read_text() != changed_text
    update(path, turn(b"NOOP", b"250 ok\r\n"))
    assert path.read_text() == changed_text
    assert sys.platform == "win32" or stat.S_IMODE(os.stat(path).st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir() if each != link) == ["lab.smtp"]


def test_a_file_that_has_changed_since_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text("S: 220\n")
    planned = plan_update(path, [], stamp_of(path))
    path.write_text("S: 220 edited meanwhile\n")
    with pytest.raises(UsageError, match="has changed since"):
        write_update(planned)


@pytest.mark.parametrize(
    ("answers", "written"), [("yn", "a"), ("ny", "b"), ("a", "ab"), ("q", ""), ("?x y n".replace(" ", ""), "a")]
)
def test_a_user_is_asked_for_each_file(tmp_path: Path, answers: str, written: str) -> None:
    import io

    from msgspec.structs import replace

    from smtp_shell.config import Timeouts
    from smtp_shell.replay.runner import ReplayOptions, run_replays
    from smtp_shell.replay.settings import ReplaySettings

    for name in "ab":
        (tmp_path / f"{name}.smtp").write_text("S: 220\nC: NOOP\nS: 550\n")
    updater, out, left = Updater(sorted(tmp_path.iterdir())), io.StringIO(), list(answers)
    with ScriptedServer([GREETING, *turn(b"NOOP", b"250 ok\r\n")]) as server:
        settings = replace(ReplaySettings(timeouts=Timeouts().all(5.0)), observe=updater.log, keep_going=True)
        assert run_replays(ReplayOptions([tmp_path], [server.address], settings, [updater]), out).exit_status == 1
    status = updater.run(out, lambda question, hidden: left.pop(0), color=True)
    assert [name for name in "ab" if "250" in (tmp_path / f"{name}.smtp").read_text()] == list(written)
    assert status == int(written != "ab")
    assert "\x1b[32m+S: 250\x1b[0m\n" in out.getvalue()


def test_a_line_that_is_not_the_one_that_was_compared_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text("S: 220\nS: 250 one\n")
    compared = ExpectedLine.parse(Step(Marker.SERVER, "250 another", None, 2))
    answer = Answer("lab.smtp", (compared,), b"550 no\r\n", Strictness.CODE, False)
    planned = plan_update(path, [answer], stamp_of(path))
    assert planned.edits == ()
    assert "the line is not in this file as it was compared" in planned.left[0]
