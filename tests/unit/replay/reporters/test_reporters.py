"""Reports of results that are made here: no replay, no connection."""

from __future__ import annotations

import io
import json
import re

import pytest
from msgspec.structs import replace

from smtp_shell.replay.reporters import REPORTERS, ReportSettings, RunInfo, make_reporter
from smtp_shell.replay.reporters.text import summary_lines
from smtp_shell.replay.results import Difference, Outcome, ReplayResult, StepResult, no_counts
from smtp_shell.replay.stats import RunStats
from tests.unit.replay.reporters.made import Screen

MATCHED = StepResult("a.smtp", (2,), "NOOP", Outcome.MATCHED, code=250, replies=(b"250 ok\r\n",))
DIFFERING = StepResult(
    "a.smtp",
    (4,),
    "RSET",
    Outcome.MISMATCHED,
    "the reply code differs",
    code=550,
    difference=Difference("250 fine", "550 no"),
)
SKIPPED = StepResult("a.smtp", (6, 9), "(mail data)", Outcome.SKIPPED, "there was no 354")


def result(*steps: StepResult, status: int = 0, failure: str | None = None) -> ReplayResult:
    counts = no_counts()
    for step in steps:
        counts[step.outcome] += 1
    return ReplayResult("a.smtp", "mail.example.org:25", steps, counts, status, failure, 0.5)


def report(
    name: str,
    *steps: StepResult,
    settings: ReportSettings | None = None,
    run: RunInfo | None = None,
    status: int = 0,
    failure: str | None = None,
) -> list[str]:
    """Return the lines of a whole batch of one run."""
    out = io.StringIO()
    reporter = make_reporter(name, settings or ReportSettings())
    of_run = reporter.for_run(run or RunInfo("a.smtp", "mail.example.org:25"), out)
    of_run.start()
    for step in steps:
        of_run.step(step)
    finished = result(*steps, status=status, failure=failure)
    of_run.finish(finished)
    stats = RunStats()
    stats.add_replay(finished)
    reporter.summary(stats, out)
    return out.getvalue().splitlines()


def test_text_with_whole_replies() -> None:
    many = replace(MATCHED, replies=(b"250-one\r\n250 two\r\n",))
    greeting = StepResult("a.smtp", (1,), "", Outcome.MATCHED, code=220, replies=(b"220 mx\r\n",))
    lines = report("text", greeting, many, DIFFERING, settings=ReportSettings(whole_replies=True))
    assert lines[1:5] == [
        "ok      1  S: 220 mx",
        "ok      2  C: NOOP  250",
        "           S: 250-one",
        "              250 two",
    ]
    assert sum("550 no" in line for line in lines) == 1


def test_text() -> None:
    assert report("text", MATCHED, DIFFERING, SKIPPED, status=1) == [
        "a.smtp -> mail.example.org:25",
        "ok      2  C: NOOP  250",
        "FAIL    4  C: RSET  550",
        "           expected: 250 fine",
        "           received: 550 no",
        "                     ^",
        "           a.smtp:4: the reply code differs",
        "skip    6  (mail data)",
        "           there was no 354",
        "1 transcript, 3 steps: 1 matched, 1 differed, 1 skipped",
    ]


def test_text_names_what_ended_a_run_that_has_no_difference() -> None:
    lines = report("text", MATCHED, status=130, failure="interrupted")
    assert lines[-2:] == ["           interrupted", "1 transcript, 1 step: 1 matched"]


@pytest.mark.parametrize("name", REPORTERS)
def test_what_ended_a_run_is_told_after_a_difference_too(name: str) -> None:
    out = io.StringIO()
    finished = replace(result(DIFFERING, status=3, failure="a.smtp:4: x."), ending="it took longer than 5 s in all.")
    reporter = make_reporter(name, ReportSettings())
    reporter.for_run(RunInfo("a.smtp"), out).finish(finished)
    reporter.summary(RunStats(), out)
    assert "it took longer than 5 s in all." in out.getvalue()


@pytest.mark.parametrize(("at", "is_marked"), [(0, True), (3, True), (None, False)])
def test_text_marks_where_a_line_differs(at: int | None, is_marked: bool) -> None:
    step = replace(DIFFERING, difference=Difference("250 fine", "550 no", at))
    marks = [line for line in report("text", step, status=1) if line.strip() == "^"]
    assert marks == ([" " * (len("           received: ") + (at or 0)) + "^"] if is_marked else [])


