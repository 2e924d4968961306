"""The bar of work that takes long."""

import io
import threading
from pathlib import Path

import pytest

from smtp_shell.display.late_progress import LateProgress, late_progress, stands_on_a_terminal


class Terminal(io.StringIO):
    """A terminal that keeps what is written, and tells when that has a text in it."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self._wanted = wanted
        self.has_it = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._wanted in self.getvalue():
            self.has_it.set()
        return written


@pytest.fixture(autouse=True)
def _colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")


def test_a_file_that_is_read_shows_how_much_of_it(tmp_path: Path) -> None:
    path = tmp_path / "large.smtp"
    path.write_bytes(b"x" * 4_000_000)
    terminal = Terminal("reading large.smtp, 1 MB of 4 MB")
    progress = LateProgress("reading large.smtp", terminal, patience=0.0)
    with path.open("rb", buffering=0) as stream:
        progress.follow(stream)
        stream.read(1_000_000)
        progress.start()
        progress.start()
        assert terminal.has_it.wait(20)
        with progress.hidden():
            pass
    progress.stop()
    progress.stop()


def test_pieces_are_counted_and_the_bar_goes_with_the_last() -> None:
    terminal = Terminal("sending, 3 kB of 5 kB")
    progress = LateProgress("sending", terminal, patience=0.0)
    pieces = progress.counted([b"x" * 3000, b"y" * 2000], 5000)
    next(pieces)
    next(pieces)
    assert terminal.has_it.wait(20)
    assert list(pieces) == []
    assert not any(thread.name == "progress" for thread in threading.enumerate())


def test_short_work_shows_nothing() -> None:
    terminal = Terminal("x")
    progress = LateProgress("working", terminal)
    progress.start()
    progress.stop()
    assert terminal.getvalue() == ""


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert not stands_on_a_terminal()
    with late_progress("working") as progress:
        assert not progress.is_wanted
        assert list(progress.counted([b"a"], 0)) == [b"a"]
    assert capsys.readouterr() == ("", "")


def test_work_without_a_thread_goes_on_without_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    terminal = Terminal("sending")
    progress = LateProgress("sending", terminal, patience=0.0)
    assert list(progress.counted([b"x", b"y"], 2)) == [b"x", b"y"]
    assert terminal.getvalue() == ""
