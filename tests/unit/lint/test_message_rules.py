"""Rules about the message."""

import pytest

from smtp_shell.lint.dates import fault_of_date
from smtp_shell.lint.files import lint_message
from tests.unit.lint.cases import (
    DATE,
    DOT,
    EHLO,
    ENVELOPE,
    FROM,
    HEADER,
    MESSAGE_ID,
    PLAIN_EHLO,
    QUIT,
    SUBJECT,
    TEXT,
    TO,
    Case,
    assert_found,
    lint,
)

_MIME = "C: MIME-Version: 1.0\nC: Content-Type: text/plain; charset=utf-8\n"
_8BIT = "C: Content-Transfer-Encoding: 8bit\n"
_BODY_8BIT = EHLO + ENVELOPE.replace("org>\n", "org> BODY=8BITMIME\n", 1)
_UMLAUT = "C:\nC: Schöne Grüße\n"


def _header(rule: str, header: str, old: str, new: str) -> Case:
    """Return a case whose header is this, with an empty line and a text after it."""
    return Case(rule, f"{EHLO}{ENVELOPE}{header}{TEXT}{QUIT}", old, new)


def _absent(rule: str, field: str) -> Case:
    rest = HEADER.replace(field, "")
    return Case(rule, f"{EHLO}{ENVELOPE}{rest}!{TEXT}{QUIT}", f"{rest}C:\n", f"{HEADER}C:\n")


