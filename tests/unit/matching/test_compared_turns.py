"""Turns of two dialogues side by side: which are held against each other, and with which of their replies."""

from __future__ import annotations

import pytest

from smtp_shell.matching.dialogues import Differences
from smtp_shell.matching.expectation import Strictness
from tests.unit.matching.test_dialogues import DATA, EHLO, GREETING, LETTER, MAIL, RCPT, WHOLE, diff, hello, read

NOOP = "C: NOOP\nS: 250 ok\n"


@pytest.mark.parametrize(
    ("one", "two", "differences"),
    [
        # At the end of one dialogue.
        (GREETING + MAIL + RCPT, GREETING + MAIL, ["removed: C: RCPT TO:<bob@example.org> / S: 250 2.1.5 Ok | "]),
        (GREETING + MAIL, GREETING + MAIL + RCPT, ["added:  | C: RCPT TO:<bob@example.org> / S: 250 2.1.5 Ok"]),
        (GREETING + MAIL + RCPT, GREETING, [
            "removed: C: MAIL FROM:<ann@example.org> / S: 250 2.1.0 Ok | ", "removed: C: RCPT TO:<bob@example.org> / S: 250 2.1.5 Ok | ",
        ]),
        # Octets that are shown, and those that are too many to be shown.
        (GREETING + "C| a\\x0a\n", GREETING + f"C| {'b' * 2001}\n", [r"changed: C| a\x0a | C: octets, 0 lines, 2,001 octets"]),
        (GREETING + f"C| {'b' * 2001}\n", GREETING + "C| a\\x0a\n", [r"changed: C: octets, 0 lines, 2,001 octets | C| a\x0a"]),
        # A reply that nothing asked for, and octets that are none.
        (GREETING + NOOP + "S: 421 b\n", GREETING + NOOP + "S| junk\\x0a\n", ["removed: S: 421 b | ", "added:  | S| junk\\x0a"]),
        (GREETING + NOOP + "S| a\\x0a\n", GREETING + NOOP + "S| b\\x0a\n", ["changed: S| a\\x0a | S| b\\x0a"]),
    ],
)  # fmt: skip
def test_turns_of_one_side(one: str, two: str, differences: list[str]) -> None:
    assert diff(one, two) == differences


@pytest.mark.parametrize(
    ("turn", "shown"),
    [
        (DATA + LETTER, "C: mail data, 4 lines, 60 octets"),
        ("C| NOOP\\x0d\\x0a\nS: 250 ok\n", "C| NOOP\\x0d\\x0a"),
        ("*: auth PLAIN ann\n", "*: auth PLAIN ann"),
    ],
)
def test_turns_that_moved(turn: str, shown: str) -> None:
    found = diff(GREETING + turn + EHLO + MAIL + RCPT, GREETING + EHLO + MAIL + RCPT + turn)
    assert f"moved: {shown} | {shown}" in found
    assert {each.partition(":")[0] for each in found} == {"moved"}


def test_what_a_difference_of_replies_is_about() -> None:
    """Each names the line, on both sides, whether a reply differs, is missing, or announces something else."""
    lmtp = f"S: 220 a\nC: LHLO c\nS: 250 a\n{MAIL}{RCPT}{RCPT}{DATA}C: x\nC: .\nS: 250 one\n"
    mail = [(15, "C: mail data, 1 line, 3 octets")] * 2
    ehlo = [(6, "C: EHLO client.example")] * 2
    for one, two, about in (
        (lmtp, lmtp + "S: 250 two\n", mail),
        (lmtp + "S: 250 two\n", lmtp, mail),
        (lmtp, lmtp.replace("S: 250 one", "S: 450 one"), mail),
        (hello("250-x", "250 DSN"), hello("250-x", "250 ETRN"), ehlo),
        (hello("250-x", "250 SIZE 1"), hello("250-x", "250 SIZE 2"), ehlo),
        (hello("250-x", "250 DSN"), hello("251-x", "251 DSN"), ehlo),
        (hello("250-x a", "250 DSN"), hello("250-x b", "250 DSN"), ehlo),
    ):
        found = list(Differences(read(one), read(two)))
        assert found
        for each in found:
            assert [(row.line, row.text) for row in each.about] == about


def test_a_line_end_that_is_odd_and_a_keyword_that_is_gone_are_one_difference() -> None:
    odd = hello("250-x", "250 DSN").replace("S: 250-x", "S| 250-x\\x0a")
    assert diff(hello("250-x", "250-ETRN", "250 DSN"), odd) == ["removed: S: 250-ETRN | "]


@pytest.mark.parametrize("level", [Strictness.TEXT, Strictness.EXACT])
def test_challenges_and_proofs_do_not_count(level: Strictness) -> None:
    def scram(challenge: str, proof: str) -> str:
        return f"{GREETING}C: AUTH SCRAM-SHA-256 ${{sasl}}\nS: 334 {challenge}\nC: ${{sasl}}\nS: 235 {proof}\n*: auth SCRAM-SHA-256 ann\n"

    one = scram("cj1meWtvLHM9UVNYQyxpPTQwOTY=", "dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9")
    two = scram("cj1hYmNkLHM9UVNYQyxpPTQwOTY=", "dj1zbUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9")
    assert diff(one, two, level) == []
    assert diff(one, two.replace("S: 334 ", "S: 334 no "), level) != []


def test_the_server_s_name_in_a_greeting_that_came_does_not_count() -> None:
    greeting = "*: connect mail.example:25\nS: 220 here ESMTP\n"
    assert diff(greeting, greeting.replace("here", "there")) == []
    assert diff(greeting, greeting.replace("ESMTP", "SMTP")) == ["changed: S: 220 here ESMTP | S: 220 here SMTP"]


def test_an_odd_line_end_counts_where_all_does() -> None:
    odd = WHOLE.replace("S: 250 2.1.5 Ok", "S| 250 2.1.5 Ok\\x0a")
    assert diff(odd, odd, Strictness.EXACT) == []
    assert diff(odd, odd.replace("2.1.5 Ok", "2.1.5 No"), Strictness.EXACT) == [
        r"changed: S| 250 2.1.5 Ok\x0a | S| 250 2.1.5 No\x0a"
    ]


def test_expectations_that_are_equal_are_the_same() -> None:
    written = GREETING + "C: RCPT TO:<bob@example.org>\nS~ 250 2\\.1\\.\\d .*\n"
    assert diff(written, written) == []


def test_replies_that_differ_where_they_are_not_shown_are_shown_in_part() -> None:
    one, two = (WHOLE.replace("S: 250 2.1.5 Ok", f"S: 250 2.1.5 {'o' * 2000}{end}") for end in ("a", "b"))
    shown = f"S: 250 2.1.5 {'o' * 1990}… (2,011 octets)"
    assert diff(one, two) == [f"changed: {shown} | {shown}"]
