"""Replies that do not end: each line is shown and recorded as it comes, and the recording replays."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts
from smtp_shell.errors import WaitTimedOut
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.commands import Command
from smtp_shell.recording.library import recording_header
from smtp_shell.recording.recording import Recording
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.settings import ReplaySettings
from tests.support.peer import Hear, Pause, Peer, ScriptedServer, Turn
from tests.support.transcripts import check
from tests.unit.cli.program import run_text

GREETING = b"220 hi\r\n"
NOOP = Hear(b"NOOP\r\n")
SILENCE = Pause(30)
Act = Callable[[Session], object]

# What the server does; whether it closes; the lines that the recording has, in this order.
ENDINGS: dict[str, tuple[list[Turn], bool, list[str]]] = {
    "silence": ([GREETING, NOOP, b"250-a\r\n250-b\r\n", SILENCE], False, ["S: 250-a", "S: 250-b", "*: timeout"]),
    "lines with pauses": ([GREETING, NOOP, b"250-a\r\n", Pause(0.2), b"250-b\r\n", SILENCE], False, ["S: 250-a", "S: 250-b", "*: timeout"]),
    "a stall in a line": ([GREETING, NOOP, b"250-a\r\n250-b", SILENCE], False, ["S: 250-a", "*: timeout", "S| 250-b"]),
    "a stall in the first line": ([GREETING, NOOP, b"25", SILENCE], False, ["C: NOOP", "*: timeout", "S| 25"]),
    "a bad line": ([GREETING, NOOP, b"250-a\r\nxyz\r\n", SILENCE], False, ["S: 250-a", r"S| xyz\x0d\x0a", "*: error"]),
    "other codes": ([GREETING, NOOP, b"250-a\r\n", Pause(0.1), b"251 b\r\n", SILENCE], False, ["S: 250-a", "S: 251 b", "*: error"]),
    "closed": ([GREETING, NOOP, b"250-a\r\n250-b\r\n"], True, ["S: 250-a", "S: 250-b", "*: close server"]),
    "closed in a line": ([GREETING, NOOP, b"250-a\r\n250-b"], True, ["S: 250-a", "S| 250-b", "*: close server"]),
    "too many lines": ([GREETING, NOOP, b"250-a\r\n" * 10_001, SILENCE], False, ["S: 250-a", r"S| 250-a\x0d\x0a", "*: error"]),
    "a line too long": ([GREETING, NOOP, b"250-a\r\n250-" + b"b" * 70_000, SILENCE], False, ["S: 250-a", "S| 250-bbb", "*: error"]),
    "a greeting that does not come": ([SILENCE], False, ["*: connect", "*: timeout"]),
    "a greeting that does not end": ([b"220-a\r\n", SILENCE], False, ["S: 220-a", "*: timeout"]),
    "a code that is none": ([GREETING, NOOP, b"050 a\r\n", SILENCE], False, ["S: 050 a", "*: error"]),
}  # fmt: skip


def body(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n\n", 1)[1]


def assert_in_order(text: str, parts: list[str]) -> None:
    at = 0
    for part in parts:
        at = text.find(part, at)
        assert at >= 0, (part, text)


@pytest.mark.parametrize(("turns", "closes", "lines"), ENDINGS.values(), ids=ENDINGS)
def test_what_came_is_recorded_and_replays(turns: list[Turn], closes: bool, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "unfinished.smtp"
    with ScriptedServer(turns, closes=closes) as server:
        url = f"smtp://{server.address}"
        done = run_text(url, "--timeout", "1", "--record", str(path), "-c", "NOOP")
        assert done.returncode in (3, 6)
        assert_in_order(body(path), lines)
        assert_in_order(done.stdout, [line for line in lines if line.startswith("S: ")])
        check(path)
        again = run_text("replay", str(path), "--server", url)
        assert (again.returncode, again.stderr) == (0, ""), again.stdout
        shown = run_text("show", str(path))
        assert_in_order(shown.stdout, [line for line in lines if line.startswith("S: ")])


@pytest.mark.parametrize(
    "name", ["silence", "a stall in a line", "a greeting that does not come", "a greeting that does not end"]
)
def test_a_reply_that_ends_now_differs_from_one_that_did_not(name: str, tmp_path: Path) -> None:
    turns, closes, _ = ENDINGS[name]
    path = tmp_path / "unfinished.smtp"
    with ScriptedServer(turns, closes=closes) as server:
        run_text(f"smtp://{server.address}", "--timeout", "1", "--record", str(path), "-c", "NOOP")
    with ScriptedServer([GREETING, NOOP, b"250-a\r\n250-b\r\n250 c\r\n", Hear(b"QUIT\r\n")]) as server:
        again = run_text("replay", str(path), "--server", f"smtp://{server.address}")
    assert again.returncode == 1, again.stdout


@pytest.mark.parametrize("end", [b"250-a\r\n", b"250-a\r\n250-x\r\n250-b\r\n", b"550-a\r\n550-b\r\n", b""])
def test_other_lines_than_those_that_came_differ(end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "unfinished.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250-a\nS: 250-b\n*: timeout 0.5 the reply to NOOP\n*: timeout\n")
    with ScriptedServer([GREETING, NOOP, end, SILENCE]) as server:
        again = run_text("replay", str(path), "--server", f"smtp://{server.address}")
    assert again.returncode == 3, again.stdout


def test_json_tells_what_came_of_a_reply_that_did_not_end() -> None:
    with ScriptedServer([GREETING, NOOP, b"250-a\r\n", Pause(0.1), b"250-b", SILENCE]) as server:
        done = run_text(f"smtp://{server.address}", "--timeout", "1", "--json", "-c", "NOOP")
    texts = [json.loads(line)["text"] for line in done.stdout.splitlines()]
    assert any(r"250-a\x0d\x0a250-b" in text for text in texts)


def test_lines_are_on_the_screen_and_in_the_file_while_the_rest_is_awaited(tmp_path: Path) -> None:
    path = tmp_path / "killed.smtp"
    with ScriptedServer([GREETING, NOOP, b"250-a\r\n250-b\r\n", SILENCE]) as server:
        words = [sys.executable, "-m", "smtp_shell", f"smtp://{server.address}", "--record", str(path), "-c", "NOOP"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
            assert program.stdout is not None
            for line in program.stdout:
                if b"250-b" in line:
                    break
            os.kill(program.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    assert_in_order(body(path), ["S: 250-a", "S: 250-b"])
    check(path)


def command(line: bytes) -> Act:
    return lambda session: session.command(Command(line))


def listen(session: Session) -> None:
    session.listen(1.0)


PATIENT: dict[str, tuple[list[Turn], list[Act]]] = {
    "lines with other codes before the reply": (
        [GREETING, Hear(b"VERB\r\n"), b"250 ok\r\n", NOOP, b"050 >>> a\r\n050 b\r\n", Pause(0.1), b"050-c\r\n050 d\r\n250 ok\r\n",
         Hear(b"QUIT\r\n"), b"221 bye\r\n"],
        [command(b"VERB"), command(b"NOOP"), command(b"QUIT")],
    ),
    "the rest comes late": (
        [GREETING, NOOP, b"250-a\r\n", Pause(1.0), b"250 b\r\n", Hear(b"QUIT\r\n"), b"221 bye\r\n"],
        [command(b"NOOP"), listen, command(b"QUIT")],
    ),
    "a reply comes late": (
        [GREETING, NOOP, Pause(1.0), b"250 b\r\n", Hear(b"QUIT\r\n"), b"221 bye\r\n"],
        [command(b"NOOP"), listen, command(b"QUIT")],
    ),
    "the client closes in the middle": ([GREETING, NOOP, b"250-a\r\n250-", SILENCE], [command(b"NOOP")]),
    "the greeting comes late": (
        [Pause(1.0), GREETING, NOOP, b"250 ok\r\n"],
        [lambda session: session.read_late(5.0), command(b"NOOP")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("turns", "acts"), PATIENT.values(), ids=PATIENT)
def test_a_session_that_goes_on_replays(turns: list[Turn], acts: list[Act], tmp_path: Path) -> None:
    path = tmp_path / "patient.smtp"
    recording = Recording.create(path, recording_header())
    times = Timeouts().all(0.5)
    with ScriptedServer(turns) as server:
        session = Session.open(parse_target(server.address), [recording], timeouts=times)
        for act in [lambda session: session.read_reply(), *acts]:
            with suppress(WaitTimedOut):
                act(session)
        session.close()
        recording.close()
        result = Replay(path, ReplaySettings(server=server.address, timeouts=Timeouts().all(10))).run()
    assert (result.failure, result.exit_status) == (None, 0), body(path)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C on Windows")
def test_a_wait_that_ctrl_c_ends_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "interrupted.smtp"

    def script(peer: Peer) -> None:
        peer.sock.sendall(GREETING)
        peer.hear()
        peer.sock.sendall(b"250-a\r\n")
        server.over.wait(10)

    with ScriptedServer(script) as server:
        words = [sys.executable, "-m", "smtp_shell", f"smtp://{server.address}", "--record", str(path), "-c", "NOOP"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
            assert program.stdout is not None
            for line in program.stdout:
                if b"250-a" in line:
                    break
            program.send_signal(signal.SIGINT)
            program.stdout.read()
        assert program.returncode == 130
        assert_in_order(body(path), ["S: 250-a", "*: timeout", "the reply to NOOP", "*: close"])
        again = run_text("replay", str(path), "--server", f"smtp://{server.address}")
    assert again.returncode == 0, again.stdout


def test_a_wait_that_ended_at_once_leaves_time_for_the_lines_that_came(tmp_path: Path) -> None:
    path = tmp_path / "hasty.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250-a\nS: 250-b\n*: timeout 0 the reply to NOOP\n*: close\n")
    slow: list[Turn] = [GREETING, NOOP, Pause(0.3), b"250-a\r\n", Pause(0.3), b"250-b\r\n", SILENCE]
    with ScriptedServer(slow) as server:
        again = run_text("replay", str(path), "--server", f"smtp://{server.address}")
    assert again.returncode == 0, again.stdout
