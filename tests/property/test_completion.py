"""Whatever is typed, and whatever a history file holds: suggestions are printable and fit, and a line of the history is one line."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.shell.completion import suggest
from smtp_shell.shell.completion.menu import fitted
from smtp_shell.shell.history import parse_history
from tests.unit.shell.fake import make_shell

SHELL = make_shell(before=("ehlo",))[0]
STARTS = [
    "",
    "mail ",
    "rcpt to:",
    "/connect ",
    "/show ",
    "/explain ",
    "auth ",
    "data ",
    "/compose --to ",
    "/replay --",
    "/set ",
]
PIECES = [b"\n", b"# d t", b" a.example.org:25", b"+", b"auth plain AGEAYg==", b"noop", b"\xff", b"\x1b[2J"]


@given(st.sampled_from(STARTS), st.text())
def test_suggestions_are_printable_and_replace_what_was_typed(start: str, text: str) -> None:
    line = start + text
    for each in suggest(SHELL.completion_context(), line):
        assert each.text.isprintable()
        assert each.label.isprintable()
        assert each.description.isprintable()
        assert 0 <= each.start <= len(line)


@given(st.text(), st.integers(-5, 300))
def test_a_description_fits(description: str, room: int) -> None:
    assert len(fitted(description, room)) <= max(room, 0)


@given(st.lists(st.sampled_from(PIECES)))
def test_a_line_of_the_history_is_one_printable_line_without_a_secret(pieces: list[bytes]) -> None:
    for each in parse_history(b"".join(pieces)):
        assert each.text.isprintable()
        assert not each.text.startswith("auth plain AGEAYg==")
        assert "\n" not in each.text + each.server


@given(st.binary())
def test_any_octets_are_a_history(octets: bytes) -> None:
    for each in parse_history(b"\n# d t\n+noop\n" + octets):
        assert each.text.replace("\t", " ").isprintable()
