"""Run processes on a core of their own, and measure wall time, processor time and peak memory."""

from __future__ import annotations

import contextlib
import marshal
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LAUNCHER = Path(__file__).with_name("launcher.py")
LIMIT = 600.0

CORES = tuple(sorted(os.sched_getaffinity(0))) if sys.platform == "linux" else ()
CLIENT_CORES = CORES[:1]
"""Core of all clients, so that none profits from two; empty if the system cannot pin processes."""
SERVER_CORES = CORES[1:] or CORES

_INSTALL = {
    "swaks": "apt-get install swaks libnet-ssleay-perl libio-socket-ssl-perl libauthen-sasl-perl",
    "smtp-sink": "apt-get install postfix",
    "smtp-source": "apt-get install postfix",
}


class Missing(Exception):
    """A peer is not installed; the text says which, and how to install it."""


class Failed(Exception):
    """A command did not do its work."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended.

    Args:
        status: Exit status, or minus the signal that ended it.
        wall: Seconds from its start until it was reaped.
        cpu: Seconds of processor time, user and system.
        peak: Peak memory in octets, at least that of the launcher; None if the system does not report it.
    """

    status: int
    wall: float
    cpu: float
    peak: int | None


@cache
def find(name: str) -> str:
    """Find a program.

    Raises:
        Missing: It is not installed.
    """
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        raise Missing(f"{name} is not installed ({_INSTALL.get(name, f'apt-get install {name}')})")
    return found


@contextlib.contextmanager
def pinned(cores: tuple[int, ...]) -> Iterator[None]:
    """Run what this thread starts within the block on these cores only."""
    if sys.platform != "linux" or not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Launcher:
    """Start and measure processes, from a small process of its own if the system reports what they use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        if sys.platform != "win32":
            # Without `site`: see `launcher`.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCHER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=folder,
            )

    def close(self) -> None:
        """End the launcher."""
        if self._process is not None:
            self._process.communicate()

    def floor(self) -> int | None:
        """Return the least peak memory that can be measured here, in octets."""
        empty = self._folder / "empty"
        empty.touch()
        words = [find("sh"), "-c", ":"] if os.name != "nt" else [sys.executable, "-c", ""]
        return self.run(words, {}, (empty, empty, empty)).peak

    def run(self, argv: Sequence[str], env: Mapping[str, str], files: tuple[Path, Path, Path]) -> Ended:
        """Run a process on the clients' core until it ends; it is killed after `LIMIT` seconds.

        Args:
            argv: Path of the program, and its arguments.
            env: Its whole environment.
            files: Its standard input, output and error.
        """
        if self._process is None:
            return self._run_here(argv, env, files)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = (list(argv), dict(env), CLIENT_CORES, tuple(map(str, files)))
        self._process.stdin.write(marshal.dumps(request))
        self._process.stdin.flush()
        pid: int = marshal.load(self._process.stdout)
        timer = threading.Timer(LIMIT, os.kill, (pid, signal.SIGTERM))
        timer.daemon = True
        timer.start()
        try:
            return Ended(*marshal.load(self._process.stdout))
        finally:
            timer.cancel()

    def _run_here(self, argv: Sequence[str], env: Mapping[str, str], files: tuple[Path, Path, Path]) -> Ended:
        with files[0].open("rb") as source, files[1].open("wb") as out, files[2].open("wb") as err:
            start = time.perf_counter()
            done = subprocess.run(
                argv, env=env, stdin=source, stdout=out, stderr=err, cwd=self._folder, timeout=LIMIT, check=False
            )
        return Ended(done.returncode, time.perf_counter() - start, 0.0, None)
