"""Rules about STARTTLS and TLS."""

import pytest

from smtp_shell.lint.moments import SentEarly, View
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.protocol.phases import Phase
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
    Moments,
    announcing,
    assert_found,
    assert_tells_apart,
    owed,
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


def _tls(
    version: str = "TLSv1.3", cipher: str = "TLS_AES_256_GCM_SHA384", *, verified: bool | None = True
) -> TlsStarted:
    return TlsStarted(version, cipher, verified, Certificate(), "mx.example.org")


_CLEAR = View(hello="EHLO", announced=announcing("STARTTLS"))


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        ("starttls-not-announced", View(announced=announcing("SIZE")), ["STARTTLS"], ["NOOP"]),
        ("starttls-not-announced", View(announced=announcing("SIZE"), tls=True), [], ["STARTTLS"]),
        ("starttls-not-announced", _CLEAR, [], ["STARTTLS"]),
        ("starttls-not-announced", View(), [], ["STARTTLS"]),
        ("starttls-before-ehlo", View(), ["STARTTLS"], ["NOOP"]),
        ("starttls-before-ehlo", View(hello="HELO", owed=owed("HELO x")), ["STARTTLS"], []),
        ("starttls-before-ehlo", View(hello="EHLO"), [], ["STARTTLS"]),
        ("starttls-before-ehlo", View(hello="LHLO"), [], ["STARTTLS"]),
        ("starttls-before-ehlo", View(owed=owed("EHLO x")), [], ["STARTTLS"]),
        ("starttls-before-ehlo", View(owed=owed("LHLO x")), [], ["STARTTLS"]),
        ("starttls-argument", _CLEAR, ["STARTTLS now"], ["STARTTLS", "STARTTLS ", "NOOP now"]),
        ("starttls-pipelined", _CLEAR, [SentEarly("NOOP", owed("STARTTLS")[0])], [SentEarly("STARTTLS", owed("NOOP")[0])]),
        ("starttls-twice", View(tls=True), ["STARTTLS"], ["NOOP"]),
        ("starttls-twice", _CLEAR, [], ["STARTTLS"]),
        ("starttls-in-transaction", View(phase=Phase.MAIL), ["STARTTLS"], ["NOOP"]),
        ("starttls-in-transaction", View(phase=Phase.RCPT), ["STARTTLS"], ["NOOP"]),
        ("starttls-in-transaction", View(phase=Phase.READY), [], ["STARTTLS"]),
        (
            "no-ehlo-after-tls",
            View(tls=True, started_tls=True),
            ["MAIL FROM:<>", "AUTH PLAIN", "VRFY bob", "STARTTLS"],
            ["EHLO x", "HELO x", "LHLO x", "NOOP", "QUIT", "RSET", "HELP"],
        ),
        ("no-ehlo-after-tls", View(tls=True, started_tls=True, hello_since_tls=True), [], ["MAIL FROM:<>"]),
        ("no-ehlo-after-tls", View(tls=True), [], ["MAIL FROM:<>"]),  # TLS came first
        ("no-ehlo-after-tls", View(started_tls=True), [], ["MAIL FROM:<>"]),
        ("clear-text-after-starttls", View(phase=Phase.TLS), ["EHLO x"], []),
        ("clear-text-after-starttls", View(phase=Phase.TLS, tls=True), [], ["EHLO x"]),
        ("clear-text-after-starttls", View(phase=Phase.READY), [], ["EHLO x"]),
        ("clear-text-after-starttls", View(phase=Phase.TLS, is_recorded=False), [], ["EHLO x"]),
        (
            "old-tls",
            View(),
            [_tls("SSLv2"), _tls("SSLv3"), _tls("TLSv1"), _tls("TLSv1.0"), _tls("TLSv1.1"), _tls("tlsv1.1")],
            [_tls("TLSv1.2"), _tls("TLSv1.3"), _tls(""), _tls("TLSv10")],
        ),
        (
            "weak-cipher",
            View(),
            [
                *(_tls(cipher=f"ECDHE-RSA-{weak}-SHA") for weak in ("RC4", "3DES", "DES-CBC", "NULL", "anon", "MD5", "rc4")),
                _tls(cipher="EXP-RC2-CBC-SHA"),
                _tls(cipher="ADH-AES128-SHA"),
                _tls(cipher="AECDH-AES128-SHA"),
            ],
            [_tls(cipher="ECDHE-RSA-AES128-SHA"), _tls(cipher="TLS_CHACHA20_POLY1305_SHA256"), _tls(cipher="")],
        ),
        ("unverified-certificate", View(), [_tls(verified=False)], [_tls(), _tls(verified=None)]),
        ("tls-not-used", _CLEAR, ["MAIL FROM:<>"], ["NOOP", "RCPT TO:<a@example.org>"]),
        ("tls-not-used", View(announced=announcing("SIZE")), [], ["MAIL FROM:<>"]),
        ("tls-not-used", View(announced=announcing("STARTTLS"), tls=True), [], ["MAIL FROM:<>"]),
        ("tls-not-used", View(announced=announcing("STARTTLS"), sent=frozenset({"MAIL"})), [], ["MAIL FROM:<>"]),
        ("tls-not-used", View(announced=announcing("STARTTLS"), sent=frozenset({"STARTTLS"})), [], ["MAIL FROM:<>"]),
        ("tls-not-used", View(announced=announcing("STARTTLS"), sent=frozenset({"EHLO"})), ["MAIL FROM:<>"], []),
        ("tls-not-used", View(), [], ["MAIL FROM:<>"]),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)
