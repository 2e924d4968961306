"""The shell without a terminal, with the practice server and Postfix."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.postfix import Postfix
from tests.support.transcripts import check

PROGRAM = (sys.executable, "-m", "smtp_shell")


def run(*arguments: str, lines: str = "", env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [*PROGRAM, *arguments],
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(env or {})},
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def letter(*recipients: str, subject: str) -> str:
    rcpt = "rcpt " + " ".join(recipients)
    return f"ehlo\nmail ann@example.org\n{rcpt}\ndata\nSubject: {subject}\n\n.hidden by no dot\n.\nquit\n"


def sent(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line[6:] for line in done.stdout.splitlines() if line[2:6] == " C: " or line[1:6] == "| C: "]


def wait_for_mail(mailbox: Path, subject: str) -> bytes:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for path in mailbox.glob("new/*"):
            octets = path.read_bytes()
            if f"Subject: {subject}\n".encode() in octets.replace(b"\r\n", b"\n"):
                return octets
        time.sleep(0.05)
    raise AssertionError(f"no mail with subject {subject} arrived")


def test_a_letter_to_the_practice_server(practice: PracticeServer, state_dir: Path) -> None:
    done = run(f"127.0.0.1:{practice.port}", lines=letter("bob@example.org", "carol@example.org", subject="one"))
    assert (done.returncode, done.stderr) == (0, "")
    assert sent(done)[1:5] == [
        "MAIL FROM:<ann@example.org>",
        "RCPT TO:<bob@example.org>",
        "RCPT TO:<carol@example.org>",
        "DATA",
    ]
    (message,) = (each for each in practice.inbox.messages() if each.subject == "one")
    assert practice.inbox.read(message.number).endswith(b"\n.hidden by no dot\r\n")
    (recording,) = state_dir.rglob("*.smtp")
    check(recording)


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "scram-sha-256", "scram-sha-256-plus", ""])
def test_every_mechanism_of_the_practice_server(practice: PracticeServer, mechanism: str) -> None:
    done = run(
        f"127.0.0.1:{practice.port}", "--starttls", "--ca-file", str(practice.ca_file), "--user", "student",
        lines=f"auth {mechanism}\nquit\n", env={"SMTP_SHELL_PASSWORD": practice.password.reveal()},
    )  # fmt: skip
    assert done.returncode == 0
    assert "+| S: 235" in done.stdout
    assert f"*: auth {mechanism.upper() or 'SCRAM-SHA-256-PLUS'} student" in done.stdout
    assert practice.password.reveal() not in done.stdout + done.stderr


def test_a_file_as_mail_data(practice: PracticeServer, tmp_path: Path) -> None:
    file = tmp_path / "letter of mine.eml"
    file.write_bytes(b"Subject: from a file\n\n" + b".dots\n" * 100_000 + b"no line end")
    done = run(f"127.0.0.1:{practice.port}", lines=f"ehlo\nmail <>\nrcpt bob@example.org\ndata < '{file}'\nquit\n")
    assert done.returncode == 0
    assert done.stderr.startswith("100,002 lines of the file ended with LF or CR alone, and went out with CRLF")
    assert "99,991 more lines of mail data" in done.stdout
    (message,) = (each for each in practice.inbox.messages() if each.subject == "from a file")
    body = practice.inbox.read(message.number).replace(b"\r\n", b"\n")
    assert body.endswith(b".dots\n.dots\nno line end\n")
    assert body.count(b"\n.dots") == 100_000


def test_pipelining_by_hand(practice: PracticeServer) -> None:
    done = run(
        f"127.0.0.1:{practice.port}",
        lines="ehlo\n/raw MAIL FROM:<>\\r\\nRCPT TO:<bob@example.org>\\r\\nNOOP\\r\\n\n/wait\nquit\n",
    )
    assert done.returncode == 0
    assert [line[6:9] for line in done.stdout.splitlines() if line.startswith("+  S: ")][-4:] == [
        "250",
        "250",
        "250",
        "221",
    ]


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", ""])
def test_every_mechanism_of_postfix(postfix: Postfix, mechanism: str) -> None:
    done = run(
        f"localhost:{postfix.submission}", "--starttls", "--ca-file", str(postfix.ca_file), "--user", postfix.user,
        lines=f"auth {mechanism}\nquit\n", env={"SMTP_SHELL_PASSWORD": postfix.password},
    )  # fmt: skip
    assert done.returncode == 0
    assert f"*: auth {mechanism.upper() or 'SCRAM-SHA-256'} {postfix.user}" in done.stdout
    assert postfix.password not in done.stdout + done.stderr


@pytest.mark.postfix
def test_a_mechanism_is_typed_by_hand(postfix: Postfix) -> None:
    done = run(
        f"localhost:{postfix.submission}",
        "--starttls",
        "--ca-file",
        str(postfix.ca_file),
        lines="/raw AUTH digest-md5\\r\\n\n/wait\n*\nquit\n",
    )
    assert "| C| AUTH digest-md5" in done.stdout
    assert ">| S: 334 " in done.stdout
    assert "!| S: 501" in done.stdout
    assert done.returncode == 1


@pytest.mark.postfix
@pytest.mark.parametrize("more", ["quit", "*", "/wait"])
def test_a_mechanism_is_not_begun_where_nobody_can_answer(postfix: Postfix, more: str) -> None:
    done = run(f"localhost:{postfix.smtp}", "--insecure-auth", "-c", "ehlo", "-c", "auth DIGEST-MD5", "-c", more)
    assert done.returncode == 5
    assert sent(done)[1:] == []
    assert "no user: give --user NAME" in done.stderr


@pytest.mark.postfix
@pytest.mark.parametrize("way", ["smtp", "starttls", "smtps"])
def test_a_letter_to_postfix(postfix: Postfix, way: str) -> None:
    subject = f"shell over {way}"
    arguments = {
        "smtp": [f"localhost:{postfix.smtp}"],
        "starttls": [f"localhost:{postfix.smtp}", "--starttls", "--ca-file", str(postfix.ca_file)],
        "smtps": [
            f"smtps://localhost:{postfix.smtps}",
            "--ca-file",
            str(postfix.ca_file),
            "--user",
            postfix.user,
            "-c",
            "ehlo",
            "-c",
            "auth",
        ],
    }[way]
    done = run(
        *arguments,
        "-f",
        "-",
        lines=letter("ann@example.org", subject=subject),
        env={"SMTP_SHELL_PASSWORD": postfix.password},
    )
    why = "SCRAM-SHA-256 is the strongest" if way == "smtps" else ""
    assert (done.returncode, done.stderr[: len(why)], done.stderr.count("\n")) == (0, why, int(way == "smtps"))
    assert wait_for_mail(postfix.maildir / "ann", subject).endswith(b"\n.hidden by no dot\n")


@pytest.mark.postfix
def test_bdat_to_postfix_in_chunks(postfix: Postfix, tmp_path: Path) -> None:
    file = tmp_path / "letter.eml"
    file.write_bytes(b"Subject: in chunks\n\n" + b".dots stay\n" * 20_000)
    done = run(f"localhost:{postfix.smtp}", lines=f"ehlo\nmail <>\nrcpt bob@example.org\nbdat < {file}\nquit\n")
    assert done.returncode == 0
    assert done.stderr.startswith("20,002 lines of the file ended with LF or CR alone, and went out with CRLF")
    chunks = [line for line in sent(done) if line.startswith("BDAT")]
    assert len(chunks) > 2
    assert [chunk.endswith(" LAST") for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert wait_for_mail(postfix.maildir / "bob", "in chunks").count(b"\n.dots stay") == 20_000


@pytest.mark.postfix
def test_a_refusal_by_postfix_ends_the_run(postfix: Postfix) -> None:
    done = run(f"localhost:{postfix.smtp}", lines="ehlo\nmail <>\nrcpt stranger@example.net\nnoop\n")
    assert done.returncode == 1
    assert "!  S: 554 5.7.1" in done.stdout
    assert "noop" not in done.stdout


@pytest.mark.postfix
def test_json_of_a_dialogue_with_postfix(postfix: Postfix) -> None:
    done = run(
        f"localhost:{postfix.smtp}", "--starttls", "--ca-file", str(postfix.ca_file), "--json", "-f", "-",
        lines=letter("ann@example.org", subject="json"),
    )  # fmt: skip
    assert done.returncode == 0
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["data"] for step in steps if "data" in step] == ["Subject: json\r\n\r\n.hidden by no dot\r\n"]
    assert {step["phase"] for step in steps} == {"plain", "tls"}