CASES = [
    Case(
        "no-header", f"{EHLO}{ENVELOPE}!C: Hello Bob, how are you\n{DOT}", "C: Hello Bob", f"{HEADER}C:\nC: Hello Bob"
    ),
    Case("no-empty-line", f"{EHLO}{ENVELOPE}{HEADER}!C: Hello Bob\nC: how are you\n{DOT}", "C: Hello", "C:\nC: Hello"),
    _header("field-without-colon", f"{FROM}!C: Subject hello\n{DATE}", "Subject hello", "Subject: hello"),
    _header("blank-in-field-name", f"{FROM}!C: Subject : hello\n{DATE}", "Subject :", "Subject:"),
    _header(
        "mbox-line",
        f"!C: From ann@example.org Fri Nov 27 10:21:05 2026\n{HEADER}",
        "C: From ann@example.org Fri Nov 27 10:21:05 2026\n",
        "",
    ),
    _header("folded-first-line", f"!C:  and so on\n{HEADER}", "C:  and so on\n", ""),
    _header("empty-folded-line", f"{HEADER}!C:   \n", "C:   \n", ""),
    _header("eight-bit-header", f"{HEADER}!C: X-Greeting: Grüße\n", "Grüße", "=?utf-8?q?Gr=C3=BC=C3=9Fe?="),
    _header(
        "eight-bit-header",
        f"{HEADER}!C: X-Greeting: Grüße\n",
        "ann@example.org>\nS: 250 2.1.0",
        "ann@example.org> SMTPUTF8\nS: 250 2.1.0",
    ),
    _absent("no-from", FROM),
    _absent("no-date", DATE),
    _absent("no-message-id", MESSAGE_ID),
    _absent("no-recipient-field", TO),
    _absent("no-subject", SUBJECT),
    _header("duplicate-field", f"{HEADER}!{SUBJECT}", f"{MESSAGE_ID}{SUBJECT}", MESSAGE_ID),
    _header("date", f"{FROM}!C: Date: yesterday\n", "yesterday", "Fri, 27 Nov 2026 10:21:05 +0100"),
    _header("date", f"{FROM}!C: Date: 2026-11-27T10:21:05Z\n", "2026-11-27T10:21:05Z", "27 Nov 2026 10:21:05 GMT"),
    _header("message-id", f"{FROM}!C: Message-ID: 1@example.org\n", "1@example.org\nC:\n", "<1@example.org>\nC:\n"),
    _header("from-without-address", "!C: From: Ann\n", "From: Ann", "From: Ann <ann@example.org>"),
    _header(
        "address-without-brackets", "!C: From: Ann ann@example.org\n", "Ann ann@example.org", "Ann <ann@example.org>"
    ),
    _header("several-authors", f"!C: From: ann@example.org, bob@example.org\n{DATE}", ", bob@example.org", ""),
    _header("from-not-envelope", "!C: From: ann@example.net\n", "example.net", "example.org"),
    _header("bcc-sent", f"{HEADER}!C: Bcc: carol@example.org\n", "C: Bcc: carol@example.org\n", ""),
    _header(
        "return-path-sent", f"!C: Return-Path: <ann@example.org>\n{HEADER}", "C: Return-Path: <ann@example.org>\n", ""
    ),
    _header(
        "mime-version-missing",
        f"{HEADER}!C: Content-Type: text/plain\n",
        "C: Content-Type",
        "C: MIME-Version: 1.0\nC: Content-Type",
    ),
    _header(
        "transfer-encoding",
        f"{HEADER}{_MIME}!C: Content-Transfer-Encoding: utf-8\n",
        "Encoding: utf-8",
        "Encoding: 7bit",
    ),
    _header(
        "encoded-multipart",
        f'{HEADER}C: MIME-Version: 1.0\nC: Content-Type: multipart/mixed; boundary="x"\n!C: Content-Transfer-Encoding: base64\n',
        "base64",
        "7bit",
    ),
    _header(
        "no-boundary",
        f"{HEADER}C: MIME-Version: 1.0\n!C: Content-Type: multipart/mixed\n",
        "multipart/mixed",
        'multipart/mixed; boundary="x"',
    ),
    _header(
        "content-type", f"{HEADER}C: MIME-Version: 1.0\n!C: Content-Type: text\n", "Type: text", "Type: text/plain"
    ),
    Case("eight-bit-without-mime", f"{_BODY_8BIT}{HEADER}{_UMLAUT}!{DOT}", HEADER, HEADER + _MIME + _8BIT),
    Case("eight-bit-in-7bit", f"{_BODY_8BIT}{HEADER}{_MIME}{_UMLAUT}!{DOT}", _MIME, _MIME + _8BIT),
    Case(
        "eight-bit-in-7bit",
        f"{_BODY_8BIT}{HEADER}{_MIME}{_8BIT}{_UMLAUT}!{DOT}".replace(": 8bit", ": 7bit"),
        ": 7bit",
        ": 8bit",
    ),
    Case(
        "eight-bit-not-announced",
        f"{PLAIN_EHLO}{ENVELOPE}{HEADER}{_MIME}{_8BIT}{_UMLAUT}!{DOT}",
        "S: 250 HELP",
        "S: 250 8BITMIME",
    ),
    Case(
        "body-not-declared",
        f"{EHLO}{ENVELOPE}{HEADER}{_MIME}{_8BIT}{_UMLAUT}!{DOT}",
        "ann@example.org>\nS",
        "ann@example.org> BODY=8BITMIME\nS",
    ),
    Case("dot-not-doubled", f"{EHLO}{ENVELOPE}{HEADER}C:\n!C: .bashrc\n{DOT}", ".bashrc", "..bashrc"),
    Case("empty-message", f"{EHLO}{ENVELOPE}!{DOT}", DOT, HEADER + TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


@pytest.mark.parametrize(
    "value",
    [
        "Fri, 27 Nov 2026 10:21:05 +0100",
        "27 Nov 2026 10:21 -0000",
        "Fri,  27 Nov 2026 10:21:05 +0100 (CET)",
        "Fri, 27 Nov 2026 10:21:60 GMT",
    ],
)
def test_a_date_is_a_date(value: str) -> None:
    assert fault_of_date(value.encode()) == ""


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "no date"),
        ("Fri Nov 27 10:21:05 2026", "no date"),
        ("Thu, 27 Nov 2026 10:21:05 +0100", "not that of the date"),
        ("31 Nov 2026 10:21:05 +0100", "no such day"),
        ("27 Nov 2026 25:21:05 +0100", "no such time"),
        ("27 Nov 2026 10:21:05", "no time zone"),
        ("27 Nov 26 10:21:05 +0100", "four digits"),
        ("27 November 2026 10:21:05 +0100", "Jan to Dec"),
        ("Fri 27 Nov 2026 10:21:05 +0100", "comma"),
    ],
)
def test_what_is_wrong_with_a_date_is_named(value: str, fault: str) -> None:
    assert fault in fault_of_date(value.encode())


def test_a_text_that_looks_like_a_field_after_the_empty_line_is_text() -> None:
    found = lint(f"{EHLO}{ENVELOPE}{HEADER}C:\nC: Subject: again\nC: Subject: again\n{DOT}{QUIT}")
    assert {each.rule for each in found} == {"password-announced-in-clear", "tls-not-used"}


def test_a_folded_field_is_one_field() -> None:
    assert "from-without-address" not in {
        each.rule for each in lint(f"{EHLO}{ENVELOPE}C: From: Ann\nC:  <ann@example.org>\n{TEXT}")
    }


def test_the_faults_of_a_message_by_itself_have_its_lines() -> None:
    found = lint_message(b"From: ann@example.org\r\nSubject : x\r\nDate: now\r\n\r\ntext\r\n")
    assert {each.rule: each.line for each in found if each.severity == "error"} == {"blank-in-field-name": 2, "date": 3}


def test_what_a_server_adds_to_a_message_is_no_fault_of_it() -> None:
    stored = b"Return-Path: <ann@example.org>\nReceived: from a.example.org\n\tby mx.example.org\nFrom: Ann <ann@example.net>\n"
    rest = b"To: bob@example.org\nSubject: x\nDate: Fri, 27 Nov 2026 10:21:05 +0100\nMessage-ID: <1@example.org>\n\n.text\n"
    assert lint_message(stored + rest) == []
