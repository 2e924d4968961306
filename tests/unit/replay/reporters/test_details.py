"""The details of reports: what is cut, rounded, counted, left out, and marked."""

from __future__ import annotations

import io
import locale
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.replay.reporters import FORMATS, ReportSettings, RunInfo, make_file_reporter, make_reporter
from smtp_shell.replay.reporters.files import Spool
from smtp_shell.replay.reporters.html import HtmlFormat
from smtp_shell.replay.reporters.text import paint, step_lines, summary_lines
from smtp_shell.replay.reporters.wording import (
    Parts,
    client_lines,
    dialogue_lines,
    difference_lines,
    place_title,
    remarks,
    run_title,
    server_lines,
    title,
)
from smtp_shell.replay.results import Difference, Outcome, ReplayResult, StepResult
from smtp_shell.replay.stats import RunStats
from tests.unit.replay.reporters.made import MANY, NOOP, PLAIN, ended, failing


def replace_counts(stats: RunStats) -> RunStats:
    """Count a step, so that there are latencies."""
    stats.counts[Outcome.MATCHED] += 1
    return stats


def in_html(*steps: StepResult, settings: ReportSettings = PLAIN, result: ReplayResult | None = None) -> str:
    run = HtmlFormat(settings).run(RunInfo("a.smtp"))
    for step in steps:
        run.step(step)
    return "".join(run.parts(result or ended(*steps)))


# How a step is called


@pytest.mark.parametrize(
    ("step", "name", "place"),
    [
        (NOOP, "C: NOOP", "line 2: C: NOOP"),
        (replace(NOOP, sent="NOOP\nRSET"), "C: NOOP", "line 2: C: NOOP"),
        (replace(NOOP, sent="x" * 57), "C: " + "x" * 57, "line 2: C: " + "x" * 57),
        (replace(NOOP, sent="x" * 58), "C: " + "x" * 56 + "…", "line 2: C: " + "x" * 56 + "…"),
        (replace(NOOP, sent="(mail data)"), "(mail data)", "line 2: (mail data)"),
        (replace(NOOP, sent="*: tls"), "*: tls", "line 2: *: tls"),
        (replace(NOOP, sent="", expectations=("250 a\n251",)), "S: 250 a", "line 2: S: 250 a"),
        (replace(NOOP, sent=""), "(the server)", "line 2: (the server)"),
        (replace(NOOP, sent="", lines=()), "(the greeting)", "(the greeting)"),
        (replace(NOOP, in_finally=True), "C: NOOP", "finally, line 2: C: NOOP"),
        (replace(NOOP, in_finally=True, lines=()), "C: NOOP", "finally: C: NOOP"),
        (replace(NOOP, path="b.smtp"), "C: NOOP", "b.smtp line 2: C: NOOP"),
        (replace(NOOP, path="b.smtp", lines=()), "C: NOOP", "b.smtp: C: NOOP"),
        (replace(NOOP, path="X", lines=()), "C: NOOP", "X: C: NOOP"),
    ],
)
def test_the_name_of_a_step(step: StepResult, name: str, place: str) -> None:
    assert (title(step), place_title(step, RunInfo("a.smtp"))) == (name, place)


def test_the_name_of_a_run() -> None:
    assert run_title(RunInfo("a.smtp")) == "a.smtp"
    assert run_title(RunInfo("a.smtp", "mx:25")) == "a.smtp -> mx:25"
    assert run_title(RunInfo("a.smtp", "mx:25", 2, 3)) == "a.smtp -> mx:25 (run 2 of 3)"
    assert run_title(RunInfo("a.smtp", number=2, of=3)) == "a.smtp (run 2 of 3)"


def test_another_file_and_what_follows_finally_have_a_heading_once() -> None:
    parts = Parts("a.smtp")
    steps = [NOOP, replace(NOOP, path="b.smtp"), replace(NOOP, path="b.smtp"), NOOP]
    steps += [replace(NOOP, in_finally=True), replace(NOOP, in_finally=True)]
    assert [list(parts.headings(step)) for step in steps] == [[], ["in b.smtp"], [], ["in a.smtp"], ["*: finally"], []]


