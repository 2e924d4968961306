"""`/help` and `/history`."""

import pytest

from smtp_shell.shell.registry import Registry, ShellCommand
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell

REGISTRY: Registry[Shell] = Registry.load()
TYPED = ("ehlo", "mail ann@example.org", "MAIL FROM:<bob@example.org>", "bi\u202edi")


@pytest.mark.parametrize("command", REGISTRY.values(), ids=lambda command: command.name)
def test_help_of_each_command(command: ShellCommand[Shell]) -> None:
    shell, server, screen = make_shell()
    shell.run(f"/help {command.name}")
    assert screen.said[0].split()[0] == command.name
    assert command.summary in screen.words
    assert server.heard == b""


def test_help_lists_every_command_in_rows_that_fit() -> None:
    shell, _, screen = make_shell()
    shell.run("/help")
    rows = screen.words.split("\n")
    for name in REGISTRY:
        assert any(row.split()[:1] == [name] for row in rows)
    assert all(len(row) < 80 for row in rows if row.startswith("  "))


def test_help_lists_the_shorthands_and_then_the_slash_commands_by_name() -> None:
    shell, _, screen = make_shell()
    shell.run("/help")
    names = [row.split()[0] for row in screen.words.split("\n") if row.startswith("  ")]
    assert names == sorted(REGISTRY, key=lambda name: (name.startswith("/"), name))


def test_history_lists_what_was_typed() -> None:
    shell, _, screen = make_shell()
    shell.history = lambda: TYPED
    shell.run("/history")
    assert [row.split(maxsplit=1)[1] for row in screen.said] == [*TYPED[:3], r"bi\xe2\x80\xaedi"]


def test_history_finds_text_in_any_case() -> None:
    shell, _, screen = make_shell()
    shell.history = lambda: TYPED
    shell.run("/history mail")
    assert [row.split(maxsplit=1)[1] for row in screen.said] == list(TYPED[1:3])


def test_history_with_nothing_to_show_says_so() -> None:
    shell, _, screen = make_shell()
    shell.run("/history")
    shell.history = lambda: TYPED
    shell.run("/history xyzzy")
    assert screen.said == ["  nothing.", "  nothing."]


def test_history_shows_the_latest_two_hundred() -> None:
    shell, _, screen = make_shell()
    shell.history = lambda: [f"noop {number}" for number in range(1, 1001)]
    shell.run("/history")
    assert len(screen.said) == 200
    assert screen.said[-1].split() == ["1000", "noop", "1000"]
