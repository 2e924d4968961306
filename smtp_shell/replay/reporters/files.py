"""Reports in files: the parts of runs in the order of the runs, and a file that is whole whenever the process ends."""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Protocol, cast

from smtp_shell.errors import Interrupted
from smtp_shell.private_files import create_private, reason_of
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.results import ReplayResult, no_counts
from smtp_shell.replay.stats import RunStats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import BufferedWriter, RawIOBase
    from mmap import mmap
    from tempfile import SpooledTemporaryFile

    from smtp_shell.replay.reporters import RunInfo
    from smtp_shell.replay.results import StepResult
    from smtp_shell.replay.workers import Writer

_IN_MEMORY: Final = 64 * 1024
_AT_ONCE: Final = 1024 * 1024  # octets of one part that are in memory when they are written
_SNIFFED: Final = 400
STDOUT: Final = Path("-")


class ReportFile:
    """A file, or standard output, that grows by parts and ends with a tail.

    In a file each part and the tail after it take the place of the tail before in one write: a process that is killed leaves a whole
    report, and where the disk has no room for a part, the tail before comes back. Standard output gets the tail once, at the end.

    Args:
        stream: Where it goes; unbuffered, if it is a file.
        name: Its name, escaped.
        seeks: Whether it is a file.
        head: What stands in the file already, before the tail.
        tail: The tail that stands there.

    Attributes:
        failure: Why the report is not complete, in a sentence; empty where it is.
    """

    def __init__(
        self, stream: BinaryIO | RawIOBase, name: str, *, seeks: bool, head: bytes = b"", tail: bytes = b""
    ) -> None:
        self._stream = stream
        self._name = name
        self._seeks = seeks
        self._mark = len(head)  # where the tail stands
        self._tail = tail
        self.failure = ""

    @classmethod
    def create(cls, path: Path, signature: str, head: str, tail: str, *, overwrite: bool = False) -> ReportFile:
        """Create a report that only its owner can read, in place of an older one of the same kind.

        Args:
            path: The file; `-` for standard output.
            signature: Text near the start of each such report. Another file is replaced only with `overwrite`.
            head: What it begins with.
            tail: What it ends with as long as it has no part.
            overwrite: Whether to replace any file.

        Raises:
            UsageError: There is another file of that name, or it cannot be created.
        """
        start, end = _encoded(head), _encoded(tail)
        if path == STDOUT:
            sys.stdout.flush()
            report = cls(sys.stdout.buffer, "standard output", seeks=False)
            report.append((head,), str)
            return report
        overwrite = overwrite or _begins_with(path, signature)
        file = create_private(path, overwrite=overwrite, start=start + end)
        return cls(cast("BufferedWriter", file).detach(), escape_str(str(path)), seeks=True, head=start, tail=end)

    def append(self, parts: Iterable[str], tail: Callable[[], str]) -> None:
        """Write a part, and the tail after it.

        Args:
            parts: Its pieces.
            tail: Returns what the report ends with, after this part.

        Raises:
            OSError: Nobody reads standard output any more. What goes wrong with a file is in `failure`, and what follows is left out.
        """
        if self.failure:
            return
        try:
            if self._seeks:
                self._replace_tail(parts, tail)
            else:
                for text in parts:
                    self._stream.write(_encoded(text))
                self._stream.flush()
        except (OSError, MemoryError) as error:
            self.failure = f"the report {self._name} is not complete: {reason_of(error)}."
            if not self._seeks:
                raise

    def close(self, tail: str) -> None:
        """Write the tail where it has not been written, and close the file.

        Raises:
            OSError: As for `append`.
        """
        if not self._seeks:
            self.append((tail,), str)
        elif not self._stream.closed:
            self.append((), lambda: tail)
            try:
                self._stream.close()
            except (OSError, MemoryError) as error:
                self.failure = self.failure or f"the report {self._name} is not complete: {reason_of(error)}."

    def _replace_tail(self, parts: Iterable[str], tail: Callable[[], str]) -> None:
        from tempfile import SpooledTemporaryFile

        with SpooledTemporaryFile(_AT_ONCE) as part:
            for text in parts:
                part.write(_encoded(text))
            mark, end = self._mark + part.tell(), _encoded(tail())
            part.write(end)
            # Where the report becomes shorter, empty lines cover the rest until it is cut off: each format takes them.
            part.write(b"\n" * (self._mark + len(self._tail) - mark - len(end)))
            try:
                with _octets_of(part) as octets:
                    self._write(octets)
                self._stream.truncate(mark + len(end))
            except BaseException:
                with suppress(OSError):
                    self._write(self._tail)
                    self._stream.truncate(self._mark + len(self._tail))
                raise
        self._mark, self._tail = mark, end

    def _write(self, octets: bytes | mmap) -> None:
        """Write at the mark, in one call unless the system takes a part only."""
        self._stream.seek(self._mark)
        with memoryview(octets) as rest:
            written = 0
            while written < len(rest):
                with rest[written:] as left:
                    written += self._stream.write(left) or 0


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def _octets_of(spool: SpooledTemporaryFile[bytes]) -> Iterator[bytes | mmap]:
    """Return all that a temporary file holds, without taking memory for what is long."""
    size = spool.tell()
    spool.seek(0)
    if size <= _AT_ONCE:
        yield spool.read()
        return
    from mmap import ACCESS_READ, mmap

    spool.flush()
    with mmap(spool.fileno(), size, access=ACCESS_READ) as mapped:
        yield mapped


