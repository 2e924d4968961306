"""`practice --watch` and `--keep`, with clients that are faulty and with real ones that are not."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import smtplib
import socket
import ssl
import stat
import subprocess
import sys
import time
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from smtp_shell.recording.shown import shown_transcript
from tests.support import faulty_clients
from tests.unit.cli.program import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD = "canary-Pa55word"
MAIL = (
    "From: <ann@example.org>\nTo: <bob@example.org>\nDate: Fri, 27 Nov 2026 10:00:00 +0100\n"
    "Message-ID: <1@client.example>\nSubject: a dialogue\n\nHello\n.a dot\n"
)

_ENDED = re.compile(r"(?m)^ *[0-9.]* *\*: (?:close|error|timeout)")


class Practice:
    """`practice --serve-only --watch --keep`, and what it printed.

    Attributes:
        screen: All that it printed on standard output, once it has ended.
    """

    def __init__(self, port: int, state: Path, kept: Path) -> None:
        self.port, self.kept = port, kept
        self.ca_file = state / "practice" / "ca.pem"
        self.screen = ""

    def run(self, client: Callable[[str, int, str, str], None]) -> None:
        client("127.0.0.1", self.port, str(self.ca_file), PASSWORD)

    def wait(self, count: int = 1) -> None:
        """Wait until at least so many dialogues have begun, and all are over and written."""
        until = time.monotonic() + 15
        while time.monotonic() < until:
            paths = self.transcripts
            if len(paths) >= count and all(_ENDED.search(path.read_text(encoding="utf-8")) for path in paths):
                return
            time.sleep(0.02)
        raise AssertionError(f"{count} dialogues were to end: {self.transcripts}")

    @property
    def transcripts(self) -> list[Path]:
        return sorted(self.kept.glob("*.smtp"))

    @property
    def remarks(self) -> list[str]:
        return [line.partition("#! ")[2] for line in self.screen.split("\n") if " #! " in line]


@contextlib.contextmanager
def practising(folder: Path, *options: str) -> Iterator[Practice]:
    """Run the server with `--watch`, and read its screen when it has ended."""
    state, kept = folder / "state", folder / "kept"
    environment = {**os.environ, "SMTP_SHELL_STATE_DIR": str(state), "SMTP_SHELL_PASSWORD": PASSWORD}
    words = [*PROGRAM, "practice", "--serve-only", "--watch", "--keep", str(kept), *options]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    told = program.stderr if "--json" in options else program.stdout
    assert told is not None
    port = 0
    for line in told:
        if line.startswith("practice server"):
            port = int(line.split()[2].rpartition(":")[2])
        if line.startswith("Ctrl-C"):
            break
    practice = Practice(port, state, kept)
    try:
        yield practice
        practice.wait()
    finally:
        program.terminate()
        practice.screen, words_of_its_own = program.communicate(timeout=20)
    assert words_of_its_own == ""
    assert program.returncode == (0 if sys.platform != "win32" else 1)
    assert_no_secret(practice)


def assert_no_secret(practice: Practice) -> None:
    everything = practice.screen + "".join(path.read_text(encoding="utf-8") for path in practice.transcripts)
    for secret in (PASSWORD, f"\0student\0{PASSWORD}"):
        assert secret not in everything
        assert base64.b64encode(secret.encode()).decode() not in everything


@pytest.mark.parametrize(
    ("client", "told"),
    [
        (
            faulty_clients.line_feeds,
            ("the line ends in LF alone", "your dot's line ends in LF: the server waits for CRLF"),
        ),
        (faulty_clients.no_second_ehlo, ("the server waits for EHLO again after TLS",)),
        (faulty_clients.no_final_dot, ("still waiting for a line with a single dot",)),
        (faulty_clients.base64_with_newline, ("an empty line came as the password",)),
    ],
)
def test_a_faulty_client_is_told_what_is_wrong(
    tmp_path: Path, client: Callable[[str, int, str, str], None], told: tuple[str, ...]
) -> None:
    with practising(tmp_path) as practice:
        practice.run(client)
    for words in told:
        assert [remark for remark in practice.remarks if words in remark], practice.screen
    (path,) = practice.transcripts
    with shown_transcript(path) as (_, entries, _mask):
        assert list(entries)


def test_a_client_out_of_step_is_told_so(tmp_path: Path) -> None:
    with practising(tmp_path) as practice:
        practice.run(faulty_clients.one_line_each)
    # Its close resets the connection: how far the server has read by then is a matter of luck.
    told = [remark for remark in practice.remarks if "before the reply to" in remark or "with replies unread" in remark]
    assert told, practice.screen


def test_text_in_place_of_the_handshake_is_named(tmp_path: Path) -> None:
    def client(host: str, port: int, cafile: str, password: str) -> None:
        client = faulty_clients.Client(host, port)
        client.reply()
        client.say("EHLO a.example")
        client.say("STARTTLS")
        client.say("EHLO a.example")
        client.close()

    with practising(tmp_path) as practice:
        practice.run(client)
    assert "error: the TLS handshake failed: the client did not begin TLS" in practice.screen


def test_a_client_that_does_not_trust_the_certificate_is_named(tmp_path: Path) -> None:
    def client(host: str, port: int, cafile: str, password: str) -> None:
        client = faulty_clients.Client(host, port)
        client.reply()
        client.say("EHLO a.example")
        client.say("STARTTLS")
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(client.socket, server_hostname="localhost")

    with practising(tmp_path) as practice:
        practice.run(client)
    assert "the client does not trust the certificate" in practice.screen


def by_smtplib(host: str, port: int, cafile: str, password: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.org", "bob@example.org", "a dialogue"
    message["Date"], message["Message-ID"] = "Fri, 27 Nov 2026 10:00:00 +0100", "<1@client.example>"
    message.set_content("Hello\n.a dot\n")
    with smtplib.SMTP(host, port, local_hostname="client.example") as client:
        client.starttls(context=ssl.create_default_context(cafile=cafile))
        client.login("student", password)
        client.send_message(message)


def by_swaks(host: str, port: int, cafile: str, password: str) -> None:
    words = ("--server", host, "--port", str(port), "--ehlo", "client.example", "--tls", "--data", "-")
    envelope = ("--from", "ann@example.org", "--to", "bob@example.org")
    login = ("--auth", "LOGIN", "--auth-user", "student", "--auth-password", password)
    run("swaks", *words, *envelope, *login)


def by_curl(host: str, port: int, cafile: str, password: str) -> None:
    words = ("-sS", "--crlf", "--url", f"smtp://localhost:{port}/client.example", "--ssl-reqd", "--cacert", cafile)
    envelope = ("--mail-from", "ann@example.org", "--mail-rcpt", "bob@example.org", "-T", "-")
    run("curl", *words, "--user", f"student:{password}", *envelope)


def by_msmtp(host: str, port: int, cafile: str, password: str) -> None:
    words = ("--host=localhost", f"--port={port}", "--domain=client.example", "--from=ann@example.org")
    tls = ("--tls=on", "--tls-starttls=on", f"--tls-trust-file={cafile}")
    login = ("--auth=on", "--user=student", f"--passwordeval=echo {password}")
    run("msmtp", *words, *tls, *login, "bob@example.org")


def run(*words: str) -> None:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, input=MAIL, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("client", [faulty_clients.right, by_smtplib, by_swaks, by_curl, by_msmtp])
def test_a_good_client_gets_no_remark_and_its_transcript_replays(
    tmp_path: Path, client: Callable[[str, int, str, str], None]
) -> None:
    with practising(tmp_path) as practice:
        practice.run(client)
        practice.wait(1)
        (path,) = practice.transcripts
        replay = subprocess.run(
            [
                *(*PROGRAM, "replay", str(path), "--server", f"smtp://localhost:{practice.port}", "--user", "student"),
                *("--ca-file", str(practice.ca_file)),
            ],
            env={**os.environ, "SMTP_SHELL_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert [remark for remark in practice.remarks if not remark.startswith("advice ")] == []
    assert "auth " in practice.screen
    text = path.read_text(encoding="utf-8")
    assert "\nClient: another program at 127.0.0.1:" in text
    assert "${sasl}" in text
    assert text.endswith("*: close server\n")
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_dialogues_at_once_are_told_apart(tmp_path: Path) -> None:
    with practising(tmp_path) as practice:
        clients = [faulty_clients.Client("127.0.0.1", practice.port) for _ in range(3)]
        for client in clients:
            client.reply()
        for number, client in enumerate(clients):
            client.say(f"EHLO client{number}.example")
        for client in clients:
            client.say("QUIT")
            client.close()
        practice.wait(3)
    for number in range(3):
        rows = [line for line in practice.screen.split("\n") if line.startswith(f"[{number + 1}] ")]
        assert [row for row in rows if f"EHLO client{number}.example" in row]
        assert rows[-1].endswith("*: close server")
    assert len(practice.transcripts) == 3


def test_json_has_an_object_a_line_with_the_number_of_the_dialogue(tmp_path: Path) -> None:
    with practising(tmp_path, "--json") as practice:
        practice.run(faulty_clients.right)
        practice.run(faulty_clients.line_feeds)
        practice.wait(2)
    objects = [json.loads(line) for line in practice.screen.splitlines()]
    assert {each["session"] for each in objects} == {1, 2}
    assert any("Hello," in each.get("data", "") for each in objects)
    assert any(each.get("rule") == "bare-lf" and each["session"] == 2 for each in objects)


def test_a_long_message_is_cut_on_the_screen_and_whole_in_the_file(tmp_path: Path) -> None:
    body = "".join(f"line {number}\r\n" for number in range(40_000))

    def client(host: str, port: int, cafile: str, password: str) -> None:
        client = faulty_clients.Client(host, port)
        client.reply()
        for line in ("EHLO a.example", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA"):
            client.say(line)
        assert client.say(f"Subject: long\r\n\r\n{body}.").startswith("250")
        client.say("QUIT")
        client.close()

    with practising(tmp_path) as practice:
        practice.run(client)
    assert len(practice.screen) < 10_000
    assert "more octets of mail data are left out here" in practice.screen
    (path,) = practice.transcripts
    (file,) = practice.kept.glob("*.eml")
    assert file.read_bytes() == f"Subject: long\r\n\r\n{body}".encode()
    assert f"C< {file.name}" in path.read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is for POSIX")
def test_what_is_kept_is_whole_lines_when_the_server_is_killed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = [*PROGRAM, "practice", "--serve-only", "--keep", str(kept)]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    address = program.stdout.readline().split()[2]
    try:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=10) as connection:
            connection.sendall(b"EHLO a.example\r\nNOOP\r\nNO")
            while b"2.0.0 Ok" not in connection.recv(4096):
                pass
            while b"2.0.0 Ok" not in b"".join(path.read_bytes() for path in kept.glob("*.smtp")):
                time.sleep(0.01)
    finally:
        program.kill()
        program.communicate()
    (path,) = kept.glob("*.smtp")
    assert path.read_bytes().endswith(b"\n")
    with shown_transcript(path) as (_, entries, _mask):
        assert list(entries)


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    with practising(tmp_path) as practice:
        for _ in range(2):
            client = faulty_clients.Client("127.0.0.1", practice.port)
            client.reply()
            client.say("QUIT")
            client.close()
        practice.wait(2)
    names = [path.name for path in practice.transcripts]
    with practising(tmp_path) as practice:
        client = faulty_clients.Client("127.0.0.1", practice.port)
        client.reply()
        client.say("QUIT")
        client.close()
        practice.wait(3)
    assert len(practice.transcripts) == 3
    assert set(names) < {path.name for path in practice.transcripts}
