"""JSON, JUnit and TAP in detail: what is rounded, named, counted, and left out."""

from __future__ import annotations

import io
import json
import re

import pytest
from msgspec.structs import replace

from smtp_shell.config import TlsSettings
from smtp_shell.display.tls_json import tls_object
from smtp_shell.errors import TlsFailed
from smtp_shell.net.tls_view import view_of
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.replay.reporters import ReportSettings, RunInfo
from smtp_shell.replay.reporters.json import (
    JsonReporter,
    JsonRunReport,
    json_line,
    run_object,
    step_object,
    summary_object,
)
from smtp_shell.replay.reporters.junit import JUnitFormat
from smtp_shell.replay.reporters.tap import TapFormat
from smtp_shell.replay.results import Difference, Outcome, StepResult
from smtp_shell.replay.stats import RunStats
from tests.unit.replay.reporters.made import NOOP, PLAIN, ended, failing

# JSON


def test_json_rounds_and_leaves_out_what_is_not_there() -> None:
    assert json_line({"a": 0, "b": "", "c": None, "d": [], "e": {}, "f": False, "g": -1, "h": 0}, ("h",)) == (
        '{"g": -1, "h": 0}'
    )
    step = step_object(replace(NOOP, seconds=0.0123456))
    assert (step["seconds"], step["run"], step["server"], step["command_line"], step["expected_file"]) == (
        0.012,
        0,
        "",
        0,
        "",
    )
    group = replace(NOOP, lines=(2, 3), sent="NOOP\nRSET", difference=Difference("a", "b", 0, 9, 2, "b.smtp"))
    found = step_object(group, run=2, server="lab")
    assert (found["command_line"], found["expected_file"], found["run"], found["server"]) == (3, "b.smtp", 2, "lab")
    run = run_object(ended(NOOP, seconds=0.0123456))
    assert (run["seconds"], run["server"], run["run"], run["tls"]) == (0.012, "mx:25", 0, {})
    assert run_object(ended(), run=3, server="lab")["server"] == "lab"


def test_json_has_the_handshake_that_failed() -> None:
    failed = TlsFailed("the handshake failed.")
    shown = TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(b"CN=mail.example.org"), "mx")
    view = view_of(shown, TlsSettings(), failed)
    assert run_object(ended(tls=view))["tls"] == tls_object(view)
    assert tls_object(view)


def test_json_of_the_batch_is_in_seconds_with_six_digits() -> None:
    stats = RunStats()
    assert (summary_object(stats)["replays_per_second"], summary_object(stats)["seed"]) == (0.0, "")
    stats.add_step(replace(NOOP, seconds=0.12345678))
    stats.add_replay(ended(NOOP, seconds=0.12345678))
    stats.seconds, stats.seed = 1.23456789, 0
    found = summary_object(stats)
    assert (found["seconds"], found["replays_per_second"], found["seed"]) == (1.234568, 0.81, 0)
    times = found["step_seconds"]
    assert isinstance(times, dict)
    assert times["max"] == 0.123457
    stats.seconds = 0.7
    assert summary_object(stats)["replays_per_second"] == 1.429
    assert '"seed": 0' in json.dumps(found)


@pytest.mark.parametrize(
    ("run", "number", "server"),
    [
        (RunInfo("a.smtp", "lab"), None, "mx:25"),
        (RunInfo("a.smtp", "lab", 1, 2), 1, "mx:25"),
        (RunInfo("a.smtp", "lab", servers=1), None, "mx:25"),
        (RunInfo("a.smtp", "lab", servers=2), None, "lab"),
        (RunInfo("a.smtp", "lab", 2, 2, servers=2), 2, "lab"),
    ],
)
def test_json_names_the_run_and_the_server_where_there_are_several(
    run: RunInfo, number: int | None, server: str
) -> None:
    out = io.StringIO()
    report = JsonReporter(PLAIN).for_run(run, out)
    report.start()
    report.step(NOOP)
    report.finish(ended(NOOP))
    step, whole = map(json.loads, out.getvalue().splitlines())
    assert (step.get("run"), step.get("server")) == (number, "lab" if server == "lab" else None)
    assert (whole.get("run"), whole.get("server")) == (number, server)


