"""The loop of the prompt, where the terminal gives no more input."""

from __future__ import annotations

import os

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from smtp_shell.shell.repl import run_repl
from tests.unit.shell.fake import make_shell

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="a console of Windows is asked in another way"),
    pytest.mark.timeout(60),  # what is tested for is a loop without an end
]

TO_MAIL_DATA = ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data")


@pytest.mark.parametrize("lines", [(), TO_MAIL_DATA], ids=["at the prompt", "in the editor"])
def test_a_terminal_that_gives_no_more_input_ends_the_shell(
    lines: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    shell, transport, screen = make_shell(before=lines)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.close()
        assert run_repl(shell, lambda: None) == 1
    assert screen.said[-1] == "The terminal gives no more input."
    assert transport.closed
    assert transport.heard in (b"", b"QUIT\r\n")


def test_the_end_of_a_dumb_terminal_in_mail_data_ends_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_line(*words: object, **named: object) -> str:
        raise EOFError

    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("smtp_shell.shell.repl.read_line", read_line)
    shell, transport, screen = make_shell(before=TO_MAIL_DATA)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        assert run_repl(shell, lambda: None) == 1
    assert screen.said[-1] == "The terminal gives no more input."
    assert transport.closed


def test_ctrl_d_leaves_with_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    shell, transport, screen = make_shell()
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("\x04")
        assert run_repl(shell, lambda: None) == 0
    assert "The terminal gives no more input." not in screen.said
    assert transport.closed
