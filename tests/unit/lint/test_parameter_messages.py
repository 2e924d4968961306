"""What is said of wrong arguments of EHLO, MAIL, RCPT and BDAT."""

import pytest

from smtp_shell.lint.moments import MessageSent, View
from tests.unit.lint.cases import announcing, said
from tests.unit.lint.test_parameter_rules import bare_message, with_mail, with_rcpt

_NONE = View(hello="EHLO", announced=announcing("HELP"))
_SIZED = View(hello="EHLO", announced=announcing("SIZE 2000"))
_TIMED = View(announced=announcing("DELIVERBY 240", "FUTURERELEASE 60 2030-01-31T08:00:00Z"))


@pytest.mark.parametrize(
    ("rule", "view", "moment", "messages"),
    [
        (
            "hello-without-name",
            View(),
            "helo",
            ["HELO is followed by this client's name: a domain, or an address literal such as [192.0.2.1]"],
        ),
        ("missing-from-or-to", View(), "RCPT FROM:<a>", ["RCPT is followed by TO:, as in RCPT TO:<bob@example.org>"]),
        ("missing-colon", View(), "MAIL FROM <a@example.org>", ["the colon after FROM is missing: MAIL FROM:<…>"]),
        ("blank-before-colon", View(), "RCPT TO :<a>", ["there is a blank before the colon: RCPT TO:<…>"]),
        ("missing-brackets", View(), "MAIL FROM:a@example.org", ["the address stands without angle brackets: MAIL FROM:<…>"]),
        ("missing-path", View(), "MAIL FROM:", ["MAIL has no address; no sender is <>"]),
        ("missing-path", View(), "RCPT TO:", ["RCPT has no address"]),
        ("address", View(), "RCPT TO:<ann>", ["the address has no @ and no domain"]),
        ("address", View(), "RCPT TO:<a b@c>", ["this is no mail address: local part, @, domain, without blanks or a name"]),
        (
            "parameter-not-announced",
            View(hello="HELO"),
            *with_mail("SIZE=1 COLOUR=RED"),
            ["there is a parameter SIZE after HELO; extensions need EHLO", "there is a parameter after HELO; extensions need EHLO"],
        ),
        (
            "parameter-not-announced",
            _NONE,
            *with_mail("SIZE=1 RET=HDRS BODY=BINARYMIME"),
            [
                "SIZE is a parameter that the server does not announce",
                "the parameter RET needs DSN, which the server does not announce",
                "the parameter BODY needs BINARYMIME and CHUNKING, which the server does not announce",
            ],
        ),
        ("misplaced-parameter", View(), *with_mail("NOTIFY=NEVER"), ["NOTIFY is a parameter of RCPT, not of MAIL"]),
        ("misplaced-parameter", View(), *with_rcpt("SIZE=1"), ["SIZE is a parameter of MAIL, not of RCPT"]),
        ("misplaced-parameter", View(), *with_rcpt("SMTPUTF8"), ["SMTPUTF8 is a parameter of MAIL, not of RCPT"]),
        ("parameter-value", View(), *with_mail("NOTIFY=X RET=ALL"), ["RET is FULL or HDRS (RFC 3461 section 4.3)"]),
        (
            "parameter-value",
            View(),
            *with_rcpt("X=1 SIZE=x NOTIFY=X"),
            ["NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY with commas (RFC 3461 section 4.1)"],
        ),
        ("parameters-together", View(), *with_mail("HOLDFOR=5 HOLDUNTIL=x"), ["HOLDFOR and HOLDUNTIL exclude each other"]),
        ("parameters-together", View(), *with_mail("MTRK=x"), ["MTRK needs ENVID, by which the message is asked for"]),
        (
            "parameter-over-limit",
            _TIMED,
            *with_mail("BY=100;R"),
            ["BY with R asks for 100 s, less than the 240 s that the server announced"],
        ),
        (
            "parameter-over-limit",
            _TIMED,
            *with_mail("HOLDFOR=1000"),
            ["HOLDFOR asks for 1,000 s, more than the 60 s that the server announced"],
        ),
        ("size-syntax", View(), *with_mail("SIZE=x"), ["SIZE is a number of octets, of at most 20 digits"]),
        ("size-over-limit", _SIZED, *with_mail("SIZE=3000"), ["SIZE is more than the 2,000 octets that the server takes"]),
        (
            "size-too-small",
            View(mail_parameters={"SIZE": b"9"}),
            bare_message(1234),
            ["the message has 1,234 octets, more than SIZE declared; count CRLF as two"],
        ),
        ("message-over-limit", _SIZED, bare_message(2345), ["the message has 2,345 octets, more than the 2,000 that the server takes"]),
        ("body-value", View(), *with_mail("BODY=x"), ["BODY is 7BIT, 8BITMIME or BINARYMIME"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_argument_is_told(
    rule: str, view: View, moment: MessageSent | str, messages: list[str]
) -> None:
    assert said(rule, view, moment) == messages


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("192.0.2.1", "an address by itself is no name for a client; "),
        ("ann@example.org", "the name of the client is no mail address; "),
        ("[here]", "this is no address literal; "),
        ("my_laptop", "the name of the client is no domain: "),
    ],
)
def test_what_is_wrong_with_a_name_is_told(name: str, words: str) -> None:
    (message,) = said("hello-name", View(), f"EHLO {name}")
    assert message.startswith(words)
