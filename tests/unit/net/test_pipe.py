"""A program as the server, and its standard error."""

import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from smtp_shell.net.connect import connect
from smtp_shell.net.pipe import MOST_LINES, MOST_OCTETS, Program
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs as servers need a POSIX system")

PATIENCE = 30.0


def started(folder: Path, code: str) -> tuple[Transport, Program]:
    """Start a program in Python, in which `out` and `err` write."""
    file = folder / "server.py"
    file.write_text(
        "import os, sys, subprocess\n"
        "def out(octets): os.write(1, octets)\n"
        "def err(octets):\n"
        "    while octets: octets = octets[os.write(2, octets):]\n"
        f"{code}\n"
    )
    transport = connect(Target(Way.PIPE, f"{shlex.quote(sys.executable)} {shlex.quote(str(file))}"), 5)
    assert transport.program is not None
    return transport, transport.program


def all_of(transport: Transport) -> bytes:
    came = b""
    while piece := transport.recv(time.monotonic() + PATIENCE):
        came += piece
    return came


def test_both_streams_come_apart(tmp_path: Path) -> None:
    transport, program = started(tmp_path, "err(b'one\\r\\ntwo\\n\\xff half'); out(b'220 hi\\r\\n')")
    assert all_of(transport) == b"220 hi\r\n"
    program.finish(PATIENCE)
    assert program.take() == [b"one", b"two", b"\xff half"]
    assert program.take() == []
    transport.close()
    assert program.ending == ""


def test_a_flood_of_standard_error_never_blocks_the_program_and_is_bounded(tmp_path: Path) -> None:
    flood = "for _ in range(200): err(b'x' * 65535 + b'\\n' + b'y\\n' * 500)\nout(b'220 hi\\r\\n')"
    transport, program = started(tmp_path, flood)
    assert all_of(transport) == b"220 hi\r\n"  # nobody has taken a line
    program.finish(PATIENCE)
    lines = program.take()
    assert len(lines) <= MOST_LINES
    assert sum(map(len, lines)) <= MOST_OCTETS
    assert program.dropped > 13_000_000
    transport.close()


def test_how_it_ended_is_known(tmp_path: Path) -> None:
    for code, words in (("sys.exit(75)", "with status 75"), ("os.kill(os.getpid(), 15)", "by signal SIGTERM")):
        transport, program = started(tmp_path, code)
        assert all_of(transport) == b""
        program.finish(PATIENCE)
        assert program.ending == words
        transport.close()


def test_a_child_of_its_own_that_keeps_standard_error_open_holds_nobody_up(tmp_path: Path) -> None:
    code = "subprocess.Popen(['sleep', '60'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)\nerr(b'gone\\n')"
    transport, program = started(tmp_path, code)
    assert all_of(transport) == b""
    began = time.monotonic()
    transport.close()
    assert time.monotonic() - began < PATIENCE
    assert program.take() == [b"gone"]


def test_one_that_does_not_end_is_killed_and_that_is_no_news(tmp_path: Path) -> None:
    transport, program = started(tmp_path, "import time\nout(b'220 hi\\r\\n')\ntime.sleep(600)")
    assert transport.recv(time.monotonic() + PATIENCE) == b"220 hi\r\n"
    transport.close()
    assert program.ending == ""


def test_its_environment_has_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_SHELL_PASSWORD", "hush")
    monkeypatch.setenv("SMTP_SHELL_PROXY_PASSWORD", "hush")
    transport, _ = started(tmp_path, "out(repr([v for n, v in os.environ.items() if v == 'hush']).encode())")
    assert all_of(transport) == b"[]"
    transport.close()
