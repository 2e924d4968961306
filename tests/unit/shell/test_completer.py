"""The menu: as much of a description as there is room for."""

import pytest

from smtp_shell.shell.completion import Suggestion, suggest
from smtp_shell.shell.completion.menu import fitted, menu_rows
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell

LONG = "List what the server announced in its reply to EHLO: each keyword, and what it means."


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (200, LONG[:-1]),
        (len(LONG) - 1, LONG[:-1]),
        (70, "List what the server announced in its reply to EHLO"),
        (51, "List what the server announced in its reply to EHLO"),
        (40, "List what the server announced in its…"),
        (12, "List what…"),
        (11, ""),
        (-5, ""),
    ],
)
def test_a_description_is_cut_between_words(room: int, shown: str) -> None:
    assert fitted(LONG, room) == shown
    assert len(shown) <= max(room, 0)


def test_a_word_without_blanks_is_cut_all_the_same() -> None:
    assert fitted("x" * 30, 20, "...") == "x" * 17 + "..."


def test_an_option_loses_its_value_before_it_loses_its_description() -> None:
    found = [Suggestion("--proxy-destination", 0, "the server's address in it", "--proxy-destination ADDR:PORT")]
    assert list(menu_rows(found, 80)) == [("--proxy-destination ADDR:PORT", "the server's address in it")]
    assert list(menu_rows(found, 40)) == [("--proxy-destination", "the server's…")]
    assert list(menu_rows(found, 20)) == [("--proxy-destination", "")]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_every_row_of_every_menu_fits(columns: int) -> None:
    shell: Shell = make_shell(before=("ehlo",))[0]
    lines = ["", "/", "mail ann@example.org ", "auth ", "/set ", "/explain "]
    lines += [f"{name} --" for name in shell.registry]
    for line in lines:
        found = list(suggest(shell.completion_context(), line))
        rows = list(menu_rows(found, columns))
        assert len(rows) == len(found)
        room = columns - 5 - max((len(label) for label, _ in rows), default=0)
        for _, description in rows:
            assert len(description) <= max(room, 0)
            assert description.isprintable()
