"""A process that has loaded the program and forks it over and over: how it is asked, and how a child of it begins and ends.

A fork costs a tenth of a new interpreter. The process reads requests from standard input, a JSON object a line, and answers on standard
output in the same form. It ends with its input. POSIX only.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

_ROOT = Path(__file__).resolve().parents[2]
_END_SECONDS = 30.0
_POLL_SECONDS = 0.003


class ForkServer:
    """The process that forks, as its user sees it.

    Args:
        module: What it runs, as in `python -m`.
    """

    def __init__(self, module: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=_ROOT
        )

    @property
    def pid(self) -> int:
        """The process that forks."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request, and return the first answer to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Wait for the next answer, and return it.

        Raises:
            RuntimeError: The process has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} has ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def has_answered(self) -> bool:
        """Return whether an answer can be read at once. Nothing of it may have been read before."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], 0)[0])


def begin_session(streams: Sequence[str], folder: str, environment: Mapping[str, str]) -> None:
    """Make a process that was just forked one that begins, as a new interpreter would.

    Args:
        streams: What its standard input, output and error are. The first terminal that the leader of a session opens becomes its own.
        folder: Its working folder.
        environment: Its whole environment.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for descriptor, name in enumerate(streams):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.umask(0o022)
    os.chdir(folder)


def wait(pid: int, seconds: float) -> tuple[int, bool]:
    """Wait for a child, and end it and what it started when the time is over.

    Its number is its own until it is reaped, which is done last: by then another process may have it.

    Args:
        pid: The child, which leads a session.
        seconds: How long it may run.

    Returns:
        Its exit status, negative for a signal, and whether it had to be ended.
    """
    late = not _has_ended(pid, seconds)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), late


def _has_ended(pid: int, seconds: float) -> bool:
    """Wait until a child has ended; return whether it did so in time. It is not reaped."""
    if hasattr(os, "pidfd_open"):  # Linux
        descriptor = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        in_time = bool(poll.poll(int(seconds * 1000)))
        os.close(descriptor)
        return in_time
    deadline = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
