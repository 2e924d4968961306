"""The history as the shell sees it; what is kept in it stands in `test_lines`."""

from tests.unit.shell.fake import make_shell

TYPED = ("ehlo", "mail ann@example.org", "MAIL FROM:<bob@example.org>", "bi\u202edi")


def test_history_lists_what_was_typed() -> None:
    shell, _, screen = make_shell()
    shell.history = TYPED
    shell.run("/history")
    assert [row.split(maxsplit=1)[1] for row in screen.said] == [*TYPED[:3], r"bi\xe2\x80\xaedi"]


def test_history_finds_text_in_any_case() -> None:
    shell, _, screen = make_shell()
    shell.history = TYPED
    shell.run("/history mail")
    assert [row.split(maxsplit=1)[1] for row in screen.said] == list(TYPED[1:3])


def test_history_with_nothing_to_show_says_so() -> None:
    shell, _, screen = make_shell()
    shell.run("/history")
    shell.history = TYPED
    shell.run("/history xyzzy")
    assert screen.said == ["  nothing.", "  nothing."]


def test_history_shows_the_latest_two_hundred() -> None:
    shell, _, screen = make_shell()
    shell.history = tuple(f"noop {number}" for number in range(1, 1001))
    shell.run("/history")
    assert len(screen.said) == 200
    assert screen.said[-1].split() == ["1000", "noop", "1000"]
