"""Rules about AUTH."""

import pytest

from tests.unit.lint.cases import (
    EHLO,
    FEW_KEYWORDS,
    HELO,
    KEYWORDS,
    MAIL,
    QUIT,
    RECORDED,
    TLS,
    TLS_EHLO,
    Case,
    assert_found,
    lint,
)

_USER = "S: 334 VXNlcm5hbWU6\n"
_PASSWORD = "S: 334 UGFzc3dvcmQ6\n"
_LOGIN = f"C: AUTH LOGIN\n{_USER}C: ${{sasl}}\n{_PASSWORD}C: ${{sasl}}\nS: 235 ok\n"
_NO_AUTH = f"{TLS}C: EHLO a.example.org\n{FEW_KEYWORDS}"
CASES = [
    Case("auth-in-clear", f"{EHLO}!C: AUTH PLAIN ${{sasl}}\nS: 235 ok\n{QUIT}", EHLO, TLS_EHLO),
    Case(
        "auth-in-clear",
        f"{EHLO}C: AUTH LOGIN\n{_USER}!C: ${{sasl}}\n{_PASSWORD}C: ${{sasl}}\nS: 235 ok\n",
        EHLO,
        TLS_EHLO,
    ),
    Case("auth-without-tls", f"{EHLO}!C: AUTH CRAM-MD5\nS: 334 PDE+\nC: ${{sasl}}\nS: 235 ok\n", EHLO, TLS_EHLO),
    Case("auth-not-announced", f"{_NO_AUTH}!{_LOGIN}", FEW_KEYWORDS, KEYWORDS),
    Case("mechanism-not-announced", f"{TLS_EHLO}!C: AUTH XOAUTH2 ${{sasl}}\nS: 504 no\n", "XOAUTH2", "PLAIN"),
    Case("auth-before-ehlo", f"{HELO}!{_LOGIN}", HELO, EHLO),
    Case("auth-twice", f"{TLS_EHLO}{_LOGIN}!C: AUTH LOGIN\nS: 503 no\n", "S: 235 ok", "S: 535 no"),
    Case("auth-in-transaction", f"{TLS_EHLO}{MAIL}!{_LOGIN}", MAIL, ""),
    Case(
        "auth-no-mechanism", f"{TLS_EHLO}!C: AUTH\nS: 501 no\n", "AUTH\nS: 501 no\n", "AUTH PLAIN ${sasl}\nS: 235 ok\n"
    ),
    Case(
        "obsolete-mechanism",
        f"{TLS_EHLO}!C: AUTH CRAM-MD5\nS: 334 PDE+\nC: ${{sasl}}\nS: 235 ok\n",
        "CRAM-MD5",
        "SCRAM-SHA-256",
    ),
    Case("initial-response-server-first", f"{TLS_EHLO}!C: AUTH CRAM-MD5 eA==\nS: 501 no\n", " eA==", ""),
    Case(
        "initial-response-not-base64",
        f"{TLS_EHLO}!C: AUTH PLAIN student secret\nS: 501 no\n",
        "student secret",
        "c3R1ZGVudA==",
    ),
    Case(
        "response-not-base64",
        f"{TLS_EHLO}C: AUTH LOGIN\n{_USER}!C: student\nS: 501 no\n",
        "C: student",
        "C: c3R1ZGVudA==",
    ),
    Case(
        "empty-password",
        f"{TLS_EHLO}C: AUTH LOGIN\n{_USER}C: ${{sasl}}\n{_PASSWORD}!C:\nS: 535 no\n",
        "C:\n",
        "C: ${sasl}\n",
    ),
    Case(
        "base64-line-end",
        f"{RECORDED}{TLS_EHLO}C: AUTH LOGIN\n{_USER}"
        + r"C| ${sasl}\n"
        + f"\n{_PASSWORD}"
        + r"!C| \r\n"
        + "\nS: 535 no\n",
        r"${sasl}\n",
        r"${sasl}\r\n",
    ),
    Case(
        "cut-base64",
        f"{RECORDED}{TLS_EHLO}C: AUTH PLAIN\nS: 334 \n!C| {'QUFB' * 19}" + r"\n" + "\nS: 535 no\n",
        "QUFB" * 19,
        "QUFB" * 18,
    ),
    Case("response-as-command", f"{TLS_EHLO}{_LOGIN}!C: cGFzc3dvcmQ=\nS: 500 what\n", "C: cGFzc3dvcmQ=", "C: NOOP"),
    Case(
        "auth-goes-on-unauthenticated",
        f"{TLS_EHLO}C: AUTH PLAIN ${{sasl}}\nS: 535 no\n!{MAIL}{QUIT}",
        "S: 535 no",
        "S: 235 ok",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


def test_an_auth_that_is_refused_before_it_sends_a_password_is_not_in_the_clear() -> None:
    assert "auth-in-clear" not in {each.rule for each in lint(f"{EHLO}C: AUTH PLAIN\nS: 538 no\n{QUIT}")}


def test_no_message_holds_anything_of_a_credential() -> None:
    text = f"{EHLO}C: AUTH PLAIN hunter2-hunter2\nS: 501 no\nC: hunter2-hunter2\nS: 500 no\nC: AUTH hunter2-hunter2\nS: 501 no\n{QUIT}"
    found = lint(text)
    assert len(found) > 4
    assert "hunter2" not in "".join(map(str, found))
