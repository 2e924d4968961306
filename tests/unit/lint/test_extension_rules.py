"""Rules about XCLIENT, XFORWARD, ETRN, ATRN, BURL and LIMITS."""

import pytest

from smtp_shell.lint.moments import View
from smtp_shell.lint.rules import all_rules
from smtp_shell.protocol.phases import Phase
from tests.unit.lint.cases import (
    EHLO,
    MAIL,
    QUIT,
    RCPT,
    Case,
    Moments,
    announcing,
    assert_found,
    assert_tells_apart,
    lint,
    owed,
    said,
)

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


_NONE, _ALL = announcing("SIZE"), announcing("ETRN", "ATRN", "BURL", "XCLIENT NAME", "XFORWARD NAME ADDR")
_OF_EXTENSIONS = ["ETRN x", "ATRN x", "BURL x", "XCLIENT NAME=x", "XFORWARD NAME=x"]
_BAD = ["XCLIENT NAME=+x", "XFORWARD LOGIN=x", "XFORWARD"]
_COUNTED = announcing("LIMITS MAILMAX=2 RCPTMAX=3 RCPTDOMAINMAX=1")
_HERE = frozenset({b"example.org"})


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        ("command-not-announced", View(announced=_NONE), _OF_EXTENSIONS, ["MAIL FROM:<>", "BDAT 0", "STARTTLS", "AUTH PLAIN"]),
        ("command-not-announced", View(announced=_ALL), [], _OF_EXTENSIONS),
        ("command-not-announced", View(hello="EHLO"), [], _OF_EXTENSIONS),
        ("command-not-announced", View(hello="HELO"), _OF_EXTENSIONS, ["NOOP"]),
        (
            "client-attribute",
            View(announced=_ALL),
            ["XCLIENT", "XCLIENT NAME", "XCLIENT =x", "XCLIENT NAME=", "XCLIENT ADDR=x", "XCLIENT NAME=x ADDR=x", *_BAD],
            ["XCLIENT NAME=x", "XCLIENT name=x+2By", "XFORWARD NAME=x ADDR=y", "XCLIENT ${client}", "ETRN NAME", "NOOP"],
        ),
        ("client-attribute", View(announced=_NONE), ["XCLIENT NAME"], ["XCLIENT ADDR=x", "XFORWARD LOGIN=x"]),
        ("client-attribute", View(), ["XCLIENT NAME"], ["XCLIENT ADDR=x", "XFORWARD LOGIN=x"]),
        ("xclient-in-transaction", View(phase=Phase.MAIL), ["XCLIENT NAME=x"], ["XFORWARD NAME=x"]),
        ("xclient-in-transaction", View(phase=Phase.RCPT), ["XCLIENT NAME=x"], ["XFORWARD NAME=x"]),
        ("xclient-in-transaction", View(phase=Phase.READY), [], ["XCLIENT NAME=x"]),
        (
            "burl-syntax",
            View(),
            ["BURL", "BURL imap://u@example.org/x FIRST", "BURL imap://u@example.org/x LAST x", "BURL a b LAST"],
            ["BURL imap://u@example.org/x", "BURL imap://u@example.org/x last", "BURL x\t LAST", "NOOP"],
        ),
        ("over-announced-limit", View(announced=_COUNTED, mails=2), ["MAIL FROM:<>"], ["NOOP"]),
        ("over-announced-limit", View(announced=_COUNTED, mails=1), [], ["MAIL FROM:<>"]),
        ("over-announced-limit", View(announced=_NONE, mails=9, recipients=9), [], ["MAIL FROM:<>", "RCPT TO:<a@example.org>"]),
        ("over-announced-limit", View(announced=_COUNTED, recipients=2), [], ["RCPT TO:<a@example.org>"]),
        ("over-announced-limit", View(announced=_COUNTED, recipients=3), ["RCPT TO:<a@example.org>"], ["VRFY a"]),
        ("over-announced-limit", View(announced=_COUNTED, recipients=1, refusals=2), ["RCPT TO:<a@example.org>"], []),
        (
            "over-announced-limit",
            View(announced=_COUNTED, recipients=1, refusals=1, owed=owed("RCPT TO:<a@example.org>")),
            ["RCPT TO:<a@example.org>"],
            [],
        ),
        (
            "over-announced-limit",
            View(announced=_COUNTED, recipients=1, refusals=1, owed=owed("NOOP")),
            [],
            ["RCPT TO:<a@example.org>"],
        ),
        (
            "over-announced-limit",
            View(announced=_COUNTED, domains=_HERE),
            ["RCPT TO:<a@example.net>", "RCPT TO:<a@b@example.net>"],
            ["RCPT TO:<b@EXAMPLE.org>", "RCPT TO:<a@b@example.org>", "RCPT TO:<bob@${domain}>", "RCPT TO:<Postmaster>"],
        ),
        ("over-announced-limit", View(announced=_COUNTED), [], ["RCPT TO:<a@example.net>"]),
        ("over-announced-limit", View(announced=announcing("LIMITS RCPTMAX=3"), domains=_HERE), [], ["RCPT TO:<a@example.net>"]),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)


@pytest.mark.parametrize(
    ("line", "messages"),
    [
        ("XCLIENT", ["XCLIENT is followed by attributes, such as NAME=client.example.org"]),
        ("XCLIENT NAME =x", ["an attribute of XCLIENT is name=value"] * 2),
        ("XCLIENT NAME=a=b", ["the value of NAME is no xtext: + and = are written +2B and +3D"]),
        (
            "XCLIENT login=x PASSWORDPASSWORDPASSWORD=x NAME=+",
            [
                "XCLIENT has the attribute LOGIN, which the server does not announce",
                "XCLIENT has the attribute PASSWORDPASSWORDPASS, which the server does not announce",
                "the value of NAME is no xtext: + and = are written +2B and +3D",
            ],
        ),
    ],
)
def test_each_attribute_that_is_wrong_is_named(line: str, messages: list[str]) -> None:
    assert said("client-attribute", View(announced=_ALL), line) == messages


def test_what_goes_over_a_limit_is_counted() -> None:
    view = View(announced=_COUNTED, mails=2, recipients=2, refusals=1, domains=_HERE)
    assert said("over-announced-limit", view, "MAIL FROM:<>") == [
        "this is MAIL 3 of the session, and the server announced LIMITS MAILMAX=2"
    ]
    assert said("over-announced-limit", view, "RCPT TO:<a@example.net>") == [
        "this is RCPT 4 of the message, and the server announced LIMITS RCPTMAX=3",
        "this is domain 2 of recipients in the session, and the server announced LIMITS RCPTDOMAINMAX=1",
    ]


def test_rules_about_xclient_name_where_it_is_described() -> None:
    for name in ("client-attribute", "xclient-in-transaction"):
        assert all_rules()[name].sources == ("https://www.postfix.org/XCLIENT_README.html",)
