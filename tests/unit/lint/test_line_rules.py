r"""Rules about lines as octets."""

import pytest

from smtp_shell.lint.moments import DataFault, DataFaultSent, LineSent, View, Wait
from smtp_shell.protocol.events import Disconnected, End, TimedOut
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
    Moments,
    assert_found,
    assert_tells_apart,
    lint,
    owed,
    said,
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


def _line(*facts: str, end: bytes = b"\r\n", length: int = 9, kind: str = "command") -> LineSent:
    return LineSent(kind, length, end, frozenset(facts))


def _mail(octets: int, parameter: str = "", verb: str = "MAIL") -> str:
    """Return a line of so many octets, its CRLF included."""
    start = f"{verb} FROM:<" if verb == "MAIL" else f"{verb} TO:<"
    return f"{start}{'x' * (octets - 3 - len(start) - len(parameter))}>{parameter}"


_LONGER = [_mail(1_013, " A=B", verb="RCPT"), f"AUTH PLAIN {'A' * 12_276}"]
_LONGEST = [_mail(1_012, " A=B", verb="RCPT"), f"AUTH PLAIN {'A' * 12_275}"]
_NO_ADDRESSES = [f"VRFY {'x' * 65}@b", f"MAIL FROM:<{'x' * 65}>"]
_TIMED_OUT = TimedOut(10.0, "the reply")
_BINARY = View(mail_parameters={"BODY": b"binarymime"})


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        ("bare-lf", View(), [_line(end=b"\n"), _line("dot"), _line("dot", end=b"\n")], [_line(), _line("CR"), _line(end=b"")]),
        ("bare-cr-in-command", View(), [_line("CR", "NUL")], [_line("NUL"), _line()]),
        ("nul", View(), [_line("CR", "NUL")], [_line("CR"), _line()]),
        ("nul-in-data", _BINARY, [], [DataFaultSent(DataFault.NUL)]),
        ("nul-in-data", View(mail_parameters={"BODY": b"7BIT"}), [DataFaultSent(DataFault.NUL)], []),
        ("long-line", _BINARY, [], [DataFaultSent(DataFault.LONG_LINE, 999)]),
        ("long-line", View(mail_parameters={"BODY": b"7BIT"}), [DataFaultSent(DataFault.LONG_LINE, 999)], []),
        (
            "long-command",
            View(),
            [f"NOOP {'x' * 506}", f"EHLO a={'x' * 510}", _mail(513), _mail(1_566, " A=B"), _mail(513, verb="RCPT"), *_LONGER],
            [f"NOOP {'x' * 505}", _mail(512), _mail(1_565, " A=B"), _mail(512, verb="RCPT"), *_LONGEST],
        ),
        (
            "long-response",
            View(),
            [_line(length=12_289, kind="response")],
            [_line(length=12_288, kind="response"), _line(length=12_289)],
        ),
        ("trailing-blank", View(), [_line("trailing blank")], [_line("leading blank")]),
        ("leading-blank", View(), [_line("leading blank")], [_line("trailing blank")]),
        ("empty-command", View(), [_line("empty"), _line("empty after LF")], [_line("NUL")]),
        (
            "eight-bit-command",
            View(),
            ["EHLO ü", "DATA ü", "ü", "XOTHER ü"],
            ["MAIL FROM:<ü>", "RCPT TO:<ü>", "VRFY ü", "EXPN ü", "HELP ü", "NOOP ü", "EHLO x", "AUTH PLAIN ü"],
        ),
        (
            "long-local-part",
            View(),
            [f"MAIL FROM:<{'x' * 65}@a@b>", f"RCPT TO:<@a,@b:{'x' * 65}@b>"],
            [f"MAIL FROM:<{'x' * 64}@b>", f"RCPT TO:<@{'a' * 65}:x@b>", f"MAIL FROM:<${{x}}{'x' * 65}@b>", *_NO_ADDRESSES],
        ),
        (
            "long-domain",
            View(),
            [f"MAIL FROM:<a@{'x' * 256}>", f"RCPT TO:<a@b@{'x' * 256}>"],
            [f"MAIL FROM:<a@{'x' * 255}>", f"RCPT TO:<{'x' * 256}@b>", f"MAIL FROM:<{'x' * 256}>", f"MAIL FROM:<a@${{x}}{'x' * 256}>"],
        ),
        ("no-final-dot", View(), [Wait(_TIMED_OUT, "dot")], [Wait(_TIMED_OUT, "line"), Wait(_TIMED_OUT, "chunk"), Wait(_TIMED_OUT)]),
        ("unended-line", View(), [Wait(_TIMED_OUT, "line")], [Wait(_TIMED_OUT, "dot"), Wait(_TIMED_OUT, "chunk"), Wait(_TIMED_OUT)]),
        ("unended-chunk", View(), [Wait(_TIMED_OUT, "chunk")], [Wait(_TIMED_OUT, "line"), Wait(_TIMED_OUT, "dot"), Wait(_TIMED_OUT)]),
        ("unexplained-silence", View(owed=owed("NOOP")), [Wait(_TIMED_OUT)], [Wait(_TIMED_OUT, "dot"), Wait(Disconnected(End.CLIENT))]),
        ("unexplained-silence", View(), [], [Wait(_TIMED_OUT)]),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)


@pytest.mark.parametrize(
    ("rule", "moment", "message"),
    [
        ("long-command", f"NOOP {'x' * 1000}", "the command line has 1,007 octets with its CRLF, and may have 512"),
        ("long-command", _mail(1_566, " A=B"), "the command line has 1,566 octets with its CRLF, and may have 1,565"),
        (
            "long-response",
            _line(length=13_000, kind="response"),
            "the response has 13,000 octets with its CRLF, and may have 12,288",
        ),
        ("long-local-part", f"MAIL FROM:<{'x' * 65}@b>", "the part before the @ has 65 octets, and may have 64"),
        ("long-domain", f"MAIL FROM:<a@{'x' * 256}>", "the domain has 256 octets, and may have 255"),
        ("long-domain", f'MAIL FROM:<"a@b"@{"x" * 256}>', "the domain has 256 octets, and may have 255"),
    ],
)
def test_what_is_too_long_is_told_with_its_figures(rule: str, moment: LineSent | str, message: str) -> None:
    assert said(rule, View(), moment) == [message]
