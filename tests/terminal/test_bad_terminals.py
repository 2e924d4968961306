"""Terminals that are too small, that go away, that lie about their size, and that can do nothing."""

import base64
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from smtp_shell.transcript.reader import open_transcript
from tests.support.terminal import CTRL_D, LOOKS, Look, played_by_hand, running, running_program, the_recording
from tests.support.transcripts import check

pytestmark = pytest.mark.terminal


def last_step(state: Path) -> str:
    """Return the last step of the one recording, which is a whole transcript."""
    check(the_recording(state))
    with open_transcript(the_recording(state)) as reader:
        *_, last = reader
    return f"{last.marker.value} {last.text}"


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 3), (10, 1)], ids=str)
def test_a_terminal_that_is_far_too_small_works(size: tuple[int, int], state_dir: Path) -> None:
    with played_by_hand(look=Look(size)) as (terminal, peer):
        terminal.enter("noop")
        assert peer.hear() == b"noop\r\n"
        peer.say("250 Ok")
        terminal.wait_prompt()
        terminal.type(CTRL_D)
        assert terminal.wait_end() == 0
        assert b"Traceback" not in terminal.raw
    assert last_step(state_dir) == "*: close"


@pytest.mark.parametrize("believes", [(0, 0), (1, 1), (500, 200), (65_535, 65_535)], ids=str)
def test_a_terminal_that_lies_about_its_size_works(believes: tuple[int, int], state_dir: Path) -> None:
    with played_by_hand(look=Look(believes=believes)) as (terminal, peer):
        terminal.enter("noop")
        assert peer.hear() == b"noop\r\n"
        peer.say("250 Ok")
        terminal.wait_prompt()
        terminal.type(CTRL_D)
        assert terminal.wait_end() == 0
        assert b"Traceback" not in terminal.raw
    assert last_step(state_dir) == "*: close"


@pytest.mark.parametrize("waits", [False, True], ids=["at the prompt", "during a wait"])
def test_when_the_terminal_goes_away_the_connection_is_closed_and_the_recording_whole(
    waits: bool, state_dir: Path
) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("noop")
        peer.hear()
        if not waits:
            peer.say("250 Ok")
            terminal.wait_prompt()
        terminal.hang_up()
        assert peer.hear_end() == b""
    assert last_step(state_dir) == "*: close"


@pytest.mark.parametrize(("number", "waits"), [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGHUP, False)])
def test_a_signal_ends_the_shell_in_order(number: signal.Signals, waits: bool, state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("noop")
        peer.hear()
        if not waits:
            peer.say("250 Ok")
            terminal.wait_prompt()
        os.kill(terminal.pid, number)
        assert terminal.wait_end() == 128 + number
        assert peer.hear_end() == b""
        assert b"Traceback" not in terminal.raw
    assert last_step(state_dir) == "*: close"


def test_a_terminal_that_gives_errors_only_ends_the_shell(state_dir: Path, tmp_path: Path) -> None:
    """As for nohup, whose child gets no SIGHUP: what it reads ends, and what it writes is an error."""
    status = tmp_path / "status"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = f"{sys.executable} -m smtp_shell 127.0.0.1:{listener.getsockname()[1]}"
        script = f"trap '' HUP; {program} 2>{tmp_path}/errors; echo $? >{status}.new; mv {status}.new {status}"
        with running_program("/bin/sh", "-c", script) as terminal:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example.org\r\n")
                terminal.wait_prompt("greeted")
                terminal.hang_up()
                assert connection.recv(100) == b""
    assert status.read_text().strip() in ("0", "1")
    assert "Traceback" not in (tmp_path / "errors").read_text()
    assert last_step(state_dir) == "*: close"


def test_the_practice_server_takes_its_temporary_files_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with running("practice", env={"TMPDIR": str(folder)}) as terminal:
        terminal.wait_prompt("greeted")
        assert list(folder.iterdir())
        terminal.hang_up()
    assert not list(folder.iterdir())


def test_a_dumb_terminal_shows_no_password(practice: PracticeServer) -> None:
    password = practice.password.reveal()
    trusting = ("--ca-file", str(practice.ca_file))
    with running(f"localhost:{practice.port}", "--starttls", *trusting, look=LOOKS["dumb"]) as terminal:
        terminal.enter("auth plain student", "ready")
        terminal.enter(password, "Password for student")
        terminal.wait_for("*: auth PLAIN student")
        terminal.enter("/reconnect", "ready")
        terminal.enter(r"/raw AUTH LOGIN\r\n", "ready")
        terminal.enter(base64.b64encode(b"student").decode(), "answer to the 334 (hidden)")
        terminal.enter(base64.b64encode(password.encode()).decode(), "answer to the 334 (hidden)")
        terminal.wait_for("*: auth LOGIN student")
        assert password.encode() not in terminal.raw
        assert base64.b64encode(password.encode()) not in terminal.raw
        assert terminal.text.count("auth plain student") == 1


def test_a_dumb_terminal_shows_what_the_server_says_unasked() -> None:
    with played_by_hand(look=LOOKS["dumb"]) as (terminal, peer):
        peer.say("421 4.4.2 idle for too long")
        terminal.wait_for("S: 421 4.4.2 idle for too long")
        peer.sock.close()
        terminal.wait_for("*: close server")
        terminal.wait_prompt("smtp-shell")
        assert b"\x1b[" not in terminal.raw.replace(b"\x1b[?12l\x1b[?25h", b"")
