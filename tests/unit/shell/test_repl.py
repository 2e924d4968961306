"""The loop of the prompt, where the terminal gives no more input."""

from __future__ import annotations

import os

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from smtp_shell.errors import SystemRefused
from smtp_shell.shell.repl import ask, run_repl
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


@pytest.mark.parametrize(
    ("hidden", "refusals", "answer"),
    [
        (True, 0, "sesame"),
        (True, 2, "sesame"),
        (True, 3, None),
        (False, 0, "sesame"),
        (False, 1, None),
    ],
)
def test_a_password_is_asked_for_again_where_its_prompt_fails(
    hidden: bool, refusals: int, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is being typed, and the next prompt would show it and send it."""
    refusal = SystemRefused("the terminal could not be asked.")
    outcomes: list[Exception | str] = [*[refusal] * refusals, "sesame"]

    def run_prompt(*words: object) -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("smtp_shell.shell.repl.run_prompt", run_prompt)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        if answer is None:
            with pytest.raises(SystemRefused):
                ask("Password: ", hidden)
        else:
            assert ask("Password: ", hidden) == answer
