"""Rules about XCLIENT, XFORWARD, ETRN, ATRN, BURL and LIMITS."""

import pytest

from tests.unit.lint.cases import EHLO, MAIL, QUIT, RCPT, Case, assert_found, lint

_OK = "S: 250 ok\n"


def _announcing(*keywords: str) -> str:
    lines = "".join(f"S: 250-{keyword}\n" for keyword in keywords)
    return EHLO.replace("S: 250-DSN\n", f"S: 250-DSN\n{lines}")


_CLIENT = _announcing("XCLIENT NAME ADDR", "XFORWARD NAME")
_LIMITS = _announcing("LIMITS MAILMAX=1 RCPTMAX=2 RCPTDOMAINMAX=1")
_MESSAGE = "C: DATA\nS: 354 go on\nC: Subject: Hello\nC:\nC: Some text.\nC: .\nS: 250 ok\n"

CASES = [
    Case("command-not-announced", f"{EHLO}!C: ETRN example.org\n{_OK}", "ETRN", "VRFY"),
    Case("command-not-announced", f"{EHLO}!C: XCLIENT NAME=a.example.org\n{_OK}", "S: 250-DSN", "S: 250-XCLIENT NAME"),
    Case("client-attribute", f"{_CLIENT}!C: XCLIENT LOGIN=ann\n{_OK}", "LOGIN=ann", "ADDR=192.0.2.1"),
    Case("client-attribute", f"{_CLIENT}!C: XFORWARD NAME=a+b\n{_OK}", "a+b", "a+2Bb"),
    Case("client-attribute", f"{_CLIENT}!C: XFORWARD NAME\n{_OK}", "C: XFORWARD NAME", "C: XFORWARD NAME=a.example.org"),
    Case("client-attribute", f"{_CLIENT}!C: XCLIENT\n{_OK}", "C: XCLIENT", "C: XCLIENT NAME=a.example.org"),
    Case("xclient-in-transaction", f"{_CLIENT}{MAIL}!C: XCLIENT NAME=a.example.org\nS: 503 no\n", MAIL, ""),
    Case("burl-syntax", f"{_announcing('BURL')}{MAIL}{RCPT}!C: BURL\nS: 501 no\n", "C: BURL", "C: BURL imap://u@example.org/x LAST"),
    Case("over-announced-limit", f"{_LIMITS}{MAIL}{RCPT}{_MESSAGE}!{MAIL}{QUIT}", "MAILMAX=1", "MAILMAX=2"),
    Case("over-announced-limit", f"{_LIMITS}{MAIL}{RCPT}{RCPT}!{RCPT}{QUIT}", "RCPTMAX=2", "RCPTMAX=3"),
    Case("over-announced-limit", f"{_LIMITS}{MAIL}{RCPT}!C: RCPT TO:<bob@example.net>\n{_OK}{QUIT}", "example.net", "example.org"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_only_there(case: Case) -> None:
    assert_found(case)


def test_domains_and_refused_senders_count_for_the_whole_session() -> None:
    start = _announcing("LIMITS MAILMAX=2 RCPTDOMAINMAX=1")
    refused = "C: MAIL FROM:<eve@example.org>\nS: 550 no\n"
    other = "C: RCPT TO:<bob@EXAMPLE.net>\nS: 250 ok\n"
    rows = [
        each.message
        for each in lint(f"{start}{MAIL}{RCPT}{_MESSAGE}{refused}{MAIL}{RCPT}{other}{QUIT}")
        if each.rule == "over-announced-limit"
    ]
    assert rows == [
        "this is MAIL 3 of the session, and the server announced LIMITS MAILMAX=2",
        "this is domain 2 of recipients in the session, and the server announced LIMITS RCPTDOMAINMAX=1",
    ]


def test_a_refused_recipient_counts_for_the_limit_too() -> None:
    refused = "C: RCPT TO:<nobody@example.org>\nS: 550 no\n"
    found = [
        each.message for each in lint(f"{_LIMITS}{MAIL}{refused}{RCPT}{RCPT}") if each.rule == "over-announced-limit"
    ]
    assert found == ["this is RCPT 3 of the message, and the server announced LIMITS RCPTMAX=2"]


def test_a_pipelined_group_is_counted_before_its_replies_come() -> None:
    group = (
        "C& MAIL FROM:<ann@example.org>\n"
        + "C& RCPT TO:<bob@example.org>\n" * 2
        + "C: RCPT TO:<bob@example.org>\n"
        + _OK * 4
    )
    assert [each.rule for each in lint(f"{_LIMITS}{group}") if each.rule == "over-announced-limit"] == [
        "over-announced-limit"
    ]
