"""Recordings of real servers, linted: a good dialogue has no fault."""

from pathlib import Path

import pytest

from smtp_shell.lint.files import lint_file
from tests.support.daemon import MAIL_HOST
from tests.support.postfix import Postfix
from tests.unit.cli.program import commands, run

_MESSAGE = (
    *("From: Ann <ann@example.org>", "To: bob@example.org", "Subject: x", "Date: Fri, 27 Nov 2026 10:21:05 +0100"),
    *("Message-ID: <1@example.org>", "", ".a line", "."),
)
_ENVELOPE = ("mail ann@example.org", "rcpt bob@example.org", "data")


def _faults(path: Path) -> list[str]:
    return [str(each) for each in lint_file(path) if each.severity != "advice"]


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256", "cram-md5"])
def test_a_delivery_by_submission_to_postfix(postfix: Postfix, tmp_path: Path, mechanism: str) -> None:
    path = tmp_path / "mine.smtp"
    words = ("ehlo", "starttls", "ehlo", f"auth {mechanism}", *_ENVELOPE, *_MESSAGE, "quit")
    options = (
        "--ehlo",
        "a.example.org",
        "--user",
        postfix.user,
        "--ca-file",
        str(postfix.ca_file),
        "--record",
        str(path),
    )
    target = f"smtp://{MAIL_HOST}:{postfix.submission}"
    done = run(
        target.replace(MAIL_HOST, postfix.host),
        "--insecure",
        *options,
        *commands(*words),
        env={"SMTP_SHELL_PASSWORD": postfix.password},
    )
    assert done.returncode == 0, done.stderr
    assert [each for each in _faults(path) if "unverified-certificate" not in each] == []


def test_a_delivery_in_the_clear_to_postfix(postfix: Postfix, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    done = run(
        f"{postfix.host}:{postfix.smtp}",
        "--ehlo",
        "a.example.org",
        "--record",
        str(path),
        *commands("ehlo", *_ENVELOPE, *_MESSAGE, "quit"),
    )
    assert done.returncode == 0, done.stderr
    assert _faults(path) == []


def test_a_message_in_chunks_to_postfix(postfix: Postfix, tmp_path: Path) -> None:
    path, letter = tmp_path / "mine.smtp", tmp_path / "letter.eml"
    letter.write_text("\n".join(_MESSAGE[:-1]) + "\n")
    words = ("ehlo", *_ENVELOPE[:-1], f"bdat < {letter}", "quit")
    done = run(f"{postfix.host}:{postfix.smtp}", "--ehlo", "a.example.org", "--record", str(path), *commands(*words))
    assert done.returncode == 0, done.stderr
    assert _faults(path) == []