def test_of_a_long_dialogue_so_many_lines_are_shown() -> None:
    long = replace(NOOP, sent=MANY, replies=(b"250-a\r\n250 b\r\n", MANY), outcome=Outcome.SKIPPED)
    assert client_lines(long) == [f"C: {number}" for number in range(100)]
    assert server_lines(long) == ["250-a", "250 b", *map(str, range(98))]
    assert list(dialogue_lines(long))[99:101] == ["C: 99  (not sent)", "S: 250-a"]
    assert client_lines(replace(NOOP, sent="")) == []
    assert server_lines(replace(NOOP, replies=())) == []
    assert server_lines(failing(received="550 no\n551 x")) == ["550 no", "551 x"]
    assert list(difference_lines(failing("250-a\n250 b", MANY)))[:5] == [
        "a.smtp:3: the reply code differs",
        "expected: 250-a",
        "          250 b",
        "received: 0",
        "          1",
    ]
    assert len(list(difference_lines(failing("", MANY)))) == 101
    assert list(difference_lines(failing("", ""))) == ["a.smtp:3: the reply code differs"]


def test_what_a_user_must_know_of_the_batch() -> None:
    stats = RunStats()
    assert list(remarks(stats)) == []
    stats.not_selected, stats.not_run, stats.seed, stats.over_budget = 1, 2, 0, ["a", "b"]
    assert list(remarks(stats)) == [
        "not selected by --tag: 1 transcript",
        "not replayed, by --max-failures: 2",
        "shuffled; the same order again: --seed 0",
        "over budget: a.",
        "over budget: b.",
    ]
    stats.not_selected = 2
    assert next(remarks(stats)) == "not selected by --tag: 2 transcripts"


# HTML


@pytest.mark.parametrize(
    ("code", "style"),
    [(0, "odd"), (199, "odd"), (200, "2"), (299, "2"), (354, "3"), (421, "4"), (599, "5"), (600, "odd")],
)
def test_html_has_a_colour_for_each_kind_of_reply(code: int, style: str) -> None:
    assert f'<span class="reply-{style}">S: 250 ok</span>' in in_html(replace(NOOP, code=code))


@pytest.mark.parametrize(
    ("seconds", "width", "shown"),
    [
        (0.0, "0.00", "0 ms"),
        (0.0001, "0.00", "0.1 ms"),
        (0.00001, "0.00", "0.01 ms"),
        (0.0012345, "0.87", "1.23 ms"),
        (1.0, "3.20", "1000 ms"),
        (10.0, "4.00", "10000 ms"),
        (100.0, "4.00", "100000 ms"),
    ],
)
def test_html_has_a_bar_for_each_time(seconds: float, width: str, shown: str) -> None:
    text = in_html(replace(NOOP, seconds=seconds))
    assert f'<span class="time"><span class="bar" style="width:{width}rem"></span>{shown}</span>' in text
    assert '<span class="time"></span>' in in_html(replace(NOOP, seconds=seconds, outcome=Outcome.SKIPPED))


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (failing("250 ok", "250 no", 4), "250 <mark>no</mark>"),
        (failing("250 ok", "250 no", 0), "<mark>250 no</mark>"),
        (failing("250 ok", "250 no", 5), "250 n<mark>o</mark>"),
        (failing("250 ok", "250 no", 6), "250 no"),
        (failing("250 ok", "250 no", None), "250 no"),
        (failing("", "250 no", 4), "250 no"),
        (failing("250 ok", "250-a\n250 no", 4), "250-a\n250 no"),
        (failing("250 ok", ""), "(nothing)"),
        (failing("250 ok", "250 <no>", 4), "250 <mark>&lt;no&gt;</mark>"),
    ],
)
def test_html_marks_where_a_line_differs(step: StepResult, shown: str) -> None:
    text = in_html(step)
    assert f'<div class="received"><b>received</b><pre>{shown}</pre></div>' in text
    assert f"<pre>{step.expected or '(nothing)'}</pre>" in text


