"""The codes of RFC 5321 section 4.3.2 and of the extensions, verb by verb."""

from __future__ import annotations

import pytest

from smtp_shell.protocol.foreseen import FORESEEN, is_foreseen_after_message, is_foreseen_as_greeting

POSITIVE = range(100, 400)


@pytest.mark.parametrize(
    ("verbs", "codes"),
    [
        ("EHLO HELO LHLO MAIL BDAT RSET NOOP", {250}),
        ("RCPT VRFY", {250, 251, 252}),
        ("EXPN", {250, 252}),
        ("HELP", {211, 214, 250}),
        ("DATA", {354}),
        ("QUIT", {221}),
        ("STARTTLS", {220}),
        ("AUTH", {235, 334}),
    ],
)
def test_what_a_command_may_be_answered_with(verbs: str, codes: set[int]) -> None:
    for verb in verbs.split():
        assert {code for code in POSITIVE if code in FORESEEN[verb]} == codes, verb


def test_a_verb_that_is_not_listed_may_have_any_code() -> None:
    assert len(FORESEEN) == 15


def test_greetings_and_the_end_of_a_message() -> None:
    negative = set(range(400, 600))
    assert {code for code in range(100, 1000) if is_foreseen_as_greeting(code)} == {220} | negative
    assert {code for code in range(100, 1000) if is_foreseen_after_message(code)} == {250, 251, 252, 353} | negative
