r"""Rules about lines as octets."""

import pytest

from tests.unit.lint.cases import (
    DOT,
    EHLO,
    ENVELOPE,
    GREETING,
    HEADER,
    KEYWORDS,
    MAIL,
    QUIT,
    RCPT,
    RECORDED,
    TEXT,
    TLS_EHLO,
    Case,
    assert_found,
    lint,
)

_LONG = "x" * 999

CASES = [
    Case("bare-lf", rf"{GREETING}!C| EHLO a.example.org\n" + f"\n{KEYWORDS}", r"\n", r"\r\n"),
    Case("bare-lf", rf"{EHLO}{ENVELOPE}{HEADER}C:" + "\n" + r"!C| .\n" + "\nS: 250 ok\n", r"C| .\n", "C: ."),
    Case("bare-lf-in-data", f"{EHLO}{ENVELOPE}{HEADER}C:\n" + r"!C| a line\n" + f"\n{DOT}", r"\n", r"\r\n"),
    Case("bare-cr", f"{EHLO}{ENVELOPE}{HEADER}C:\n" + r"!C| a\rline\r\n" + f"\n{DOT}", r"a\rline", "a line"),
    Case("bare-cr-in-command", f"{EHLO}!C: NOOP" + r"\x0d x" + "\nS: 250 ok\n", r"\x0d", ""),
    Case("nul", f"{EHLO}!C: NOOP" + r"\x00" + "\nS: 250 ok\n", r"\x00", ""),
    Case("nul-in-data", f"{EHLO}{ENVELOPE}{HEADER}C:\n!C: a" + r"\x00" + f"\n{DOT}", r"\x00", ""),
    Case("long-command", f"{EHLO}!C: NOOP {'x' * 506}\nS: 250 ok\n", "x" * 506, "x" * 505),
    Case("long-command", f"{EHLO}!C: MAIL FROM:<a@example.org> AUTH={'x' * 1560}\nS: 250 ok\n", "x" * 1560, "x" * 400),
    Case(
        "long-response",
        f"{TLS_EHLO}C: AUTH PLAIN\nS: 334 \n!C: {'A' * 12_288}\nS: 235 ok\n",
        "A" * 12_288,
        "A" * 12_284,
    ),
    Case("long-line", f"{EHLO}{ENVELOPE}{HEADER}C:\n!C: {_LONG}\n{DOT}", _LONG, _LONG[1:]),
    Case("long-header-line", f"{EHLO}{ENVELOPE}{HEADER}!C: X: {'x' * 76}\n{TEXT}", "x" * 76, "x" * 75),
    Case("trailing-blank", f"{EHLO}!C: NOOP \nS: 250 ok\n", "NOOP ", "NOOP"),
    Case("leading-blank", f"{EHLO}!C:  NOOP\nS: 250 ok\n", " NOOP", "NOOP"),
    Case("empty-command", f"{EHLO}!C:\nS: 500 what\n", "C:\nS: 500 what\n", ""),
    Case(
        "empty-command",
        EHLO + r"C| NOOP\n" + "\nS: 250 ok\n" + r"!C| \r\n" + "\nS: 500 what\n",
        r"C| \r\n" + "\n",
        "C: NOOP\n",
    ),
    Case("eight-bit-command", f"{GREETING}!C: EHLO büro.example.org\n{KEYWORDS}", "büro", "xn--bro-hoa"),
    Case("long-local-part", f"{EHLO}!C: MAIL FROM:<{'x' * 65}@example.org>\nS: 250 ok\n", "x" * 65, "x" * 64),
    Case("long-domain", f"{EHLO}!C: MAIL FROM:<a@{'x.' * 127}example>\nS: 250 ok\n", "x.", "y"),
    Case(
        "no-final-dot",
        f"{EHLO}{ENVELOPE}{HEADER}C:\nC: text\n!*: timeout 10 the reply\n",
        "*: timeout 10 the reply\n",
        DOT,
    ),
    Case("no-final-dot", f"{EHLO}{ENVELOPE}{HEADER}C:\nC: text\n!*: close\n", "*: close\n", DOT),
    Case("unended-line", f"{RECORDED}{EHLO}C| NOOP\n!*: timeout 10 the reply\n", "C| NOOP", r"C| NOOP\r\n"),
    Case("unended-chunk", f"{EHLO}{MAIL}{RCPT}C: BDAT 10 LAST\n" + r"C| four" + "\n!*: close\n", "BDAT 10", "BDAT 4"),
    Case(
        "unexplained-silence",
        f"{RECORDED}{EHLO}C: NOOP\n!*: timeout 10 the reply to NOOP\n",
        "*: timeout 10 the reply to NOOP",
        "S: 250 ok",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


def test_an_empty_line_after_a_line_that_ended_in_lf_is_named_so() -> None:
    found = lint(EHLO + r"C| NOOP\n" + "\nS: 250 ok\n" + r"C| \r\n" + "\nS: 500 what\n")
    assert any("sent twice, as \\n and \\r\\n" in each.message for each in found if each.rule == "empty-command")


def test_a_fault_of_the_mail_data_is_named_once_a_message() -> None:
    text = f"{EHLO}{ENVELOPE}{HEADER}C:\nC: {_LONG}\nC: {_LONG}\n{DOT}{ENVELOPE}{HEADER}C:\nC: {_LONG}\n{DOT}{QUIT}"
    assert len([each for each in lint(text) if each.rule == "long-line"]) == 2


def test_a_message_of_many_lines_in_one_piece_is_read_like_its_lines() -> None:
    from smtp_shell.lint.files import lint_message

    lines = b"From: a@example.org\r\nDate: Fri, 27 Nov 2026 10:21:05 +0100\r\n\r\n" + b"short\r\n" * 5000
    assert {each.rule for each in lint_message(lines + b"x" * 2000 + b"\r\n" + b"short\r\n" * 30_000)} >= {"long-line"}
    assert "long-line" not in {each.rule for each in lint_message(lines * 2)}