def test_html_says_why_and_what_was_captured() -> None:
    aside = '<div class="diff"><div class="why aside">there was no 354</div></div>'
    assert aside in in_html(replace(NOOP, outcome=Outcome.SKIPPED, why="there was no 354"))
    assert '<div class="diff"><div class="why aside">id = 7</div></div>' in in_html(replace(NOOP, captures={"id": "7"}))
    assert '<div class="diff">' not in in_html(NOOP)
    both = '<div class="why aside">id = 7</div><div class="why aside">to = bob</div>'
    assert both in in_html(replace(NOOP, captures={"id": "7", "to": "bob"}))
    assert '<div class="why aside">id = 7</div></div>' in in_html(failing(captures={"id": "7"}))


def test_html_leaves_out_what_passed_and_opens_what_failed() -> None:
    steps = (NOOP, replace(NOOP, outcome=Outcome.SENT), replace(NOOP, outcome=Outcome.SKIPPED), failing())
    assert [
        in_html(*steps, settings=ReportSettings(only_failures=only)).count("number aside") for only in (False, True)
    ] == [
        4,
        2,
    ]
    passed, failed = in_html(NOOP), in_html(failing(), result=ended(failing(), status=1, failure="a.smtp:2: x."))
    assert passed.startswith(
        '<details class="passed" id="run-1">\n<summary><b class="reply-2">ok</b> a.smtp: 1 matched, '
    )
    assert failed.startswith('<details class="failed" id="run-1" open>\n<summary><b class="reply-5">FAIL</b> a.smtp: ')
    assert ("500 ms</summary>" in passed, '<p class="error">' in passed) == (True, False)
    assert '<p class="error">a.smtp:2: x.</p>' in failed
    assert "nothing was sent, 123 ms" in in_html(result=ended(seconds=0.123456))
    insecure = HtmlFormat(PLAIN).run(RunInfo("a.smtp", insecure=True))
    assert "--insecure is on" in "".join(insecure.parts(ended()))
    assert "--insecure is on" not in passed


def test_html_lists_the_runs_that_failed_and_counts_the_others() -> None:
    form, stats = HtmlFormat(PLAIN), RunStats()
    assert '<b class="reply-5">no run yet</b>: 0 runs, 0 failed, 0 steps, exit status 0' in form.tail(stats, "")
    for number in range(102):
        result = ended(status=int(number != 1), failure="x." if number else None)
        stats.add_replay(result)
        "".join(form.run(RunInfo(f"{number}.smtp")).parts(result))
        if number == 0:
            assert ">failed</b>: 1 run, 1 failed, 0 steps, exit status 1</p>" in form.tail(stats, "")
    text = form.tail(stats, "interrupted")
    assert re.findall(r'href="#run-(\d+)">(\d+)\.smtp</a><br><code>(x\.)?</code>', text)[:2] == [
        ("1", "0", ""),
        ("3", "2", "x."),
    ]
    assert (text.count("<li>"), "<li>1 more</li>" in text) == (101, True)
    assert '<p class="error">interrupted</p>' in text
    assert '<p class="error">' not in form.tail(stats, "")
    passed = RunStats()
    passed.add_replay(ended())
    text = HtmlFormat(PLAIN).tail(passed, "")
    assert '<b class="reply-2">all matched</b>' in text
    assert "What failed" not in text
    assert "</table>\n</section>\n" in text  # no latencies where there are no steps
    assert "Not replayed" not in text
    passed.add_step(replace(NOOP, seconds=1.0))
    row = r"<tr><th>a step</th>(?:<td>(?:99\d|1000)</td>){4}<td>1000</td></tr>"
    assert re.search(row, HtmlFormat(PLAIN).tail(replace_counts(passed), ""))
    passed.not_run, passed.first_not_run = 5, ["b.smtp", "c.smtp"]
    text = HtmlFormat(PLAIN).tail(passed, "")
    assert "<li>b.smtp</li>\n<li>c.smtp</li>\n<li>3 more</li>\n</ul>" in text
    passed.not_run = 2
    assert "<li>c.smtp</li>\n</ul>" in HtmlFormat(PLAIN).tail(passed, "")


