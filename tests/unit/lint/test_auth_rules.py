"""Rules about AUTH."""

from base64 import b64encode

import pytest
from msgspec.structs import replace

from smtp_shell.lint.moments import CommandLine, LineSent, ResponseLine, View
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.phases import Phase
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
    Moments,
    announcing,
    assert_found,
    assert_tells_apart,
    lint,
    owed,
    said,
    sent,
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


_ANSWER = ResponseLine(is_empty=False, cancels=False, is_base64=True, challenge=b"", number=1)
_EMPTY = replace(_ANSWER, is_empty=True)
_EMPTY_AFTER_LF = replace(_EMPTY, after_lf=True)
_CLEAR, _INSIDE = View(hello="EHLO"), View(hello="EHLO", tls=True)
_SHOWN = CommandLine(Command(b"AUTH PLAIN!"), "AUTH", b"PLAIN!")  # what is no name, and was not masked
_OFFERED = View(hello="EHLO", announced=announcing("AUTH PLAIN CRAM-MD5"))


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        (
            "auth-in-clear",
            _CLEAR,
            ["AUTH PLAIN AGE=", "auth plain AGE=", "AUTH XOAUTH2 AGE=", "AUTH OAUTHBEARER AGE="],
            ["AUTH PLAIN", "AUTH LOGIN YQ==", "AUTH SCRAM-SHA-256 AGE=", "AUTH CRAM-MD5 AGE=", "NOOP PLAIN AGE="],
        ),
        ("auth-in-clear", _INSIDE, [], ["AUTH PLAIN AGE="]),
        ("auth-without-tls", _CLEAR, ["AUTH CRAM-MD5", "AUTH SCRAM-SHA-256 AGE=", "auth x"], ["AUTH", "NOOP CRAM-MD5"]),
        ("auth-without-tls", _CLEAR, [], ["AUTH PLAIN", "AUTH LOGIN", "AUTH XOAUTH2", "auth oauthbearer"]),
        ("auth-without-tls", _INSIDE, [], ["AUTH CRAM-MD5"]),
        ("auth-not-announced", View(announced=announcing("SIZE")), ["AUTH PLAIN", "AUTH"], ["NOOP"]),
        ("auth-not-announced", _OFFERED, [], ["AUTH LOGIN"]),
        ("auth-not-announced", _CLEAR, [], ["AUTH PLAIN"]),
        ("mechanism-not-announced", _OFFERED, ["AUTH LOGIN", "auth x AGE="], ["AUTH PLAIN", "auth cram-md5", "AUTH"]),
        ("mechanism-not-announced", View(announced=announcing("SIZE")), [], ["AUTH LOGIN"]),
        ("mechanism-not-announced", _CLEAR, [], ["AUTH LOGIN"]),
        ("auth-before-ehlo", View(), ["AUTH PLAIN"], ["NOOP"]),
        ("auth-before-ehlo", View(hello="HELO", owed=owed("HELO x")), ["AUTH PLAIN"], []),
        ("auth-before-ehlo", View(hello="EHLO"), [], ["AUTH PLAIN"]),
        ("auth-before-ehlo", View(hello="LHLO"), [], ["AUTH PLAIN"]),
        ("auth-before-ehlo", View(owed=owed("EHLO x")), [], ["AUTH PLAIN"]),
        ("auth-before-ehlo", View(owed=owed("LHLO x")), [], ["AUTH PLAIN"]),
        ("auth-twice", View(authenticated=True), ["AUTH PLAIN"], ["NOOP"]),
        ("auth-in-transaction", View(phase=Phase.MAIL), ["AUTH PLAIN"], ["NOOP"]),
        ("auth-in-transaction", View(phase=Phase.RCPT), ["AUTH PLAIN"], ["NOOP"]),
        ("auth-in-transaction", View(phase=Phase.READY), [], ["AUTH PLAIN"]),
        (
            "auth-no-mechanism",
            _INSIDE,
            ["AUTH", "AUTH PLAIN!", f"AUTH {'X' * 21}", "AUTH =", _SHOWN],
            ["AUTH A-Z_09", f"AUTH {'X' * 20}", "AUTH ${mechanism} ${sasl}", "NOOP", "NOOP !"],
        ),
        (
            "obsolete-mechanism",
            _INSIDE,
            ["AUTH DIGEST-MD5", "AUTH CRAM-MD5", "AUTH NTLM", "auth ntlm"],
            ["AUTH PLAIN", "AUTH", "NOOP NTLM"],
        ),
        (
            "initial-response-server-first",
            _INSIDE,
            ["AUTH CRAM-MD5 AGE=", "AUTH DIGEST-MD5 AGE="],
            ["AUTH CRAM-MD5", "AUTH PLAIN AGE=", "AUTH NTLM AGE="],
        ),
        (
            "initial-response-not-base64",
            _INSIDE,
            ["AUTH PLAIN A", "AUTH PLAIN AAAA BBBB", "AUTH PLAIN = =", "AUTH X student secret word", "AUTH X =="],
            ["AUTH PLAIN AAAA", "AUTH PLAIN =", "AUTH PLAIN", "AUTH PLAIN ${sasl}", "AUTH PLAIN •••", "AUTH ! A", "AUTH"],
        ),
        ("response-as-command", _INSIDE, [sent("AAAA", answers_nothing=True)], [sent("AAAA"), sent("NOOP")]),
        ("auth-goes-on-unauthenticated", View(refused=frozenset({"AUTH"})), ["MAIL FROM:<>"], ["RCPT TO:<a>", "NOOP"]),
        ("auth-goes-on-unauthenticated", View(refused=frozenset({"NOOP"})), [], ["MAIL FROM:<>"]),
        ("auth-goes-on-unauthenticated", View(refused=frozenset({"AUTH"}), authenticated=True), [], ["MAIL FROM:<>"]),
        ("auth-goes-on-unauthenticated", View(refused=frozenset({"AUTH"}), sent=frozenset({"MAIL"})), [], ["MAIL FROM:<>"]),
        ("auth-in-clear", View(mechanism="PLAIN"), [_ANSWER], [replace(_ANSWER, number=2), replace(_ANSWER, cancels=True)]),
        ("auth-in-clear", View(mechanism="LOGIN"), [_ANSWER], []),
        ("auth-in-clear", View(mechanism="XOAUTH2"), [_ANSWER], []),
        ("auth-in-clear", View(mechanism="OAUTHBEARER"), [_ANSWER], []),
        ("auth-in-clear", View(mechanism="CRAM-MD5"), [], [_ANSWER]),
        ("auth-in-clear", View(mechanism="PLAIN", tls=True), [], [_ANSWER]),
        ("response-not-base64", _INSIDE, [replace(_ANSWER, is_base64=False)], [_ANSWER, replace(_ANSWER, is_base64=None)]),
        ("empty-password", View(mechanism="LOGIN"), [_EMPTY], [_ANSWER, _EMPTY_AFTER_LF]),
        ("empty-password", View(mechanism="PLAIN"), [], [_EMPTY]),
        (
            "base64-line-end",
            View(mechanism="PLAIN"),
            [_EMPTY_AFTER_LF],
            [_EMPTY, replace(_ANSWER, after_lf=True)],
        ),
        (
            "cut-base64",
            _INSIDE,
            [LineSent("response", 77, b"\n")],
            [
                LineSent("response", 76, b"\n"),
                LineSent("response", 78, b"\n"),
                LineSent("response", 77, CRLF),
                LineSent("command", 77, b"\n"),
            ],
        ),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)


