"""The part `shell`: thousands of lines typed into one interactive session, on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Final

from tests.soak.outcome import Outcome
from tests.soak.programs import PROGRAM, end_with_parent, environment, running
from tests.soak.sampling import MOST_GROWTH, Watched, sample

_PROMPT: Final = b"\x1b[?2004h"
"""What each prompt, and the editor of mail data, asks the terminal for first: to bracket pastes."""

_PATIENCE: Final = 60.0
_MOST_KEPT: Final = 8000
_MOST_LARGER: Final = 1.5
_MAIL: Final = ("From: <ann@example.org>", "To: <bob@example.org>", "Subject: soak", "", "Hello,", "and a line.", ".")

_ROUND: Final = (
    "ehlo",
    "mail ann@example.org",
    "rcpt bob@example.org",
    "data",
    "noop",
    "rset",
    "mail from ann",
    "rcpt carol@example.org",
    "foo bar",
    "vrfy bob",
    "/status",
    "noop",
    "/history nothing-like-this",
    "/capabilities",
    "/show",
    "mail dave@example.org size=99999999999",
    "rset",
    "/nosuch",
    "noop one",
    "/explain 550",
    "RCPT TO:<bob>",
    "noop",
)
_FIVE_ROUNDS: Final = (*_ROUND * 5, "/history", "help", "noop", "/reconnect")
"""In which the server closes with a 421 once: HELP is answered with that. The line after it finds no connection."""

_COUNTED: Final = frozenset({"noop", "rset", "foo", "vrfy", "data", "help"})
"""Lines of which each is one command on the wire."""

_SHELL_THREADS: Final = 4
"""The main thread, the one that knows when the server speaks or closes, and two that load what may be needed soon."""


class Typist:
    """A session on a pseudo-terminal: types a line, and waits for the prompt.

    Args:
        folder: Where the program runs.
        target: What it connects to.
    """

    def __init__(self, folder: Path, target: str) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        variables = environment(folder) | {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self._master = master
        self._seen = b""
        self._prompts = 0
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [*PROGRAM, target, "--ca-file", "ca.pem"],
            cwd=folder,
            env=variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        os.close(slave)

    def wait(self, prompts: int = 1) -> None:
        """Wait for so many prompts more.

        Raises:
            RuntimeError: They do not come.
        """
        wanted = self._prompts + prompts
        until = time.monotonic() + _PATIENCE
        while self._prompts < wanted:
            if time.monotonic() > until or not self._read(until - time.monotonic()):
                raise RuntimeError(f"no prompt: {self.last}")

    def _read(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not readable:
            return False
        try:
            octets = os.read(self._master, 65536)
        except OSError:
            return False
        before = self._seen[-len(_PROMPT) + 1 :]
        self._prompts += (before + octets).count(_PROMPT) - before.count(_PROMPT)
        self._seen = (self._seen + octets)[-_MOST_KEPT:]
        return bool(octets)

    def type(self, text: str) -> None:
        """Press keys."""
        octets = text.encode()
        while octets:
            octets = octets[os.write(self._master, octets[:512]) :]

    def line(self, text: str) -> float:
        """Type a line and wait for the next prompt. Return the seconds that it took."""
        started = time.monotonic()
        self.type(f"{text}\r")
        self.wait()
        return time.monotonic() - started

    def end(self) -> int | None:
        """Leave the shell; return its exit status, None if it does not end."""
        self.type("/exit\r")
        until = time.monotonic() + _PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            if not self._read(0.2):
                time.sleep(0.05)
        return self.process.poll()

    @property
    def last(self) -> str:
        """What was written last."""
        return repr(self._seen[-600:])

    def close(self) -> None:
        """End it, whatever it does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


@contextmanager
def _typist(folder: Path, target: str) -> Iterator[Typist]:
    typist = Typist(folder, target)
    try:
        yield typist
    finally:
        typist.close()


