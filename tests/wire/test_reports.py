"""Reports of whole runs of the program: several at once, jobs, repeats, standard output, Ctrl-C, a killed process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.junit import check_junit
from tests.support.peer import Hear, ScriptedServer
from tests.support.tap import read_tap
from tests.unit.cli.program import PROGRAM, at, run_text

GOOD = "S: 220\nC: EHLO x.example\nS~ 250[ -](?P<host>[a-z.]+).*\nS: 250 HELP\nC: QUIT\nS: 221\n"
BAD = "S: 220\nC: EHLO x.example\nS: 250\nC: RSET\nS: 550 no\nC: NOOP\nS: 250\n"
PATIENCE = 30.0
GREETING = b"220 mx.example ESMTP\r\n"


@pytest.fixture
def server() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings()) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "bad.smtp").write_text(BAD)
    (folder / "good.smtp").write_text(GOOD)
    return folder


@pytest.mark.parametrize("options", [(), ("--jobs", "3"), ("--jobs", "2", "--repeat", "3"), ("--keep-going",)])
def test_several_reports_of_several_files(
    tmp_path: Path, folder: Path, server: PracticeServer, options: tuple[str, ...]
) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("junit", "tap", "html")}
    named = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    done = run_text("replay", str(folder), "--server", at(server), *named, *options)
    assert done.returncode == 1, done.stderr
    times = 3 if "--repeat" in options else 1
    suites = check_junit(files["junit"].read_bytes())
    assert [suite.attrib["failures"] for suite in suites] == ["1"] * times + ["0"] * times
    assert f"{folder / 'bad.smtp'}:5: the reply code differs" in files["junit"].read_text()
    assert [point.ok for point in read_tap(files["tap"].read_text()).points] == [False] * times + [True] * times
    page = files["html"].read_text()
    assert page.count('<details class="failed"') == page.count('<details class="passed"') == times
    assert f"{2 * times} runs, {times} failed" in page
    assert f"{folder / 'bad.smtp'}:5: the reply code differs" in done.stdout or times > 1


def test_tap_on_standard_output_has_it_alone(folder: Path, server: PracticeServer) -> None:
    done = run_text("replay", str(folder), "--server", at(server), "--tap", "-")
    assert [point.ok for point in read_tap(done.stdout).points] == [False, True]
    assert "2 transcripts" in done.stderr


def test_junit_on_standard_output_is_whole(folder: Path, server: PracticeServer) -> None:
    done = run_text("replay", str(folder), "--server", at(server), "--junit", "-")
    assert len(check_junit(done.stdout.encode())) == 2


def test_captures_are_printed_and_in_json(folder: Path, server: PracticeServer) -> None:
    good = str(folder / "good.smtp")
    done = run_text("replay", good, "--server", at(server), "--print", "host")
    assert done.stdout == "practice.example\n"
    assert "1 transcript" in done.stderr
    done = run_text("replay", good, "--server", at(server), "--json")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["captures"] for each in objects if "captures" in each] == [{"host": "practice.example"}]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--print", "nobody"), "--print nobody: no S~ pattern captures such a variable; those there are: host."),
        (("--tap", "-", "--json"), "--tap - and --json would all write to standard output"),
        (("--tap", "-", "--print", "host"), "--tap - and --print would all write"),
        (("--junit", "no/such/folder"), "no/such/folder cannot be created"),
        (("--failures-first", "--json"), "leave it out, or leave out --json"),
        (("--yes",), "--yes has a meaning with --update only"),
        (("--no-times",), "--no-times has a meaning with --record FILE only"),
    ],
)
def test_what_cannot_be_reported_is_refused_before_anything_is_sent(
    folder: Path, options: tuple[str, ...], words: str
) -> None:
    with ScriptedServer([GREETING]) as server:
        done = run_text("replay", str(folder / "good.smtp"), "--server", server.address, *options)
        assert server.connections == 0
    assert done.returncode == 2
    assert words in done.stderr


def test_a_transcript_that_cannot_be_replayed_is_an_error_in_the_reports(tmp_path: Path) -> None:
    (tmp_path / "x.smtp").write_text("what is this\n")
    files = [word for name in ("junit", "tap", "html") for word in (f"--{name}", str(tmp_path / name))]
    done = run_text("replay", str(tmp_path / "x.smtp"), "--server", "127.0.0.1:9", *files)
    assert done.returncode == 2
    (suite,) = check_junit((tmp_path / "junit").read_bytes())
    assert "has no marker" in (suite.findtext("testcase/error") or "")
    assert "has no marker" in read_tap((tmp_path / "tap").read_text()).bailed_out
    assert "has no marker" in (tmp_path / "html").read_text()


def test_times_failures_only_and_failures_first(folder: Path, server: PracticeServer) -> None:
    done = run_text("replay", str(folder), "--server", at(server), "--times")
    assert all(" ms  " in line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAIL ")))
    done = run_text("replay", str(folder), "--server", at(server), "--only-failures")
    assert not [line for line in done.stdout.splitlines() if line.startswith("ok ") or "good.smtp" in line]
    assert "bad.smtp" in done.stdout
    done = run_text("replay", str(folder), "--server", at(server), "--only-failures", "--json")
    assert [step.get("verdict", "") for step in map(json.loads, done.stdout.splitlines())] == ["mismatched", "", "", ""]
    (folder / "again.smtp").write_text(GOOD)
    done = run_text("replay", str(folder), "--server", at(server), "--failures-first")
    order = [line.split(" ")[0] for line in done.stdout.splitlines() if ".smtp -> " in line]
    assert [Path(name).stem for name in order] == ["bad", "again", "good"]


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_what_was_done_before_ctrl_c_is_in_the_reports(tmp_path: Path, folder: Path, jobs: str) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("junit", "tap", "html")}
    named = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    (folder / "bad.smtp").unlink()
    (folder / "later.smtp").write_text("S: 220\nC: NOOP\nS: 250\n")
    with (
        PracticeServer(PracticeSettings()) as quick,
        ScriptedServer([GREETING, Hear(b"NOOP\r\n"), Hear(b"never")]) as slow,
    ):
        (folder / "later.smtp").write_text(f"*: connect {slow.address}\nS: 220\nC: NOOP\nS: 250\n")
        (folder / "good.smtp").write_text(f"*: connect {at(quick)}\n{GOOD}")
        words = [*PROGRAM, "replay", str(folder), "--jobs", jobs, *named]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            wait(lambda: b"NOOP" in slow.received and "good.smtp" in text_of(files["tap"]))
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    suites = check_junit(files["junit"].read_bytes())
    assert len(suites[0].findall("testcase")) == 3
    assert "interrupted" in (suites[1].findtext("testcase/error") or "")
    assert read_tap(files["tap"].read_text()).points[0].ok
    assert files["html"].read_text().endswith("</html>\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_whole_reports(tmp_path: Path, folder: Path) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("junit", "tap", "html")}
    named = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    (folder / "bad.smtp").unlink()
    with PracticeServer(PracticeSettings()) as quick, ScriptedServer([GREETING, Hear(b"never")]) as slow:
        (folder / "later.smtp").write_text(f"*: connect {slow.address}\nS: 220\nC: NOOP\nS: 250\n")
        (folder / "good.smtp").write_text(f"*: connect {at(quick)}\n{GOOD}")
        with subprocess.Popen([*PROGRAM, "replay", str(folder), *named], stdout=subprocess.DEVNULL) as process:
            wait(lambda: b"NOOP" in slow.received)
            process.kill()
    assert len(check_junit(files["junit"].read_bytes())) == 1
    assert len(read_tap(files["tap"].read_text()).points) == 1
    assert files["html"].read_text().endswith("</html>\n")


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""
