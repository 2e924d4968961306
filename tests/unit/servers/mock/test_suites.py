"""Events of suites in the mock server: included files, what is done finally, and an exchange whose mechanism the client chooses."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from smtp_shell import replay, serve
from smtp_shell.errors import TranscriptError

PASSWORD = "canary-4f9Q.parrot"
LOGIN = "C: EHLO client.example\nC: STARTTLS\nC: EHLO client.example\n*: authenticate{}\nS: 235\n"
MAIN = "*: include login.smtp\nC: MAIL FROM:<ann@example.org>\nS: 250\n*: finally\nC: RSET\nS: 250\nC: QUIT\nS: 221\n"


def suite(folder: Path, words: str = "") -> Path:
    (folder / "login.smtp").write_text(LOGIN.format(words), encoding="utf-8")
    path = folder / "main.smtp"
    path.write_text(MAIN, encoding="utf-8")
    return path


@pytest.mark.parametrize("user", ["", "ann"])
@pytest.mark.parametrize("words", ["", " PLAIN", " LOGIN CRAM-MD5 ann"])
def test_a_suite_replays_against_its_mock(tmp_path: Path, words: str, user: str) -> None:
    path = suite(tmp_path, words)
    with serve(path, user=user, password=PASSWORD) as server:
        result = replay(path, server.url, user="ann", password=PASSWORD, ca_file=server.ca_file)
        server.results(1)
    assert result.ok, result.failure
    assert server.ok, server.report()


def test_another_mechanism_than_those_that_are_named_is_told(tmp_path: Path) -> None:
    path = tmp_path / "main.smtp"
    path.write_text("S: 220\nC: EHLO a\nS: 250\n*: authenticate LOGIN\nS: 235\nC: QUIT\nS: 221\n", encoding="utf-8")
    with serve(path) as server, smtplib.SMTP(server.host, server.port, timeout=30) as client:
        client.ehlo("a")
        assert client.esmtp_features["auth"].split() == ["LOGIN"]
        assert client.docmd("AUTH", "PLAIN AGFubgBjYW5hcnk=")[0] == 235
        client.quit()
        server.results(1)
    assert "the mechanism is none of those that *: authenticate names" in server.report()


def test_a_file_that_cannot_be_included_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "main.smtp"
    path.write_text("*: include missing.smtp\n", encoding="utf-8")
    with pytest.raises(TranscriptError, match=r"missing\.smtp"):
        serve(path)
