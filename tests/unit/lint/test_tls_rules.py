"""Rules about STARTTLS and TLS."""

import pytest

from tests.unit.lint.cases import (
    EHLO,
    FEW_KEYWORDS,
    GREETING,
    KEYWORDS,
    MAIL,
    QUIT,
    RECORDED,
    TLS,
    TLS_EHLO,
    Case,
    assert_found,
)

_STARTTLS = "C: STARTTLS\nS: 220 ready\n"
CASES = [
    Case(
        "starttls-not-announced", f"{GREETING}C: EHLO a.example.org\n{FEW_KEYWORDS}!{_STARTTLS}", FEW_KEYWORDS, KEYWORDS
    ),
    Case("starttls-before-ehlo", f"{GREETING}!{_STARTTLS}", GREETING, EHLO),
    Case("starttls-argument", f"{EHLO}!C: STARTTLS now\nS: 501 no\n", "STARTTLS now", "STARTTLS"),
    Case(
        "starttls-pipelined", f"{EHLO}C& STARTTLS\n!C: NOOP\nS: 220 ready\n", "C& STARTTLS\nC: NOOP\n", "C: STARTTLS\n"
    ),
    Case("starttls-twice", f"{TLS_EHLO}!C: STARTTLS\nS: 503 no\n", "C: STARTTLS\nS: 503 no\n", ""),
    Case("starttls-in-transaction", f"{EHLO}{MAIL}!{_STARTTLS}", MAIL, ""),
    Case("no-ehlo-after-tls", f"{TLS}!{MAIL}{QUIT}", MAIL, f"C: EHLO a.example.org\n{KEYWORDS}{MAIL}"),
    Case(
        "clear-text-after-starttls",
        f"{RECORDED}{EHLO}{_STARTTLS}!C| EHLO a.example.org\\r\\n\n*: close\n",
        "C| EHLO",
        "*: tls\nC| EHLO",
    ),
    Case("old-tls", f"{EHLO}{_STARTTLS}!*: tls TLSv1.1 ECDHE-RSA-AES128-SHA verified\n", "TLSv1.1", "TLSv1.2"),
    Case("old-tls", f"{EHLO}{_STARTTLS}!*: tls TLSv1 ECDHE-RSA-AES128-SHA verified\n", "TLSv1", "TLSv1.3"),
    Case("weak-cipher", f"{EHLO}{_STARTTLS}!*: tls TLSv1.2 ECDHE-RSA-RC4-SHA verified\n", "RC4", "AES128"),
    Case(
        "unverified-certificate",
        f"{EHLO}{_STARTTLS}!*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 unverified\n",
        "unverified",
        "verified",
    ),
    Case("tls-not-used", f"{EHLO}!{MAIL}{QUIT}", MAIL, f"{_STARTTLS}*: tls\nC: EHLO a.example.org\n{KEYWORDS}{MAIL}"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)
