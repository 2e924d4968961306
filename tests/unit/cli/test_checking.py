"""`smtp-shell replay --check`: all that can be said without a server, about all files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.peer import ScriptedServer
from tests.unit.cli.program import ROOT, run_text

PASSWORD = "c4nary-Pass"


def checked(tmp_path: Path, text: str, *options: str, status: int = 0, env: dict[str, str] | None = None) -> list[str]:
    """Check a transcript, and return what is said, without its name."""
    path = tmp_path / "lab.smtp"
    path.write_text(text)
    done = run_text("replay", "--check", str(path), *options, env={"SMTP_SHELL_PASSWORD": "", **(env or {})})
    assert done.returncode == status, (done.stdout, done.stderr)
    assert not done.stderr
    *lines, _ = done.stdout.splitlines()
    return [line.replace(str(path), "lab.smtp") for line in lines]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("C: NOOP\nS: 250\n", ["ok    lab.smtp: 2 lines, names no server"]),
        (
            "Transcript: 1\nServer: mx.example:587\nVar: to=bob\n\nC: RCPT TO:<${to}@x.example>\nS~ 250 (?P<id>.*)\n",
            ["ok    lab.smtp: 2 lines, for mx.example:587, variables to, captures id"],
        ),
        (
            "S: 220\nC: NOOP\nS: 250\nS: 2yz\n",
            [
                "lab.smtp:4: warning: no command is owed this reply: only one that nobody asked for can meet it",
                "ok    lab.smtp: 4 lines, names no server",
            ],
        ),
        (
            "S: 220\nC: QUIT\nS: 221\n*: close server\nC: NOOP\nS: 250\n",
            [
                "lab.smtp:5: warning: this is never sent: the server has closed the connection before it",
                "ok    lab.smtp: 5 lines, names no server",
            ],
        ),
        (
            "S: 220\nC: QUIT\nS: 221\n*: close server\nS: 250\n",
            [
                "lab.smtp:5: warning: no reply can come: the server has closed the connection",
                "ok    lab.smtp: 4 lines, names no server",
            ],
        ),
        (
            "Transcript: 1\nTitel: a\nDate: yesterday\nX-Own: b\n\nC: NOOP\n",
            [
                "lab.smtp:2: warning: Titel: is no field that a replay knows; is Title: meant?",
                "lab.smtp:3: warning: the Date is none as mail headers have them",
                "ok    lab.smtp: 1 lines, names no server",
            ],
        ),
        ("*: quux\nC: NOOP\n", ["ok    lab.smtp: 1 lines, names no server"]),
    ],
)
def test_what_can_be_replayed(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert checked(tmp_path, text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "S: 220\nC: LHLO x\nS: 250\nC: RCPT TO:<a@x>\nC: RCPT TO:<b@x>\nC: DATA\nS: 354\nC: .\nS: 250\nS: 2yz\n",
        "S: 220\nC| EHLO x\\r\\nNOOP\\r\\n\nS: 2yz\nS: 2yz\n",
        "S: 220\nC& NOOP\nC: NOOP\nS: 2yz\nS: 2yz\n",
        "S: 220\nC: NOOP\nS: 250\nS: 421\n",
        "S: 220\nC: NOOP\n*: close\nS: 220\nC: NOOP\nS: 250\n",
        "S: 220\nC: QUIT\n*: close server\n*: connect mx.example:25\nS: 2yz\nC: NOOP\n",
        "S: 2yz\nC: EHLO x\nS~ 250-.*\nS~ 250 .*\n",
    ],
)
def test_no_reply_that_can_come_is_called_unreachable(tmp_path: Path, text: str) -> None:
    (line,) = checked(tmp_path, text)
    assert line.startswith("ok ")


def test_the_projects_own_transcripts_have_nothing_unreachable() -> None:
    done = run_text("replay", "--check", str(ROOT / "transcripts"), "--send-secrets")
    assert done.returncode == 0, done.stdout
    assert "only one that nobody asked for" not in done.stdout


def test_all_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.smtp").write_text("what\nC: NOOP ${nobody}\nC< no.eml\nS: foo\n")
    (tmp_path / "b.smtp").write_text("C: NOOP\n")
    (tmp_path / "c.smtp").write_text("Transcript: 2\n\nC: NOOP\n")
    with ScriptedServer([b"220\r\n"]) as server:
        done = run_text("replay", "--check", str(tmp_path), str(tmp_path / "no.smtp"), "--server", server.address)
        assert server.connections == 0
    assert done.returncode == 2
    places = [line.partition(": ")[0].removeprefix(f"{tmp_path}/") for line in done.stdout.splitlines()]
    assert places == [
        "a.smtp:1",
        "a.smtp:2",
        "a.smtp:3",
        "a.smtp:4",
        f"ok    {tmp_path / 'b.smtp'}",
        "c.smtp:1",
        "no.smtp",
        "4 transcripts checked, 3 cannot be replayed",
    ]


AUTH = "S: 220\nC: AUTH PLAIN ${sasl}\nS: 235\n*: auth PLAIN ann\n"


@pytest.mark.parametrize(
    ("options", "env", "wanted"),
    [
        ((), {}, "no password: give --password-command CMD or set SMTP_SHELL_PASSWORD"),
        ((), {"SMTP_SHELL_PASSWORD": PASSWORD}, ""),
        (("--password-command", "exit 1"), {}, ""),
    ],
)
def test_credentials_that_are_needed_and_whether_they_are_there(
    tmp_path: Path, options: tuple[str, ...], env: dict[str, str], wanted: str
) -> None:
    lines = checked(tmp_path, AUTH, *options, env=env)
    assert PASSWORD not in "".join(lines)
    there = "missing" if wanted else "there"
    assert lines[-1] == f"ok    lab.smtp: 3 lines, names no server, credentials of ann for PLAIN: {there}"
    assert lines[:-1] == ([f"lab.smtp:2: warning: credentials are needed for PLAIN: {wanted}"] if wanted else [])


def test_credentials_that_stand_in_a_file_are_an_error_and_are_not_shown(tmp_path: Path) -> None:
    secret = "AGFubgBjNG5hcnktUGFzcw=="
    lines = checked(tmp_path, f"C: AUTH PLAIN {secret}\n", status=2)
    assert "lab.smtp:1: error: line 1 holds a credential" in lines[0]
    assert secret not in "".join(lines)
    assert checked(tmp_path, f"C: AUTH PLAIN {secret}\n", "--send-secrets")


def test_json(tmp_path: Path) -> None:
    (tmp_path / "a.smtp").write_text("what\n")
    (tmp_path / "b.smtp").write_text(AUTH)
    done = run_text("replay", "--check", str(tmp_path), "--json", env={"SMTP_SHELL_PASSWORD": PASSWORD})
    first, bad, good, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert (first["line"], first["severity"]) == (1, "error")
    assert (bad["ok"], good["ok"], good["mechanisms"], good["user"]) == (False, True, ["PLAIN"], "ann")
    assert summary == {"summary": True, "checked": 2, "failed": 1, "exit_status": 2}


@pytest.mark.parametrize("option", ["--update", "--junit=x", "--print=x", "--jobs=2", "--repeat=2", "--record=x"])
def test_what_makes_no_sense_with_it_is_refused(tmp_path: Path, option: str) -> None:
    (tmp_path / "a.smtp").write_text(AUTH)
    done = run_text("replay", "--check", str(tmp_path), option)
    assert done.returncode == 2
    assert f"leave out {option.partition('=')[0]}" in done.stderr