@pytest.mark.parametrize(
    ("not_run", "named", "items"),
    [
        (1, ["b"], "<li>b</li>\n</ul>\n"),
        (2, ["b", "c"], "<li>b</li>\n<li>c</li>\n</ul>\n"),
        (2, ["b"], "<li>b</li>\n<li>1 more</li>\n</ul>\n"),
        (1002, ["b"], "<li>b</li>\n<li>1,001 more</li>\n</ul>\n"),
    ],
)
def test_html_names_what_was_not_replayed_and_counts_the_rest(not_run: int, named: list[str], items: str) -> None:
    stats = RunStats()
    stats.not_run, stats.first_not_run = not_run, named
    assert f"<h2>Not replayed</h2>\n<ul>\n{items}</section>\n" in HtmlFormat(PLAIN).tail(stats, "")


def test_html_says_what_ended_the_batch_and_how_long_a_run_took() -> None:
    tail = HtmlFormat(PLAIN).tail(RunStats(), "interrupted")
    assert '</p>\n<p class="error">interrupted</p>\n<table>\n</table>\n</section>\n' in tail
    assert ", 1000 ms</summary>\n" in in_html(NOOP, result=ended(NOOP, seconds=1.0))


# Text


def test_text_cuts_what_is_long() -> None:
    assert step_lines(replace(NOOP, sent="x" * 57))[0] == f"ok      2  C: {'x' * 57}  250"
    assert step_lines(replace(NOOP, sent="x" * 58))[0] == f"ok      2  C: {'x' * 56}…  250"
    assert len(step_lines(replace(NOOP, sent=MANY))) == 20
    received = step_lines(failing(received=MANY))
    assert len([line for line in received if line.startswith(" " * 21) and line.strip().isdigit()]) == 19


def test_text_shows_what_was_awaited_where_nothing_was_sent() -> None:
    assert step_lines(replace(NOOP, sent="", lines=()))[0] == "ok      -  (the greeting)  250"
    assert step_lines(replace(NOOP, sent="", lines=(7,)))[0] == "ok      7  S: 250 ok"
    assert step_lines(replace(NOOP, sent="", lines=(7,), replies=(b"250-a\r\n250 b\r\n",)))[0] == "ok      7  S: 250-a"
    assert step_lines(replace(NOOP, code=0)) == ["ok      2  C: NOOP"]


def test_text_shows_times_and_whole_replies_where_asked_for() -> None:
    assert step_lines(NOOP, times=True) == ["ok      2     250.0 ms  C: NOOP  250"]
    assert step_lines(replace(NOOP, outcome=Outcome.SKIPPED, why="x"), times=True) == [
        "skip    2               C: NOOP  250",
        "           x",
    ]
    assert step_lines(NOOP, whole_reply=True)[1:] == ["           S: 250 ok"]
    expected = replace(NOOP, expectations=("250 fine",))
    assert step_lines(expected, whole_reply=True)[1:] == ["           S: 250 ok", "           as expected: 250 fine"]
    assert step_lines(replace(NOOP, expectations=("250 ok",)), whole_reply=True)[1:] == ["           S: 250 ok"]
    assert step_lines(replace(NOOP, sent=""), whole_reply=True)[1:] == []
    assert len(step_lines(failing(), whole_reply=True)) == len(step_lines(failing()))
    assert step_lines(NOOP, color=True) == ["\x1b[32mok  \x1b[0m    2  C: NOOP  250"]
    assert paint("x", "31") == "\x1b[31mx\x1b[0m"


def test_text_names_the_command_of_a_group_whose_reply_differs() -> None:
    group = failing(lines=(2, 3), sent="NOOP\nRSET", difference=Difference("a", "b", 0, 9, 2))
    assert step_lines(group)[1:3] == ["           C: RSET", "           the reply to line 3, C: RSET"]
    cut = replace(group, lines=(2, 3, 4), difference=Difference("a", "b", None, 9, 3))
    assert step_lines(cut)[2:] == [
        "           the reply to line 4, C: …",
        "           expected: a",
        "           received: b",
        "           a.smtp:9: the reply code differs",
    ]