def _begins_with(path: Path, signature: str) -> bool:
    with suppress(OSError, ValueError):
        if os.path.isfile(path) and not os.path.islink(path):
            with path.open("rb") as file:
                start = file.read(_SNIFFED)
            return signature.encode() in start or not start
    return False


class Spool:
    """Text that waits: in memory while it is little, then on disk."""

    def __init__(self) -> None:
        from tempfile import SpooledTemporaryFile

        self._file: IO[str] = SpooledTemporaryFile(  # noqa: SIM115 -- closed when it is read
            _IN_MEMORY, "w+", encoding="utf-8", errors="backslashreplace", newline="\n"
        )

    def write(self, text: str) -> None:
        """Add text."""
        self._file.write(text)

    def read(self) -> Iterator[str]:
        """Yield all of it in pieces, and drop it."""
        self._file.seek(0)
        while text := self._file.read(_IN_MEMORY):
            yield text
        self._file.close()


class InOrder:
    """Calls that are made in the order of the runs, though runs that go side by side end in any order."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._next = 0
        self._waiting: dict[int, Callable[[], None]] = {}

    def add(self, order: int, call: Callable[[], None]) -> None:
        """Make a call as soon as those of all preceding runs have been made. Safe to call from any thread."""
        with self._lock:
            self._waiting[order] = call
            while self._next in self._waiting:
                self._waiting.pop(self._next)()
                self._next += 1

    def flush(self) -> None:
        """Make all calls that still wait for a run that never ended."""
        with self._lock:
            for order in sorted(self._waiting):
                self._waiting.pop(order)()
                self._next = order + 1


class RunText(Protocol):
    """One run in a report."""

    def step(self, result: StepResult) -> None:
        """Add a step."""

    def parts(self, result: ReplayResult) -> Iterable[str]:
        """Return the run, whole, when it has ended."""


class ReportFormat(Protocol):
    """A format of reports in files.

    Attributes:
        signature: Text near the start of each report.
    """

    signature: str

    def head(self) -> str:
        """Return what the report begins with."""

    def run(self, info: RunInfo) -> RunText:
        """Return an empty run."""

    def tail(self, stats: RunStats, problem: str) -> str:
        """Return what the report ends with.

        Args:
            stats: The numbers of the runs so far.
            problem: What ended the batch early, in a sentence; empty where nothing did.
        """


class FileReporter:
    """A reporter that writes a format into a file.

    Args:
        form: The format.
        path: The file; `-` for standard output.
        overwrite: Whether to replace any file.

    Raises:
        UsageError: There is another file of that name, or it cannot be created.
    """

    def __init__(self, form: ReportFormat, path: Path, *, overwrite: bool = False) -> None:
        self._form = form
        self._stats = RunStats()
        self._problem = ""
        self._order = InOrder()
        self._open: dict[int, FileRunReport] = {}
        self._file = ReportFile.create(
            path, form.signature, form.head(), form.tail(self._stats, ""), overwrite=overwrite
        )

    def for_run(self, run: RunInfo, out: Writer) -> FileRunReport:
        """Return the report of a run."""
        report = self._open[run.order] = FileRunReport(self, run, self._form.run(run))
        return report

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Note what the batch came to: it is written at the end."""
        self._stats.seed, self._stats.over_budget = stats.seed, stats.over_budget
        self._stats.not_selected, self._stats.not_run = stats.not_selected, stats.not_run
        self._stats.first_not_run = stats.first_not_run
        self._stats.exit_status = max(self._stats.exit_status, stats.exit_status)
        if stats.interrupted:
            self.abort("interrupted")

    def abort(self, sentence: str) -> None:
        """Note what ended the batch early."""
        self._problem = self._problem or sentence

    def close(self) -> None:
        """Write what is held back, runs that were cut off too, and close the file.

        Raises:
            OSError: Nobody reads standard output any more.
        """
        for order in sorted(self._open):
            self._open[order].cut_off(self._problem or "interrupted")
        self._order.flush()
        self._file.close(self._form.tail(self._stats, self._problem))

    @property
    def failure(self) -> str:
        """Why the report is not complete, in a sentence; empty where it is."""
        return self._file.failure

    def add_run(self, order: int, text: RunText, stats: RunStats, result: ReplayResult) -> None:
        """Add a run that has ended. Safe to call from any thread."""
        self._open.pop(order, None)

        def write() -> None:
            stats.add_replay(result)
            self._stats.merge(stats)
            self._file.append(text.parts(result), lambda: self._form.tail(self._stats, ""))

        self._order.add(order, write)


class FileRunReport:
    """The report of one run, which goes to the file when the run has ended."""

    def __init__(self, reporter: FileReporter, run: RunInfo, text: RunText) -> None:
        self._reporter = reporter
        self._run = run
        self._text = text
        self._stats = RunStats()
        self._counts = no_counts()
        self._lock = allocate_lock()
        self._is_open = True

    def start(self) -> None:
        """Write nothing: the run's counts stand before its steps."""

    def step(self, result: StepResult) -> None:
        """Add a step."""
        with self._lock:
            if self._is_open:
                self._counts[result.outcome] += 1
                self._stats.add_step(result)
                self._text.step(result)

    def finish(self, result: ReplayResult) -> None:
        """Write the run."""
        with self._lock:
            is_open, self._is_open = self._is_open, False
        if is_open:
            self._reporter.add_run(self._run.order, self._text, self._stats, result)

    def cut_off(self, why: str) -> None:
        """Write the run as far as it came. Its thread may still be at work.

        Args:
            why: What ended it.
        """
        status = Interrupted.exit_status
        self.finish(ReplayResult(self._run.name, "", (), self._counts, status, why, 0.0, ending=why))
