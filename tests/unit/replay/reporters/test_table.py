"""The table of several servers."""

from __future__ import annotations

import io
from collections.abc import Sequence

from smtp_shell.replay.reporters import ReportSettings, RunInfo
from smtp_shell.replay.reporters.table import MOST_ROWS, TableReporter
from smtp_shell.replay.results import Difference, Outcome, StepResult
from smtp_shell.replay.stats import RunStats

GREETED = StepResult("a.smtp", (1,), "", Outcome.MATCHED, code=220, replies=(b"220 mx\r\n",))


def step(line: int, sent: str, *replies: bytes, outcome: Outcome = Outcome.MATCHED, why: str = "") -> StepResult:
    difference = Difference("250", "x") if outcome is Outcome.MISMATCHED else None
    code = int(replies[-1][:3]) if replies else 0
    return StepResult("a.smtp", (line,), sent, outcome, why, 0.1, code, difference=difference, replies=replies)


def table(runs: dict[str, Sequence[StepResult]]) -> list[str]:
    reporter, out = TableReporter(ReportSettings()), io.StringIO()
    for server, steps in runs.items():
        report = reporter.for_run(RunInfo("a.smtp", server, servers=len(runs)), out)
        report.start()
        for each in steps:
            report.step(each)
    reporter.summary(RunStats(), out)
    return out.getvalue().splitlines()


def test_each_step_is_a_row_and_what_differs_is_marked() -> None:
    rcpt = "RCPT TO:<bob@example.org>"
    found = table(
        {
            "near": [GREETED, step(2, "NOOP", b"250 ok\r\n"), step(4, rcpt, b"250 2.1.5 Ok\r\n")],
            "far": [
                GREETED,
                step(2, "NOOP", b"250 fine\r\n"),
                step(4, rcpt, b"550 5.1.1 no\r\n", outcome=Outcome.MISMATCHED, why="the reply code differs"),
            ],
        }
    )
    assert found == [
        "",
        "A = near",
        "B = far",
        "",
        "a.smtp",
        "   line  step                          A          B",
        "      1  (the greeting)                220        220",
        "      2  C: NOOP                       250        250",
        "*     4  C: RCPT TO:<bob@example.org>  250 2.1.5  550 5.1.1 !",
        "         A: 250 2.1.5 Ok",
        "         B: 550 5.1.1 no",
        "",
        "* the servers' reply codes differ   ! not what the transcript expects   - not sent",
    ]


def test_what_only_some_announce_is_named() -> None:
    found = table(
        {
            "a": [step(2, "EHLO x", b"250-a\r\n250-SIZE 1\r\n250-AUTH PLAIN LOGIN\r\n250 DSN\r\n")],
            "b": [step(2, "EHLO x", b"250-b\r\n250-SIZE 2\r\n250 AUTH PLAIN\r\n")],
            "c": [step(2, "EHLO x", b"250-c\r\n250-DSN\r\n250 AUTH PLAIN\r\n")],
        }
    )
    assert [line.strip() for line in found if "only" in line] == [
        "only A: AUTH LOGIN",
        "only A, C: DSN",
        "only A, B: SIZE",
    ]


def test_a_group_shows_its_codes_and_what_was_not_sent_a_hyphen() -> None:
    group = "MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>"
    lost = step(2, group, outcome=Outcome.MISMATCHED, why="the connection is gone")
    found = table(
        {
            "a": [step(2, group, b"250 a\r\n", b"250 b\r\n"), step(5, "QUIT", b"221 bye\r\n")],
            "b": [lost, step(5, "QUIT", outcome=Outcome.SKIPPED, why="not sent")],
        }
    )
    assert found[5].split() == ["line", "step", "A", "B"]
    assert found[6:10] == [
        "*     2  C: MAIL FROM:<a@example.org> …  250,250  none !",
        "         A: 250 a / 250 b",
        "         B: the connection is gone",
        "      5  C: QUIT                         221      -",
    ]


def test_a_step_that_only_a_later_server_has_stands_in_its_place() -> None:
    found = table(
        {
            "a": [step(2, "NOOP", b"250 a\r\n"), step(8, "QUIT", b"221 bye\r\n")],
            "b": [step(2, "NOOP", b"250 a\r\n"), step(4, "RSET", b"250 b\r\n"), step(8, "QUIT", b"221 bye\r\n")],
        }
    )
    assert [line.split()[0] for line in found[6:9]] == ["2", "4", "8"]


def test_of_several_runs_the_worst_answer_is_kept() -> None:
    reporter, out = TableReporter(ReportSettings(repeat=3)), io.StringIO()
    bad = step(2, "NOOP", b"421 no\r\n", outcome=Outcome.MISMATCHED)
    for each in (step(2, "NOOP", b"250 a\r\n"), bad, step(2, "NOOP", b"250 c\r\n")):
        reporter.for_run(RunInfo("a.smtp", "a", servers=2), out).step(each)
    reporter.summary(RunStats(), out)
    assert "421 !" in out.getvalue()


def test_the_table_has_so_many_rows_and_no_more() -> None:
    found = table({"a": [step(line + 1, "NOOP", b"250 ok\r\n") for line in range(MOST_ROWS + 5)], "b": []})
    assert len(found) < MOST_ROWS + 20
    assert found[-1] == "5 more answers are not in the table, which has 10,000 rows at most"


def test_nothing_of_a_server_reaches_the_screen_raw() -> None:
    found = table({"a": [step(2, "NOOP", b"250 \x1b[2J\x9b\xe2\x80\xae\r\n", outcome=Outcome.MISMATCHED)], "b": []})
    assert all(line.isprintable() for line in found)


def test_of_several_runs_a_difference_counts_before_a_skip_and_a_skip_before_the_rest() -> None:
    answers = {
        "250": step(2, "NOOP", b"250 ok\r\n"),
        "251": step(2, "NOOP", b"251 ok\r\n", outcome=Outcome.SENT),
        "-": step(2, "NOOP", outcome=Outcome.SKIPPED),
        "550 !": step(2, "NOOP", b"550 no\r\n", outcome=Outcome.MISMATCHED),
        "551 !": step(2, "NOOP", b"551 no\r\n", outcome=Outcome.MISMATCHED),
    }
    for first, second, kept in (
        ("250", "251", "250"),
        ("251", "250", "251"),
        ("250", "-", "-"),
        ("-", "250", "-"),
        ("-", "550 !", "550 !"),
        ("550 !", "-", "550 !"),
        ("550 !", "551 !", "550 !"),
        ("250", "550 !", "550 !"),
        ("550 !", "250", "550 !"),
    ):
        reporter, out = TableReporter(ReportSettings()), io.StringIO()
        for server, answer in (("near", first), ("near", second), ("far", "250")):
            reporter.for_run(RunInfo("a.smtp", server, servers=2), out).step(answers[answer])
        reporter.summary(RunStats(), out)
        row = next(line for line in out.getvalue().splitlines() if "C: NOOP" in line)
        assert row.partition("C: NOOP")[2].split("  ")[1] == kept, (first, second)
