"""Rules about what the server says."""

import pytest

from smtp_shell.lint.moments import Answer, View
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Disconnected, End, Noticed, NoticeKind
from smtp_shell.protocol.phases import Asked, Owed
from smtp_shell.protocol.replies import Reply, ReplyParser
from tests.unit.lint.cases import (
    EHLO,
    GREETING,
    KEYWORDS,
    MAIL,
    QUIT,
    RECORDED,
    TLS,
    Case,
    Moments,
    announcing,
    assert_found,
    assert_tells_apart,
    lint,
    owed,
    said,
)

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


_GREETING, _DOT, _CHUNK = Owed(Asked.GREETING), Owed(Asked.END_OF_DATA), Owed(Asked.CHUNK, Command(b"BDAT 1"), "BDAT")
_RESPONSE = Owed(Asked.SASL, Command(b"AUTH LOGIN"), "AUTH")


def _to(asked: str | Owed | None, *lines: str | bytes, is_whole: bool = True) -> Answer:
    """Return the answer to a command, or to what else is owed: its lines, of which text ends in CRLF."""
    octets = b"".join(line if isinstance(line, bytes) else f"{line}\r\n".encode() for line in lines)
    (reply,) = ReplyParser().receive(octets)
    assert isinstance(reply, Reply)
    return Answer(reply, owed(asked)[0] if isinstance(asked, str) else asked, is_whole)


def _ehlo(*keywords: str, to: str = "EHLO x") -> Answer:
    return _to(to, *(f"250-{line}" for line in ("mx.example.org", *keywords)), "250 HELP")


