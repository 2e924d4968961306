"""Hints: whatever is typed or pasted, a hint is printable, and it comes soon."""

import time

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.hints import hint
from tests.unit.shell.test_hints import situation

_PIECES = st.sampled_from(
    [
        *" \t<>@:;=\"'\\[](){}/.-",
        "mail",
        "rcpt ",
        "MAIL FROM:",
        "ehlo",
        "auth ",
        "/connect",
        "/raw ",
        "\x1b",
        "\u202e",
        "\ud83d",
        "ü",
        "a",
        "1",
    ]
)
_LINES = st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=25).map("".join))


@given(_LINES, st.sampled_from([None, *Phase]), st.booleans())
def test_a_hint_is_printable(line: str, phase: Phase | None, in_exchange: bool) -> None:
    found = hint(line, situation(phase, b"SIZE 10", b"AUTH PLAIN", in_exchange=in_exchange))
    for form in found.forms():
        assert all(part.isprintable() for part in form)


def test_a_long_line_is_not_looked_at() -> None:
    begun = time.process_time()
    for piece in ("<", "a@", '"', " ", "\\", "=", "[", "mail "):
        hint(piece * 20_000, situation())
        hint((piece * 1_000)[:1_000], situation())
    assert time.process_time() - begun < 2
