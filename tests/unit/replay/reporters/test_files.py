"""Reports in files: whole whenever the process ends, in the order of the runs, for their owner."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.replay.reporters import FORMATS, ReportSettings, RunInfo, make_file_reporter
from smtp_shell.replay.reporters.files import FileReporter, ReportFile
from smtp_shell.replay.reporters.junit import JUnitFormat
from smtp_shell.replay.results import Difference, Outcome, ReplayResult, StepResult, no_counts
from smtp_shell.replay.stats import RunStats
from tests.support.junit import check_junit
from tests.support.tap import read_tap

MATCHED = StepResult("a.smtp", (2,), "NOOP", Outcome.MATCHED, seconds=0.25, code=250, replies=(b"250 ok\r\n",))
DIFFERING = StepResult(
    "a.smtp",
    (4,),
    "RSET",
    Outcome.MISMATCHED,
    "the reply code differs",
    code=550,
    difference=Difference("250 fine", "550 no", 0, 5),
    replies=(b"550 no\r\n",),
)
SKIPPED = StepResult("a.smtp", (6, 9), "(mail data)", Outcome.SKIPPED, "there was no 354")


def ended(*steps: StepResult, failure: str | None = None, ending: str = "") -> ReplayResult:
    counts = no_counts()
    for step in steps:
        counts[step.outcome] += 1
    failed = failure is not None or counts[Outcome.MISMATCHED]
    return ReplayResult("a.smtp", "mail.example.org:25", steps, counts, int(bool(failed)), failure, 0.5, False, ending)


def written(
    tmp_path: Path,
    name: str,
    *steps: StepResult,
    run: RunInfo | None = None,
    failure: str | None = None,
    ending: str = "",
    settings: ReportSettings | None = None,
) -> str:
    """Return the file of a batch of one run."""
    path = tmp_path / "report"
    reporter = make_file_reporter(name, settings or ReportSettings(), path)
    of_run = reporter.for_run(run or RunInfo("a.smtp", "mail.example.org:25"), io.StringIO())
    of_run.start()
    for step in steps:
        of_run.step(step)
    of_run.finish(ended(*steps, failure=failure, ending=ending))
    reporter.summary(RunStats(), io.StringIO())
    reporter.close()
    return path.read_bytes().decode()


def check(name: str, text: str, runs: int) -> None:
    """Check that a report is whole, and has so many runs."""
    match name:
        case "junit":
            assert len(check_junit(text)) == runs
        case "tap":
            assert len(read_tap(text).points) == runs
        case _:
            assert text.endswith("</html>\n")
            assert text.count("<details") == text.count("</details>") == runs
            assert text.count('<section id="summary">') == 1


def test_junit_has_the_difference_where_viewers_show_it(tmp_path: Path) -> None:
    (suite,) = check_junit(written(tmp_path, "junit", MATCHED, DIFFERING, SKIPPED))
    matched, differing, skipped = suite.findall("testcase")
    assert suite.attrib["name"] == "a.smtp -> mail.example.org:25"
    assert matched.attrib == {"name": "line 2: C: NOOP", "classname": "a", "time": "0.250000"}
    failure, left_out = differing.find("failure"), skipped.find("skipped")
    assert failure is not None
    assert failure.attrib["message"] == "a.smtp:5: the reply code differs; expected: 250 fine; received: 550 no"
    assert (failure.text or "").split("\n")[-2:] == ["C: NOOP", "S: 250 ok"]
    assert left_out is not None
    assert left_out.attrib["message"] == "there was no 354"
    assert suite.findtext("system-out") == "C: NOOP\nS: 250 ok\nC: RSET\nS: 550 no\n(mail data)  (not sent)\n"


def test_junit_has_an_error_for_what_ended_a_run(tmp_path: Path) -> None:
    (suite,) = check_junit(written(tmp_path, "junit", MATCHED, failure="too late.", ending="too late."))
    error = suite.findall("testcase")[-1].find("error")
    assert error is not None
    assert error.attrib["message"] == "too late."


def test_junit_names_a_class_as_viewers_group_them(tmp_path: Path) -> None:
    run = RunInfo("tests/mail/login.smtp", "mx.example:25", 2, 3)
    (suite,) = check_junit(written(tmp_path, "junit", MATCHED, run=run))
    assert suite.attrib["name"] == "tests/mail/login.smtp -> mx.example:25 (run 2 of 3)"
    assert suite.findall("testcase")[0].attrib["classname"] == "tests.mail.login"


def test_tap(tmp_path: Path) -> None:
    (run,) = read_tap(written(tmp_path, "tap", MATCHED, DIFFERING, SKIPPED)).points
    matched, differing, skipped = run.points
    assert not run.ok
    assert (matched.ok, matched.title, matched.facts) == (True, "line 2: C: NOOP", {"duration_ms": 250.0})
    assert not differing.ok
    assert differing.facts == {
        "message": "the reply code differs",
        "at": {"file": "a.smtp", "line": 5},
        "wanted": "250 fine",
        "found": "550 no",
        "duration_ms": 0.0,
    }
    assert skipped.skipped == "there was no 354"


def test_html(tmp_path: Path) -> None:
    captured = replace(MATCHED, captures={"id": "ABC"})
    text = written(tmp_path, "html", captured, DIFFERING, SKIPPED)
    check("html", text, 1)
    assert '<details class="failed" id="run-1" open>' in text
    assert '<div class="why error">a.smtp:5: the reply code differs</div>' in text
    assert "<pre>250 fine</pre>" in text
    assert "<pre><mark>550 no</mark></pre>" in text
    assert "id = ABC" in text
    assert "250 ms" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text


def test_html_of_failures_only(tmp_path: Path) -> None:
    text = written(tmp_path, "html", MATCHED, DIFFERING, settings=ReportSettings(only_failures=True))
    assert "NOOP" not in text
    assert "RSET" in text
    assert "1 matched, 1 differed" in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_is_whole_after_each_run(tmp_path: Path, name: str) -> None:
    path = tmp_path / "report"
    reporter = make_file_reporter(name, ReportSettings(), path)
    check(name, path.read_text(), 0)
    for number in range(3):
        of_run = reporter.for_run(RunInfo("a.smtp", order=number), io.StringIO())
        steps = (MATCHED, DIFFERING) if number == 1 else (MATCHED,)
        for step in steps:
            of_run.step(step)
        check(name, path.read_text(), number)
        of_run.finish(ended(*steps))
        check(name, path.read_text(), number + 1)
    reporter.close()


@pytest.mark.parametrize("name", FORMATS)
def test_runs_stand_in_their_order_and_one_that_never_ended_is_cut_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / "report"
    reporter = make_file_reporter(name, ReportSettings(), path)
    runs = [reporter.for_run(RunInfo(f"{number}.smtp", order=number), io.StringIO()) for number in range(4)]
    runs[2].step(DIFFERING)
    for number in (3, 1, 0):
        runs[number].step(MATCHED)
        runs[number].finish(ended(MATCHED))
    stats = RunStats()
    stats.interrupted = True
    reporter.summary(stats, io.StringIO())
    reporter.close()
    text = path.read_text()
    places = [text.index(f"{number}.smtp") for number in range(4)]
    assert places == sorted(places)
    assert "interrupted" in text
    check(name, text, 5 if name == "junit" else 4)


def test_a_part_that_breaks_off_leaves_the_report_whole(tmp_path: Path) -> None:
    path = tmp_path / "report"
    reporter = make_file_reporter("junit", ReportSettings(), path)
    of_run = reporter.for_run(RunInfo("a.smtp"), io.StringIO())
    of_run.step(MATCHED)

    file = reporter._file
    with pytest.raises(KeyboardInterrupt):
        file.append(_cut_off(), lambda: "</testsuites>\n")
    check("junit", path.read_text(), 0)
    of_run.finish(ended(MATCHED))
    reporter.close()
    check("junit", path.read_text(), 1)


def _cut_off() -> Iterator[str]:
    yield '<testsuite name="half'
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", FORMATS)
def test_an_older_report_is_replaced_and_another_file_is_not(tmp_path: Path, name: str) -> None:
    written(tmp_path, name, MATCHED)
    text = written(tmp_path, name, DIFFERING)
    assert "RSET" in text
    assert "NOOP" not in text
    (tmp_path / "report").write_text("precious")
    with pytest.raises(UsageError, match="--force"):
        written(tmp_path, name, MATCHED)
    assert (tmp_path / "report").read_text() == "precious"
    with pytest.raises(UsageError, match="--force"):
        FileReporter(JUnitFormat(ReportSettings()), tmp_path / "report")
    make_file_reporter(name, ReportSettings(), tmp_path / "report", overwrite=True).close()


def test_a_report_is_its_owners_and_no_link_is_followed(tmp_path: Path) -> None:
    written(tmp_path, "junit", MATCHED)
    path = tmp_path / "report"
    if sys.platform == "win32":
        return
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(UsageError, match="there already"):
        make_file_reporter("junit", ReportSettings(), link)


@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_steps(tmp_path: Path, name: str) -> None:
    import tracemalloc

    reporter = make_file_reporter(name, ReportSettings(), tmp_path / "report")
    of_run = reporter.for_run(RunInfo("a.smtp"), io.StringIO())
    of_run.step(DIFFERING)
    tracemalloc.start()
    for _ in range(10_000):
        of_run.step(DIFFERING)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    of_run.finish(replace(ended(DIFFERING), counts={**no_counts(), Outcome.MISMATCHED: 10_001}))
    reporter.close()
    assert peak < 2 * 1024 * 1024
    check(name, (tmp_path / "report").read_text(), 1)


class Disk(io.BytesIO):
    """A file on a disk with so much room, and what it held after each call."""

    def __init__(self, octets: bytes, room: int = 10_000_000) -> None:
        super().__init__(octets)
        self.room = room
        self.states = [octets]

    def write(self, octets: object, /) -> int:
        assert isinstance(octets, memoryview)
        written = super().write(octets[: max(0, self.room - self.tell())])
        self.states.append(self.getvalue())
        if not written and len(octets):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written

    def truncate(self, size: int | None = None, /) -> int:
        length = super().truncate(size)
        self.states.append(self.getvalue())
        return length


def test_a_report_is_whole_after_each_call_to_the_system() -> None:
    disk = Disk(b"<a>\n</a>\n")
    file = ReportFile(disk, "r.xml", seeks=True, head=b"<a>\n", tail=b"</a>\n")
    file.append(("x" * 900_000, "y" * 900_000), lambda: "of much\n</a>\n")
    file.append(("z",), lambda: "</a>\n")
    file.append((), lambda: "the end\n</a>\n")
    assert all(state.startswith(b"<a>\n") and state.rstrip(b"\n").endswith(b"</a>") for state in disk.states)
    # Of a longer tail nothing stays where a shorter one takes its place, before it is cut off either.
    assert not any(b"z" in state and b"much" in state.replace(b"of much\n</a>\n", b"") for state in disk.states)
    assert [state.count(b"</a>") for state in disk.states] == [1] * len(disk.states)
    assert disk.getvalue() == b"<a>\n" + b"x" * 900_000 + b"y" * 900_000 + b"zthe end\n</a>\n"
    assert len(disk.states) == 7


@pytest.mark.parametrize("room", [10, 100, 1000])
def test_a_part_for_which_the_disk_has_no_room_leaves_the_report_as_it_was(room: int) -> None:
    disk = Disk(b"<a>\n</a>\n", room)
    file = ReportFile(disk, "r.xml", seeks=True, head=b"<a>\n", tail=b"</a>\n")
    file.append(("x" * 1000,), lambda: "</a>\n")
    assert disk.getvalue() == b"<a>\n</a>\n"
    assert file.failure == "the report r.xml is not complete: no space left on device."


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the size of files")
def test_the_first_part_of_a_file_for_which_there_is_no_room_leaves_the_report_as_it_was(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "r.xml"
    file = ReportFile.create(path, "sign", "<a>\n", "</a>\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        file.append(("x" * 1000,), lambda: "</a>\n")
        file.close("</a>\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"<a>\n</a>\n"
    assert file.failure == f"the report {path} is not complete: file too large."


def test_a_file_without_a_head_is_empty_again_where_there_is_no_room_for_its_first_part() -> None:
    disk = Disk(b"", 10)
    file = ReportFile(disk, "r.xml", seeks=True)
    file.append(("x" * 1000,), str)
    assert (disk.getvalue(), bool(file.failure)) == (b"", True)


def test_a_report_that_becomes_shorter_needs_no_more_room_than_it_had() -> None:
    before = b"<a>\nof much\n</a>\n"
    disk = Disk(before, len(before))
    file = ReportFile(disk, "r.xml", seeks=True, head=b"<a>\n", tail=b"of much\n</a>\n")
    file.append(("x\n",), lambda: "</a>\n")
    assert (file.failure, disk.getvalue()) == ("", b"<a>\nx\n</a>\n")


def test_a_system_that_takes_a_part_of_what_is_written_gets_the_rest() -> None:
    class Slow(io.BytesIO):
        def write(self, octets: object, /) -> int:
            assert isinstance(octets, memoryview)
            return super().write(octets[:3])

    disk = Slow(b"<a>\n</a>\n")
    file = ReportFile(disk, "r.xml", seeks=True, head=b"<a>\n", tail=b"</a>\n")
    file.append(("0123456789",), lambda: "</a>\n")
    assert disk.getvalue() == b"<a>\n0123456789</a>\n"


@pytest.mark.parametrize(("text", "octets"), [("", b""), ("\udcff\u00f6", b"\\udcff\xc3\xb6")])
def test_whatever_a_part_holds_can_be_written(text: str, octets: bytes) -> None:
    disk = Disk(b"")
    file = ReportFile(disk, "r.xml", seeks=True)
    file.append((text,), str)
    assert (file.failure, disk.getvalue()) == ("", octets)


def test_ctrl_c_within_a_part_leaves_the_report_as_it_was() -> None:
    def parts() -> Iterator[str]:
        yield "x"
        raise KeyboardInterrupt

    disk = Disk(b"<a>\n</a>\n")
    file = ReportFile(disk, "r.xml", seeks=True, head=b"<a>\n", tail=b"</a>\n")
    with pytest.raises(KeyboardInterrupt):
        file.append(parts(), lambda: "</a>\n")
    assert disk.states == [b"<a>\n</a>\n"]
    file.close("interrupted\n</a>\n")
    assert disk.states[-1] == b"<a>\ninterrupted\n</a>\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "no space left on device"),
        (MemoryError(), "there is no memory left"),
    ],
)
def test_a_full_disk_is_told_at_the_end_and_the_batch_goes_on(error: Exception, reason: str) -> None:
    class Full(io.BytesIO):
        def write(self, octets: object, /) -> int:
            raise error

    file = ReportFile(Full(), "r.xml", seeks=True)
    file.append(("x",), str)
    file.append(("y",), str)
    file.close("")
    assert file.failure == f"the report r.xml is not complete: {reason}."


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes in folders")
def test_a_pipe_is_no_older_report_and_nothing_is_read_from_it(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(pipe, b"sign " * 100)
        with pytest.raises(UsageError, match="there already"):
            ReportFile.create(path, "sign", "head", "tail")
        assert os.read(pipe, 1000) == b"sign " * 100
    finally:
        os.close(pipe)
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize(("name", "times"), [("junit", 4), ("tap", 3), ("html", 3)])
def test_a_run_that_is_cut_off_says_what_ended_the_batch(tmp_path: Path, name: str, times: int) -> None:
    path = tmp_path / "report"
    reporter = make_file_reporter(name, ReportSettings(), path)
    reporter.for_run(RunInfo("a.smtp", "mx.example:25"), io.StringIO()).step(DIFFERING)
    reporter.abort("no memory is left")
    reporter.close()
    text = path.read_text(encoding="utf-8")
    assert text.count("no memory is left") == times  # of the run after its difference, and of the batch
    assert "interrupted" not in text
    if name == "junit":
        (suite, _) = check_junit(text)
        assert suite.attrib["time"] == "0.000"
        properties = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
        assert properties == {"file": "a.smtp", "server": "mx.example:25", "exit status": "130"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_that_has_ended_takes_nothing_more(tmp_path: Path, name: str) -> None:
    path = tmp_path / "report"
    reporter = make_file_reporter(name, ReportSettings(), path)
    of_run = reporter.for_run(RunInfo("a.smtp"), io.StringIO())
    of_run.step(MATCHED)
    of_run.finish(ended(MATCHED))
    text = path.read_text(encoding="utf-8")
    of_run.step(DIFFERING)
    of_run.finish(ended(MATCHED, DIFFERING))
    assert path.read_text(encoding="utf-8") == text
    reporter.close()
    check(name, path.read_text(encoding="utf-8"), 1)


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_that_ended_is_there_though_one_before_it_never_began(tmp_path: Path, name: str) -> None:
    path = tmp_path / "report"
    reporter = make_file_reporter(name, ReportSettings(), path)
    of_run = reporter.for_run(RunInfo("a.smtp", order=1), io.StringIO())
    of_run.step(MATCHED)
    of_run.finish(ended(MATCHED))
    check(name, path.read_text(encoding="utf-8"), 0)
    reporter.close()
    check(name, path.read_text(encoding="utf-8"), 1)
