"""Programs on a pseudo-terminal, and when what they write is there: each piece keeps the moment at which it came."""

import os
import re
import select
import signal
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.bench import Bench
from tests.benchmarks.processes import CLIENT_CORES, Failed, Missing, find, pinned

COLUMNS, ROWS = 80, 24
PATIENCE = 30.0
# What does not come to stand on the screen: CSI, OSC, and the short ones.
_CONTROL = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78]", re.DOTALL)
_WHERE_IS_THE_CURSOR = b"\x1b[6n"


@dataclass(slots=True)
class Terminal:
    """A terminal of 80 columns and 24 rows with a program in it.

    Args:
        pid: The program.
        descriptor: Our end.
        started: When it was started, on the clock of `time.perf_counter`.
        pieces: What it has written, and when each piece came.
    """

    pid: int
    descriptor: int
    started: float
    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    def read(self, seconds: float) -> bool:
        """Take in what the program writes; say whether anything came. A question for the cursor is answered."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            octets = os.read(self.descriptor, 65536)
        except OSError:  # nobody has the other end open any more
            octets = b""
        if not octets:
            raise Failed(f"the program has ended on its terminal: {self.text()[-500:]}")
        self.pieces.append((time.perf_counter(), octets))
        for _ in range(octets.count(_WHERE_IS_THE_CURSOR)):
            self.type(b"\x1b[1;1R")
        return True

    def text(self, since: int = 0) -> str:
        """Give what the program has written from a piece on, without what is not text."""
        octets = b"".join(octets for _, octets in self.pieces[since:])
        return _CONTROL.sub(b"", octets).decode("utf-8", "replace")

    def type(self, octets: bytes) -> None:
        """Press keys."""
        os.write(self.descriptor, octets)

    def wait_for(self, text: str, since: int = 0) -> float:
        """Wait until a text is there.

        Args:
            text: The text.
            since: From which piece on.

        Returns:
            When it came, on the clock of `time.perf_counter`.

        Raises:
            Failed: It never did.
        """
        deadline = time.perf_counter() + PATIENCE
        while text not in self.text(since):
            if time.perf_counter() > deadline:
                raise Failed(f"there is no sign of {text!r} on the terminal: {self.text()[-500:]}")
            self.read(0.5)
        return self.pieces[-1][0]

    def settle(self, quiet: float = 0.03) -> None:
        """Take in what is still being written, until nothing comes for a while."""
        deadline = time.perf_counter() + PATIENCE
        while self.read(quiet):
            if time.perf_counter() > deadline:
                raise Failed("the program never stops writing to its terminal")


@contextmanager
def running(bench: Bench, argv: Sequence[str], **variables: str) -> Iterator[Terminal]:
    """Run a program on a terminal until the block ends.

    Raises:
        Missing: There are no pseudo-terminals on this system, or there is no such program.
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