@pytest.mark.parametrize(
    ("replays", "failed", "repeat", "line"),
    [
        (1, 0, 1, "1 transcript, 0 steps: 0 matched"),
        (2, 1, 1, "2 transcripts, 0 steps: 0 matched"),
        (2, 1, 2, "2 replays (1 failed), 0 steps: 0 matched"),
        (1, 0, 2, "1 replay, 0 steps: 0 matched"),
    ],
)
def test_text_sums_up(replays: int, failed: int, repeat: int, line: str) -> None:
    stats = RunStats()
    for number in range(replays):
        stats.add_replay(ended(status=int(number < failed)))
    stats.seconds = 2.0
    lines = list(summary_lines(stats, repeat=repeat))
    assert line in lines
    assert any("replays a second" in each for each in lines) is (repeat > 1)
    assert any(", 3 at a time: " in each for each in summary_lines(stats, jobs=3))


def test_text_has_so_many_replays_a_second() -> None:
    stats = RunStats()
    for seconds, shown in ((0.0, "0"), (0.001, "1,000"), (0.01, "100"), (3.0, "0.333")):
        stats.replays, stats.seconds = 1, seconds
        assert f": {shown} replays a second, 0 steps a second" in list(summary_lines(stats, repeat=2))[-3]


def test_text_shows_the_differences_of_so_many_repeated_runs() -> None:
    reporter, out = make_reporter("text", ReportSettings(repeat=20)), io.StringIO()
    for number in range(1, 21):
        run = reporter.for_run(RunInfo("a.smtp", number=number, of=20), out)
        run.start()
        run.step(NOOP)
        run.step(failing())
    shown = [line for line in out.getvalue().splitlines() if line.startswith("run ")]
    assert shown == [f"run {number}" for number in range(1, 11)]
    out = io.StringIO()
    run = make_reporter("text", ReportSettings(only_failures=True)).for_run(RunInfo("a.smtp"), out)
    run.start()
    run.step(failing())
    assert (out.getvalue().splitlines()[0], "run 1" in out.getvalue()) == ("a.smtp", False)


# Files


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_in_a_file_ends_with_what_the_batch_came_to(tmp_path: Path, name: str) -> None:
    reporter = make_file_reporter(name, PLAIN, tmp_path / "report")
    run = reporter.for_run(RunInfo("a.smtp"), io.StringIO())
    run.step(replace(NOOP, sent="\udcff" + "x" * 70_000))
    run.finish(ended(NOOP))
    stats = RunStats()
    stats.seconds, stats.exit_status, stats.interrupted = 5.0, 3, True
    stats.not_selected, stats.over_budget = 4, ["too slow"]
    reporter.summary(stats, io.StringIO())
    reporter.abort("later")
    reporter.close()
    assert reporter.failure == ""
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert "interrupted" in text
    assert "interruptedX" not in text
    assert "later" not in text
    assert "too slow" in text
    assert ("exit status 3" in text) is (name == "html")


def test_what_waits_keeps_its_lines_and_can_always_be_written() -> None:
    spool = Spool()
    spool.write("a\r\nb\n\udcff\u00f6" + "x" * 70_000)
    assert "".join(spool.read()) == "a\r\nb\n\\udcff\u00f6" + "x" * 70_000


def test_what_waits_is_the_same_in_any_locale() -> None:
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        spool = Spool()
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    spool.write("\u00f6")
    assert "".join(spool.read()) == "\u00f6"


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_that_is_cut_off_says_why_in_its_file(tmp_path: Path, name: str) -> None:
    reporter = make_file_reporter(name, PLAIN, tmp_path / "report")
    reporter.for_run(RunInfo("a.smtp"), io.StringIO()).step(NOOP)
    reporter.close()
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert len(re.findall(r"\binterrupted\b", text)) >= 1
    assert "interruptedX" not in text
