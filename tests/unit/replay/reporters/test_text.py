"""The text report: which runs may show what went wrong, what is held back, and what a line of it says."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace

from smtp_shell.replay.reporters import ReportSettings, RunInfo, make_reporter
from smtp_shell.replay.reporters.text import step_lines, summary_lines
from smtp_shell.replay.results import Difference, Outcome, StepResult
from smtp_shell.replay.stats import RunStats
from tests.unit.replay.reporters.made import NOOP, PLAIN, Screen, ended, failing


def test_runs_that_passed_follow_those_that_failed_in_the_order_in_which_they_ended() -> None:
    screen = Screen()
    reporter = make_reporter("text", ReportSettings(failures_first=True))
    for name, status in (("a", 0), ("b", 1), ("c", 0), ("d", 1)):
        run = reporter.for_run(RunInfo(name), screen)
        run.start()
        run.step(replace(NOOP, path=name))
        run.finish(ended(status=status))
        if status:
            assert screen.seen.splitlines()[-2] == name
    reporter.summary(RunStats(), screen)
    assert [line for line in screen.getvalue().splitlines() if len(line) == 1] == ["b", "d", "a", "c"]


def test_each_run_that_is_shown_step_by_step_says_what_ended_it() -> None:
    reporter, out = make_reporter("text", PLAIN), io.StringIO()
    for _ in range(12):
        reporter.for_run(RunInfo("a.smtp"), out).finish(ended(ending="too late."))
    assert out.getvalue().splitlines() == ["           too late."] * 12


def test_of_failures_alone_so_many_are_shown_each_below_its_name() -> None:
    reporter, out = make_reporter("text", ReportSettings(only_failures=True)), io.StringIO()
    for run_name in [f"{number}.smtp" for number in range(12)]:
        run = reporter.for_run(RunInfo(run_name), out)
        run.step(failing(path=run_name))
        run.finish(ended(failing(), ending="too late."))
    shown = out.getvalue().splitlines()
    assert [line for line in shown if line.endswith(".smtp")] == [f"{number}.smtp" for number in range(10)]
    assert shown.count("           too late.") == 10


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        (replace(NOOP, sent="", replies=(b"250-a\r\n250 b\r\n",)), ["           S: 250-a", "              250 b"]),
        (replace(NOOP, replies=()), []),
        (replace(NOOP, sent="", replies=(), expectations=("250 a",)), ["           as expected: 250 a"]),
    ],
)
def test_a_reply_is_shown_whole_where_the_first_line_is_not_all_of_it(step: StepResult, lines: list[str]) -> None:
    assert step_lines(step, whole_reply=True)[1:] == lines


@pytest.mark.parametrize(
    ("outcome", "start"),
    [
        (Outcome.MATCHED, "\x1b[32mok  \x1b[0m "),
        (Outcome.SENT, "\x1b[2msent\x1b[0m "),
        (Outcome.MISMATCHED, "\x1b[31mFAIL\x1b[0m "),
        (Outcome.SKIPPED, "\x1b[33mskip\x1b[0m "),
    ],
)
def test_each_outcome_has_its_word_and_colour(outcome: Outcome, start: str) -> None:
    assert step_lines(replace(NOOP, outcome=outcome), color=True)[0].startswith(start)


@pytest.mark.parametrize(
    ("outcome", "why", "lines"),
    [
        (Outcome.SKIPPED, "there was no 354", ["           there was no 354"]),
        (Outcome.MATCHED, "", []),
        (Outcome.SENT, "", []),
    ],
)
def test_why_a_step_was_skipped_stands_below_it(outcome: Outcome, why: str, lines: list[str]) -> None:
    assert step_lines(replace(NOOP, outcome=outcome, why=why))[1:] == lines


@pytest.mark.parametrize(
    ("difference", "marked"),
    [
        (Difference("250 ok", "250 no", 4), True),
        (Difference("250 ok", "250 no", None), False),
        (Difference("", "250 no", 4), False),
        (Difference("250 ok", "", 0), False),
        (Difference("250 ok", "250-a\n250 no", 4), False),
    ],
)
def test_a_mark_stands_below_one_line_that_differs_from_one_that_was_expected(
    difference: Difference, marked: bool
) -> None:
    lines = step_lines(failing(difference=difference))
    assert (f"{' ' * len('           received: 250 ')}^" in lines) is marked
    assert any(line.endswith("^") for line in lines) is marked


@pytest.mark.parametrize(
    ("repeat", "jobs", "start"),
    [(1, 1, None), (1, 2, "2.000 s, 2 at a time: "), (2, 1, "2.000 s: "), (2, 3, "2.000 s, 3 at a time: ")],
)
def test_of_many_replays_the_sum_says_how_fast_they_were(repeat: int, jobs: int, start: str | None) -> None:
    stats = RunStats()
    stats.add_replay(ended(seconds=1.0))
    stats.add_step(replace(NOOP, seconds=2.0))
    stats.seconds = 2.0
    lines = list(summary_lines(stats, repeat=repeat, jobs=jobs))[1:]
    if start is None:
        assert lines == list(summary_lines(stats))[1:] == []
    else:
        assert lines == [
            f"{start}0.5 replays a second, 0 steps a second",
            "a replay  p50 1000 ms, p90 1000 ms, p95 1000 ms, p99 1000 ms, max 1000 ms",
            "a step    p50 2000 ms, p90 2000 ms, p95 2000 ms, p99 2000 ms, max 2000 ms",
        ]


@pytest.mark.parametrize(
    ("replays", "shown"), [(994, "99.4"), (1000, "100"), (1004, "100"), (1016, "102"), (12345, "1,234")]
)
def test_a_rate_has_three_digits_or_no_fraction(replays: int, shown: str) -> None:
    stats = RunStats()
    stats.replays, stats.seconds = replays, 10.0
    assert f"10.000 s: {shown} replays a second" in list(summary_lines(stats, repeat=2))[1]
