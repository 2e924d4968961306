"""Run programs on a pseudo-terminal; each piece of output keeps the time at which it was read."""

from __future__ import annotations

import os
import re
import select
import signal
import struct
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.benchmarks.processes import CLIENT_CORES, Failed, Missing, find, pinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.bench import Bench

COLUMNS, ROWS = 80, 24
LIMIT_SECONDS = 30.0
# Control sequences: CSI, OSC and the short ones.
_CONTROL = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78]", re.DOTALL)
_CURSOR_POSITION_REQUEST = b"\x1b[6n"


@dataclass(slots=True)
class Terminal:
    """A terminal of 80 columns and 24 rows with a program in it.

    Args:
        pid: Process id of the program.
        descriptor: Our end of the pseudo-terminal.
        started: Time of its start, from `time.perf_counter`.
        pieces: Its output, each piece with the time at which it was read.
    """

    pid: int
    descriptor: int
    started: float
    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    def read(self, seconds: float) -> bool:
        """Read output for at most that many seconds; return True if there was any. Answer requests for the cursor position."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            octets = os.read(self.descriptor, 65536)
        except OSError:  # the other end is closed
            octets = b""
        if not octets:
            raise Failed(f"the program has ended on its terminal: {self.text()[-500:]}")
        self.pieces.append((time.perf_counter(), octets))
        for _ in range(octets.count(_CURSOR_POSITION_REQUEST)):
            self.type(b"\x1b[1;1R")
        return True

    def text(self, since: int = 0) -> str:
        """Return the output from a piece on, without control sequences."""
        octets = b"".join(octets for _, octets in self.pieces[since:])
        return _CONTROL.sub(b"", octets).decode("utf-8", "replace")

    def type(self, octets: bytes) -> None:
        """Press keys."""
        os.write(self.descriptor, octets)

    def wait_for(self, text: str, since: int = 0) -> float:
        """Wait for a text.

        Args:
            text: Text to wait for.
            since: Index of the first piece to search.

        Returns:
            Time at which it was read, from `time.perf_counter`.

        Raises:
            Failed: It did not come in time.
        """
        deadline = time.perf_counter() + LIMIT_SECONDS
        while text not in self.text(since):
            if time.perf_counter() > deadline:
                raise Failed(f"{text!r} does not appear on the terminal: {self.text()[-500:]}")
            self.read(0.5)
        return self.pieces[-1][0]

    def settle(self, quiet: float = 0.03) -> None:
        """Read until there was no output for `quiet` seconds."""
        deadline = time.perf_counter() + LIMIT_SECONDS
        while self.read(quiet):
            if time.perf_counter() > deadline:
                raise Failed("the program does not stop writing to its terminal")


@contextmanager
def running(bench: Bench, argv: Sequence[str], **variables: str) -> Iterator[Terminal]:
    """Run a program on a terminal until the block ends.

    Raises:
        Missing: The system has no pseudo-terminals, or the program is not installed.
    """
    if sys.platform == "win32":
        raise Missing("there are no pseudo-terminals on this system")
    import fcntl
    import pty
    import termios

    words = [find(argv[0]), *argv[1:]]
    environment = {**bench.env, "TERM": "xterm-256color", **variables}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        environment.pop(name, None)
    with pinned(CLIENT_CORES):
        started = time.perf_counter()
        pid, descriptor = pty.fork()
        if pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
                os.chdir(bench.folder)
                os.execve(words[0], words, environment)
            finally:
                os._exit(127)
    terminal = Terminal(pid, descriptor, started)
    try:
        yield terminal
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)
