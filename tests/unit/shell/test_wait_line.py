"""The words of the line that says what is awaited."""

import threading

import pytest
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.styles import Style

from smtp_shell.shell.wait_line import WaitLine, wait_words
from tests.unit.shell.fake import Screen


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (79, "   … waiting 3 s for the reply to DATA; Ctrl-C ends the wait"),
        (50, "… 3 s for the reply to DATA; Ctrl-C ends it"),
        (39, "… 3 s for the reply to DATA; Ctrl-C"),
        (30, "… 3 s; Ctrl-C ends the wait"),
        (20, "… 3 s; Ctrl-C"),
        (1, "… 3 s; Ctrl-C"),
    ],
)
def test_the_way_out_is_named_however_narrow_the_screen(
    width: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtp_shell.shell.prompt.shows_utf_8", lambda environment, encoding: True)
    assert wait_words("the reply to DATA", 3.2, width) == words


def test_a_wait_without_a_thread_goes_on_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    line = WaitLine(Screen(), DummyOutput(), None, lambda: Style([]))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with line.waiting(lambda: "the reply to DATA"):
            line.say("Meanwhile.")
    with line.waiting(lambda: "the reply to DATA"):
        assert any(thread.name == "wait-line" for thread in threading.enumerate())
