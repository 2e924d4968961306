"""`/help` and `/history`."""

from itertools import chain, pairwise

import pytest
from msgspec.structs import replace

from smtp_shell.display.columns import wrap
from smtp_shell.errors import UsageError
from smtp_shell.shell.commands.learn import TASKS, by_task
from smtp_shell.shell.key_table import KEYS
from smtp_shell.shell.registry import Registry, ShellCommand
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell

REGISTRY: Registry[Shell] = Registry.load()
GROUPS = by_task(REGISTRY)
TYPED = ("ehlo", "mail ann@example.org", "MAIL FROM:<bob@example.org>", "bi\u202edi")


@pytest.mark.parametrize("command", REGISTRY.values(), ids=lambda command: command.name)
def test_help_of_each_command(command: ShellCommand[Shell]) -> None:
    shell, server, screen = make_shell()
    shell.run(f"/help {command.name}")
    assert screen.said[0].split()[0] == command.name
    assert command.summary in screen.words
    assert server.heard == b""


def test_help_names_every_command_in_rows_that_fit_a_screen() -> None:
    shell, _, screen = make_shell()
    shell.run("/help")
    rows = list(chain.from_iterable(wrap(row, 80) for row in screen.words.split("\n")))
    words = screen.words.replace(",", " ").split()
    assert [name for name in REGISTRY if name not in words] == []
    assert len(rows) <= 17  # 24 without the prompt that asked, and the next one with its menu
    assert "exactly as typed" in screen.words


def test_help_lists_the_shorthands_and_then_the_slash_commands_by_task() -> None:
    shell, _, screen = make_shell()
    shell.run("/help")
    rows = [row.split() for row in screen.words.split("\n") if row.startswith("  ")]
    assert [task for task, *_ in rows] == [*TASKS]
    assert sorted(name for _, *names in rows for name in names) == sorted(REGISTRY)
    assert sorted(rows[0][1:]) == sorted(name for name in REGISTRY if not name.startswith("/"))


def test_a_command_that_is_in_no_task_is_below_its_group() -> None:
    known = REGISTRY["/raw"]
    found = by_task(Registry([known, replace(known, name="/xyzzy", group="magic")]))
    assert [each.name for each in found["dialogue"]] == ["/raw"]
    assert [each.name for each in found["magic"]] == ["/xyzzy"]


@pytest.mark.parametrize("group", sorted(each for each in GROUPS if f"/{each}" not in REGISTRY))
def test_help_of_a_group_has_a_row_for_each_command(group: str) -> None:
    shell, _, screen = make_shell()
    shell.run(f"/help {group}")
    expected = [each.name for each in GROUPS[group]]
    assert [row.split()[0] for row in screen.said] == expected
    assert all(len(row) < 80 for row in screen.said)


def test_a_command_comes_before_a_group_of_its_name() -> None:
    shell, _, screen = make_shell()
    shell.run("/help replay")
    assert screen.said[0].startswith("  /replay FILE")


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("command", REGISTRY.values(), ids=lambda command: command.name)
def test_help_is_wrapped_once(command: ShellCommand[Shell], width: int) -> None:
    shell, _, screen = make_shell()
    shell.run(f"/help {command.name}")
    for line in screen.words.split("\n")[1:]:
        rows = list(wrap(line, width))
        for row, following in pairwise(rows):
            is_full = len(f"{row} {following.split()[0]}") >= width
            assert is_full or line.startswith("  -"), "there was room for one more word"
        # A line of the help is whole sentences: only that of the RFC's number and those of options do not end.
        is_sentence = line.endswith((".", ":", "?"))
        assert not line or is_sentence or line == f"  {command.rfc}" or line.startswith("  -")


@pytest.mark.parametrize("verb", ["data", "quit", "starttls"])
def test_help_says_that_a_shorthand_goes_out_in_capitals(verb: str) -> None:
    shell, server, screen = make_shell()
    shell.run(f"/help {verb}")
    assert f"It goes out as {verb.upper()}, however it is typed" in screen.words
    shell.run(f"/raw {verb}\\r\\n")
    assert server.heard == f"{verb}\r\n".encode()


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


def test_history_of_one_server() -> None:
    shell, _, screen = make_shell()
    shell.history, shell.typed_here = (lambda: TYPED), (lambda: ["rset", "mail <>"])
    shell.run("/history --here")
    shell.run("/history --here mail")
    shell.run("/history -- --here")
    assert [row.split(maxsplit=1)[-1] for row in screen.said] == ["rset", "mail <>", "mail <>", "nothing."]
    with pytest.raises(UsageError, match=r"no option --hree; did you mean --here\?"):
        shell.run("/history --hree")


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


def test_help_lists_the_keys() -> None:
    shell, _, screen = make_shell()
    shell.run("/help keys")
    rows = screen.words.split("\n")
    assert [row for row in rows if not row.startswith("    ")] == [f"  {place}:" for place in KEYS]
    assert "    Ctrl-O         send an earlier line, and bring the one after it (Emacs keys)" in rows
    assert [row for row in rows if len(row) > 80] == []
    assert len(rows) <= 23  # all on one screen of 24, above the prompt
