"""Worker threads: tasks side by side, whose lines are written in the order of the tasks."""

from __future__ import annotations

import threading
from time import monotonic
from typing import IO, TYPE_CHECKING, Final, Protocol

from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEPT_IN_MEMORY: Final = 64 * 1024
_AHEAD = 2
"""How many tasks per thread may be ahead of the one whose lines are being written."""

_TICK = 0.2
_END_TIMEOUT = 0.5
"""Seconds in which the threads may end after Ctrl-C."""


class Writer(Protocol):
    """What lines can be written to."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> None:
        """Show what was written."""


class Task(Protocol):
    """Something to do that writes lines."""

    def run(self, out: Writer) -> bool:
        """Do it; return whether more tasks are to be begun."""

    def interrupt(self) -> None:
        """Make `run` end soon. Called from another thread."""


def run_in_order(tasks: Iterable[Task], jobs: int, out: Writer) -> bool:
    """Run tasks in threads, and write what they write in the order of the tasks.

    What a task writes before it is its turn is buffered, on disk where it is much.

    Args:
        tasks: The tasks; the next one is taken when a thread is free.
        jobs: How many run at a time.
        out: Where the lines go.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        UsageError: The system does not start as many threads.
        SmtpShellError: What a task raised; no other task was begun then.
    """
    queue = _TaskQueue(tasks, jobs, out)
    threads = [threading.Thread(target=queue.work, daemon=True, name=f"job-{number}") for number in range(jobs)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(_TICK)  # without a timeout Windows would not notice Ctrl-C
    except KeyboardInterrupt:
        queue.interrupt()
        _join(threads)
        return True
    except RuntimeError:  # the system has no more threads
        queue.interrupt()
        _join(threads)
        raise UsageError(f"this system does not start {jobs:,} threads; give --jobs a smaller number.") from None
    if queue.error is not None:
        raise queue.error
    return False


def _join(threads: list[threading.Thread]) -> None:
    deadline = monotonic() + _END_TIMEOUT
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - monotonic()))


class _TaskWriter:
    """Writer of one task: it passes text on when it is the task's turn, and buffers it before."""

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._buffer: IO[str] | None = None
        self._has_turn = False
        self._closed = False

    def write(self, text: str) -> None:
        with self._lock:
            if self._has_turn:
                self._out.write(text)
            elif not self._closed:
                self._buffer = self._buffer or _new_buffer()
                self._buffer.write(text)

    def flush(self) -> None:
        with self._lock:
            if self._has_turn:
                self._out.flush()

    def take_turn(self) -> None:
        """Write what is buffered, and pass on all that follows."""
        with self._lock:
            if self._buffer is not None:
                self._buffer.seek(0)
                while text := self._buffer.read(_KEPT_IN_MEMORY):
                    self._out.write(text)
                self._buffer.close()
                self._buffer = None
                self._out.flush()
            self._has_turn = not self._closed

    def close(self) -> None:
        """Discard all that follows."""
        with self._lock:
            self._has_turn, self._closed = False, True
            if self._buffer is not None:
                self._buffer.close()
                self._buffer = None


def _new_buffer() -> IO[str]:
    from tempfile import SpooledTemporaryFile

    return SpooledTemporaryFile(_KEPT_IN_MEMORY, "w+", encoding="utf-8", newline="\n")


class _TaskQueue:
    """The tasks, in order: those that are still to come, and those that have been begun and are not written whole."""

    def __init__(self, tasks: Iterable[Task], jobs: int, out: Writer) -> None:
        self.error: BaseException | None = None
        self._tasks: Iterator[Task] = iter(tasks)
        self._out = out
        self._most_ahead = jobs * _AHEAD
        self._changed = threading.Condition()
        self._begun = 0
        self._head = 0  # number of the task whose turn it is
        self._writers: dict[int, _TaskWriter] = {}
        self._running: dict[int, Task] = {}
        self._stopped = False

    def work(self) -> None:
        """Run one task after the other until there are no more."""
        while (taken := self._take()) is not None:
            number, task, writer = taken
            goes_on = False
            try:
                goes_on = task.run(writer)
            except BaseException as error:  # raised again in the thread that waits
                self.error = self.error or error
            try:
                self._finish(number, goes_on=goes_on)
            except OSError as error:  # nobody reads our lines any more
                self.error = self.error or error
                self.interrupt()

    def interrupt(self) -> None:
        """Begin no more tasks, discard their lines, and make those that run end."""
        with self._changed:
            self._stopped = True
            running = list(self._running.values())
            writers = list(self._writers.values())
            self._changed.notify_all()
        for writer in writers:
            writer.close()
        for task in running:
            task.interrupt()

    def _take(self) -> tuple[int, Task, _TaskWriter] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._begun - self._head < self._most_ahead)
            task = None if self._stopped else next(self._tasks, None)
            if task is None:
                self._stopped = True
                self._changed.notify_all()
                return None
            number = self._begun
            self._begun += 1
            writer = self._writers[number] = _TaskWriter(self._out)
            self._running[number] = task
            if number == self._head:
                writer.take_turn()
            return number, task, writer

    def _finish(self, number: int, *, goes_on: bool) -> None:
        with self._changed:
            del self._running[number]
            self._stopped = self._stopped or not goes_on
            while self._head < self._begun and self._head not in self._running:
                self._writers.pop(self._head).close()
                self._head += 1
                if self._head in self._writers:
                    self._writers[self._head].take_turn()
            self._changed.notify_all()
