"""Captured values on standard output: alone or with their names, in the order of the runs."""

from __future__ import annotations

import io

import pytest

from smtp_shell.replay.reporters import RunInfo
from smtp_shell.replay.reporters.captured import CaptureReporter
from smtp_shell.replay.results import Outcome, ReplayResult, StepResult, no_counts
from smtp_shell.replay.stats import RunStats

END = ReplayResult("a.smtp", "", (), no_counts(), 0, None, 0.0)


class Stream(io.StringIO):
    """Counts how often it is flushed."""

    flushed = 0

    def flush(self) -> None:
        self.flushed += 1
        super().flush()


def step(**captures: str) -> StepResult:
    return StepResult("a.smtp", (1,), "NOOP", Outcome.MATCHED, captures=captures)


@pytest.mark.parametrize(
    ("names", "steps", "printed"),
    [
        (["id"], [step(id="a")], "a\n"),
        (["id"], [step(id="a"), step(id="b", other="c")], "b\n"),
        (["id", "x"], [step(x="1", y="2"), step(id="a")], "x=1\nid=a\n"),
        (["id", "id"], [step(id="a")], "a\n"),
        (["id"], [step(), step(other="c")], ""),
    ],
)
def test_the_last_value_of_each_name_is_printed(names: list[str], steps: list[StepResult], printed: str) -> None:
    stream = Stream()
    reporter = CaptureReporter(names, stream)
    run = reporter.for_run(RunInfo("a.smtp"), io.StringIO())
    run.start()
    for each in steps:
        run.step(each)
    assert stream.getvalue() == ""
    run.finish(END)
    assert stream.getvalue() == printed
    assert stream.flushed == 1
    reporter.summary(RunStats(), io.StringIO())
    assert stream.getvalue() == printed


def test_runs_print_in_their_order_and_what_was_held_back_comes_at_the_end() -> None:
    stream = Stream()
    reporter = CaptureReporter(["id"], stream)
    runs = [reporter.for_run(RunInfo("a.smtp", order=order), io.StringIO()) for order in range(4)]
    for number, run in enumerate(runs):
        run.step(step(id=str(number)))
    runs[1].finish(END)
    assert stream.getvalue() == ""
    runs[0].finish(END)
    assert stream.getvalue() == "0\n1\n"
    runs[3].finish(END)
    assert stream.getvalue() == "0\n1\n"
    reporter.summary(RunStats(), io.StringIO())
    assert stream.getvalue() == "0\n1\n3\n"
