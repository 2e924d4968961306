"""The echo: off in a block and back after it, and nothing where there is none."""

import os
import sys

import pytest

from smtp_shell.shell.terminal_echo import no_echo, usual_echo


def test_where_standard_input_is_no_terminal_nothing_happens() -> None:
    with open(os.devnull, encoding="utf-8") as nothing, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", nothing)
        with no_echo(), usual_echo():
            pass


def test_on_windows_there_is_no_echo_to_turn_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "termios", None)  # there is no such module
    with no_echo(), usual_echo():
        pass


def test_the_echo_is_as_it_was_after_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()

    def echoes() -> bool:
        return bool(termios.tcgetattr(theirs)[3] & termios.ECHO)

    with os.fdopen(theirs, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert echoes()
        with no_echo():
            assert not echoes()
            with usual_echo():
                assert echoes()
            assert not echoes()
            os.close(ours)  # a terminal that has gone away is left alone
