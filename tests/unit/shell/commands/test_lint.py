"""`/lint`, and the faults of a message in `/inbox`."""

from pathlib import Path

import pytest

from smtp_shell.errors import ConfigError, TranscriptError, UsageError
from tests.unit.shell.commands.test_inbox import with_mail
from tests.unit.shell.fake import make_shell

_FAULTY = "S: 220 hi\nC: EHLO a.example.org\nS: 250 mx\nC: MAIL FROM: <a@example.org>\nS: 250 ok\nC: QUIT\nS: 221 bye\n"


def test_each_line_at_fault_is_shown_with_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    path.write_text(_FAULTY)
    shell, _, screen = make_shell()
    before = len(screen.entries)
    shell.run(f"/lint {path}")
    assert [entry.line for entry in screen.entries[before:]] == [4]
    finding, summary = screen.said[-2:]
    assert finding.startswith("        line 4: warning blank-after-colon: there is a blank after the colon")
    assert summary == "  1 warning."


def test_a_rubric_tells_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    path.write_text(_FAULTY)
    shell, _, screen = make_shell()
    shell.run(f"/lint {path} --for lab7")
    assert "STARTTLS (then wrap the socket) is missing" in screen.words


def test_many_findings_are_cut_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    path.write_text(
        "S: 220 hi\nC: EHLO a.example.org\nS: 250 mx\n" + "C: VRFY a\nS: 252 ok\n" * 300 + "C: QUIT\nS: 221 bye\n"
    )
    shell, _, screen = make_shell()
    shell.run(f"/lint {path}")
    assert screen.said[-2:] == ["  100 findings more; smtp-shell lint lists all.", "  300 advice."]


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("/lint", UsageError, "no recording of a session"),
        ("/lint nix.smtp", TranscriptError, "no such file"),
        ("/lint a b", UsageError, "takes one file"),
        ("/lint a --for", UsageError, "--for takes a value, PROFILE"),
        ("/lint {} --for {}", ConfigError, "is no rubric"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, line: str, error: type[Exception], words: str) -> None:
    path = tmp_path / "mine.smtp"
    path.write_text(_FAULTY)
    shell, _, _ = make_shell()
    with pytest.raises(error, match=words):
        shell.run(line.replace("{}", str(path)))


def test_the_faults_of_a_message_that_is_shown_are_named(tmp_path: Path) -> None:
    shell, screen = with_mail(tmp_path, b"Subject: x", b"Date: now", b"", b"text")
    shell.run("/inbox 1")
    faults = [line for line in screen.said if " error " in line]
    assert [line.split(": ")[1] for line in faults] == ["error no-from", "error date"]
    assert faults[1].startswith("  line 6: ")
