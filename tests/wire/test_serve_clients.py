"""Other people's clients at `smtp-shell serve`, with a transcript that fits them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import smtplib
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.program import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD = "canary-Pa55word"
MAIL = "From: <ann@example.org>\nTo: <bob@example.org>\nSubject: greetings\n\nHello\n.a dot\n"
HELLO = "C: EHLO client.example\nS: 250-mail.example.com\nS: 250-PIPELINING\nS: 250-SIZE 10240000\n"
TRANSACTION = """\
C: MAIL FROM:<ann@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 Ok
C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
C: Subject: recorded
C:
C: .
S: 250 2.0.0 Ok: queued as 4TABC
"""
QUIT = "C: QUIT\nS: 221 2.0.0 Bye\n"
GREETING = "S: 220 mail.example.com ESMTP; Fri, 27 Nov 2026 10:00:00 +0100\n"
SUBMISSION = (
    f"{GREETING}{HELLO}S: 250-STARTTLS\nS: 250 8BITMIME\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS\n"
    f"{HELLO}S: 250-AUTH {{0}}\nS: 250 8BITMIME\nC: AUTH {{0}} ${{{{sasl}}}}\nS: 235 2.7.0 Authentication successful\n"
    f"{TRANSACTION}{QUIT}"
)
PLAIN = f"{GREETING}{HELLO}S: 250 8BITMIME\n{TRANSACTION}{QUIT}"


class Serve:
    """`smtp-shell serve --json`, in a process of its own.

    Attributes:
        objects: What it wrote, once it has ended.
        status: Its exit status, once it has ended.
    """

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self._program = program
        self.port = 0
        self.ca_file = ""
        assert program.stderr is not None
        for line in program.stderr:
            name, _, value = line.partition("  ")
            if name == "mock server":
                self.port = int(value.split()[0].rpartition(":")[2])
            if name == "certificate":
                self.ca_file = value.strip()
            if line.startswith("Ctrl-C"):
                break
        self.objects: list[dict[str, object]] = []
        self.status = -1

    def wait(self) -> None:
        out, err = self._program.communicate(timeout=60)
        assert PASSWORD not in out + err
        assert "Traceback" not in err
        self.objects, self.status = [json.loads(line) for line in out.splitlines()], self._program.returncode


@contextlib.contextmanager
def serving(folder: Path, transcript: str, *options: str) -> Iterator[Serve]:
    """Run the command, and wait until it has ended by itself."""
    path = folder / "served.smtp"
    path.write_text(transcript, encoding="utf-8")
    environment = {**os.environ, "SMTP_SHELL_PASSWORD": PASSWORD}
    words = [*PROGRAM, "serve", str(path), "--json", "--timeout", "30", *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as program:
        try:
            serve = Serve(program)
            yield serve
            serve.wait()
        finally:
            program.kill()


def run(*words: str, mail: str = MAIL) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, input=mail, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_smtplib(port: int, cafile: str) -> None:
    with smtplib.SMTP("localhost", port, local_hostname="client.example") as client:
        client.starttls(context=ssl.create_default_context(cafile=cafile))
        client.login("student", PASSWORD)
        client.sendmail("ann@example.org", ["bob@example.org"], MAIL)


def by_swaks(port: int, cafile: str) -> None:
    words = ("--server", "127.0.0.1", "--port", str(port), "--ehlo", "other.example", "--tls", "--data", "-")
    envelope = ("--from", "ann@example.org", "--to", "bob@example.org")
    run("swaks", *words, *envelope, "--auth", "--auth-user", "student", "--auth-password", PASSWORD)


def by_curl(port: int, cafile: str) -> None:
    words = ("-sS", "--crlf", "--url", f"smtp://localhost:{port}/client.example", "--ssl-reqd", "--cacert", cafile)
    envelope = ("--mail-from", "ann@example.org", "--mail-rcpt", "bob@example.org", "-T", "-")
    run("curl", *words, "--user", f"student:{PASSWORD}", *envelope)


def by_msmtp(port: int, cafile: str) -> None:
    words = ("--host=localhost", f"--port={port}", "--domain=client.example", "--from=ann@example.org")
    tls = ("--tls=on", "--tls-starttls=on", f"--tls-trust-file={cafile}")
    login = ("--auth=on", "--user=student", f"--passwordeval=echo {PASSWORD}")
    run("msmtp", *words, *tls, *login, "bob@example.org")


@pytest.mark.parametrize("client", [by_smtplib, by_swaks, by_curl, by_msmtp])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_client_that_says_what_is_expected_is_served(
    tmp_path: Path, client: Callable[[int, str], None], mechanism: str
) -> None:
    transcript = SUBMISSION.format(mechanism)
    if mechanism == "LOGIN":
        prompts = "S: 334 VXNlcm5hbWU6\nC: ${sasl}\nS: 334 UGFzc3dvcmQ6\nC: ${sasl}\n"
        transcript = transcript.replace("C: AUTH LOGIN ${sasl}\n", f"C: AUTH LOGIN\n{prompts}")
    if mechanism == "CRAM-MD5":
        challenge = "S: 334 PDEuMUBtYWlsLmV4YW1wbGUuY29tPg==\nC: ${sasl}\n"
        transcript = transcript.replace("CRAM-MD5 ${sasl}\n", f"CRAM-MD5\n{challenge}")
    with serving(tmp_path, transcript, "--once", "--user", "student") as serve:
        client(serve.port, serve.ca_file)
    *_, session, summary = serve.objects
    assert serve.status == 0, serve.objects
    assert session["matched"] == 9
    assert summary == {"summary": True, "sessions": 1, "differed": 0, "exit_status": 0}


def test_openssl_is_served(tmp_path: Path) -> None:
    words = ("s_client", "-starttls", "smtp", "-crlf", "-quiet")
    # It says EHLO and STARTTLS itself; what follows is typed, all of it at once.
    typed = "EHLO client.example\nMAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.org>\nDATA\n\nHello\n.\nQUIT\n"
    served = SUBMISSION.replace("C: AUTH {0} ${{sasl}}\nS: 235 2.7.0 Authentication successful\n", "").format("PLAIN")
    with serving(tmp_path, served, "--once") as serve:
        out = run("openssl", *words, "-connect", f"127.0.0.1:{serve.port}", "-CAfile", serve.ca_file, mail=typed)
    assert "250 2.0.0 Ok: queued as 4TABC" in out
    assert serve.status == 0, serve.objects


def test_smtp_source_is_served_over_many_connections_and_over_one(tmp_path: Path) -> None:
    def send(port: int, *options: str) -> None:
        words = ("-m", "50", "-f", "ann@example.org", "-t", "bob@example.org", *options, f"127.0.0.1:{port}")
        run("smtp-source", *words)

    plain = PLAIN.replace("C: EHLO", "C: HELO")
    with serving(tmp_path, plain, "--sessions", "50") as serve:
        send(serve.port, "-s", "10")
    assert serve.status == 0, serve.objects
    assert serve.objects[-1] == {"summary": True, "sessions": 50, "differed": 0, "exit_status": 0}
    with serving(tmp_path, plain, "--sessions", "1", "--reuse") as serve:
        send(serve.port, "-d")
    assert serve.status == 0, serve.objects
    assert serve.objects[0]["matched"] == 50 * 4 + 2


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_nodemailer_is_served(tmp_path: Path) -> None:
    root = os.environ.get("NODE_PATH", "/usr/share/nodejs")
    script = (
        "const m=require('nodemailer');const t=m.createTransport({host:'localhost',port:+process.argv[1],requireTLS:true,"
        "name:'client.example',auth:{user:'student',pass:process.argv[2]},tls:{ca:require('fs').readFileSync(process.argv[3])}});"
        "t.sendMail({from:'ann@example.org',to:'bob@example.org',subject:'x',text:'Hello'}).then(i=>console.log(i.response))"
    )
    found = subprocess.run(
        ("node", "-e", "require('nodemailer')"), env={**os.environ, "NODE_PATH": root}, capture_output=True, check=False
    )
    if found.returncode:
        pytest.skip("nodemailer is not installed")
    # It closes without QUIT.
    served = SUBMISSION.format("PLAIN").removesuffix(QUIT)
    with serving(tmp_path, served, "--once", "--user", "student") as serve:
        words = ("node", "-e", script, str(serve.port), PASSWORD, serve.ca_file)
        done = subprocess.run(
            words, env={**os.environ, "NODE_PATH": root}, capture_output=True, text=True, timeout=60, check=False
        )
    assert "queued as 4TABC" in done.stdout, done.stderr
    assert serve.status == 0, serve.objects


def test_a_client_that_says_something_else_is_told_where(tmp_path: Path) -> None:
    with serving(tmp_path, PLAIN, "--once") as serve, smtplib.SMTP("127.0.0.1", serve.port) as client:
        client.ehlo("client.example")
        client.noop()
        client.mail("ann@example.net")
        client.rcpt("bob@EXAMPLE.ORG")
        client.quit()
    assert serve.status == 1
    found = [(each.get("line"), each["outcome"]) for each in serve.objects if "outcome" in each]
    assert found == [(7, "extra"), (7, "differs"), (11, "missing")]
    assert serve.objects[1]["said"] == "mail FROM:<ann@example.net>"
    assert serve.objects[1]["expected"] == "MAIL FROM:<ann@example.org>"
