"""The processes under test, and what they print, read as it comes."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

import smtp_shell

PROGRAM: Final = (sys.executable, "-m", "smtp_shell")
PASSWORD: Final = "s3cret-Pass!"
_PR_SET_PDEATHSIG: Final = 1
_STOP_SECONDS: Final = 20.0


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of all programs: folders of their own, the password, and byte code that is kept."""
    root = str(Path(smtp_shell.__file__).parents[1])
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "SSLKEYLOGFILE")}
    return kept | {
        "PYTHONPATH": root,
        "PYTHONUNBUFFERED": "",
        "SMTP_SHELL_STATE_DIR": str(folder / "state"),
        "SMTP_SHELL_CONFIG_DIR": str(folder / "config"),
        "SMTP_SHELL_PASSWORD": PASSWORD,
        "LC_ALL": "C.UTF-8",
    }


def end_with_parent() -> None:
    """Have the system kill this process when the one that started it is gone, even by SIGKILL. Linux."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Running:
    """A process, and a thread that reads its lines.

    Args:
        name: What it is.
        command: The program and its arguments.
        folder: Its working directory; its standard error goes there too.
        take: Called with each line, in the thread.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, take: Callable[[bytes], None]) -> None:
        self.name = name
        self.errors = folder / f"{name}.err"
        with self.errors.open("wb") as errors:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self._take = take
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), name=name, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._take(line)

    def finish(self) -> int:
        """End it with SIGTERM unless it has ended, read what it says to that, and return its status."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._reader.join(_STOP_SECONDS)
        return status

    def complaints(self) -> str:
        """Return the end of what it has written to standard error."""
        return self.errors.read_text("utf-8", "replace")[-1500:]


@contextmanager
def running(
    name: str, command: Sequence[str], folder: Path, take: Callable[[bytes], None] = lambda _: None
) -> Iterator[Running]:
    """Run a process until the block ends. None is left behind, whatever ends the block."""
    process = Running(name, command, folder, take)
    try:
        yield process
    finally:
        process.finish()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class Replayed:
    """What `replay --json` says of its runs.

    Attributes:
        done: How many runs are over.
        statuses: Run -> its exit status.
        failures: Run -> what went wrong; runs that failed only.
        names: Run -> the number in its first EHLO.
        acknowledged: How many messages were answered with 250.
        summary: The last line; empty before that.
    """

    _RUN = re.compile(rb'"run": ([0-9]+)')
    _EHLO = re.compile(rb'"sent": "EHLO c([0-9]+)\.')

    def __init__(self) -> None:
        self.done = self.acknowledged = 0
        self.statuses: dict[int, int] = {}
        self.failures: dict[int, str] = {}
        self.names: dict[int, int] = {}
        self.summary: dict[str, Any] = {}

    def take(self, line: bytes) -> None:
        """Take a line."""
        if b'"exit_status"' in line:
            self._take_end(json.loads(line))
            return
        if b'"sent": "(mail data' in line:
            self.acknowledged += b'"verdict": "matched"' in line
            return
        ehlo = self._EHLO.search(line)
        if ehlo:
            run = self._RUN.search(line)
            self.names.setdefault(int(run[1]) if run else 1, int(ehlo[1]))

    def _take_end(self, found: dict[str, Any]) -> None:
        if found.get("summary"):
            self.summary = found
            return
        run = int(found.get("run", 1))
        self.statuses[run] = int(found["exit_status"])
        if found["exit_status"]:
            self.failures[run] = str(found.get("failure", ""))
        self.done += 1


class Served:
    """What `serve --json` says of its sessions.

    Attributes:
        sessions: Port of the client -> its sessions, the oldest first, those that were not asked for yet.
        over: How many sessions are over.
        faults: Fault that was made -> how often.
        summary: The last line; empty before that.
    """

    def __init__(self) -> None:
        self.sessions: dict[int, deque[dict[str, Any]]] = {}
        self.over = 0
        self.faults: Counter[str] = Counter()
        self.summary: dict[str, Any] = {}

    def take(self, line: bytes) -> None:
        """Take a line."""
        if b'"outcome"' in line:
            return
        found = json.loads(line)
        if found.get("summary"):
            self.summary = found
            return
        self.over += 1
        self.faults.update(found.get("faults", ()))
        port = int(str(found["peer"]).rpartition(":")[2])
        kept = {name: found[name] for name in ("matched", "differed", "faults") if name in found}
        self.sessions.setdefault(port, deque()).append(kept)


class Relayed:
    """What `relay --json` says of its sessions.

    Attributes:
        begun: How many there were.
        over: How many of them have ended.
    """

    def __init__(self) -> None:
        self.begun = self.over = 0

    def take(self, line: bytes) -> None:
        """Take a line."""
        if b'"n": 1, "dir": "event"' in line:
            self.begun += 1
        elif b'"text": "close' in line:
            self.over += 1


class Switched:
    """What the switch says of the dialogues that came to it.

    Attributes:
        ports: Where to connect to, by name.
        over: The dialogues that are over.
        stray: What went wrong in the switch itself.
    """

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.over: list[dict[str, Any]] = []
        self.stray: list[str] = []

    def take(self, line: bytes) -> None:
        """Take a line."""
        found = json.loads(line)
        if "ports" in found:
            self.ports = found["ports"]
        elif "stray" in found:
            self.stray.append(found["stray"])
        else:
            self.over.append(found)
