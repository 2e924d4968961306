"""Rules about which command may follow which."""

import pytest

from smtp_shell.lint.moments import CommandLine, DataBegun, SentEarly, View
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Disconnected, End
from smtp_shell.protocol.phases import Asked, Owed, Phase
from tests.unit.lint.cases import (
    EHLO,
    ENVELOPE,
    FEW_KEYWORDS,
    GREETING,
    HEADER,
    HELO,
    KEYWORDS,
    MAIL,
    PLAIN_EHLO,
    QUIT,
    RCPT,
    RECORDED,
    TEXT,
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

CASES = [
    Case(
        "before-greeting",
        rf"{RECORDED}!C| EHLO a.example.org\r\n" + f"\n{GREETING}{KEYWORDS}",
        r"C| EHLO a.example.org\r\n" + f"\n{GREETING}",
        EHLO.split("S: 250")[0],
    ),
    Case(
        "before-greeting",
        f"{RECORDED}!C: EHLO a.example.org\n{GREETING}{KEYWORDS}",
        f"C: EHLO a.example.org\n{GREETING}",
        EHLO.split("S: 250")[0],
    ),
    Case(
        "pipelining-not-announced",
        f"{PLAIN_EHLO}C& MAIL FROM:<a@example.org>\n!C: RCPT TO:<b@example.org>\nS: 250 ok\nS: 250 ok\n",
        FEW_KEYWORDS,
        KEYWORDS,
    ),
    Case(
        "pipelining-not-announced",
        f"{HELO}C& NOOP x\n!C: MAIL FROM:<a@example.org>\nS: 250 ok\nS: 250 ok\n",
        "C& NOOP x\nC: MAIL FROM:<a@example.org>\nS: 250 ok\n",
        "C: NOOP x\n",
    ),
    Case(
        "pipelining-after-last",
        f"{EHLO}C& NOOP\n!C: MAIL FROM:<a@example.org>\nS: 250 ok\nS: 250 ok\n",
        "C& NOOP",
        "C& RSET",
    ),
    Case(
        "before-end-of-data-reply",
        f"{RECORDED}{PLAIN_EHLO}{ENVELOPE}{HEADER}C:\n"
        + r"C| .\r\n"
        + "\n"
        + r"!C| RSET\r\n"
        + "\nS: 250 ok\nS: 250 ok\n",
        FEW_KEYWORDS,
        KEYWORDS,
    ),
    Case("no-hello", f"{GREETING}!{MAIL}{QUIT}", GREETING, EHLO),
    Case("helo", f"{GREETING}!C: HELO a.example.org\nS: 250 mx\n", "HELO", "EHLO"),
    Case(
        "helo", f"{GREETING}!C: HELO a.example.org\nS: 250 mx\n", "C: HELO", "C: EHLO a.example.org\nS: 502 no\nC: HELO"
    ),
    Case("nested-mail", f"{EHLO}{MAIL}!{MAIL}{QUIT}", MAIL * 2, f"{MAIL}C: RSET\nS: 250 ok\n{MAIL}"),
    Case("rcpt-before-mail", f"{EHLO}!{RCPT}{QUIT}", RCPT, MAIL + RCPT),
    Case("rcpt-before-mail", f"{EHLO}C: MAIL FROM:<a@example.org>\nS: 550 no\n!{RCPT}{QUIT}", "550 no", "250 ok"),
    Case("data-before-rcpt", f"{EHLO}{MAIL}!C: DATA\nS: 503 no\n{QUIT}", MAIL, MAIL + RCPT),
    Case("data-before-rcpt", f"{EHLO}!C: DATA\nS: 503 no\n{QUIT}", "C: DATA", "C: NOOP"),
    Case(
        "no-recipient-accepted",
        f"{EHLO}{MAIL}C: RCPT TO:<b@example.org>\nS: 550 no\n!C: DATA\nS: 554 no\n{QUIT}",
        "S: 550",
        "S: 250",
    ),
    Case("data-without-354", f"{EHLO}{MAIL}{RCPT}!C< letter.eml\nS: 250 ok\n{QUIT}", "C< letter.eml", "C: NOOP"),
    Case(
        "data-before-354",
        f"{RECORDED}{EHLO}{MAIL}{RCPT}"
        + r"C| DATA\r\n"
        + "\n"
        + r"!C| From: a@example.org\r\n"
        + "\nS: 354 go on\n"
        + r"C| .\r\n"
        + "\nS: 250 ok\n",
        r"C| From: a@example.org\r\n" + "\n",
        "",
    ),
    Case(
        "data-after-refusal",
        f"{EHLO}{MAIL}{RCPT}C: DATA\nS: 554 no\n!C: Subject: x\nS: 500 what\nC: text\nS: 500 what\n{QUIT}",
        "C: Subject: x\nS: 500 what\nC: text\nS: 500 what\n",
        "",
    ),
    Case(
        "lone-dot",
        f"{EHLO}{ENVELOPE}{HEADER}C:\nC: .\nS: 250 ok\n!C: and so on, dear Bob\nS: 500 what\n",
        "C: and so on, dear Bob\nS: 500 what\n",
        "",
    ),
    Case("unknown-command", f"{EHLO}!C: HELLO\nS: 500 what\n", "HELLO", "EHLO a.example.org"),
    Case("unknown-command", f"{EHLO}!C: MAIL:<ann@example.org>\nS: 500 what\n", "MAIL:", "MAIL FROM:"),
    Case("obsolete-command", f"{EHLO}!C: SOML FROM:<ann@example.org>\nS: 502 no\n", "SOML", "MAIL"),
    Case("vrfy-expn", f"{EHLO}!C: VRFY bob\nS: 252 ok\n", "VRFY", "NOOP"),
    Case(
        "retry-after-5yz",
        f"{EHLO}C: MAIL FROM:<a@example.org>\nS: 550 no\n!C: MAIL FROM:<a@example.org>\nS: 550 no\n",
        "S: 550",
        "S: 450",
    ),
    Case("unneeded-argument", f"{EHLO}!C: RSET now\nS: 501 no\n", "RSET now", "RSET"),
    Case("after-quit", f"{EHLO}C: QUIT\nS: 221 bye\n!C: NOOP\n*: close server\n", "C: NOOP\n", ""),
    Case("no-quit", f"{EHLO}!*: close\n", "*: close\n", QUIT),
    Case("no-quit", f"{EHLO}C: NOOP\n!S: 250 ok\n", "NOOP", "QUIT"),
    Case(
        "dropped-before-outcome",
        f"{RECORDED}{EHLO}{ENVELOPE}{HEADER}C:\nC: .\n!*: close\n",
        "*: close",
        "S: 250 ok\n*: close",
    ),
    Case("dropped-before-221", f"{RECORDED}{EHLO}C: QUIT\n!*: close\n", "*: close", "S: 221 bye\n*: close"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


def test_a_whole_dialogue_has_no_fault() -> None:
    assert [each.rule for each in lint(RECORDED + EHLO + ENVELOPE + HEADER + TEXT + QUIT)] == [
        "password-announced-in-clear",
        "tls-not-used",
    ]


def test_a_script_without_replies_is_taken_to_go_well() -> None:
    text = (
        "C: EHLO a.example.org\nC: MAIL FROM:<ann@example.org>\nC: RCPT TO:<bob@example.org>\nC: DATA\n"
        + HEADER
        + "C:\nC: x\nC: .\nC: QUIT\n"
    )
    assert lint(text) == []


def test_a_group_of_commands_is_no_fault_where_pipelining_is_announced() -> None:
    group = "C& MAIL FROM:<ann@example.org>\nC& RCPT TO:<bob@example.org>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
    found = lint(
        RECORDED
        + EHLO
        + group
        + HEADER
        + TEXT
        + "C& RSET\n"
        + group.replace("S: 250 ok\n", "S: 250 ok\nS: 250 ok\n", 1)
        + HEADER
        + TEXT
        + QUIT
    )
    assert {each.rule for each in found} == {"password-announced-in-clear", "tls-not-used"}


def test_what_was_typed_is_not_repeated_for_it_may_be_a_password() -> None:
    found = lint(f"{EHLO}C: correct-horse\nS: 500 what\n{QUIT}")
    assert "unknown-command" in {each.rule for each in found}
    assert not any("horse" in each.message for each in found)


_GREETING, _DOT, _CHUNK = Owed(Asked.GREETING), Owed(Asked.END_OF_DATA), Owed(Asked.CHUNK, Command(b"BDAT 1"), "BDAT")
_RESPONSE = Owed(Asked.SASL, Command(b"AUTH LOGIN"), "AUTH")


def _early(asked: str | Owed) -> SentEarly:
    """Return the moment at which something is sent before the reply to this."""
    return SentEarly("NOOP", owed(asked)[0] if isinstance(asked, str) else asked)


_LAST_OF_GROUP = ("EHLO x", "HELO x", "LHLO x", "DATA", "VRFY x", "EXPN x", "TURN", "QUIT", "NOOP", "AUTH PLAIN")
_MAIL_OPEN = View(phase=Phase.MAIL, sender=b"MAIL FROM:<a@example.org>", hello="EHLO")
_CLIENT = Disconnected(End.CLIENT)
_MESSAGE_OWED = (_DOT, *owed("NOOP"))
_REFUSED = frozenset({"MAIL"})


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        ("before-greeting", View(), [_early(_GREETING)], [_early("NOOP"), _early(_DOT)]),
        (
            "pipelining-not-announced",
            View(announced=announcing("SIZE")),
            [_early("NOOP"), _early("MAIL FROM:<>"), _early("XOTHER")],
            [_early(each) for each in ("STARTTLS", "DATA", "EHLO x", "HELO x", "LHLO x", _DOT, _CHUNK, _RESPONSE, _GREETING)],
        ),
        ("pipelining-not-announced", View(announced=announcing("PIPELINING")), [], [_early("NOOP")]),
        ("pipelining-not-announced", View(), [], [_early("NOOP")]),
        ("pipelining-not-announced", View(hello="HELO"), [_early("NOOP")], []),
        (
            "pipelining-after-last",
            View(announced=announcing("PIPELINING")),
            [*map(_early, _LAST_OF_GROUP), _early(_RESPONSE)],
            [_early(each) for each in ("MAIL FROM:<>", "RCPT TO:<a>", "RSET", "XOTHER", "STARTTLS", _DOT, _CHUNK, _GREETING)]
            + [_early(Owed(Asked.END_OF_DATA, Command(b"DATA"), "DATA"))],
        ),
        ("before-end-of-data-reply", View(announced=announcing("SIZE")), [_early(_DOT)], [_early("DATA"), _early(_CHUNK)]),
        ("before-end-of-data-reply", View(hello="HELO"), [_early(_DOT)], [_early("DATA")]),
        ("before-end-of-data-reply", View(hello="EHLO", announced=announcing("PIPELINING")), [], [_early(_DOT)]),
        ("no-hello", View(), ["MAIL FROM:<>"], ["NOOP", "RCPT TO:<a>"]),
        ("no-hello", View(owed=owed("NOOP")), ["MAIL FROM:<>"], []),
        *(("no-hello", View(hello=verb), [], ["MAIL FROM:<>"]) for verb in ("EHLO", "HELO", "LHLO")),
        *(("no-hello", View(owed=owed(f"{verb} x")), [], ["MAIL FROM:<>"]) for verb in ("EHLO", "HELO", "LHLO")),
        ("helo", View(), ["HELO x"], ["EHLO x", "LHLO x", "NOOP"]),
        ("helo", View(sent=frozenset({"NOOP"})), ["HELO x"], []),
        ("helo", View(sent=frozenset({"EHLO"})), [], ["HELO x"]),
        ("helo", View(sent=frozenset({"HELO"})), [], ["HELO x"]),
        ("nested-mail", _MAIL_OPEN, ["MAIL FROM:<>"], ["RCPT TO:<a>", "NOOP"]),
        ("nested-mail", View(phase=Phase.RCPT, sender=b"MAIL FROM:<>"), ["MAIL FROM:<>"], []),
        ("nested-mail", View(phase=Phase.READY, sender=b"MAIL FROM:<>", owed=owed("MAIL FROM:<>")), ["MAIL FROM:<>"], []),
        ("nested-mail", View(phase=Phase.READY, sender=b"MAIL FROM:<>"), [], ["MAIL FROM:<>"]),
        ("nested-mail", View(phase=Phase.MAIL), [], ["MAIL FROM:<>"]),
        ("nested-mail", View(phase=Phase.MAIL, sender=b"MAIL FROM:<>", owed=owed("RSET")), [], ["MAIL FROM:<>"]),
        ("nested-mail", View(phase=Phase.RCPT, sender=b"MAIL FROM:<>", owed=(_CHUNK,)), [], ["MAIL FROM:<>"]),
        ("nested-mail", View(phase=Phase.RCPT, sender=b"MAIL FROM:<>", owed=_MESSAGE_OWED), [], ["MAIL FROM:<>"]),
        ("nested-mail", View(phase=Phase.RCPT, sender=b"MAIL FROM:<>", owed=owed("NOOP")), ["MAIL FROM:<>"], []),
        ("rcpt-before-mail", View(), ["RCPT TO:<a>"], ["MAIL FROM:<>", "NOOP"]),
        ("rcpt-before-mail", View(refused=_REFUSED), ["RCPT TO:<a>"], ["NOOP"]),
        ("rcpt-before-mail", _MAIL_OPEN, [], ["RCPT TO:<a>"]),
        ("data-before-rcpt", View(), ["DATA", "BDAT 1"], ["NOOP", "RCPT TO:<a>"]),
        ("data-before-rcpt", _MAIL_OPEN, ["DATA", "BDAT 1"], []),
        ("data-before-rcpt", View(chunks=1), ["DATA"], ["BDAT 1"]),
        ("data-before-rcpt", View(owed=owed("NOOP")), ["DATA"], []),
        *(("data-before-rcpt", view, [], ["DATA"]) for view in (View(recipients=1), View(refusals=1), View(owed=owed("RCPT TO:<a>")))),
        ("no-recipient-accepted", View(refusals=1), ["DATA", "BDAT 1"], ["RSET", "QUIT", "RCPT TO:<a>"]),
        ("no-recipient-accepted", View(refusals=1, recipients=1), [], ["DATA"]),
        ("no-recipient-accepted", View(refusals=1, owed=owed("RCPT TO:<a>")), [], ["DATA"]),
        ("no-recipient-accepted", View(refusals=1, owed=owed("NOOP")), ["DATA"], []),
        ("no-recipient-accepted", View(), [], ["DATA"]),
        ("data-without-354", View(), [DataBegun(False), DataBegun(False, True)], [DataBegun(True), DataBegun(True, True)]),
        ("data-before-354", View(), [DataBegun(True, True)], [DataBegun(True), DataBegun(False, True), DataBegun(False)]),
        ("data-after-refusal", View(data_refused=True), [sent("Dear Bob", is_text=True)], [sent("NOOP")]),
        ("data-after-refusal", View(data_refused=True, in_text=True), [], [sent("Dear Bob", is_text=True)]),
        ("data-after-refusal", View(after_message=True), [], [sent("Dear Bob", is_text=True)]),
        ("lone-dot", View(after_message=True), [sent("Dear Bob", is_text=True)], [sent("NOOP")]),
        ("lone-dot", View(after_message=True, in_text=True), [], [sent("Dear Bob", is_text=True)]),
        ("lone-dot", View(data_refused=True), [], [sent("Dear Bob", is_text=True)]),
        (
            "unknown-command",
            View(),
            ["HELLO x", "FOO", sent("Dear Bob", is_text=True), "MAIL:<ann@example.org>", "."],
            ["NOOP", "noop", "XFOO", "xfoo", "BURL x", "", "  ", " FOO", "\tFOO", "${word}", "F${o}", "AUTH PLAIN AGE="],
        ),
        ("unknown-command", View(), [], [sent("AAAA", answers_nothing=True), CommandLine(Command(b"FOO AGE=", 4), "FOO", b"")]),
        ("unknown-command", View(data_refused=True), ["FOO"], [sent("Dear Bob", is_text=True)]),
        ("unknown-command", View(after_message=True), ["FOO"], [sent("Dear Bob", is_text=True)]),
        ("unknown-command", View(phase=Phase.TLS), [], ["FOO"]),
        ("obsolete-command", View(), ["TURN", "SEND FROM:<a>", "SOML FROM:<a>", "SAML FROM:<a>"], ["MAIL FROM:<>", "ATRN", "ETRN x"]),
        ("vrfy-expn", View(), ["VRFY a", "expn a"], ["NOOP", "RCPT TO:<a>"]),
        ("retry-after-5yz", View(failure=b"MAIL FROM:<a>"), ["MAIL FROM:<a>"], ["MAIL FROM:<b>", "NOOP"]),
        ("retry-after-5yz", View(failure=b"AUTH PLAIN"), [], ["AUTH PLAIN"]),
        ("retry-after-5yz", View(failure=b"QUIT"), [], ["QUIT"]),
        ("retry-after-5yz", View(), [], ["NOOP", ""]),
        ("unneeded-argument", View(), ["DATA x", "RSET x", "QUIT x", "quit x"], ["DATA", "RSET ", "QUIT", "NOOP x", "HELP x"]),
        ("after-quit", View(owed=owed("QUIT")), ["NOOP"], []),
        ("after-quit", View(accepted=frozenset({"QUIT"})), ["NOOP"], []),
        ("after-quit", View(owed=owed("NOOP"), accepted=frozenset({"NOOP"}), sent=frozenset({"QUIT"})), [], ["NOOP"]),
        *(("no-quit", View(phase=phase), [_CLIENT], [Disconnected(End.SERVER)]) for phase in (Phase.FRESH, Phase.READY, Phase.AUTH)),
        *(("no-quit", View(phase=phase), [], [_CLIENT]) for phase in (Phase.GREETING, Phase.CLOSED, Phase.TLS)),
        ("no-quit", View(phase=Phase.READY, sent=frozenset({"QUIT"})), [], [_CLIENT]),
        ("dropped-before-outcome", View(owed=_MESSAGE_OWED), [_CLIENT], [Disconnected(End.SERVER), Disconnected(End.ERROR)]),
        ("dropped-before-outcome", View(owed=_MESSAGE_OWED, is_recorded=False), [], [_CLIENT]),
        ("dropped-before-outcome", View(owed=owed("NOOP")), [], [_CLIENT]),
        ("dropped-before-221", View(owed=owed("QUIT")), [_CLIENT], [Disconnected(End.SERVER)]),
        ("dropped-before-221", View(owed=owed("QUIT"), is_recorded=False), [], [_CLIENT]),
        ("dropped-before-221", View(owed=owed("NOOP")), [], [_CLIENT]),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)


@pytest.mark.parametrize(
    ("rule", "view", "line", "words"),
    [
        ("rcpt-before-mail", View(refused=_REFUSED), "RCPT TO:<a>", "RCPT comes although MAIL was refused; "),
        ("rcpt-before-mail", View(refused=frozenset({"NOOP"})), "RCPT TO:<a>", "RCPT comes before MAIL; "),
        ("data-before-rcpt", View(), "DATA", "DATA comes before MAIL and RCPT; "),
        ("data-before-rcpt", _MAIL_OPEN, "BDAT 1", "BDAT comes before RCPT; "),
        ("no-recipient-accepted", View(refusals=1), "BDAT 1", "BDAT comes although every recipient was refused; "),
        ("obsolete-command", View(), "TURN", "TURN is not used any more: it lets anybody fetch another's mail"),
        ("obsolete-command", View(), "SAML FROM:<a>", "SAML is not used any more: MAIL does what is left of it"),
        ("vrfy-expn", View(), "expn a", "EXPN asks who is there: "),
        ("unneeded-argument", View(), "rset x", "RSET takes no argument"),
        ("unknown-command", View(), "FOO", "this is no command of SMTP"),
        ("unknown-command", View(), "EXIT", "this is no command of SMTP; did you mean QUIT?"),
    ],
)
def test_what_is_out_of_order_is_told_with_the_command(rule: str, view: View, line: str, words: str) -> None:
    (message,) = said(rule, view, line)
    assert message.startswith(words)
    assert (message == words) is not words.endswith(" ")


@pytest.mark.parametrize(
    ("asked", "named"),
    [("NOOP", "NOOP"), ("RCPT TO:<a>", "RCPT"), ("secret", "the line before"), ("", "the line before")],
)
def test_the_reply_that_was_not_waited_for_is_named(asked: str, named: str) -> None:
    (message,) = said("pipelining-not-announced", View(hello="HELO"), _early(asked))
    assert message.startswith(f"this was sent before the reply to {named} was read, ")
