"""Memory does not grow with the length of a transcript, a line or a reply."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import MIB
from tests.support.peer import Peer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SAID = {b"QUIT\r\n": b"221 bye\r\n", b"HELP\r\n": b"214-%s\r\n" % (b"x" * 50_000) * 20 + b"214 end\r\n"}
_REPLAY = """
import sys
from smtp_shell.cli.main import main
from tests.support.memory import MIB, most_memory
status = main(sys.argv[1:])
sys.stderr.write(f"{most_memory() // MIB}")
sys.exit(status)
"""


def agree(peer: Peer) -> None:
    """Answer QUIT with 221, HELP with a reply near the size limit, and any other line with 250."""
    peer.say("220 ready")
    with peer.sock.makefile("rwb") as stream:
        for line in stream:
            stream.write(SAID.get(line, b"250 ok\r\n"))
            stream.flush()


@pytest.fixture
def agreeable() -> Iterator[ScriptedServer]:
    with ScriptedServer(agree) as server:
        yield server


def run(*arguments: str) -> tuple[int, int, str]:
    """Run smtp-shell; return its status, its peak memory in MiB, and its standard error."""
    done = subprocess.run(
        [sys.executable, "-c", _REPLAY, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    *words, memory = done.stderr.split("\n")
    return done.returncode, int(memory), "\n".join(words)


def replay_of(steps: int, folder: Path, server: ScriptedServer) -> int:
    path = folder / f"{steps}.smtp"
    path.write_text("S: 220\n" + "C: NOOP\nS: 250\n" * steps + "C: QUIT\nS: 221\n", encoding="utf-8")
    status, memory, _ = run("replay", str(path), "--server", server.address)
    assert status == 0
    return memory


def test_memory_does_not_grow_with_the_steps_of_a_replay(tmp_path: Path, agreeable: ScriptedServer) -> None:
    few = replay_of(10_000, tmp_path, agreeable)  # by then what is kept of the last steps, and of their times, is full
    many = replay_of(60_000, tmp_path, agreeable)
    assert many < few + 2
    assert many < 100


def test_a_step_with_many_long_replies_keeps_an_excerpt_of_each(tmp_path: Path, agreeable: ScriptedServer) -> None:
    path = tmp_path / "help.smtp"
    path.write_text("S: 220\n" + "C& HELP\n" * 99 + "C: HELP\n", encoding="utf-8")
    status, memory, _ = run("replay", str(path), "--server", agreeable.address)
    assert status == 0
    assert memory < 60


def test_a_line_of_a_gigabyte_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "long.smtp"
    with path.open("wb") as file:
        file.write(b"C: a")
        file.seek(1024 * MIB)
        file.write(b"a\n")
    status, memory, said = run("replay", str(path), "--server", "smtp://127.0.0.1:1")
    assert status == 2
    assert memory < 100
    assert "long.smtp:1" in said
    assert "65536" in said


def take_chunks(peer: Peer) -> None:
    """Announce CHUNKING, and answer each chunk, and any other line, with 250."""
    peer.say("220 ready")
    with peer.sock.makefile("rwb") as stream:
        for line in stream:
            left = int(line.split()[1]) if line.startswith(b"BDAT") else 0
            while left:
                left -= len(stream.read(min(left, MIB)))
            stream.write(b"250-x\r\n250 CHUNKING\r\n" if line.startswith(b"EHLO") else b"250 ok\r\n")
            stream.flush()


def test_memory_does_not_grow_with_a_file_in_chunks(tmp_path: Path) -> None:
    found = []
    for megabytes in (4, 64):
        path = tmp_path / f"{megabytes}.eml"
        path.write_bytes(
            b"Subject: x\n\n" + b"a line of a letter that is as long as lines are in letters\n" * (megabytes * 17_000)
        )
        with ScriptedServer(take_chunks) as server:
            lines = ("ehlo", f"mail ann@example.org < {path}", "rcpt bob@example.org", f"bdat < {path}")
            status, memory, words = run(
                server.address, "--no-record", *(word for line in lines for word in ("-c", line))
            )
        assert status == 0, words
        assert "went out with CRLF" in words, words
        found.append(memory)
    assert found[1] < found[0] + 4
    assert found[1] < 60