@pytest.mark.parametrize(
    ("challenge", "number", "asked"),
    [
        ("Username:", 1, "user name"),
        ("User Name", 2, "user name"),
        ("USER?", 2, "user name"),
        ("Password:", 1, "password"),
        ("PASSWORD for user", 1, "password"),
        ("Password:", 2, "password"),
        ("what?", 1, "user name"),
        ("what?", 2, "password"),
        ("", 1, "user name"),
        ("", 2, "password"),
    ],
)
def test_an_empty_line_in_an_exchange_is_named_by_what_was_asked(challenge: str, number: int, asked: str) -> None:
    line = replace(_EMPTY, challenge=b64encode(challenge.encode()), number=number)
    assert said("empty-password", View(mechanism="LOGIN"), line) == [
        f"an empty line came as the {asked}; is a line end sent twice?"
    ]


def test_a_challenge_that_is_no_base64_asks_for_nothing() -> None:
    line = replace(_EMPTY, challenge=b"Password:", number=1)
    assert "as the user name" in said("empty-password", View(mechanism="LOGIN"), line)[0]


def test_a_mechanism_that_is_obsolete_is_named_with_a_better_one() -> None:
    for name in ("DIGEST-MD5", "CRAM-MD5", "NTLM"):
        (found,) = said("obsolete-mechanism", View(), f"AUTH {name}")
        assert found.startswith(f"{name} ")


def test_auth_that_is_not_announced_may_be_inside_tls_only_in_the_clear() -> None:
    without = announcing("SIZE")
    assert said("auth-not-announced", View(announced=without), "AUTH PLAIN") == [
        "the server does not announce AUTH; many announce it inside TLS only"
    ]
    assert said("auth-not-announced", View(announced=without, tls=True), "AUTH PLAIN") == [
        "the server does not announce AUTH"
    ]