def soak_shell(
    folder: Path, lines: int, warm: int, *, growth: int = MOST_GROWTH, say: Callable[[str], None] = print
) -> Outcome:
    """Type lines into one session, and see that nothing grows.

    Args:
        folder: An empty folder.
        lines: How many lines.
        warm: How many of them are the warm-up.
        growth: KiB by which memory may grow after that.
        say: Takes a line of progress.
    """
    from tests.soak.chain import listens, wait_until, write_files
    from tests.support.daemon import free_ports

    write_files(folder)
    (port,) = free_ports(1)
    words = ["practice", "--serve-only", "--port", str(port), "--cert", "server.pem", "--fault", "help=421"]
    with running("practice", [*PROGRAM, *words], folder) as server:
        wait_until(lambda: listens(port), f"port {port}")
        with _typist(folder, f"127.0.0.1:{port}") as typist:
            shell = _Soaked(typist, lines, warm, say)
            shell.watched.append(Watched("practice", server.pid, 8))
            outcome = shell.run()
    for each in shell.watched:
        outcome.faults += each.faults(warm, growth)
    outcome.faults += shell.faults_of_recordings(folder / "state" / "recordings")
    return outcome


class _Soaked:
    """The session while it is typed into."""

    def __init__(self, typist: Typist, lines: int, warm: int, say: Callable[[str], None]) -> None:
        self._typist, self._lines, self._warm, self._say = typist, lines, warm, say
        self.watched = [Watched("shell", typist.process.pid, 3, _SHELL_THREADS)]
        self._seconds: list[tuple[int, float]] = []  # how many lines there were -> how long the next took
        self._sent: Counter[str] = Counter()
        self._done = 0

    def run(self) -> Outcome:
        """Type all lines, and leave."""
        started = time.monotonic()
        self._typist.wait()
        step = max(1, self._lines // 400)
        due = 0
        for text in cycle(_FIVE_ROUNDS):
            if self._done >= self._lines:
                break
            self._type(text)
            if self._done >= due:
                due = self._done + step
                self._sample(time.monotonic() - started)
        status = self._typist.end()
        outcome = Outcome(self.watched, round(time.monotonic() - started, 1))
        if status:
            outcome.faults.append(f"the shell has ended with the status {status}")
        if status is None:
            outcome.faults.append(f"the shell does not end; it has written last: {self._typist.last}")
        outcome.lines = [f"{self._done:,} lines", *self._times()]
        outcome.figures = {"lines": self._done, "sent": dict(self._sent), "medians": self._medians()}
        return outcome

    def _type(self, text: str) -> None:
        took = self._typist.line(text)
        self._seconds.append((self._done, took))
        self._done += 1
        verb = text.partition(" ")[0]
        if verb in _COUNTED:
            self._sent[verb] += 1
        if text == "data":
            self._typist.type("".join(f"{line}\r" for line in _MAIL))
            self._typist.wait()
            self._done += len(_MAIL)

    def _sample(self, seconds: float) -> None:
        for each in self.watched:
            if (taken := sample(each.pid, self._done, seconds)) is not None:
                each.samples.append(taken)
        if len(self.watched[0].samples) % 40 == 1:
            memory = ", ".join(
                f"{each.name} {each.samples[-1].memory:,} KiB ({each.growth(self._warm):+,})" for each in self.watched
            )
            recent = median(took for _, took in self._seconds[-200:])
            self._say(
                f"{self._done:,} of {self._lines:,} lines, {recent * 1000:.1f} ms each, {seconds:,.0f} s; {memory}"
            )

    def _medians(self) -> list[float]:
        """Return the median of each `warm` lines, in milliseconds."""
        groups: dict[int, list[float]] = {}
        for at, took in self._seconds:
            groups.setdefault(at // self._warm, []).append(took)
        return [round(1000 * median(each), 2) for each in groups.values()]

    def _times(self) -> Iterator[str]:
        medians = self._medians()
        if len(medians) > 2:
            second, last = medians[1], medians[-1] if len(self._seconds) % self._warm > self._warm // 2 else medians[-2]
            yield (
                f"a line took {second:.1f} ms in the second {self._warm:,}, {last:.1f} ms in the last: "
                f"{last / second:.2f} times as long (at most {_MOST_LARGER:g} on a machine without other work)"
            )

    def faults_of_recordings(self, folder: Path) -> Iterator[str]:
        """Yield which lines that were sent are not recorded, or too often."""
        recorded: Counter[str] = Counter()
        for path in folder.glob("*.smtp"):
            for line in path.read_text("utf-8").splitlines():
                _, marker, text = line.partition(" C: ")
                if marker:
                    recorded[text.partition(" ")[0].lower()] += 1
        for verb, times in self._sent.items():
            # The line after the 421 is not sent: there is no connection.
            if recorded[verb] != times - (self._sent["help"] if verb == "noop" else 0):
                yield f"{verb} was typed {times:,} times, and is recorded {recorded[verb]:,} times"