def test_the_sum_keeps_some_failures_and_counts_the_others() -> None:
    stats = RunStats()
    for number in range(102):
        stats.add_replay(replace(result(DIFFERING, status=1, failure=f"a.smtp:{number}: x."), path="a.smtp"))
    stats.add_replay(result(DIFFERING, DIFFERING, status=1, failure="a.smtp:1: x."))
    shown = list(stats.failures.shown())
    assert (len(shown), shown[0], shown[-1]) == (101, "a.smtp:0: x.", "3 more")


@pytest.mark.parametrize(
    ("status", "failure", "shown"),
    [
        (1, "a.smtp:2: x.", ["failed: a.smtp:2: x."]),
        (3, "the replay took longer than 5 s in all.", ["failed: a.smtp: the replay took longer than 5 s in all."]),
        (130, "interrupted", []),
        (0, None, []),
    ],
)
def test_text_names_what_failed_with_its_file(status: int, failure: str | None, shown: list[str]) -> None:
    lines = report("text", MATCHED, status=status, failure=failure)
    assert [line for line in lines if line.startswith("failed: ")] == shown


def test_text_says_that_certificates_are_not_verified() -> None:
    lines = report("text", MATCHED, run=RunInfo("a.smtp", insecure=True))
    assert lines[:2] == ["a.smtp", "           --insecure is on: certificates are not verified"]


def test_text_has_colours_where_asked() -> None:
    assert report("text", MATCHED, settings=ReportSettings(color=True))[1].startswith("\x1b[32mok  \x1b[0m")


@pytest.mark.parametrize(("number", "shown"), [(1, ["a.smtp -> x, 2 times", "run 1"]), (2, ["run 2"])])
def test_text_of_repeated_runs_shows_those_that_differ(number: int, shown: list[str]) -> None:
    run = RunInfo("a.smtp", "x", number, 2)
    lines = report("text", MATCHED, DIFFERING, run=run, settings=ReportSettings(repeat=2), status=1)
    assert lines[: len(shown) + 1] == [*shown, "FAIL    4  C: RSET  550"]


def test_json() -> None:
    matched, differing, run, summary = map(json.loads, report("json", MATCHED, DIFFERING, status=1))
    assert matched == {
        "file": "a.smtp",
        "lines": [2],
        "verdict": "matched",
        "sent": "NOOP",
        "received": "250 ok",
        "code": 250,
        "seconds": 0.0,
    }
    assert (differing["expected"], differing["received"]) == ("250 fine", "550 no")
    assert (run["exit_status"], run["matched"], run["mismatched"], run["seconds"]) == (1, 1, 1, 0.5)
    assert (summary["summary"], summary["replays"], summary["failed"], summary["exit_status"]) == (True, 1, 1, 1)


def test_json_says_which_of_several_runs_it_was() -> None:
    lines = report("json", MATCHED, run=RunInfo("a.smtp", "", 3, 4))
    assert [json.loads(line).get("run") for line in lines] == [3, 3, None]


@pytest.mark.parametrize("name", REPORTERS)
def test_every_reporter_takes_every_outcome(name: str) -> None:
    steps = [StepResult("a.smtp", (1,), "NOOP", outcome) for outcome in Outcome]
    assert report(name, *steps)


@pytest.mark.parametrize("seconds", [3.0123, 123.4, 0.00000012, 0.0])
def test_figures_have_no_exponent(seconds: float) -> None:
    stats = RunStats()
    stats.replays, stats.seconds = 2, seconds or 1e9
    stats.replay_seconds.add(seconds)
    stats.step_seconds.add(seconds)
    lines = list(summary_lines(stats, repeat=2))
    assert [line for line in lines if re.search(r"\de[+-]?\d", line)] == []
    assert all(re.fullmatch(r"a (step|replay) +(p?\w+ [0-9.]+ ms(, )?){5}", line) for line in lines[2:])


@pytest.mark.parametrize("name", REPORTERS)
def test_what_is_written_is_seen_at_once(name: str) -> None:
    screen = Screen()
    reporter = make_reporter(name, ReportSettings())
    run = reporter.for_run(RunInfo("a.smtp"), screen)
    for act in (
        run.start,
        lambda: run.step(DIFFERING),
        lambda: run.finish(replace(result(DIFFERING, status=3), ending="too late.")),
        lambda: reporter.summary(RunStats(), screen),
    ):
        act()
        assert screen.seen == screen.getvalue()
    assert screen.seen
