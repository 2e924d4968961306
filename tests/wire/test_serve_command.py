"""`smtp-shell serve`: its options, its screen and its end; and what its clients may not do to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.servers.mock import MockServer, MockSettings
from tests.unit.cli.program import PROGRAM, run, run_text
from tests.wire.test_serve_clients import PLAIN, SUBMISSION
from tests.wire.test_serve_faults import Client

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def served(tmp_path: Path) -> Path:
    path = tmp_path / "served.smtp"
    path.write_text(PLAIN, encoding="utf-8")
    return path


def test_replays_over_standard_input_and_output_with_tls(tmp_path: Path) -> None:
    path = tmp_path / "served.smtp"
    path.write_text(SUBMISSION.format("PLAIN"), encoding="utf-8")
    environment = {"SMTP_SHELL_PASSWORD": "canary-Pa55word"}
    for options, begins in (((), SUBMISSION), (("--tls",), f"*: connect localhost:465 tls\n{PLAIN}")):
        path.write_text(begins.format("PLAIN") if begins is SUBMISSION else begins, encoding="utf-8")
        command = " ".join((*PROGRAM, "serve", str(path), "--stdio"))
        words = (
            "replay",
            str(path),
            "--server",
            f"pipe:{command}",
            "--match",
            "text",
            "--insecure",
            "--user",
            "student",
        )
        done = run_text(*words, *options, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 differed" not in done.stderr


def test_stdio_reports_on_standard_error_and_its_status_tells(served: Path) -> None:
    done = run("serve", str(served), "--stdio", stdin=b"EHLO a\r\nQUIT\r\n")
    assert done.returncode == 1
    assert done.stdout.startswith(b"220 mail.example.com ESMTP")
    assert done.stdout.endswith(b"221 2.0.0 Bye\r\n")
    assert b"served.smtp:7: the client did not say this, nor 3 more after it" in done.stderr
    done = run("serve", str(served), "--stdio", "--json", stdin=b"")
    assert json.loads(done.stderr.splitlines()[-1])["exit_status"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--stdio", "--keep", "x"), "serve --stdio has one client"),
        (("--key", "x"), "serve --key needs --cert"),
        (("--fault", "rcpt=no"), "The fault 'rcpt=no' is not understood"),
        (("--fault", "nope=451"), "is at no command"),
        (("--listen", "127.0.0.1"), "serve --listen 127.0.0.1: that is this machine only"),
        (("--listen", "192.0.2.7"), "add --yes if that is meant"),
        (("--extra", "maybe"), "invalid choice: 'maybe'"),
        (("--ignore-parameters", "a b"), "no list of parameters"),
        (("--user", ""), "serve --user: a user name has at least one character"),
        (("--var", "x"), "is not of the form name=value"),
    ],
)
def test_what_cannot_be_meant_is_refused(served: Path, words: tuple[str, ...], told: str) -> None:
    done = run_text("serve", str(served), *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == ""


def test_a_transcript_that_cannot_be_served_is_refused_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "served.smtp"
    path.write_text("S: hello\nC: NOOP\n", encoding="utf-8")
    done = run_text("serve", str(path))
    assert done.returncode == 2
    assert "served.smtp:1: 'hello' does not begin with a reply code" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
@pytest.mark.parametrize(("number", "talks", "status"), [(signal.SIGINT, True, 0), (signal.SIGTERM, False, 1)])
def test_ctrl_c_ends_it_with_a_report(served: Path, number: signal.Signals, talks: bool, status: int) -> None:
    words = [*PROGRAM, "serve", str(served)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        port = 0
        for line in program.stdout:
            if line.startswith("mock server"):
                port = int(line.split()[2].rpartition(":")[2])
            if line.startswith("Ctrl-C"):
                break
        shown = ""
        if talks:
            client = Client("127.0.0.1", port)
            with client.sock:
                for each in (
                    "EHLO a",
                    "MAIL FROM:<ann@example.org>",
                    "RCPT TO:<bob@example.org>",
                    "DATA",
                    "x\r\n.",
                    "QUIT",
                ):
                    client.say(each) if each != "EHLO a" else (client.reply(), client.say(each))
            for line in program.stdout:
                shown += line
                if line.startswith("session 1"):
                    break
        program.send_signal(number)
        out, err = program.communicate(timeout=30)
    assert program.returncode == status, out + err
    assert err == ""
    if talks:
        assert "C: MAIL FROM:<ann@example.org>" in shown
        assert "6 as expected, 0 differed" in shown
        assert out.endswith("1 session: 1 as in the transcript, 0 differed\n")
    else:
        assert out.endswith("No client connected.\n")


def test_many_clients_at_once_each_have_their_own_place(served: Path) -> None:
    with MockServer(served) as server:
        clients = [Client(server.host, server.port) for _ in range(100)]
        for client in clients:
            client.reply()
        for line in ("EHLO a", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA", "x\r\n.", "QUIT"):
            for client in clients:
                assert client.say(line)[:1] in (b"2", b"3")
        for client in clients:
            client.sock.close()
        assert len(server.results(100)) == 100
        assert server.ok, server.report()
        assert server.totals == (100, 0)


def test_clients_that_flood_stall_or_speak_something_else_are_dropped_and_the_server_lives(served: Path) -> None:
    settings = MockSettings(idle_limit=5.0)
    with MockServer(served, settings=settings) as server:
        stalling = Client(server.host, server.port)
        flooding, speaking = Client(server.host, server.port), Client(server.host, server.port)
        unread = socket.create_connection((server.host, server.port), 30)

        def flood(sock: socket.socket, octets: bytes) -> None:
            try:
                for _ in range(2000):
                    sock.sendall(octets)
            except OSError:
                pass

        threads = [
            threading.Thread(target=flood, args=(flooding.sock, b"x" * 65536)),
            threading.Thread(target=flood, args=(unread, b"NOOP\r\n" * 10_000)),
        ]
        for thread in threads:
            thread.start()
        speaking.reply()
        speaking.sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stalling.reply().startswith(b"220 ")
        assert stalling.reply().startswith(b"421 4.4.2")
        good = Client(server.host, server.port)
        good.reply()
        assert good.say("EHLO a").startswith(b"250-")
        for client in (good, flooding, speaking, stalling):
            client.sock.close()
        unread.close()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert len(server.results(5)) == 5
        assert not server.ok
        assert "a line came that is longer than 65,536 octets" in server.report()


def test_recorded_times_are_taken_where_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "served.smtp"
    path.write_text("0.0 S: 220 a\n0.1 C: NOOP\n0.6 S: 250 ok\nC: QUIT\nS: 221 bye\n", encoding="utf-8")
    for times, least in ((True, 0.49), (False, 0.0)):
        with MockServer(path, settings=MockSettings(times=times)) as server:
            client = Client(server.host, server.port)
            with client.sock:
                client.reply()
                began = time.monotonic()
                assert client.say("NOOP") == b"250 ok"
                assert time.monotonic() - began >= least
                client.say("QUIT")


def test_the_class_says_what_is_wrong(served: Path) -> None:
    with pytest.raises(UsageError, match="has not been started"):
        _ = MockServer(served).ca_file
    with pytest.raises(UsageError, match="choose one of ok, 421, close"):
        MockServer(served, extra="maybe")
    with MockServer(served) as server:
        with pytest.raises(UsageError, match="is running already"):
            server.start()
        with pytest.raises(ConnectFailed, match="The mock server cannot listen on"):
            MockServer(served, port=server.port).start()
        with pytest.raises(UsageError, match="The mock server listens on loopback only"):
            MockServer(served, host="192.0.2.7").start()


def test_each_dialogue_is_kept_and_replays(served: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = [*PROGRAM, "serve", str(served), "--once", "--json", "--keep", str(kept)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        port = next(
            int(line.split()[2].rpartition(":")[2]) for line in program.stderr if line.startswith("mock server")
        )
        done = run_text("replay", str(served), "--server", f"smtp://127.0.0.1:{port}", "--match", "text")
        assert done.returncode == 0, done.stdout
        program.communicate(timeout=30)
    assert program.returncode == 0
    (path,) = kept.glob("*.smtp")
    text = path.read_text(encoding="utf-8")
    assert "with the mock server" in text
    with MockServer(path) as server:
        assert run_text("replay", str(path), "--server", server.url, "--match", "text").returncode == 0