def test_json_of_the_only_run_against_the_only_server_names_neither() -> None:
    out = io.StringIO()
    JsonRunReport(0, out).step(NOOP)
    assert {"run", "server"}.isdisjoint(json.loads(out.getvalue()))


def test_json_of_failures_has_the_steps_that_differ_or_were_skipped() -> None:
    out = io.StringIO()
    report = JsonReporter(ReportSettings(only_failures=True)).for_run(RunInfo("a.smtp"), out)
    for step in (NOOP, replace(NOOP, outcome=Outcome.SENT), replace(NOOP, outcome=Outcome.SKIPPED), failing()):
        report.step(step)
    assert [json.loads(line)["verdict"] for line in out.getvalue().splitlines()] == ["skipped", "mismatched"]


def test_json_of_a_batch_without_a_run_has_its_numbers_all_the_same() -> None:
    out = io.StringIO()
    JsonReporter(PLAIN).summary(RunStats(), out)
    latencies = {"p50": 0.0, "p90": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}
    assert json.loads(out.getvalue()) == {
        "summary": True,
        "replays": 0,
        "steps": 0,
        "matched": 0,
        "exit_status": 0,
        "seconds": 0.0,
        "replay_seconds": latencies,
        "step_seconds": latencies,
    }


# JUnit and TAP


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (RunInfo("a.smtp"), "a"),
        (RunInfo("./lab/a.smtp"), "lab.a"),
        (RunInfo("lab\\a.smtp"), "lab.a"),
        (RunInfo("../Xlab/a.smtpX"), "Xlab.a.smtpX"),
        (RunInfo("/a.smtp"), "a"),
        (RunInfo("lab/a..smtp"), "lab.a"),
        (RunInfo(".smtp"), ".smtp"),
        (RunInfo("a.smtp", "mx.example:25", servers=1), "a"),
        (RunInfo("a.smtp", "mx.example:25", servers=2), "a@mx_example:25"),
    ],
)
def test_junit_names_a_class_after_the_file(run: RunInfo, name: str) -> None:
    suite = JUnitFormat(PLAIN).run(run)
    suite.step(NOOP)
    assert f'classname="{name}"' in "".join(suite.parts(ended(NOOP)))


@pytest.mark.parametrize(
    ("steps", "failure", "ending", "shown"),
    [
        ((NOOP,), None, "", ""),
        ((NOOP,), "x.", "", "x."),
        ((failing(),), "x.", "", ""),
        ((failing(),), "x.", "too late.", "too late."),
        ((NOOP,), "x.", "too late.", "too late."),
    ],
)
def test_what_ended_a_run_is_a_case_of_its_own(
    steps: tuple[StepResult, ...], failure: str | None, ending: str, shown: str
) -> None:
    result = ended(*steps, status=int(failure is not None), failure=failure, ending=ending)
    suite, subtest = JUnitFormat(PLAIN).run(RunInfo("a.smtp", "lab")), TapFormat(PLAIN).run(RunInfo("a.smtp"))
    for step in steps:
        suite.step(step)
        subtest.step(step)
    text, points = "".join(suite.parts(result)), "".join(subtest.parts(result))
    assert (f'<error type="ended" message="{shown}">{shown}</error>' in text) is bool(shown)
    assert f'tests="{1 + bool(shown)}" ' in text
    assert f'errors="{int(bool(shown))}" ' in text
    assert (f"not ok 2 - {shown}" in points) is bool(shown)
    assert f"    1..{1 + bool(shown)}\n" in points


