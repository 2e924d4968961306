"""Whether a client's line is what a transcript has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from smtp_shell.servers.mock.comparing import DEFAULT_IGNORED, ClientMatch, Values, difference
from tests.unit.servers.mock.player import compiled

if TYPE_CHECKING:
    from pathlib import Path

SAME = [
    ("MAIL FROM:<Ann@example.org>", "mail from: <Ann@EXAMPLE.org>"),
    ("MAIL FROM:<a@example.org> BODY=8BITMIME SMTPUTF8", "MAIL FROM:<a@example.org> smtputf8 SIZE=7 body=8bitmime"),
    ("MAIL FROM:<>", "MAIL FROM:<> SIZE=100"),
    ('RCPT TO:<"a b@c"@example.org>', 'RCPT TO:<"a b@c"@example.org>'),
    ("EHLO client.example", "EHLO [192.0.2.7]"),
    ("DATA", "data"),
    ("NOOP  a", "noop a"),
    ("BDAT 17 LAST", "BDAT 900 last"),
    ("AUTH PLAIN ${sasl}", "auth plain"),
    ("RCPT TO:<${who}@example.org>", "RCPT TO:<anybody@example.org>"),
    ("FOO ${uuid} ${uuid}", "FOO a b"),
]
OTHER = [
    ("MAIL FROM:<ann@example.org>", "MAIL FROM:<Ann@example.org>", "the address differs"),
    ("MAIL FROM:<a@example.org>", "MAIL FROM:<a@example.org> BODY=8BITMIME", "the parameters differ"),
    ("MAIL FROM:<a@example.org>", "RCPT TO:<a@example.org>", "another command was expected"),
    ("BDAT 17", "BDAT 17 LAST", "the line differs"),
    ("AUTH PLAIN ${sasl}", "AUTH LOGIN", "the mechanism differs"),
    ("VRFY Bob", "VRFY bob", "the line differs"),
    ("RCPT TO:<${hostname}@example.org>", "RCPT TO:<x@example.net>", "the address differs"),
]


def compare(folder: Path, expected: str, said: str, how: ClientMatch = ClientMatch.PARAMETERS) -> str:
    script = compiled(folder, f"Transcript: 1\nVar: who=x\n\nC: {expected}\n")
    values = Values({})
    return difference(script.sessions[0].exchanges[0], said.encode(), b"\r\n", how, DEFAULT_IGNORED, values)


@pytest.mark.parametrize(("expected", "said"), SAME)
def test_what_means_the_same_is_equal(tmp_path: Path, expected: str, said: str) -> None:
    assert compare(tmp_path, expected, said) == ""


@pytest.mark.parametrize(("expected", "said", "why"), OTHER)
def test_what_differs_is_named(tmp_path: Path, expected: str, said: str, why: str) -> None:
    assert compare(tmp_path, expected, said) == why


def test_the_levels(tmp_path: Path) -> None:
    assert compare(tmp_path, "MAIL FROM:<a@b>", "MAIL FROM:<c@d>", ClientMatch.VERB) == ""
    assert compare(tmp_path, "EHLO a", "EHLO b", ClientMatch.EXACT) == "the line differs"
    assert compare(tmp_path, "EHLO a", "EHLO a", ClientMatch.EXACT) == ""


def test_a_variable_keeps_the_value_that_it_took(tmp_path: Path) -> None:
    script = compiled(tmp_path, "S: 220 a\nC: MAIL FROM:<${count}@example.org>\n")
    exchange = script.sessions[0].exchanges[0]
    values = Values({"x": b"1"})
    assert (
        difference(exchange, b"MAIL FROM:<7@example.org>", b"\r\n", ClientMatch.PARAMETERS, DEFAULT_IGNORED, values)
        == ""
    )
    assert values.known == {"x": b"1"}  # a count differs at each place
    values.bind("y", b"2")
    assert values.known["y"] == b"2"
