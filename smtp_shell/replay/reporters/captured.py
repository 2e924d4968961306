"""Captured variables on standard output, for `$(…)` in a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from smtp_shell.replay.reporters.files import InOrder
from smtp_shell.replay.reporters.inert import inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.replay.reporters import RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats
    from smtp_shell.replay.workers import Writer


class CaptureReporter:
    """Prints the values of variables that replies have captured: the value alone, or `NAME=value` where there are several names.

    Args:
        names: The names.
        stream: Where the values go, in the order of the runs.
    """

    def __init__(self, names: Sequence[str], stream: TextIO) -> None:
        self.names = frozenset(names)
        self._stream = stream
        self._order = InOrder()

    def for_run(self, run: RunInfo, out: Writer) -> CaptureRunReport:
        """Return the report of a run."""
        return CaptureRunReport(self, run.order)

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Print what an interrupted batch had captured."""
        self._order.flush()

    def print_run(self, order: int, captures: Sequence[tuple[str, str]]) -> None:
        """Print what a run has captured, when its turn comes."""
        is_one = len(self.names) == 1
        lines = "".join(inert(f"{value}\n" if is_one else f"{name}={value}\n") for name, value in captures)

        def write() -> None:
            self._stream.write(lines)
            self._stream.flush()

        self._order.add(order, write)


class CaptureRunReport:
    """The captures of one run. A run has at most `plan.MOST_CAPTURES` names, and of each the last value counts."""

    def __init__(self, reporter: CaptureReporter, order: int) -> None:
        self._reporter = reporter
        self._order = order
        self._found: dict[str, str] = {}

    def start(self) -> None:
        """Print nothing."""

    def step(self, result: StepResult) -> None:
        """Note the captures of a step."""
        self._found.update((name, value) for name, value in result.captures.items() if name in self._reporter.names)

    def finish(self, result: ReplayResult) -> None:
        """Print them."""
        self._reporter.print_run(self._order, tuple(self._found.items()))
