"""One process for each piece of work: a fork with limits of processor time, of memory and of silence, which reports by a pipe."""

from __future__ import annotations

import ctypes
import os
import resource
import selectors
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Generic, TypeVar

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MORE_MEMORY = 1_500_000_000
_SILENCE = 6.0  # seconds in which a process that waits uses no processor
_PARENT_DIED = 1  # PR_SET_PDEATHSIG

T = TypeVar("T")


@dataclass(slots=True)
class _Child(Generic[T]):
    job: T
    pid: int
    pipe: int
    folder: tempfile.TemporaryDirectory[str]
    said: bytearray = field(default_factory=bytearray)
    used: float = -1.0  # processor seconds when last looked at
    changed: float = 0.0  # when these last changed
    hung: bool = False


@dataclass(frozen=True, slots=True)
class End(Generic[T]):
    """What became of one process.

    Args:
        said: What it wrote.
        timed_out: Whether it went over its processor time, or hung.
        died: Whether it ended otherwise than by its own `os._exit(0)`.
        seconds: Processor seconds.
    """

    job: T
    said: bytes
    timed_out: bool
    died: bool
    seconds: float


def run(jobs: Iterator[T], act: Callable[[T, BinaryIO], None], *, at_once: int, seconds: float) -> Iterator[End[T]]:
    """Run each job in a fork of this process.

    Args:
        act: What the fork does. What it writes to its file is `End.said`.
        at_once: How many forks run at the same time.
        seconds: Processor seconds that a job may use. It can set the timer anew.
    """
    selector = selectors.DefaultSelector()
    running: dict[int, _Child[T]] = {}
    jobs = iter(jobs)
    try:
        while True:
            while len(running) < at_once and (job := next(jobs, None)) is not None:
                child = _start(job, act, seconds)
                running[child.pid] = child
                selector.register(child.pipe, selectors.EVENT_READ, child)
            if not running:
                return
            for key, _ in selector.select(1):
                child = key.data
                piece = os.read(child.pipe, 1 << 20)
                child.said += piece
                if not piece:
                    selector.unregister(child.pipe)
                    del running[child.pid]
                    yield _end(child)
            for child in running.values():
                _look_at(child)
    finally:
        selector.close()
        for child in running.values():
            _kill(child)
            _end(child)


def _start(job: T, act: Callable[[T, BinaryIO], None], seconds: float) -> _Child[T]:
    # Each fork has a temporary folder of its own, which goes with it.
    folder = tempfile.TemporaryDirectory(prefix="smtp-shell-mutant-", ignore_cleanup_errors=True)
    ours, its = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(its)
        return _Child(job, pid, ours, folder, changed=time.monotonic())
    status = 1
    try:
        os.setpgid(0, 0)
        die_with_parent(parent)
        _limit(seconds)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = folder.name
        with os.fdopen(its, "wb") as file:
            act(job, file)
        status = 0
    finally:
        os._exit(status)


def _limit(seconds: float) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    if sys.platform == "linux":
        size = psutil.Process().memory_info().vms + _MORE_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DIED, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _look_at(child: _Child[T]) -> None:
    """Kill the fork if it waits for what does not come. One that waits for a processor on a loaded machine is not that."""
    now = time.monotonic()
    if now - child.changed < _SILENCE / 4:
        return
    with suppress(psutil.Error):
        process = psutil.Process(child.pid)
        times = process.cpu_times()
        used = times.user + times.system
        if used != child.used or process.status() in {psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP}:
            child.used, child.changed = used, now
        elif now - child.changed > _SILENCE:
            child.hung = True
            _kill(child)


def _kill(child: _Child[T]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGKILL)


def _end(child: _Child[T]) -> End[T]:
    os.close(child.pipe)
    _, status, used = os.wait4(child.pid, 0)
    # What a test started goes with it.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.folder.cleanup()
    over = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
    return End(child.job, bytes(child.said), child.hung or over, status != 0, used.ru_utime + used.ru_stime)