def test_junit_has_what_is_known_of_a_run() -> None:
    for server, seed, shown in (
        ("mx:25", None, '<property name="server" value="mx:25"/><property name="exit status" value="0"/></'),
        (
            "",
            0,
            '<property name="server" value="lab"/><property name="exit status" value="0"/><property name="seed" value="0"/></',
        ),
    ):
        suite = JUnitFormat(PLAIN).run(RunInfo("a.smtp", "lab", seed=seed))
        text = "".join(suite.parts(ended(server=server)))
        assert f'<properties><property name="file" value="a.smtp"/>{shown}properties>' in text


@pytest.mark.parametrize("form", [JUnitFormat(PLAIN), TapFormat(PLAIN)])
def test_the_batch_has_points_of_its_own(form: JUnitFormat | TapFormat) -> None:
    stats = RunStats()
    stats.not_run, stats.first_not_run, stats.over_budget = 3, ["b # c"], ["too slow"]
    text = form.tail(stats, "interrupted")
    assert text.count("interrupted") == (2 if isinstance(form, JUnitFormat) else 1)
    if isinstance(form, JUnitFormat):
        assert 'tests="4" failures="1" errors="1" skipped="2" ' in text
        assert '<testcase name="2 more runs" classname="smtp-shell" time="0"><skipped message="not replayed: ' in text
        stats.not_run = 1
        assert "more runs" not in form.tail(stats, "")
        assert form.tail(RunStats(), "") == "</testsuites>\n"
    else:
        assert text.splitlines()[-4:-1] == [
            "not ok 1 - --budget: too slow",
            "ok 2 - b \\# c # SKIP not replayed: as many replays as --max-failures allows had failed",
            "ok 3 - 2 more runs # SKIP not replayed: as many replays as --max-failures allows had failed",
        ]
        assert text.splitlines()[-1] == "Bail out! interrupted"
        assert form.tail(RunStats(), "") == "1..0\n"


@pytest.mark.parametrize(
    ("not_run", "named", "names"),
    [(1, ["b"], ["b"]), (2, ["b"], ["b", "1 more run"]), (1002, ["b", "c"], ["b", "c", "1,000 more runs"])],
)
def test_runs_that_were_not_begun_are_named_or_counted(not_run: int, named: list[str], names: list[str]) -> None:
    stats = RunStats()
    stats.not_run, stats.first_not_run = not_run, named
    suite, points = JUnitFormat(PLAIN).tail(stats, ""), TapFormat(PLAIN).tail(stats, "")
    assert re.findall('<testcase name="([^"]*)"', suite) == names
    assert re.findall("^ok [0-9]+ - (.*) # SKIP ", points, re.MULTILINE) == names
    assert points.endswith(f"\n1..{len(names)}\n")


def test_tap_takes_nothing_in_a_name_for_an_escape_or_a_directive() -> None:
    text = "".join(TapFormat(PLAIN).run(RunInfo(r"a\b # SKIP.smtp")).parts(ended()))
    assert text.splitlines()[-1] == r"ok 1 - a\\b \# SKIP.smtp"


def test_tap_says_where_a_difference_is() -> None:
    for step, at in (
        (failing(), '{"file": "a.smtp", "line": 3}'),
        (failing(difference=None), '{"file": "a.smtp", "line": 2}'),
        (failing(difference=None, lines=()), '{"file": "a.smtp"}'),
        (failing(difference=Difference("a", "b", 0, 7, 1, "b.smtp")), '{"file": "b.smtp", "line": 7}'),
    ):
        subtest = TapFormat(PLAIN).run(RunInfo("a.smtp"))
        subtest.step(replace(step, seconds=0.0012345, replies=(b"550-a\r\n550 b\r\n",)))
        lines = "".join(subtest.parts(ended(step))).splitlines()
        assert f"      at: {at}" in lines
        assert "      duration_ms: 1.234" in lines
        assert '      reply: ["550-a", "550 b"]' in lines
