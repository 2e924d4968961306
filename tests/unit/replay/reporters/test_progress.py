"""The progress bar of a batch: when there is one, what it says, and what is written beside it."""

from __future__ import annotations

import io
import threading
from typing import ClassVar

import pytest

from smtp_shell.replay.reporters import RunInfo
from smtp_shell.replay.reporters import progress as module
from smtp_shell.replay.reporters.progress import ProgressReporter
from smtp_shell.replay.results import Outcome, ReplayResult, StepResult, no_counts
from smtp_shell.replay.stats import RunStats

STEP = StepResult("a.smtp", (1,), "NOOP", Outcome.MATCHED)
PATIENCE = 20.0


def ended(status: int = 0) -> ReplayResult:
    return ReplayResult("a.smtp", "", (), no_counts(), status, None, 0.0)


class Bar:
    """A bar that notes what is done with it."""

    log: ClassVar[list[str]] = []
    begun: ClassVar[threading.Event] = threading.Event()

    def __init__(self, terminal: object) -> None:
        self.log.append("made")

    def start(self) -> None:
        self.log.append("start")

    def stop(self) -> None:
        self.log.append("stop")

    def update(self, words: str, done: int, total: int | None) -> None:
        self.log.append(f"{words} [{done} of {total}]")
        self.begun.set()

    def print_above(self, text: str) -> None:
        self.log.append(f"above {text!r}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("smtp_shell.display.progress.ProgressBar", Bar)
    Bar.log, Bar.begun = [], threading.Event()
    return Bar.log


class Lines(io.StringIO):
    flushed = 0

    def flush(self) -> None:
        self.flushed += 1


def begun(lines: Lines, *, above: bool = True) -> ProgressReporter:
    """Return a reporter whose bar is on the screen."""
    reporter = ProgressReporter(lines, io.StringIO(), above=above, patience=0.001)
    assert Bar.begun.wait(PATIENCE)
    return reporter


def test_a_short_batch_has_no_bar(log: list[str]) -> None:
    lines = Lines()
    reporter = ProgressReporter(lines, io.StringIO(), above=True, patience=60.0)
    assert reporter._timer.daemon
    run = reporter.for_run(RunInfo("a.smtp", total=3), io.StringIO())
    run.start()
    run.step(STEP)
    run.finish(ended())
    reporter.write("one\n")
    reporter.flush()
    reporter.summary(RunStats(), io.StringIO())
    assert (lines.getvalue(), lines.flushed, log) == ("one\n", 1, [])
    reporter._timer.join(PATIENCE)
    assert not reporter._timer.is_alive()


def test_a_bar_waits_a_second() -> None:
    reporter = ProgressReporter(Lines(), io.StringIO(), above=True)
    assert reporter._timer.interval == 1.0
    reporter.close()


def test_no_bar_begins_after_the_end(log: list[str]) -> None:
    reporter = ProgressReporter(Lines(), io.StringIO(), above=True, patience=60.0)
    reporter.close()
    reporter._begin()  # a timer that had just run out
    assert log == []


def test_a_bar_counts_runs_failures_and_steps(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    lines = Lines()
    reporter = begun(lines)
    assert log == ["made", "start", "0 of 0 runs, 0 steps [0 of None]"]
    assert lines.flushed == 1
    log.clear()
    run = reporter.for_run(RunInfo("a.smtp", total=1_200), io.StringIO())
    run.start()
    run.step(STEP)
    run.step(STEP)  # at once: not shown
    now[0] += 0.11
    run.step(STEP)
    run.finish(ended())
    run.finish(ended(1))
    now[0] += 0.05
    run.step(STEP)
    assert log == [
        "0 of 1,200 runs, 1 steps [0 of 1200]",
        "0 of 1,200 runs, 3 steps [0 of 1200]",
        "1 of 1,200 runs, 3 steps [1 of 1200]",
        "2 of 1,200 runs, 1 failed, 3 steps [2 of 1200]",
    ]
    log.clear()
    reporter.summary(RunStats(), io.StringIO())
    reporter.close()
    run.finish(ended())
    assert log == ["stop"]


def test_steps_are_shown_when_more_than_a_tenth_of_a_second_has_gone_by(
    log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]  # where a clock begins is not defined
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    reporter = begun(Lines())
    log.clear()
    for now[0] in (0.1, 0.11, 0.2, 0.22, 0.33):
        reporter.count(steps=1)
    reporter.close()
    assert log == [*(f"0 of 0 runs, {steps} steps [0 of None]" for steps in (2, 4, 5)), "stop"]


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        (RunInfo("a.smtp"), "1 of 1 runs, 0 steps [1 of None]"),
        (RunInfo("a.smtp", total=2), "1 of 2 runs, 0 steps [1 of 2]"),
    ],
)
def test_a_single_run_has_a_bar_without_an_end(log: list[str], run: RunInfo, shown: str) -> None:
    reporter = begun(Lines())
    reporter.for_run(run, io.StringIO()).finish(ended())
    assert log[-1] == shown
    reporter.close()


@pytest.mark.parametrize(("above", "lines", "shown"), [(True, "", ["above 'one'"]), (False, "one\n", [])])
def test_lines_stand_above_the_bar_on_the_same_terminal(
    log: list[str], above: bool, lines: str, shown: list[str]
) -> None:
    out = Lines()
    reporter = begun(out, above=above)
    log.clear()
    reporter.write("one\n")
    assert (out.getvalue(), log) == (lines, shown)
    reporter.close()
    reporter.write("two\n")
    assert out.getvalue() == f"{lines}two\n"


def test_a_question_is_asked_while_there_is_no_bar(log: list[str]) -> None:
    reporter = begun(Lines())
    log.clear()

    def ask(question: str, hidden: bool, *more: str) -> str:
        log.append(f"asked {question} {hidden} {more}")
        reporter.count(runs=1)
        return "yes"

    asking = reporter.asking(ask)
    assert asking("really?", True) == "yes"
    assert log == ["stop", "asked really? True ()", "start"]
    reporter.count(runs=1)
    assert log[-1].startswith("2 of ")
    reporter.close()
    log.clear()
    assert asking("again?", False) == "yes"
    assert log == ["asked again? False ()"]


def test_a_question_that_is_not_answered_brings_the_bar_back(log: list[str]) -> None:
    reporter = begun(Lines())

    def interrupt(question: str, hidden: bool, *more: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reporter.asking(interrupt)("really?", True)
    assert log[-1] == "start"
    reporter.count(runs=1)
    assert log[-1].startswith("1 of ")
    reporter.close()
