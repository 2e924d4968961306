"""Which terminals show UTF-8, and what the others get."""

import io

import pytest
from rich.console import Console

from smtp_shell.display.characters import in_ascii, shows_utf_8
from smtp_shell.display.views import ConsoleView
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry


@pytest.mark.parametrize(
    ("variables", "encoding", "expected"),
    [
        ({"LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.utf8"}, "utf-8", True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, "utf-8", True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, "utf-8", True),
        ({"LC_CTYPE": "UTF-8"}, "utf-8", True),  # a Mac, by way of SSH
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, "utf-8", False),  # LANG=C, and what Python makes of it
        ({"LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "en_US.UTF-8"}, "utf-8", True),
        ({}, "utf-8", False),
        ({"LANG": "de_DE.ISO-8859-1"}, "iso-8859-1", False),
        ({"LANG": "en_US.UTF-8"}, "ascii", False),
        ({"LANG": "en_US.UTF-8"}, None, False),
        ({"OS": "Windows_NT"}, "utf-8", True),
        ({"OS": "Windows_NT"}, "cp437", False),
        ({"TERM_PROGRAM": "Apple_Terminal"}, "utf-8", True),
    ],
)
def test_a_terminal_shows_utf_8_where_its_locale_says_so(
    variables: dict[str, str], encoding: str | None, expected: bool
) -> None:
    assert shows_utf_8(variables, encoding) is expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("• … → §4", "* ... > section 4"),
        ("┌─┐│└┘", "+-+|++"),
        ("╔═╗║╚╝█▏", "+=+#++##"),
        ("Grüße", r"Gr\xc3\xbc\xc3\x9fe"),
        ("名", r"\xe5\x90\x8d"),
        ("\udc9f\ud800", r"\x9f\xed\xa0\x80"),
    ],
)
def test_what_a_terminal_does_not_show_is_ascii_or_an_escape(text: str, shown: str) -> None:
    assert in_ascii(text) == shown


def test_a_view_for_ascii_shows_nothing_else() -> None:
    out = io.StringIO()
    view = ConsoleView(Console(file=out, width=60, highlight=False, color_system=None), ascii_only=True)
    entry = Entry(1, 0.0, CommandSent(Command("VRFY Grüße".encode())))
    view(entry)
    view.labelled(1)(entry)
    view.show_all([entry])
    view.say("Waiting … for “x”.")
    row = r"   C: VRFY Gr\xc3\xbc\xc3\x9fe"
    assert out.getvalue().split("\n") == [row, f"[1] {row}", row, 'Waiting ... for "x".', ""]


def test_each_character_that_the_program_draws_with_has_another_in_ascii() -> None:
    from smtp_shell.export.diagram import _ALL_STROKES

    assert len(in_ascii(_ALL_STROKES)) == len(_ALL_STROKES)
