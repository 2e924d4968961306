"""Whole processes: their wall time, processor time and most memory, and on which core they run."""

import contextlib
import marshal
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")
LIMIT = 600.0

CORES = tuple(sorted(os.sched_getaffinity(0))) if sys.platform == "linux" else ()
CLIENT_CORES = CORES[:1]
"""The one core on which all that is measured runs, so that nobody gains by having two; empty where it cannot be chosen."""
SERVER_CORES = CORES[1:] or CORES

_INSTALL = {
    "swaks": "apt-get install swaks libnet-ssleay-perl libio-socket-ssl-perl libauthen-sasl-perl",
    "smtp-sink": "apt-get install postfix",
    "smtp-source": "apt-get install postfix",
}


class Missing(Exception):
    """Something to compare with is not here; the text says what, and how to get it."""


class Failed(Exception):
    """A command did not do what it was to do."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended.

    Args:
        status: Its exit status, or minus the signal that ended it.
        wall: Seconds from before it was started until it was reaped.
        cpu: Seconds of processor time, its own and the system's for it.
        peak: The most memory it had, in octets, and no less than the launcher has; None where the system does not say.
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
    """Have what this thread starts meanwhile run on these cores only."""
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
    """Starts processes and measures them, from a small process of its own where the system tells what they took."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        if sys.platform != "win32":
            # Without what `site` would load.
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
        """Give the least memory that a process is seen to have here, in octets."""
        empty = self._folder / "empty"
        empty.touch()
        words = [find("sh"), "-c", ":"] if os.name != "nt" else [sys.executable, "-c", ""]
        return self.run(words, {}, (empty, empty, empty)).peak

    def run(self, argv: Sequence[str], env: Mapping[str, str], files: tuple[Path, Path, Path]) -> Ended:
        """Run a process to its end on the core that is for what is measured; it is killed when it takes far too long.

        Args:
            argv: The program, with its folder, and its arguments.
            env: All of its environment.
            files: What it reads, and where its standard output and its diagnostics go.
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
