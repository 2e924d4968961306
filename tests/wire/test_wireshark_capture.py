"""Captures of live sessions: tshark decrypts them with no setting changed, whatever the version of TLS."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.protocol.secret import Secret
from smtp_shell.recording.capture import Capture
from smtp_shell.servers.certificate import make_certificate
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.tshark import dialogue, fields, needs_tshark, wrong_packets
from tests.unit.cli.program import PROGRAM, commands, run

pytestmark = needs_tshark

CANARY = "canary-password"
ENV = {"SMTP_SHELL_PASSWORD": CANARY}
LETTER = commands(
    "auth plain", "mail ann@example.org", "rcpt bob@example.org", "data", "Subject: Lunch", "", "x", ".", "quit"
)
DIALOGUE = ["220", "EHLO", "250", "STAR", "220", "EHLO", "250", "AUTH", "235"]
DIALOGUE += ["MAIL", "250", "RCPT", "250", "DATA", "354", "250", "QUIT", "221"]
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def own_address() -> str:
    """Return an address of the loopback for this process alone, so that several can listen on port 587."""
    worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
    return f"127.0.0.{20 + int(worker)}"


@pytest.fixture(scope="module")
def submission() -> Iterator[PracticeServer]:
    """Run a practice server on the port that Wireshark knows."""
    server = PracticeServer(PracticeSettings(host=own_address(), port=587, password=Secret(CANARY)))
    try:
        server.start()
    except Exception as error:
        pytest.skip(f"port 587 cannot be listened on: {error}")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def anywhere() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings(password=Secret(CANARY))) as server:
        yield server


def place(server: PracticeServer) -> str:
    return f"smtp://{server.host}:{server.port}"


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode()


def decoding(server: PracticeServer) -> tuple[str, str]:
    return ("-d", f"tcp.port=={server.port},smtp")


@VERSIONS
def test_the_session_is_decrypted_with_no_setting_changed(
    submission: PracticeServer, tmp_path: Path, version: str
) -> None:
    capture = tmp_path / "live.pcapng"
    options = ("--starttls", "--insecure", "--tls-max", version, "--user", "student", "--capture", str(capture))
    done = run(place(submission), *options, *LETTER, env=ENV)
    assert done.returncode == 0, done.stderr
    assert dialogue(capture) == DIALOGUE
    assert wrong_packets(capture) == []
    assert fields(capture, "imf", "imf.subject") == ["Lunch"]
    assert set(fields(capture, "tcp", "ip.dst")) == {submission.host, "127.0.0.1"} or submission.host == "127.0.0.1"
    assert "587" in fields(capture, "tcp", "tcp.dstport")
    # The capture is the one file that holds the password; the screen says that it can be had from it.
    assert fields(capture, "smtp.req.command == AUTH", "smtp.req.parameter")[0].startswith("PLAIN AHN0dWRlbnQA")
    assert "whoever has this file can decrypt the connections in it, passwords included" in said(done)
    assert "Decode As" not in said(done)
    assert CANARY not in said(done)
    if os.name != "nt":
        assert stat.S_IMODE(capture.stat().st_mode) == 0o600


def test_on_another_port_the_screen_names_what_to_set(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    done = run(
        place(anywhere), "--starttls", "--insecure", "--user", "student", "--capture", str(capture), *LETTER, env=ENV
    )
    assert f"-d tcp.port=={anywhere.port},smtp" in said(done)
    assert dialogue(capture, *decoding(anywhere)) == DIALOGUE


def test_what_is_there_already_is_left_alone(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    capture.write_text("mine")
    done = run(place(anywhere), "--force", "--capture", str(capture), *commands("quit"))
    assert done.returncode == 2
    assert b"is there already and is left as it is" in done.stderr
    assert capture.read_text() == "mine"


def test_a_capture_that_begins_in_the_clear_has_the_tls_that_follows(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    lines = ("ehlo", f"/capture {capture}", "starttls", "ehlo", "/capture off", "NOOP", "quit")
    done = run(place(anywhere), "--insecure", *commands(*lines))
    assert done.returncode == 0, done.stderr
    assert dialogue(capture, *decoding(anywhere)) == ["STAR", "220", "EHLO", "250"]
    assert wrong_packets(capture, *decoding(anywhere)) == []
    assert "captured from here on" in said(done)


def test_inside_tls_it_begins_with_the_next_connection(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    lines = (f"/capture {capture}", "NOOP", "/reconnect", "NOOP", "/status", "quit")
    done = run(place(anywhere), "--starttls", "--insecure", *commands(*lines))
    assert done.returncode == 0, done.stderr
    assert "the capture begins with the next one" in said(done)
    wanted = ["220", "EHLO", "250", "STAR", "220", "EHLO", "250", "NOOP", "250", "QUIT", "221"]
    assert dialogue(capture, *decoding(anywhere)) == wanted
    assert re.search(r"from +127\.0\.0\.1:\d+\n", said(done))


def test_the_connections_of_a_replay_are_captured_with_their_keys(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture, script = tmp_path / "live.pcapng", tmp_path / "replayed.smtp"
    script.write_text(
        "Transcript: 1\n\nS: 220\nC: EHLO a.example\nS: 250\nC: STARTTLS\nS: 220\n*: tls\nC: VRFY replayed\nS: 252\nC: QUIT\nS: 221\n"
    )
    lines = (f"/capture {capture}", f"/replay {script}", "/capture off", f"/replay {script}")
    done = run(place(anywhere), "--insecure", *commands(*lines))
    assert done.returncode == 0, said(done)
    wanted = ["220", "EHLO", "250", "STAR", "220", "VRFY", "252", "QUIT", "221"]
    assert dialogue(capture, *decoding(anywhere)) == wanted
    assert wrong_packets(capture, *decoding(anywhere)) == []


def test_without_tls_no_key_is_in_it_and_none_in_that_of_another_connection(
    anywhere: PracticeServer, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.pcapng", tmp_path / "second.pcapng"
    lines = (
        f"/capture {first}",
        "starttls",
        "quit",
        "/capture off",
        "/reconnect",
        f"/capture {second}",
        "ehlo",
        "quit",
    )
    assert run(place(anywhere), "--insecure", *commands(*lines)).returncode == 0
    assert b"CLIENT_TRAFFIC_SECRET_0" in first.read_bytes()
    assert b"TRAFFIC_SECRET" not in second.read_bytes()
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("smtp-shell-keys-*"))


def test_a_handshake_that_fails_is_in_it(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    done = run(place(anywhere), "--starttls", "--capture", str(capture))
    assert done.returncode == 4, done.stderr
    assert "Unknown CA" in "".join(fields(capture, "tls.alert_message", "_ws.col.Info", *decoding(anywhere)))
    assert wrong_packets(capture, *decoding(anywhere)) == []


def test_the_users_own_key_log_is_written_too(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture, log = tmp_path / "live.pcapng", tmp_path / "keys.log"
    env = {**ENV, "SSLKEYLOGFILE": str(log)}
    options = ("--starttls", "--insecure", "--user", "student", "--capture", str(capture))
    done = run(place(anywhere), *options, *LETTER, env=env)
    assert done.returncode == 0, done.stderr
    assert b"CLIENT_TRAFFIC_SECRET_0" in log.read_bytes()
    assert dialogue(capture, *decoding(anywhere)) == DIALOGUE


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_what_was_captured_before_a_kill_is_whole(anywhere: PracticeServer, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    command = [*PROGRAM, place(anywhere), "--starttls", "--insecure", "--capture", str(capture), "-f", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None
        child.stdin.write(b"NOOP\n")
        child.stdin.flush()
        deadline = time.monotonic() + 20
        while not capture.exists() or dialogue(capture, *decoding(anywhere))[-2:] != ["NOOP", "250"]:
            assert time.monotonic() < deadline
        child.send_signal(signal.SIGKILL)
    assert dialogue(capture, *decoding(anywhere))[-2:] == ["NOOP", "250"]


@VERSIONS
def test_the_servers_side_of_a_foreign_client(tmp_path: Path, version: str) -> None:
    path = tmp_path / "server.pcapng"
    capture = Capture.create(path)
    program = (
        "import smtplib, ssl, sys\n"
        "context = ssl.create_default_context(cafile=sys.argv[2])\n"
        f"context.maximum_version = ssl.TLSVersion.TLSv{version.replace('.', '_')}\n"
        "with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as client:\n"
        "    client.starttls(context=context)\n"
        f"    client.login('student', {CANARY!r})\n"
        "    client.sendmail('ann@example.org', ['bob@example.org'], 'Subject: Lunch\\n\\nx\\n' + 'y' * 60000)\n"
    )
    with PracticeServer(PracticeSettings(password=Secret(CANARY)), taps=capture) as server:
        subprocess.run([sys.executable, "-c", program, str(server.port), str(server.ca_file)], check=True, timeout=30)
        options = decoding(server)
    capture.close()
    found = [word.upper() for word in dialogue(path, *options)]
    assert found[:7] == ["220", "EHLO", "250", "STAR", "220", "EHLO", "250"]
    assert found[-4:] == ["354", "250", "QUIT", "221"]
    assert wrong_packets(path, *options) == []
    assert fields(path, "imf", "imf.subject", *options) == ["Lunch"]


def test_practice_captures_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "server.pcapng"
    done = run("practice", "--starttls", "--capture", str(path), "-c", "NOOP", "-c", "quit")
    assert done.returncode == 0, done.stderr
    (port,) = set(fields(path, "tcp.flags.syn == 1 && tcp.flags.ack == 0", "tcp.dstport"))
    found = dialogue(path, "-d", f"tcp.port=={port},smtp")
    assert found == ["220", "EHLO", "250", "STAR", "220", "EHLO", "250", "NOOP", "250", "QUIT", "221"]


def test_a_full_disk_stops_the_capture_and_not_the_session(anywhere: PracticeServer) -> None:
    heard: list[str] = []
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "wb") as full:
        capture = Capture(Path("live.pcapng"), full, on_failure=heard.append)
        tap = capture.begin(("127.0.0.1", 1), ("127.0.0.1", 25), opened=True)
        tap.sent(b"EHLO x\r\n")
        capture.close()
    assert heard == ["the capture live.pcapng has stopped: no space left on device; what follows is not captured."]


def may_capture() -> bool:
    if shutil.which("dumpcap") is None:
        return False
    return subprocess.run(["dumpcap", "-D"], capture_output=True, check=False, timeout=30).returncode == 0 and (
        os.name == "nt" or os.geteuid() == 0
    )


@pytest.mark.skipif(not may_capture(), reason="dumpcap is not there, or may not capture")
def test_true_packets_with_the_keys_put_in_front(submission: PracticeServer, tmp_path: Path) -> None:
    capture = tmp_path / "true.pcapng"
    lines = (f"/capture --live {capture}", f"/connect {place(submission)} --starttls", "NOOP", "quit", "/capture off")
    done = run("--insecure", *commands(*lines), timeout=60)
    assert done.returncode == 0, done.stderr
    found = dialogue(capture, "-Y", f"smtp && ip.addr == {submission.host}")
    assert found[-4:] == ["NOOP", "250", "QUIT", "221"]
    assert stat.S_IMODE(capture.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".*")) == []


def test_without_dumpcap_one_sentence_says_so(tmp_path: Path) -> None:
    done = run(*commands(f"/capture --live {tmp_path / 'x.pcapng'}"), env={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert b"needs dumpcap, which comes with Wireshark, and it is not installed here" in done.stderr
    assert list(tmp_path.glob("*.pcapng")) == []


def test_a_dumpcap_that_may_not_capture_is_quoted(tmp_path: Path) -> None:
    program = tmp_path / "dumpcap"
    program.write_text('#!/bin/sh\necho "You don\'t have permission to capture on that device" >&2\nexit 1\n')
    program.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = run(*commands(f"/capture --live {tmp_path / 'x.pcapng'}"), env=env)
    assert done.returncode == 2
    assert (
        b"dumpcap cannot capture here: You don't have permission to capture on that device; /capture FILE"
        in done.stderr
    )
    assert list(tmp_path.glob("*.pcapng")) == []


def test_implicit_tls_on_another_port(tmp_path: Path) -> None:
    """A server that begins with TLS, on any port: what the screen says to type is enough."""
    certificate = make_certificate(tmp_path, "localhost", "127.0.0.1")
    capture = tmp_path / "live.pcapng"
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def serve() -> None:
        raw, _ = listener.accept()
        with certificate.context.wrap_socket(raw, server_side=True) as connection:
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.recv(100)
            connection.sendall(b"221 Bye\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    done = run(
        f"smtps://localhost:{port}",
        "-4",
        "--ca-file",
        str(certificate.ca_file),
        "--capture",
        str(capture),
        "-c",
        "quit",
    )
    thread.join(10)
    listener.close()
    assert done.returncode == 0, done.stderr
    typed = re.findall(r"-d (\S+)", said(done))
    assert dialogue(capture, *(word for value in typed for word in ("-d", value))) == ["220", "QUIT", "221"]
