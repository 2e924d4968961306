"""A prompt that the system refuses something."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from smtp_shell.errors import SystemRefused
from smtp_shell.shell.prompting import run_prompt, usual_modes
from smtp_shell.study.asking import hold_quiz
from smtp_shell.study.memory import Memory
from smtp_shell.study.question import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prompt_toolkit.input import PipeInput

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a console of Windows is asked in another way")


@contextmanager
def asking(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PromptSession[str], PipeInput]]:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield PromptSession(), keys


def refusing(error: Exception) -> Callable[..., Any]:
    def refuse(*words: object, **named: object) -> Any:
        raise error

    return refuse


def test_what_a_prompt_cannot_be_opened_for_is_a_sentence_and_the_next_one_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with asking(monkeypatch) as (session, keys):
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "new_event_loop", refusing(OSError(errno.EMFILE, os.strerror(errno.EMFILE))))
            patched.setattr(asyncio.events, "new_event_loop", asyncio.new_event_loop)
            with pytest.raises(SystemRefused, match="the terminal could not be asked: too many open files"):
                run_prompt(session)
        keys.send_text("noop\r")
        assert run_prompt(session) == "noop"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EIO, os.strerror(errno.EIO)), "the terminal could not be asked: input/output error."),
        (MemoryError(), "the terminal could not be asked: there is no memory left."),
    ],
)
def test_what_is_refused_while_a_prompt_waits_ends_it_with_a_sentence(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def begin() -> None:
        asyncio.get_running_loop().call_soon(refusing(error))

    with asking(monkeypatch) as (session, _), pytest.raises(SystemRefused) as caught:
        run_prompt(session, pre_run=begin)
    assert str(caught.value) == told
    assert capfd.readouterr() == ("", "")


def test_an_event_loop_that_is_half_made_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with asking(monkeypatch) as (session, keys):
        with monkeypatch.context() as patched:
            patched.setattr(socket, "socketpair", refusing(OSError(errno.EMFILE, os.strerror(errno.EMFILE))))
            with pytest.raises(SystemRefused):
                run_prompt(session)
        gc.collect()
        keys.send_text("noop\r")
        assert run_prompt(session) == "noop"
    assert capfd.readouterr() == ("", "")


def test_a_terminal_that_has_gone_away_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    with asking(monkeypatch) as (session, _):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
        with pytest.raises(OSError, match="Input/output error"):
            run_prompt(session, pre_run=refusing(OSError(errno.EIO, os.strerror(errno.EIO))))


@pytest.mark.terminal
def test_the_terminal_gets_its_modes_again_whatever_has_changed_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import termios

    first, second = pty.openpty()
    with os.fdopen(second, "rb", 0) as terminal, os.fdopen(first, "rb", 0):
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(terminal)
        changed = termios.tcgetattr(terminal)
        changed[3] &= ~(termios.ECHO | termios.ICANON)
        with usual_modes():
            termios.tcsetattr(terminal, termios.TCSANOW, changed)
            assert termios.tcgetattr(terminal) != before
        assert termios.tcgetattr(terminal) == before


def test_a_quiz_that_can_ask_no_more_keeps_what_was_answered(tmp_path: Path) -> None:
    def ask(prompt: str) -> str:
        if not answers:
            raise SystemRefused("the terminal could not be asked: too many open files.")
        return answers.pop()

    answers, said = ["it"], list[str]()
    questions = [typed(number, f"What of {number}?", ["it"], "So.") for number in (1, 2)]
    memory = Memory(tmp_path / "quiz.json", 0)
    with pytest.raises(SystemRefused):
        hold_quiz(questions, "lab.smtp", ask, lambda text, style: said.append(text), memory)
    assert said[-1] == "1 of 1 right at the first try; 1 of 2 were not asked."
    assert [Memory(tmp_path / "quiz.json", 0).rank(each) for each in questions] == [2, 1]


def test_what_asyncio_logs_during_a_prompt_is_not_printed() -> None:
    """In a process of its own: pytest has handlers of logs."""
    program = """
import logging
from smtp_shell.shell.prompting import run_prompt

class Session:
    def prompt(self, message, *, default, pre_run):
        logging.getLogger("asyncio").error("Exception in callback")
        return "typed"

print(run_prompt(Session()))
logging.getLogger("asyncio").error("after it")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("typed\n", "after it\n")
