"""A paste of mail data: it goes out in few writes, and as it would line by line."""

import pytest

from smtp_shell.protocol.events import MailDataSent
from smtp_shell.shell.repl import run_typed
from tests.unit.shell.fake import make_shell

BEGIN = ("mail <>", "rcpt <a@b>", "data")


@pytest.mark.parametrize(
    ("lines", "writes"),
    [
        ([f"line {number}" for number in range(2500)], 4),
        (["one", "two", ".three", "four", "five", "six"], 4),
        (["one", "two", "quit", "three", "four", "five"], 4),
        (["grün", "", "  ", "x" * 1000, "last"], 2),
    ],
)
def test_it_goes_out_in_few_writes(lines: list[str], writes: int) -> None:
    shell, server, screen = make_shell()
    for line in BEGIN:
        shell.run(line)
    before = len(server.heard)
    run_typed(shell, "\n".join(lines))
    wanted = "".join(f"{'.' if line.startswith('.') else ''}{line}\r\n" for line in lines)
    assert server.heard[before:] == wanted.encode()
    assert sum(isinstance(entry.event, MailDataSent) for entry in screen.entries) == writes
    shell.run(".")
    assert shell.phase is not None
    assert shell.phase.value == "ready"


def test_what_follows_the_final_dot_is_commands_again() -> None:
    shell, server, _ = make_shell()
    run_typed(shell, "\n".join([*BEGIN, "a line", "another", ".", "noop"]))
    assert server.heard.endswith(b"a line\r\nanother\r\n.\r\nnoop\r\n")


def test_the_shell_speaks_of_a_line_that_looks_like_a_command() -> None:
    shell, _, screen = make_shell()
    run_typed(shell, "\n".join([*BEGIN, "a line", "another", "quit", "more", "."]))
    assert any("That went into the mail as text." in text for text in screen.said)
