"""What somebody probably meant by a line that begins with no verb."""

import pytest

from smtp_shell.lint.verbs import KNOWN_VERBS, looks_like_text, near_command

USUAL = ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "STARTTLS", "AUTH"]


@pytest.mark.parametrize(
    "verb",
    [
        *USUAL,
        "LHLO",
        "BDAT",
        "VRFY",
        "EXPN",
        "HELP",
        "ETRN",
        "ATRN",
        "TURN",
        "SEND",
        "SOML",
        "SAML",
        "BURL",
        "XCLIENT",
        "XFORWARD",
        "XEXCH50",
        "PROXY",
    ],
)
def test_the_verbs_of_smtp_and_of_its_extensions_are_known(verb: str) -> None:
    assert verb in KNOWN_VERBS
    assert verb.lower() not in KNOWN_VERBS


@pytest.mark.parametrize("verb", ["HELLO", "LOGIN", "USER", "PASS", "X", ""])
def test_a_verb_of_another_protocol_is_not_known(verb: str) -> None:
    assert verb not in KNOWN_VERBS


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("HELLO a.example.org", "EHLO"),
        ("ELHO a.example.org", "EHLO"),
        ("EHL0 a.example.org", "EHLO"),
        ("HEL0 a.example.org", "HELO"),
        ("FROM:<ann@example.org>", "MAIL FROM:<…>"),
        ("TO:<bob@example.org>", "RCPT TO:<…>"),
        ("RCTP TO:<bob@example.org>", "RCPT"),
        ("MAILFROM:<ann@example.org>", "MAIL FROM:<…>"),
        ("RCPTTO:<bob@example.org>", "RCPT TO:<…>"),
        ("TLS", "STARTTLS"),
        ("START TLS", "STARTTLS"),
        ("STARTLS", "STARTTLS"),
        ("EXIT", "QUIT"),
        ("BYE", "QUIT"),
        ("LOGIN", "AUTH LOGIN"),
        ("login", "AUTH LOGIN"),
        ("  EXIT", "QUIT"),
        (":BYE", "QUIT"),
        ("EHLOO a.example.org", "EHLO"),
        ("HELLOO a.example.org", "HELO"),
        ("MAILS FROM", "MAIL"),
        ("RCPTS", "RCPT"),
        ("DATAS", "DATA"),
        ("RSETT", "RSET"),
        ("NOOOP", "NOOP"),
        ("QUITT", "QUIT"),
        ("quitt", "QUIT"),
        ("AUTHE", "AUTH"),
        ("STARTTLSNOW", "STARTTLS"),
        ("STARTTLSTLSX", "STARTTLS"),  # twelve characters
        ("STARTTLSTLSTL", ""),  # one more
        ("QUXX", ""),
        ("Dear Bob", ""),
        ("", ""),
        ("   ", ""),
        ("QÜIT", ""),
    ],
)
def test_the_command_that_was_meant_is_the_nearest_one(line: str, meant: str) -> None:
    assert near_command(line.encode()) == meant


@pytest.mark.parametrize(
    ("line", "is_text"),
    [
        (".", True),
        ("..", True),
        ("Dear Bob,", True),
        ("", True),
        ("Subject: Hello", True),
        ("subject: quit", True),
        ("To: bob@example.org", True),
        ("From:ann@example.org", True),
        ("From:", True),
        ("FROM:<ann@example.org>", False),
        ("TO:<bob@example.org>", False),
        ("QUITT", False),
        ("QUITT now: yes", False),
        ("QUITT-LATER: yes", True),
        ("EXIT", False),
        ("EXIT: now", True),
        ("EXIT now", False),
    ],
)
def test_text_of_a_message_is_told_from_a_command_that_was_misspelt(line: str, is_text: bool) -> None:
    assert looks_like_text(line.encode()) is is_text
