"""Tasks side by side, a thread each, whose lines come out in the order of the tasks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import IO, Final, Protocol

from smtp_shell.errors import UsageError

_KEPT_IN_MEMORY: Final = 64 * 1024
_AHEAD = 2
"""How many tasks for each thread may be ahead of the one whose turn it is."""
_TICK = 0.2
_LAST_WORDS = 0.5
"""How many seconds the threads are given to end after Ctrl-C."""


class Writer(Protocol):
    """What lines can be written to."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> None:
        """Show what was written."""


class Task(Protocol):
    """Something to do that writes lines."""

    def run(self, out: Writer) -> bool:
        """Do it; say whether those behind it are to be begun."""

    def interrupt(self) -> None:
        """Make `run` end soon; called from another thread."""


def in_order(tasks: Iterable[Task], jobs: int, out: Writer) -> bool:
    """Do tasks, each in a thread, and write what they write in their order.

    What a task writes before its turn is kept, on disk when it is much.

    Args:
        tasks: The tasks; one is taken when there is a thread for it.
        jobs: How many are done at a time.
        out: Where the lines go.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        UsageError: The system does not start as many threads.
        SmtpShellError: What a task raised; no other task is begun then.
    """
    line = _Line(tasks, jobs, out)
    threads = [threading.Thread(target=line.work, daemon=True, name=f"job-{number}") for number in range(jobs)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(_TICK)  # without a limit Ctrl-C would wait too, on Windows
    except KeyboardInterrupt:
        line.interrupt()
        _await(threads)
        return True
    except RuntimeError:  # the system has no more threads for us
        line.interrupt()
        _await(threads)
        raise UsageError(f"this system does not start {jobs:,} threads; give --jobs a smaller number.") from None
    if line.error is not None:
        raise line.error
    return False


def _await(threads: list[threading.Thread]) -> None:
    deadline = monotonic() + _LAST_WORDS
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - monotonic()))


class _Outlet:
    """Where one task writes: straight through when it is its turn, else what it writes is kept."""

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._kept: IO[str] | None = None
        self._live = False
        self._closed = False

    def write(self, text: str) -> None:
        with self._lock:
            if self._live:
                self._out.write(text)
            elif not self._closed:
                self._kept = self._kept or _new_keep()
                self._kept.write(text)

    def flush(self) -> None:
        with self._lock:
            if self._live:
                self._out.flush()

    def go_live(self) -> None:
        """Write what was kept; from now on it is this task's turn."""
        with self._lock:
            if self._kept is not None:
                self._kept.seek(0)
                while text := self._kept.read(_KEPT_IN_MEMORY):
                    self._out.write(text)
                self._kept.close()
                self._kept = None
                self._out.flush()
            self._live = not self._closed

    def close(self) -> None:
        """Take no more."""
        with self._lock:
            self._live, self._closed = False, True
            if self._kept is not None:
                self._kept.close()
                self._kept = None


def _new_keep() -> IO[str]:
    from tempfile import SpooledTemporaryFile

    return SpooledTemporaryFile(_KEPT_IN_MEMORY, "w+", encoding="utf-8", newline="\n")


class _Line:
    """The tasks, in order: those that are still to come, and those that are begun and have not been told whole."""

    def __init__(self, tasks: Iterable[Task], jobs: int, out: Writer) -> None:
        self._tasks: Iterator[Task] = iter(tasks)
        self._out = out
        self._most_ahead = jobs * _AHEAD
        self._changed = threading.Condition()
        self._begun = 0
        self._head = 0
        self._outlets: dict[int, _Outlet] = {}
        self._running: dict[int, Task] = {}
        self._stopped = False
        self.error: BaseException | None = None

    def work(self) -> None:
        """Do one task after the other until there are no more."""
        while (taken := self._take()) is not None:
            number, task, outlet = taken
            goes_on = False
            try:
                goes_on = task.run(outlet)
            except BaseException as error:  # it is raised in the thread that waits
                self.error = self.error or error
            try:
                self._finish(number, goes_on=goes_on)
            except OSError as error:  # whoever reads our lines has had enough
                self.error = self.error or error
                self.interrupt()

    def interrupt(self) -> None:
        """Begin nothing more, take no more lines, and make what is running end."""
        with self._changed:
            self._stopped = True
            running = list(self._running.values())
            outlets = list(self._outlets.values())
            self._changed.notify_all()
        for outlet in outlets:
            outlet.close()
        for task in running:
            task.interrupt()

    def _take(self) -> tuple[int, Task, _Outlet] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._begun - self._head < self._most_ahead)
            task = None if self._stopped else next(self._tasks, None)
            if task is None:
                self._stopped = True
                self._changed.notify_all()
                return None
            number = self._begun
            self._begun += 1
            outlet = self._outlets[number] = _Outlet(self._out)
            self._running[number] = task
            if number == self._head:
                outlet.go_live()
            return number, task, outlet

    def _finish(self, number: int, *, goes_on: bool) -> None:
        with self._changed:
            del self._running[number]
            self._stopped = self._stopped or not goes_on
            while self._head < self._begun and self._head not in self._running:
                self._outlets.pop(self._head).close()
                self._head += 1
                if self._head in self._outlets:
                    self._outlets[self._head].go_live()
            self._changed.notify_all()