_ENHANCED_VIEW = View(announced=announcing("ENHANCEDSTATUSCODES"))
_SERVER = Disconnected(End.SERVER)


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        ("unequal-codes", View(), [_to("NOOP", "250-a", "251 b")], [_to("NOOP", "250-a", "250 b")]),
        ("odd-code", View(), [_to("NOOP", "199 a"), _to(None, "600 a")], [_to("NOOP", "200 a"), _to("NOOP", "599 a")]),
        (
            "unforeseen-code",
            View(),
            [
                _to("NOOP", "251 a"),
                _to("DATA", "250 a"),
                _to("AUTH PLAIN", "250 a"),
                _to(_RESPONSE, "250 a"),
                _to(_GREETING, "250 a"),
                _to(_DOT, "354 a"),
                _to(_CHUNK, "354 a"),
                _to("NOOP", "399 a"),
            ],
            [
                _to("NOOP", "250 a"),
                _to("DATA", "354 a"),
                _to("AUTH PLAIN", "235 a"),
                _to(_RESPONSE, "334 a"),
                _to(_GREETING, "220 a"),
                _to(_DOT, "250 a"),
                _to(_CHUNK, "250 a"),
                _to("NOOP", "400 a"),
                _to("NOOP", "599 a"),
                _to("XOTHER", "354 a"),
                _to("", "299 a"),
                _to(None, "354 a"),
            ],
        ),
        (
            "server-bare-lf",
            View(),
            [_to("NOOP", b"250 a\n"), _to("NOOP", b"250-a\n", "250 b")],
            [_to("NOOP", "250 a"), _to("NOOP", b"250 a\n", is_whole=False)],
        ),
        (
            "server-control-octets",
            View(),
            [_to("NOOP", b"250 a\rb\r\n"), _to("NOOP", b"250 a\0b\r\n"), _to("NOOP", b"250 a\x1bb\r\n")],
            [_to("NOOP", "250 a\tb"), _to("NOOP", "250 ä"), _to("NOOP", b"250 a\n")],
        ),
        ("server-eight-bit", View(), [_to("NOOP", "250 ä"), _to("NOOP", b"250 \xff\r\n")], [_to("NOOP", "250 a\x07")]),
        ("server-eight-bit", View(), [], [_to("NOOP", "250 ä •••")]),
        ("server-eight-bit", View(mail_parameters={"SMTPUTF8": b""}), [], [_to("NOOP", "250 ä")]),
        (
            "long-reply-line",
            View(),
            [
                _to("NOOP", f"250 {'x' * 507}"),
                _to("NOOP", "250-a", f"250-{'x' * 507}", "250 b"),
                _to("AUTH X", f"334 {'A' * 12_283}"),
                _to("AUTH X", f"235 {'A' * 507}"),
            ],
            [
                _to("NOOP", f"250 {'x' * 506}"),
                _to("NOOP", f"250 {'x' * 507}", is_whole=False),
                _to("NOOP", *["250-aaaaaaaaaaaaaaaaaaaaaaaaaa"] * 40, "250 b"),
                _to("AUTH X", f"334 {'A' * 12_282}"),
            ],
        ),
        (
            "no-enhanced-code",
            _ENHANCED_VIEW,
            [_to("NOOP", "250 ok"), _to("RCPT TO:<a>", "550 no"), _to(_DOT, "250 ok"), _to("AUTH PLAIN", "235 ok"), _to("DATA", "451 no")],
            [
                _to("NOOP", "250 2.0.0 ok"),
                _to("NOOP", "250 ok", is_whole=False),
                _to(None, "421 bye"),
                *(_to("DATA", f"{code} go on") for code in (300, 354, 399)),
                _to(_RESPONSE, "334 YQ=="),
                _to(_GREETING, "220 mx"),
                *(_to(verb, "250 x") for verb in ("EHLO x", "HELO x", "LHLO x", "STARTTLS", "HELP", "XCLIENT NAME=x")),
            ],
        ),
        ("no-enhanced-code", View(announced=announcing("SIZE")), [], [_to("NOOP", "250 ok")]),
        ("no-enhanced-code", View(), [], [_to("NOOP", "250 ok")]),
        (
            "enhanced-class",
            View(),
            [_to("NOOP", "250 5.0.0 ok"), _to("NOOP", "550 4.0.0 no"), _to(None, "450 5.0.0 no")],
            [_to("NOOP", "250 2.0.0"), _to("NOOP", "499 4.0.0"), _to("NOOP", "250 ok"), _to("NOOP", "250 5.0.0 ok", is_whole=False)],
        ),
        (
            "helo-with-extensions",
            View(),
            [_ehlo(each, to="HELO x") for each in ("SIZE 10", "PIPELINING", "STARTTLS", "8BITMIME", "AUTH LOGIN")],
            [_ehlo("ODD", to="HELO x"), _ehlo("SIZE"), _to("HELO x", "550-no", "550 SIZE"), _to(None, "250-x", "250 SIZE")],
        ),
        (
            "keyword-syntax",
            View(),
            [_ehlo("*odd*"), _ehlo("-X"), _ehlo(""), _ehlo("SIZE", " X"), _ehlo("X_Y"), _ehlo("*odd*", to="LHLO x")],
            [
                _ehlo("SIZE", "8bitmime x", "AUTH=LOGIN", "X-Y-\tz", "9"),
                _ehlo("*odd*", to="HELO x"),
                _to("EHLO x", "250-*host*", "250 SIZE"),
                _to("EHLO x", "550-no", "550 *odd*"),
                _to(None, "250-x", "250 *odd*"),
            ],
        ),
        ("starttls-announced-inside", View(tls=True), [_ehlo("STARTTLS"), _ehlo("starttls", to="LHLO x")], [_ehlo("SIZE")]),
        ("starttls-announced-inside", View(tls=True), [], [_ehlo("STARTTLS", to="HELO x"), _to("EHLO x", "550-x", "550 STARTTLS")]),
        ("starttls-announced-inside", View(tls=True), [], [_to(None, "250-x", "250 STARTTLS")]),
        ("starttls-announced-inside", View(), [], [_ehlo("STARTTLS")]),
        (
            "password-announced-in-clear",
            View(),
            [_ehlo("AUTH PLAIN"), _ehlo("AUTH CRAM-MD5 login"), _ehlo("AUTH=LOGIN")],
            [_ehlo("AUTH CRAM-MD5"), _ehlo("AUTH"), _ehlo("PLAIN"), _ehlo("AUTH PLAIN", to="HELO x")],
        ),
        ("password-announced-in-clear", View(tls=True), [], [_ehlo("AUTH PLAIN")]),
        (
            "challenge-not-base64",
            View(),
            [_to("AUTH LOGIN", "334 Username:"), _to("AUTH LOGIN", "334-Username:", "334 YQ=="), _to(_RESPONSE, "334 Pass word")],
            [
                _to("AUTH LOGIN", "334 VXNlcm5hbWU6"),
                _to("AUTH LOGIN", "334  VXNlcm5hbWU6 "),
                _to("AUTH LOGIN", "334 "),
                _to("AUTH LOGIN", "334 Username:", is_whole=False),
                _to("AUTH LOGIN", "334 •••"),
                _to("AUTH LOGIN", "235 Welcome!"),
                _to("NOOP", "334 Username:"),
                _to(None, "334 Username:"),
            ],
        ),
        ("unasked-reply", View(), [_to(None, "250 ok")], [_to(None, "421 bye"), _to("NOOP", "250 ok")]),
        ("closed-without-421", View(last_code=250, sent=frozenset({"NOOP"})), [_SERVER], [Disconnected(End.CLIENT)]),
        ("closed-without-421", View(last_code=554, sent=frozenset({"NOOP"})), [_SERVER], []),
        ("closed-without-421", View(last_code=220), [_SERVER], []),
        *(("closed-without-421", View(last_code=code), [], [_SERVER]) for code in (500, 554, 599)),  # the greeting said so
        ("closed-without-421", View(last_code=421, sent=frozenset({"NOOP"})), [], [_SERVER]),
        ("closed-without-421", View(last_code=250, sent=frozenset({"QUIT"})), [], [_SERVER]),
        ("closed-without-421", View(last_code=250, is_recorded=False), [], [_SERVER]),
        ("closed-without-221", View(owed=owed("QUIT")), [_SERVER], [Disconnected(End.CLIENT)]),
        ("closed-without-221", View(owed=owed("NOOP")), [], [_SERVER]),
        ("closed-without-221", View(owed=owed("QUIT"), is_recorded=False), [], [_SERVER]),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("text-after-starttls", NoticeKind.PLAINTEXT_AFTER_STARTTLS),
        ("no-reply", NoticeKind.NOT_A_REPLY),
        ("cut-reply", NoticeKind.CUT_REPLY),
        ("credential-echoed", NoticeKind.ECHO),
    ],
)
def test_a_rule_reads_one_kind_of_notice(rule: str, kind: NoticeKind) -> None:
    assert [each for each in NoticeKind if said(rule, View(), Noticed(each))] == [kind]


@pytest.mark.parametrize(
    ("rule", "answer", "message"),
    [
        ("unforeseen-code", _to("NOOP", "354 a"), "the server answers 354, which is no reply to NOOP"),
        ("unforeseen-code", _to(_GREETING, "250 a"), "the server answers 250, which is no reply to the greeting"),
        ("unforeseen-code", _to(_DOT, "220 a"), "the server answers 220, which is no reply to the final dot"),
        ("unforeseen-code", _to(_RESPONSE, "250 a"), "the server answers 250, which is no reply to AUTH"),
        ("long-reply-line", _to("NOOP", f"250 {'x' * 996}"), "a line of the server has 1,002 octets, and may have 512"),
        (
            "long-reply-line",
            _to("AUTH X", f"334 {'A' * 12_283}"),
            "a line of the server has 12,289 octets, and may have 12,288",
        ),
        (
            "enhanced-class",
            _to("NOOP", "250 5.0.0 ok"),
            "the enhanced status code is of class 5, and the reply code is 250",
        ),
    ],
)
def test_what_is_wrong_with_a_reply_is_told_with_its_figures(rule: str, answer: Answer, message: str) -> None:
    assert said(rule, View(), answer) == [message]
