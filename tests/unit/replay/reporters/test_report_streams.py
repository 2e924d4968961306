"""Reports whose stream fails: standard output that nobody reads, a file that cannot be closed, and what is in the way."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.replay.reporters.files import InOrder, ReportFile


class Failing(io.BytesIO):
    """A stream whose calls fail as told."""

    def __init__(self, *, at_write: Exception | None = None, at_close: Exception | None = None) -> None:
        super().__init__()
        self.at_write, self.at_close = at_write, at_close

    def write(self, octets: object, /) -> int:
        if self.at_write is not None:
            raise self.at_write
        return super().write(octets)  # type: ignore[arg-type]

    def close(self) -> None:
        if self.at_close is not None:
            raise self.at_close
        super().close()


GONE = BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_standard_output_that_nobody_reads_ends_the_report() -> None:
    report = ReportFile(Failing(at_write=GONE), "standard output", seeks=False)
    with pytest.raises(BrokenPipeError):
        report.append(("x",), str)
    assert report.failure == "the report standard output is not complete: broken pipe."
    report.append(("y",), str)  # what follows is left out
    report.close("end")


@pytest.mark.parametrize(
    ("error", "reason"), [(FULL, "no space left on device"), (MemoryError(), "there is no memory left")]
)
def test_a_file_that_cannot_be_closed_is_told_of(error: Exception, reason: str) -> None:
    stream = Failing(at_close=error)
    report = ReportFile(stream, "r.xml", seeks=True)
    report.append(("x",), lambda: "</a>\n")
    report.close("</b>\n")
    assert stream.getvalue() == b"x</b>\n"
    assert report.failure == f"the report r.xml is not complete: {reason}."


def test_the_first_failure_is_the_one_that_is_told() -> None:
    stream = Failing(at_close=GONE)
    report = ReportFile(stream, "r.xml", seeks=True)
    stream.at_write = FULL
    report.append(("x",), str)
    report.close("")
    assert report.failure == "the report r.xml is not complete: no space left on device."


def test_a_file_is_closed_once() -> None:
    stream = Failing()
    report = ReportFile(stream, "r.xml", seeks=True, head=b"<a>", tail=b"</a>")
    report.close("</b>")
    assert stream.closed
    report.close("</c>")
    assert report.failure == ""


class Terminal:
    """Standard output that notes what reaches it in which order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.buffer = self

    def write(self, octets: bytes) -> int:
        self.log.append(octets.decode())
        return len(octets)

    def flush(self) -> None:
        self.log.append("flush")


def test_on_standard_output_a_report_follows_what_was_written_before_and_has_its_tail_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.chdir(tmp_path)
    report = ReportFile.create(Path("-"), "sign", "head ", "tail ")
    report.append(("a ", "b "), lambda: "never ")
    report.close("end")
    assert terminal.log == ["flush", "head ", "flush", "a ", "b ", "flush", "end", "flush"]
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("before", "replaced"),
    [
        (b"", True),
        (b"sign", True),
        (b"x" * 396 + b"sign", True),
        (b"x" * 397 + b"sign", False),
        (b"precious", False),
    ],
)
def test_a_file_is_replaced_that_begins_like_a_report(tmp_path: Path, before: bytes, replaced: bool) -> None:
    path = tmp_path / "report"
    path.write_bytes(before)
    if replaced:
        ReportFile.create(path, "sign", "head\n", "tail\n").close("end\n")
        assert path.read_bytes() == b"head\nend\n"
    else:
        with pytest.raises(UsageError):
            ReportFile.create(path, "sign", "head\n", "tail\n")
        assert path.read_bytes() == before


def test_a_folder_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        ReportFile.create(tmp_path, "", "head", "tail")


def test_calls_that_wait_for_a_run_that_never_ended_are_made_in_order() -> None:
    order, made = InOrder(), list[int]()
    for number in (4, 2, 0):
        order.add(number, lambda number=number: made.append(number))  # type: ignore[misc]
    assert made == [0]
    order.flush()
    assert made == [0, 2, 4]
    order.add(5, lambda: made.append(5))
    assert made == [0, 2, 4, 5]
