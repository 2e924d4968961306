"""Rules about what the server says."""

import pytest

from tests.unit.lint.cases import EHLO, GREETING, KEYWORDS, MAIL, QUIT, RECORDED, TLS, Case, assert_found, lint

_ENHANCED = f"{GREETING}C: EHLO a.example.org\n{KEYWORDS.replace('S: 250-DSN', 'S: 250-ENHANCEDSTATUSCODES')}"
CASES = [
    Case("unequal-codes", f"{RECORDED}{EHLO}C: NOOP\n!S: 250-one\nS: 550 two\n", "S: 250-one", "S: 550-one"),
    Case("odd-code", f"{RECORDED}{EHLO}C: NOOP\n!S: 150 wait\nS: 250 ok\n", "S: 150 wait\n", ""),
    Case("unforeseen-code", f"{RECORDED}{EHLO}C: NOOP\n!S: 354 go on\n", "354", "250"),
    Case("server-bare-lf", f"{RECORDED}{EHLO}C: NOOP\n" + r"!S| 250 ok\n" + "\n", r"ok\n", r"ok\r\n"),
    Case("server-control-octets", f"{RECORDED}{EHLO}C: NOOP\n" + r"!S: 250 ok\x07" + "\n", r"\x07", ""),
    Case("server-eight-bit", f"{RECORDED}{EHLO}C: NOOP\n!S: 250 schön\n", "schön", "good"),
    Case("long-reply-line", f"{RECORDED}{EHLO}C: NOOP\n!S: 250 {'x' * 507}\n", "x" * 507, "x" * 506),
    Case("no-enhanced-code", f"{RECORDED}{_ENHANCED}C: NOOP\n!S: 250 ok\n", "250 ok", "250 2.0.0 ok"),
    Case("enhanced-class", f"{RECORDED}{_ENHANCED}C: NOOP\n!S: 250 5.0.0 ok\n", "250 5.0.0", "550 5.0.0"),
    Case("helo-with-extensions", f"{GREETING}C: HELO a.example.org\n!{KEYWORDS}", "HELO", "EHLO"),
    Case(
        "keyword-syntax",
        f"{GREETING}C: EHLO a.example.org\n!S: 250-mx.example.org\nS: 250 *unusual*\n",
        "*unusual*",
        "UNUSUAL",
    ),
    Case("starttls-announced-inside", f"{TLS}C: EHLO a.example.org\n!{KEYWORDS}", TLS, GREETING),
    Case(
        "password-announced-in-clear",
        f"{GREETING}C: EHLO a.example.org\n!{KEYWORDS}",
        "AUTH PLAIN LOGIN",
        "AUTH SCRAM-SHA-256",
    ),
    Case(
        "challenge-not-base64",
        f"{RECORDED}{EHLO}C: AUTH LOGIN\n!S: 334 Username:\nC: *\nS: 501 no\n",
        "Username:",
        "VXNlcm5hbWU6",
    ),
    Case("unasked-reply", f"{RECORDED}{EHLO}!S: 250 and more\n{QUIT}", "S: 250 and more\n", ""),
    Case(
        "text-after-starttls",
        f"{RECORDED}{EHLO}C: STARTTLS\nS: 220 ready\n!S: 250 injected\n*: close\n",
        "S: 250 injected\n",
        "",
    ),
    Case(
        "no-reply",
        f"{RECORDED}{EHLO}C: NOOP\n!# notice: no SMTP reply: it does not begin with a code\n"
        + r"S| what\r\n"
        + "\n*: close\n",
        "# notice: no SMTP reply: it does not begin with a code\n" + r"S| what\r\n",
        "S: 250 ok",
    ),
    Case(
        "cut-reply",
        f"{RECORDED}{EHLO}C: NOOP\n!# notice: the connection ended in the middle of a reply\nS| 250\n*: close server\n",
        "# notice: the connection ended in the middle of a reply\nS| 250",
        "S: 250 ok",
    ),
    Case(
        "credential-echoed",
        f"{RECORDED}{EHLO}C: NOOP\nS: 250 ok\n!# notice: the server sent the credential back; it is masked here\n",
        "the server sent the credential back",
        "nothing came back",
    ),
    Case(
        "closed-without-421",
        f"{RECORDED}{EHLO}!*: close server\n",
        "*: close server\n",
        "S: 421 bye\n*: close server\n",
    ),
    Case(
        "closed-without-221",
        f"{RECORDED}{EHLO}C: QUIT\n!*: close server\n",
        "*: close server\n",
        "S: 221 bye\n*: close server\n",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


def test_a_code_alone_in_a_script_says_nothing_about_the_text() -> None:
    assert "no-enhanced-code" not in {
        each.rule for each in lint(f"{_ENHANCED}{MAIL.replace('250 2.1.0 ok', '250')}{QUIT}")
    }
