"""`smtp-shell lint`."""

import json
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import LETTER, at, commands, run, run_text, sentence

_FAULTY = "S: 220 hi\nC: HELO laptop\nS: 250 mx\nC: MAIL FROM: <a@example.org>\nS: 250 ok\nC: QUIT\nS: 221 bye\n"
_GOOD = "S: 220 hi\nC: EHLO a.example.org\nS: 250 mx\nC: QUIT\nS: 221 bye\n"


def _file(folder: Path, text: str, name: str = "mine.smtp") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_each_finding_has_its_line_and_its_source(tmp_path: Path) -> None:
    path = _file(tmp_path, _FAULTY)
    done = run_text("lint", path)
    *findings, summary = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line.removeprefix(f"{path}:").split(":")[0] for line in findings] == ["2", "2", "4"]
    assert findings[2].startswith(f"{path}:4: warning blank-after-colon: there is a blank after the colon")
    assert findings[2].endswith("(RFC 5321 section 3.3, RFC 5321 section 4.1.2)")
    assert summary == "1 warning, 2 advice."


def test_advice_alone_is_no_failure(tmp_path: Path) -> None:
    done = run_text("lint", _file(tmp_path, _GOOD.replace("a.example.org", "laptop")))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 advice.")


def test_several_files_are_counted_together(tmp_path: Path) -> None:
    done = run_text("lint", _file(tmp_path, _GOOD, "one.smtp"), _file(tmp_path, _GOOD, "two.smtp"))
    assert (done.returncode, done.stdout) == (0, "nothing to find fault with in 2 files.\n")


def test_standard_input_is_read(tmp_path: Path) -> None:
    done = run("lint", "-", stdin=_FAULTY.encode())
    assert done.stdout.startswith(b"-:2: advice helo: ")
    assert done.returncode == 1


def test_the_json_has_the_fields_that_are_promised(tmp_path: Path) -> None:
    path = _file(tmp_path, _FAULTY)
    done = run_text("lint", path, "--json")
    *found, last = map(json.loads, done.stdout.splitlines())
    assert found[2] == {
        "file": path,
        "line": 4,
        "rule": "blank-after-colon",
        "severity": "warning",
        "message": "there is a blank after the colon, where none may be: MAIL FROM:<…>",
        "sources": ["RFC 5321 section 3.3", "RFC 5321 section 4.1.2"],
    }
    assert last == {"files": 1, "errors": 0, "warnings": 1, "advice": 2, "exit_status": 1}


def test_the_rules_can_be_listed() -> None:
    lines = run_text("lint", "--rules").stdout.splitlines()
    assert len(lines) >= 150
    assert lines[0].split()[:2] == ["bare-lf", "error"]
    first = json.loads(run_text("lint", "--rules", "--json").stdout.splitlines()[0])
    assert first.keys() == {"rule", "severity", "about", "sources"}


def test_the_help_shows_a_rubric() -> None:
    shown = run_text("lint", "--help").stdout
    assert "[[step]]                          # the steps in their order" in shown


def test_a_rubric_tells_what_is_missing(tmp_path: Path) -> None:
    done = run_text("lint", _file(tmp_path, _FAULTY), "--for", "lab3")
    assert [line.split(": ")[1] for line in done.stdout.splitlines() if "rubric" in line] == ["error rubric-step"] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "takes one transcript or more"),
        (("nix.smtp",), "there is no such file"),
        (("{}", "--for", "nix"), "no rubric of that name"),
        (("{}", "--for", "{}"), "is no rubric"),
        (("{}", "--fix"), "--fix"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    path = _file(tmp_path, _GOOD)
    done = run("lint", *(each.replace("{}", path) for each in arguments))
    assert done.returncode == 2
    assert words in sentence(done)


def test_a_credential_in_the_file_is_not_shown_and_the_line_is_named(tmp_path: Path) -> None:
    path = _file(tmp_path, _GOOD.replace("C: QUIT", "C: AUTH PLAIN AHN0dWRlbnQAaHVudGVyMg==\nS: 235 ok\nC: QUIT"))
    done = run_text("lint", path)
    assert "AHN0" not in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "auth-in-clear" in done.stdout
    assert "line 4" in done.stderr


_WHOLE = (
    *(
        "ehlo",
        "mail ann@example.org",
        "rcpt bob@example.org",
        "data",
        "From: Ann <ann@example.org>",
        "To: bob@example.org",
    ),
    *("Subject: x", "Date: Fri, 27 Nov 2026 10:21:05 +0100", "Message-ID: <1@example.org>", "", ".a line", ".", "quit"),
)


def test_a_recording_of_a_good_dialogue_has_no_fault(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    run(at(practice), "--ehlo", "a.example.org", "--record", str(path), *commands(*_WHOLE))
    done = run_text("lint", str(path))
    assert (done.returncode, [line.split(": ")[1] for line in done.stdout.splitlines()[:-1]]) == (
        0,
        ["advice tls-not-used"],
    )


def test_a_recording_of_a_good_dialogue_inside_tls_has_no_fault(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    words = ("starttls", "ehlo", "auth plain", *_WHOLE[1:])
    environment = {"SMTP_SHELL_PASSWORD": practice.shown_password}
    certificate = practice.ca_file
    options = ("--ehlo", "a.example.org", "--user", practice.user, "--ca-file", str(certificate), "--record", str(path))
    sent = run(at(practice), *options, *commands("ehlo", *words), env=environment)
    assert sent.returncode == 0, sent.stderr
    assert run_text("lint", str(path)).stdout == "nothing to find fault with.\n"


def test_the_letter_of_the_tests_has_the_faults_that_it_has(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    run(at(practice), "--ehlo", "a.example.org", "--record", str(path), *commands(*LETTER, "quit"))
    found = run_text("lint", str(path)).stdout
    assert [line.split()[2] for line in found.splitlines() if " error " in line] == ["no-from:", "no-date:"]


def test_an_included_file_is_a_part_of_the_dialogue(tmp_path: Path) -> None:
    (tmp_path / "login.smtp").write_text("C: EHLO a.example\nC: STARTTLS\nC: EHLO a.example\nC: MAIL FROM\n", "utf-8")
    path = tmp_path / "main.smtp"
    path.write_text("*: include login.smtp\n*: authenticate\nS: 235\n*: finally\nC: QUIT\n", "utf-8")
    done = run_text("lint", str(path))
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()[:-1]] == [f"{tmp_path / 'login.smtp'}:4"]
    (found, _) = (json.loads(line) for line in run_text("lint", "--json", str(path)).stdout.splitlines())
    assert (found["file"], found["line"]) == (str(tmp_path / "login.smtp"), 4)
    path.write_text("*: include missing.smtp\n", "utf-8")
    assert run_text("lint", str(path)).returncode == 2
