"""Whole reports, word for word: each format and each option, of a batch in which everything happens.

`whole/` holds them. After a change that is meant, `python -m tests.unit.replay.reporters.test_whole_reports` writes them anew: read the
difference before you commit it.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec.structs import replace

from smtp_shell.replay.reporters import FORMATS, ReportSettings, RunInfo, make_file_reporter, make_reporter
from smtp_shell.replay.results import Difference, Outcome, ReplayResult, StepResult, no_counts
from smtp_shell.replay.stats import RunStats

STORED = Path(__file__).parent / "whole"
GREETING = StepResult("a.smtp", (), "", Outcome.SENT, seconds=0.0021, code=220, replies=(b"220 mx\r\n",))
EHLO = StepResult(
    "a.smtp",
    (2,),
    "EHLO me.example",
    Outcome.MATCHED,
    seconds=0.0123,
    code=250,
    expectations=("250-mx\n250 HELP",),
    replies=(b"250-mx\r\n250-SIZE 10\r\n250 HELP\r\n",),
    captures={"size": "10"},
)
GROUP = StepResult(
    "a.smtp",
    (5, 6, 7),
    "MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\nDATA",
    Outcome.MISMATCHED,
    "the reply code differs",
    0.25,
    550,
    difference=Difference("250", "550 5.1.1 <no> & such", 0, 9, 2),
    replies=(b"250 ok\r\n", b"550 5.1.1 <no> & such\r\n"),
    expectations=("250", "250", "354"),
)
LONG = StepResult(
    "a.smtp",
    (12,),
    "VRFY " + "x" * 100,
    Outcome.MISMATCHED,
    "no line of the reply is equal",
    1.5,
    252,
    edited=True,
    difference=Difference("252 a", "252-b\n252 c", None, 3, 1, "part.smtp"),
)
SILENT = StepResult("a.smtp", (14,), "NOOP", Outcome.MISMATCHED, "the reply did not come within 5 s", 5.0)
SKIPPED = StepResult("a.smtp", (16, 19), "(mail data)", Outcome.SKIPPED, "there was no 354")
FINALLY = StepResult(
    "a.smtp", (21,), "QUIT", Outcome.MATCHED, "", 0.001, 221, replies=(b"221 \x1b\r\n",), in_finally=True
)
REPLY = StepResult(
    "a.smtp", (22,), "", Outcome.MATCHED, "", 0.002, 421, replies=(b"421 bye\r\n",), expectations=("421 x",)
)
EVENT = StepResult("part.smtp", (3,), "*: close server", Outcome.MATCHED, "", 0.003)

RUNS: list[tuple[RunInfo, tuple[StepResult, ...], int, str | None, str]] = [
    (RunInfo("a.smtp", "one.example:25", 1, 2, False, 2, 0, 4, 77), (GREETING, EHLO, FINALLY, EVENT), 0, None, ""),
    (
        RunInfo("a.smtp", "two.example:25", 1, 2, True, 2, 1, 4, 77),
        (GREETING, EHLO, GROUP, LONG, SILENT, SKIPPED, FINALLY, REPLY, EVENT),
        3,
        "a.smtp:6: the reply code differs; expected in a.smtp:9.",
        "",
    ),
    (RunInfo("a.smtp", "one.example:25", 2, 2, False, 2, 2, 4, 77), (), 3, "no connection.", "no connection."),
    (RunInfo("a.smtp", "two.example:25", 2, 2, False, 2, 3, 4, 77), (EHLO,), 130, "interrupted", "interrupted"),
]
SETTINGS = {
    "plain": ReportSettings(),
    "colours": ReportSettings(color=True, whole_replies=True, times=True),
    "many": ReportSettings(repeat=2, jobs=2),
    "failures": ReportSettings(only_failures=True),
    "first": ReportSettings(failures_first=True, times=True),
}
NAMES = [
    *(f"{name}-{each}" for name in ("text", "json", "table") for each in SETTINGS),
    *(f"{name}-plain" for name in FORMATS),
]


def result(
    run: RunInfo, steps: tuple[StepResult, ...], status: int, failure: str | None, ending: str, seconds: float
) -> ReplayResult:
    counts = no_counts()
    for step in steps:
        counts[step.outcome] += 1
    return ReplayResult(run.name, run.server, steps, counts, status, failure, seconds, ending=ending)


def reported(name: str, folder: Path) -> str:
    """Return a report."""
    kind, _, which = name.partition("-")
    settings = SETTINGS[which]
    out, stats, path = io.StringIO(), RunStats(), folder / "report"
    file = make_file_reporter(kind, settings, path) if kind in FORMATS else None
    reporter = file or make_reporter(kind, settings)
    for number, (run, steps, status, failure, ending) in enumerate(RUNS):
        told = run if which != "plain" or kind in FORMATS else replace(run, number=1, of=1)
        of_run = reporter.for_run(told, out)
        of_run.start()
        for step in steps:
            of_run.step(step)
            stats.add_step(step)
        found = result(run, steps, status, failure, ending, 0.5 + number)
        of_run.finish(found)
        stats.add_replay(found, run.server)
    stats.seconds = 2.0
    stats.seed, stats.not_selected, stats.not_run = 77, 3, 1
    stats.first_not_run = ["b.smtp -> one.example:25"]
    stats.over_budget = ["the slowest step took 5,000 ms, and --budget allows 50 ms (12 steps)"]
    stats.interrupted = which == "many"
    reporter.summary(stats, out)
    if file is not None:
        file.close()
        return re.sub('timestamp="[^"]+"', 'timestamp="NOW"', path.read_text(encoding="utf-8"))
    return out.getvalue().replace("\x1b", "<ESC>")


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_report(tmp_path: Path, name: str) -> None:
    wanted = (STORED / f"{name}.txt").read_text(encoding="utf-8")
    assert reported(name, tmp_path).splitlines() == wanted.splitlines()


def main() -> None:
    """Write the reports anew."""
    STORED.mkdir(exist_ok=True)
    for name in NAMES:
        with TemporaryDirectory() as folder:
            (STORED / f"{name}.txt").write_text(reported(name, Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
