"""The options of reports: what is opened, what may go to standard output, and that files are whole whatever ends a batch."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.replay.reporters import ReportSettings, RunInfo
from smtp_shell.replay.reporters.captured import CaptureReporter
from smtp_shell.replay.reporters.files import FileReporter
from smtp_shell.replay.reporters.json import JsonReporter
from smtp_shell.replay.reporters.progress import ProgressReporter
from smtp_shell.replay.reporters.text import TextReporter
from smtp_shell.replay.reporting import Reports, add_report_options, open_reports
from smtp_shell.replay.results import ReplayResult, no_counts
from smtp_shell.replay.stats import RunStats


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def options(*words: str, step: bool = False, force: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_report_options(parser)
    found = parser.parse_args(words)
    found.step, found.force = step, force
    return found


def opened(
    *words: str, names: Sequence[str] = ("text",), out: io.StringIO | None = None, step: bool = False
) -> tuple[Reports, list[type]]:
    with open_reports(options(*words, step=step), ReportSettings(), out, names=names) as reports:
        return reports, [type(each) for each in reports.reporters]


def test_without_options_there_is_text_on_standard_output() -> None:
    reports, kinds = opened()
    assert kinds == [TextReporter]
    assert reports.out is sys.stdout
    assert not reports.reports_times
    assert reports.ask is None
    assert reports.failures == []


def test_each_option_has_its_report(tmp_path: Path) -> None:
    words = [f"--{name}={tmp_path / name}" for name in ("junit", "tap", "html")]
    reports, kinds = opened(*words, "--print", "id", "--print", "x", names=("text", "table"))
    assert [kind.__name__ for kind in kinds] == [
        *("TextReporter", "TableReporter"),
        *["FileReporter"] * 3,
        "CaptureReporter",
    ]
    captured = reports.reporters[-1]
    assert isinstance(captured, CaptureReporter)
    assert captured.names == {"id", "x"}
    assert reports.out is sys.stderr  # standard output is taken
    assert sorted(path.name for path in tmp_path.iterdir()) == ["html", "junit", "tap"]


@pytest.mark.parametrize(
    ("words", "names", "times"),
    [((), ("text",), False), (("--times",), ("text",), True), ((), ("json",), True), (("--tap", "x"), ("text",), True)],
)
def test_times_are_reported_in_files_in_json_and_where_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], names: tuple[str, ...], times: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    assert opened(*words, names=names)[0].reports_times is times


def test_text_goes_where_the_caller_says() -> None:
    out = io.StringIO()
    assert opened(out=out)[0].out is out


@pytest.mark.parametrize(
    ("words", "names", "in_shell", "message"),
    [
        (("--tap", "-", "--junit", "-"), ("text",), False, "--junit - and --tap - would all write to standard output"),
        (("--html", "-", "--print", "x"), ("text",), False, "--html - and --print would all write"),
        (("--print", "x"), ("json",), False, "--print and --json would all write"),
        (("--tap", "-"), ("json",), False, "--tap - and --json would all write"),
        (("--tap", "-"), ("text",), True, "--tap - writes to standard output, which is the shell's screen"),
        (("--print", "x", "--tap", "-"), ("text",), True, "--tap - writes to standard output, which"),
        (("--print", "x"), ("text",), True, "--print writes to standard output, which is the shell's screen"),
        (("--failures-first",), ("json",), False, "--failures-first is about the order of text"),
    ],
)
def test_two_things_on_standard_output_are_refused(
    words: tuple[str, ...], names: tuple[str, ...], in_shell: bool, message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        opened(*words, names=names, out=io.StringIO() if in_shell else None)
    assert raised.value.message.startswith(message)


@pytest.mark.parametrize(
    ("words", "names", "stream"),
    [
        (("--tap", "-"), ("text",), "stderr"),
        (("--print", "x"), ("text",), "stderr"),
        ((), ("json",), "stdout"),
        (("--only-failures",), ("text",), "stdout"),
        (("--failures-first",), ("text",), "stdout"),
    ],
)
def test_text_makes_room_on_standard_output(words: tuple[str, ...], names: tuple[str, ...], stream: str) -> None:
    assert opened(*words, names=names)[0].out is getattr(sys, stream)


def test_a_file_that_is_no_report_is_replaced_by_force_only(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary")
    words = options("--tap", str(path))
    with pytest.raises(UsageError, match=r"notes\.txt"), open_reports(words, ReportSettings()):
        pass
    assert path.read_text() == "dear diary"
    words.force = True
    with open_reports(words, ReportSettings()):
        pass
    assert path.read_text().startswith("TAP version 14")
    del words.force  # the shell's command has no such option
    with open_reports(words, ReportSettings()):  # a report may be replaced
        pass
    path.write_text("dear diary")
    with pytest.raises(UsageError, match=r"notes\.txt"), open_reports(words, ReportSettings()):
        pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("no server."), "no server."),
        (KeyboardInterrupt(), "interrupted"),
        (ZeroDivisionError(), "the program failed"),
    ],
)
def test_files_are_whole_whatever_ends_the_batch(tmp_path: Path, error: BaseException, said: str) -> None:
    path = tmp_path / "a.tap"
    with pytest.raises(type(error)), open_reports(options("--tap", str(path)), ReportSettings()):
        raise error
    text = path.read_text()
    assert text.startswith("TAP version 14")
    assert f"\nBail out! {said}\n" in text


def test_a_file_that_cannot_be_written_whole_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tap"
    with open_reports(options("--tap", str(path)), ReportSettings()) as reports:
        file = reports.reporters[-1]
        assert isinstance(file, FileReporter)
        run = file.for_run(RunInfo("a.smtp"), io.StringIO())
        run.finish(ReplayResult("a.smtp", "", (), no_counts(), 0, None, 0.0))
        file.summary(RunStats(), io.StringIO())
        assert reports.failures == []
        monkeypatch.setattr(FileReporter, "failure", "the disk is full")
    assert reports.failures == ["the disk is full"]


# The bar


def on_terminal(monkeypatch: pytest.MonkeyPatch, term: str = "xterm") -> tuple[Terminal, Terminal]:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", term)
    return out, err


def test_on_a_terminal_there_is_a_bar_before_all_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = on_terminal(monkeypatch)

    def ask(question: str, hidden: bool, *more: str) -> str:
        return "yes"

    with open_reports(options(), ReportSettings(), ask=ask) as reports:
        bar = reports.reporters[0]
        assert isinstance(bar, ProgressReporter)
        assert isinstance(reports.reporters[1], TextReporter)
        assert reports.out is bar
        assert (bar._lines, bar._terminal, bar._above) == (out, err, True)
        assert reports.ask is not None
        assert reports.ask is not ask
        assert reports.ask("x", False) == "yes"
        assert not bar._closed
    assert bar._closed


def test_where_standard_output_is_taken_the_bar_has_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    _, err = on_terminal(monkeypatch)
    with open_reports(options("--print", "x"), ReportSettings()) as reports:
        bar = reports.reporters[0]
        assert isinstance(bar, ProgressReporter)
        assert bar._lines is err
        assert reports.ask is None


def test_lines_that_go_into_a_file_are_not_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with open_reports(options(), ReportSettings()) as reports:
        bar = reports.reporters[0]
        assert isinstance(bar, ProgressReporter)
        assert not bar._above


@pytest.mark.parametrize(
    ("step", "names", "term", "in_shell"),
    [
        (True, ("text",), "xterm", False),
        (False, ("json",), "xterm", False),
        (False, ("text",), "dumb", False),
        (False, ("text",), "xterm", True),
    ],
)
def test_where_it_would_stand_in_the_way_there_is_no_bar(
    monkeypatch: pytest.MonkeyPatch, step: bool, names: tuple[str, ...], term: str, in_shell: bool
) -> None:
    on_terminal(monkeypatch, term)
    _, kinds = opened(names=names, step=step, out=io.StringIO() if in_shell else None)
    assert kinds == [JsonReporter if names == ("json",) else TextReporter]


@pytest.mark.parametrize(("name", "what"), [("junit", "JUnit XML"), ("tap", "TAP 14"), ("html", "one HTML page")])
def test_the_help_says_what_a_file_will_be(name: str, what: str) -> None:
    parser = argparse.ArgumentParser()
    add_report_options(parser)
    (action,) = (each for each in parser._actions if each.dest == name)
    assert action.help == f"also write a report in {what}; - is standard output"


def test_what_the_options_are_without_a_word() -> None:
    parser = argparse.ArgumentParser()
    add_report_options(parser)
    assert vars(parser.parse_args([])) == {
        "junit": None,
        "tap": None,
        "html": None,
        "times": False,
        "only_failures": False,
        "failures_first": False,
        "print_names": [],
    }
