"""The table of several servers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pytest

from smtp_shell.replay.reporters import ReportSettings, RunInfo
from smtp_shell.replay.reporters.table import MOST_ROWS, TableReporter
from smtp_shell.replay.results import Difference, Outcome, StepResult
from smtp_shell.replay.stats import RunStats
from tests.unit.replay.reporters.made import ended

GREETED = StepResult("a.smtp", (1,), "", Outcome.MATCHED, code=220, replies=(b"220 mx\r\n",))


def step(line: int, sent: str, *replies: bytes, outcome: Outcome = Outcome.MATCHED, why: str = "") -> StepResult:
    difference = Difference("250", "x") if outcome is Outcome.MISMATCHED else None
    code = int(replies[-1][:3]) if replies else 0
    return StepResult("a.smtp", (line,), sent, outcome, why, 0.1, code, difference=difference, replies=replies)


def table(runs: Mapping[str, Sequence[StepResult]]) -> list[str]:
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


@pytest.mark.parametrize(
    ("columns", "length", "text", "rest"),
    [
        (60, 60, 41, "  A    B"),  # as wide as the terminal
        (44, 44, 25, "  A    B"),
        (43, 43, 24, "  A    B"),
        (20, 43, 24, "  A    B"),  # of each step so much is shown, however narrow the terminal is
        (500, 122, 103, "  A    B"),  # no wider than what is in it
    ],
)
def test_the_table_is_as_wide_as_the_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int, length: int, text: int, rest: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    sent = f"NOOP {'x' * 94}y"
    found = table({"a": [step(2, sent, b"250 ok\r\n")], "b": [step(2, sent, b"250 ok\r\n")]})
    shown = f"C: {sent}"
    shown = shown if text == len(shown) else f"{shown[: text - 1]}…"
    assert found[5:7] == [f"   line  {'step':<{text}}{rest}", f"      2  {shown}  250  250"]
    assert len(found[6]) == length


def test_the_columns_of_a_transcript_without_a_step_are_as_wide_as_a_code() -> None:
    assert table({"a": [], "b": []})[4:7] == ["a.smtp", "   line  step  A    B", ""]


def many(number: int) -> list[bytes]:
    return [b"%d x\r\n" % (250 + each) for each in range(number)]


@pytest.mark.parametrize(
    ("replies", "cell", "answer"),
    [
        (many(4), "250,251,252,253", "250 x / 251 x / 252 x / 253 x"),
        (many(5), "250,251,252,253…", "250 x / 251 x / 252 x / 253 x"),  # so many answers and no more
        ([b"550 5.1.1 no\r\n"], "550 5.1.1", "550 5.1.1 no"),
        ([b"550-5.7.1 no\r\n550 5.7.2 never\r\n"], "550 5.7.1", "550-5.7.1 no"),
        ([b"550 5.1.1 no\r\n", b"551 5.1.2 no\r\n"], "550,551", "550 5.1.1 no / 551 5.1.2 no"),
        (["550-5.7.1 cut\n550 …"], "550 5.7.1", "550-5.7.1 cut"),  # an excerpt of a long reply
        ([b"550 " + b"x" * 300 + b"\r\n"], "550", "550 " + "x" * 196),
        ([b"550 " + b"\x80" * 150 + b"\r\n"], "550", "550 " + "\\x80" * 49),
        ([], "none", "the connection is gone"),
    ],
)
def test_a_cell_has_the_codes_and_what_differs_the_answer_below(
    replies: list[bytes | str], cell: str, answer: str
) -> None:
    outcome, why = Outcome.MISMATCHED, "the connection is gone"
    wrong = StepResult("a.smtp", (2,), "NOOP", outcome, why, replies=tuple(replies))
    found = table({"a": [wrong], "b": [step(2, "NOOP", outcome=Outcome.SKIPPED, why="not sent")]})
    width = min(16, len(cell) + 2)
    shown = f"{cell} !" if len(cell) < 15 else f"{cell} !"[:15] + "…"
    assert found[5:9] == [
        f"   line  step     {'A':<{width}}  B",
        f"      2  C: NOOP  {shown:<{width}}  -",
        f"         A: {answer}",
        "         B: not sent",
    ]


def test_what_several_servers_answer_alike_stands_there_once() -> None:
    replies = {"a": b"250 ok\r\n", "b": b"550 no\r\n", "c": b"250 ok\r\n", "d": b"250 fine\r\n"}
    found = table({server: [step(2, "NOOP", reply)] for server, reply in replies.items()})
    assert found[8:13] == [
        "*     2  C: NOOP  250  550  250  250",
        "         A, C: 250 ok",
        "         B: 550 no",
        "         D: 250 fine",
        "",
    ]


def test_a_step_that_one_server_was_not_sent_does_not_differ() -> None:
    found = table(
        {
            "a": [step(2, "NOOP", b"250 ok\r\n"), step(3, "RSET", b"250 ok\r\n", outcome=Outcome.SENT)],
            "b": [step(2, "NOOP", outcome=Outcome.SKIPPED, why="x"), step(3, "RSET", b"251 ok\r\n")],
            "c": [],
        }
    )
    assert found[7:11] == [
        "      2  C: NOOP  250  -    -",
        "*     3  C: RSET  250  251  -",
        "         A: 250 ok",
        "         B: 251 ok",
    ]


def test_a_step_is_told_from_others_by_its_place_and_how_often_it_was_done() -> None:
    first, second = step(2, "NOOP", b"250 a\r\n"), step(2, "NOOP", b"251 b\r\n")
    included = StepResult("b.smtp", (2,), "RSET", Outcome.MATCHED, code=252, replies=(b"252 c\r\n",))
    reply = StepResult("a.smtp", (), "", Outcome.MATCHED, code=421, replies=(b"421 d\r\n",))
    event = StepResult("a.smtp", (9,), "*: tls", Outcome.MATCHED)
    found = table({"a": [first, included, second, reply, event], "b": []})
    assert found[6:11] == [
        "      2  C: NOOP    250   -",
        "      2  C: RSET    252   -",
        "      2  C: NOOP    251   -",
        "      -  (a reply)  421   -",
        "      9  *: tls     none  -",
    ]


def test_a_step_that_only_a_later_server_has_first_or_last_stands_there() -> None:
    found = table(
        {
            "a": [step(4, "NOOP", b"250 a\r\n"), step(6, "RSET", b"250 a\r\n")],
            "b": [step(2, "HELP", b"214 b\r\n"), step(4, "NOOP", b"250 b\r\n"), step(5, "VRFY x", b"252 b\r\n")],
            "c": [step(6, "RSET", b"250 c\r\n"), step(8, "QUIT", b"221 c\r\n")],
        }
    )
    assert [line[:7].strip() for line in found[7:12]] == ["2", "4", "5", "6", "8"]


def test_what_ended_a_run_first_is_named_below_its_table() -> None:
    reporter, out = TableReporter(ReportSettings(repeat=2)), io.StringIO()
    for name in ("a.smtp", "b.smtp"):
        for server, endings in (("near", ("", "")), ("", ("too late.", "no connection."))):
            for ending in endings:
                run = reporter.for_run(RunInfo(name, server, servers=2), out)
                run.finish(ended(ending=f"{name}: {ending}" if ending else ""))
    reporter.summary(RunStats(), out)
    assert out.getvalue().splitlines()[:10] == [
        "",
        "A = near",
        "B = the server that the transcript names",
        "",
        "a.smtp",
        "   line  step  A    B",
        "         B: a.smtp: too late.",
        "",
        "b.smtp",
        "   line  step  A    B",
    ]
    assert out.getvalue().splitlines()[10:12] == ["         B: b.smtp: too late.", ""]


def test_servers_after_the_26th_have_a_letter_and_a_number() -> None:
    found = table({f"server-{number}": [] for number in range(1, 54)})
    assert [found[number] for number in (1, 26, 27, 52, 53)] == [
        "A = server-1",
        "Z = server-26",
        "A1 = server-27",
        "Z1 = server-52",
        "A2 = server-53",
    ]


def test_of_what_only_some_announce_so_many_words_are_named() -> None:
    def announcing(*words: str, code: int = 250) -> bytes:
        lines = ["mx", *words]
        return "".join(f"{code}{'-' if n < len(lines) - 1 else ' '}{line}\r\n" for n, line in enumerate(lines)).encode()

    for number, more in ((20, ""), (21, " and 1 more")):
        extra = [f"x{each:02}" for each in range(number)]
        found = table(
            {
                "a": [step(2, "LHLO x", announcing("help", *extra))],
                "b": [step(2, "LHLO x", announcing("HELP", "", "  "))],
                "c": [step(2, "LHLO x", announcing("HELP", code=251))],  # another code announces nothing
            }
        )
        words = ", ".join(f"X{each:02}" for each in range(20))
        assert [line.strip() for line in found if "only" in line] == [f"only A: {words}{more}"]
    # One alone has nobody who could announce less, and what is no EHLO announces nothing.
    alone = {"a": [step(2, "EHLO x", announcing("HELP"))], "b": [step(2, "EHLO x", announcing("X", code=550))]}
    helped = {name: [step(2, "HELP", announcing(name))] for name in ("a", "b")}
    assert not any("only" in line for line in (*table(alone), *table(helped)))


def test_an_excerpt_of_a_long_announcement_is_read_too() -> None:
    long = StepResult("a.smtp", (2,), "EHLO x", Outcome.MATCHED, code=250, replies=("250-mx\n250-DSN\n250-HELP",))
    short = step(2, "EHLO x", b"250-mx\r\n250 HELP\r\n")
    assert [line for line in table({"a": [long], "b": [short]}) if "only" in line] == ["         only A: DSN"]


def test_a_mechanism_is_named_alone_and_not_as_what_announces_it() -> None:
    announced = {
        "a": b"250-mx\r\n250 AUTH PLAIN LOGIN\r\n",
        "b": b"250-mx\r\n250 AUTH LOGIN\r\n",
        "c": b"250-mx\r\n250 SIZE\r\n",
    }
    found = table({server: [step(2, "EHLO x", reply)] for server, reply in announced.items()})
    assert [line.strip() for line in found if "only" in line] == [
        "only A, B: AUTH LOGIN",
        "only A: AUTH PLAIN",
        "only C: SIZE",
    ]


def test_an_answer_is_cut_between_characters() -> None:
    letters = "\u00f6" * 300
    wrong = step(2, "NOOP", f"550 x{letters}\r\n".encode(), outcome=Outcome.MISMATCHED)
    assert f"         A: 550 x{letters[:195]}" in table({"a": [wrong], "b": []})
