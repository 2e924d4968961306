"""Rules about which command may follow which."""

import pytest

from tests.unit.lint.cases import (
    EHLO,
    ENVELOPE,
    FEW_KEYWORDS,
    GREETING,
    HEADER,
    HELO,
    KEYWORDS,
    MAIL,
    PLAIN_EHLO,
    QUIT,
    RCPT,
    RECORDED,
    TEXT,
    Case,
    assert_found,
    lint,
)

CASES = [
    Case(
        "before-greeting",
        rf"{RECORDED}!C| EHLO a.example.org\r\n" + f"\n{GREETING}{KEYWORDS}",
        r"C| EHLO a.example.org\r\n" + f"\n{GREETING}",
        EHLO.split("S: 250")[0],
    ),
    Case(
        "before-greeting",
        f"{RECORDED}!C: EHLO a.example.org\n{GREETING}{KEYWORDS}",
        f"C: EHLO a.example.org\n{GREETING}",
        EHLO.split("S: 250")[0],
    ),
    Case(
        "pipelining-not-announced",
        f"{PLAIN_EHLO}C& MAIL FROM:<a@example.org>\n!C: RCPT TO:<b@example.org>\nS: 250 ok\nS: 250 ok\n",
        FEW_KEYWORDS,
        KEYWORDS,
    ),
    Case(
        "pipelining-not-announced",
        f"{HELO}C& NOOP x\n!C: MAIL FROM:<a@example.org>\nS: 250 ok\nS: 250 ok\n",
        "C& NOOP x\nC: MAIL FROM:<a@example.org>\nS: 250 ok\n",
        "C: NOOP x\n",
    ),
    Case(
        "pipelining-after-last",
        f"{EHLO}C& NOOP\n!C: MAIL FROM:<a@example.org>\nS: 250 ok\nS: 250 ok\n",
        "C& NOOP",
        "C& RSET",
    ),
    Case(
        "before-end-of-data-reply",
        f"{RECORDED}{PLAIN_EHLO}{ENVELOPE}{HEADER}C:\n"
        + r"C| .\r\n"
        + "\n"
        + r"!C| RSET\r\n"
        + "\nS: 250 ok\nS: 250 ok\n",
        FEW_KEYWORDS,
        KEYWORDS,
    ),
    Case("no-hello", f"{GREETING}!{MAIL}{QUIT}", GREETING, EHLO),
    Case("helo", f"{GREETING}!C: HELO a.example.org\nS: 250 mx\n", "HELO", "EHLO"),
    Case(
        "helo", f"{GREETING}!C: HELO a.example.org\nS: 250 mx\n", "C: HELO", "C: EHLO a.example.org\nS: 502 no\nC: HELO"
    ),
    Case("nested-mail", f"{EHLO}{MAIL}!{MAIL}{QUIT}", MAIL * 2, f"{MAIL}C: RSET\nS: 250 ok\n{MAIL}"),
    Case("rcpt-before-mail", f"{EHLO}!{RCPT}{QUIT}", RCPT, MAIL + RCPT),
    Case("rcpt-before-mail", f"{EHLO}C: MAIL FROM:<a@example.org>\nS: 550 no\n!{RCPT}{QUIT}", "550 no", "250 ok"),
    Case("data-before-rcpt", f"{EHLO}{MAIL}!C: DATA\nS: 503 no\n{QUIT}", MAIL, MAIL + RCPT),
    Case("data-before-rcpt", f"{EHLO}!C: DATA\nS: 503 no\n{QUIT}", "C: DATA", "C: NOOP"),
    Case(
        "no-recipient-accepted",
        f"{EHLO}{MAIL}C: RCPT TO:<b@example.org>\nS: 550 no\n!C: DATA\nS: 554 no\n{QUIT}",
        "S: 550",
        "S: 250",
    ),
    Case("data-without-354", f"{EHLO}{MAIL}{RCPT}!C< letter.eml\nS: 250 ok\n{QUIT}", "C< letter.eml", "C: NOOP"),
    Case(
        "data-before-354",
        f"{RECORDED}{EHLO}{MAIL}{RCPT}"
        + r"C| DATA\r\n"
        + "\n"
        + r"!C| From: a@example.org\r\n"
        + "\nS: 354 go on\n"
        + r"C| .\r\n"
        + "\nS: 250 ok\n",
        r"C| From: a@example.org\r\n" + "\n",
        "",
    ),
    Case(
        "data-after-refusal",
        f"{EHLO}{MAIL}{RCPT}C: DATA\nS: 554 no\n!C: Subject: x\nS: 500 what\nC: text\nS: 500 what\n{QUIT}",
        "C: Subject: x\nS: 500 what\nC: text\nS: 500 what\n",
        "",
    ),
    Case(
        "lone-dot",
        f"{EHLO}{ENVELOPE}{HEADER}C:\nC: .\nS: 250 ok\n!C: and so on, dear Bob\nS: 500 what\n",
        "C: and so on, dear Bob\nS: 500 what\n",
        "",
    ),
    Case("unknown-command", f"{EHLO}!C: HELLO\nS: 500 what\n", "HELLO", "EHLO a.example.org"),
    Case("unknown-command", f"{EHLO}!C: MAIL:<ann@example.org>\nS: 500 what\n", "MAIL:", "MAIL FROM:"),
    Case("obsolete-command", f"{EHLO}!C: SOML FROM:<ann@example.org>\nS: 502 no\n", "SOML", "MAIL"),
    Case("vrfy-expn", f"{EHLO}!C: VRFY bob\nS: 252 ok\n", "VRFY", "NOOP"),
    Case(
        "retry-after-5yz",
        f"{EHLO}C: MAIL FROM:<a@example.org>\nS: 550 no\n!C: MAIL FROM:<a@example.org>\nS: 550 no\n",
        "S: 550",
        "S: 450",
    ),
    Case("unneeded-argument", f"{EHLO}!C: RSET now\nS: 501 no\n", "RSET now", "RSET"),
    Case("after-quit", f"{EHLO}C: QUIT\nS: 221 bye\n!C: NOOP\n*: close server\n", "C: NOOP\n", ""),
    Case("no-quit", f"{EHLO}!*: close\n", "*: close\n", QUIT),
    Case("no-quit", f"{EHLO}C: NOOP\n!S: 250 ok\n", "NOOP", "QUIT"),
    Case(
        "dropped-before-outcome",
        f"{RECORDED}{EHLO}{ENVELOPE}{HEADER}C:\nC: .\n!*: close\n",
        "*: close",
        "S: 250 ok\n*: close",
    ),
    Case("dropped-before-221", f"{RECORDED}{EHLO}C: QUIT\n!*: close\n", "*: close", "S: 221 bye\n*: close"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


def test_a_whole_dialogue_has_no_fault() -> None:
    assert [each.rule for each in lint(RECORDED + EHLO + ENVELOPE + HEADER + TEXT + QUIT)] == [
        "password-announced-in-clear",
        "tls-not-used",
    ]


def test_a_script_without_replies_is_taken_to_go_well() -> None:
    text = (
        "C: EHLO a.example.org\nC: MAIL FROM:<ann@example.org>\nC: RCPT TO:<bob@example.org>\nC: DATA\n"
        + HEADER
        + "C:\nC: x\nC: .\nC: QUIT\n"
    )
    assert lint(text) == []


def test_a_group_of_commands_is_no_fault_where_pipelining_is_announced() -> None:
    group = "C& MAIL FROM:<ann@example.org>\nC& RCPT TO:<bob@example.org>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
    found = lint(
        RECORDED
        + EHLO
        + group
        + HEADER
        + TEXT
        + "C& RSET\n"
        + group.replace("S: 250 ok\n", "S: 250 ok\nS: 250 ok\n", 1)
        + HEADER
        + TEXT
        + QUIT
    )
    assert {each.rule for each in found} == {"password-announced-in-clear", "tls-not-used"}


def test_what_was_typed_is_not_repeated_for_it_may_be_a_password() -> None:
    found = lint(f"{EHLO}C: correct-horse\nS: 500 what\n{QUIT}")
    assert "unknown-command" in {each.rule for each in found}
    assert not any("horse" in each.message for each in found)
