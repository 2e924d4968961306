"""A progress bar on the terminal, for batches that take longer than a second."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from smtp_shell.client.credentials import Ask
    from smtp_shell.display.progress import ProgressBar
    from smtp_shell.replay.reporters import RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats
    from smtp_shell.replay.workers import Writer

_PATIENCE: Final = 1.0
"""Seconds before there is a bar: a short batch shows none, and does not load rich."""

_TICK: Final = 0.1


class ProgressReporter:
    """Shows how many runs have ended. It is a writer too: what is written to it stands above the bar.

    Args:
        lines: Where lines go while there is no bar, or that are not for the terminal.
        terminal: The terminal.
        above: Whether lines are for the same terminal.
        patience: Seconds before there is a bar.
    """

    def __init__(self, lines: TextIO, terminal: TextIO, *, above: bool, patience: float = _PATIENCE) -> None:
        self._lines = lines
        self._terminal = terminal
        self._above = above
        self._lock = threading.RLock()
        self._bar: ProgressBar | None = None  # while it is on the screen
        self._closed = False
        self._total = self._runs = self._failed = self._steps = 0
        self._shown_at = 0.0
        self._timer = threading.Timer(patience, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def for_run(self, run: RunInfo, out: Writer) -> ProgressRunReport:
        """Return the report of a run."""
        self._total = run.total
        return ProgressRunReport(self)

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Remove the bar."""
        self.close()

    def close(self) -> None:
        """Remove the bar. Closing twice does nothing."""
        self._timer.cancel()
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            self._bar, self._closed = None, True

    def asking(self, ask: Ask) -> Ask:
        """Return a function that asks the user while there is no bar."""

        def paused(question: str, hidden: bool, *more: str) -> str:
            with self._lock:
                bar, self._bar = self._bar, None
                if bar is not None:
                    bar.stop()
            try:
                return ask(question, hidden, *more)
            finally:
                with self._lock:
                    if bar is not None:
                        bar.start()
                        self._bar = bar

        return paused

    def write(self, text: str) -> None:
        """Write lines, above the bar where they are for the same terminal."""
        with self._lock:
            if self._bar is None or not self._above:
                self._lines.write(text)
            else:
                self._bar.print_above(text.removesuffix("\n"))

    def flush(self) -> None:
        """Show what was written."""
        self._lines.flush()

    def count(self, *, steps: int = 0, runs: int = 0, failed: int = 0) -> None:
        """Add to what the bar shows. Safe to call from any thread."""
        with self._lock:
            self._steps += steps
            self._runs += runs
            self._failed += failed
            now = monotonic()
            if runs or now - self._shown_at > _TICK:
                self._shown_at = now
                self._update()

    def _begin(self) -> None:
        from smtp_shell.display.progress import ProgressBar

        with self._lock:
            if self._closed:
                return
            self._lines.flush()
            self._bar = ProgressBar(self._terminal)
            self._bar.start()
            self._update()

    def _update(self) -> None:
        if self._bar is None:
            return
        failed = f", {self._failed:,} failed" if self._failed else ""
        words = f"{self._runs:,} of {self._total:,} runs{failed}, {self._steps:,} steps"
        total = self._total if self._total > 1 else None
        self._bar.update(words, self._runs, total)


class ProgressRunReport:
    """Counts the steps of one run."""

    def __init__(self, reporter: ProgressReporter) -> None:
        self._reporter = reporter

    def start(self) -> None:
        """Show nothing."""

    def step(self, result: StepResult) -> None:
        """Count a step."""
        self._reporter.count(steps=1)

    def finish(self, result: ReplayResult) -> None:
        """Count the run."""
        self._reporter.count(runs=1, failed=int(not result.ok))
