"""How far a dialogue has come, from its events."""

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    OctetsSent,
    ReplyReceived,
    TlsStarted,
)
from smtp_shell.protocol.replies import Reply
from smtp_shell.shell.reached import MOST_RECIPIENTS, Point, Reached

TLS = TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(), "mail.example.org")


def reply(line: bytes, code: int = 250) -> ReplyReceived:
    command = Command(line)
    return ReplyReceived(Reply(code, (b"x",), b"%d x\r\n" % code), command, 0.1, command.verb)


def after(*events: Event) -> Point:
    reached = Reached()
    for number, event in enumerate((Connected("mail.example.org:25"), *events), 1):
        reached(Entry(number, 0.0, event))
    return reached.point


LOST = Disconnected(End.SERVER)
TRANSACTION = (reply(b"EHLO x"), reply(b"MAIL FROM:<a@example.org>"), reply(b"RCPT TO:<b@example.org>"))


def test_the_steps_are_in_words() -> None:
    point = after(reply(b"EHLO x"), TLS, reply(b"EHLO x"), Authenticated("PLAIN", "student"), *TRANSACTION[1:], LOST)
    assert point.steps == "EHLO, STARTTLS, EHLO, AUTH PLAIN as student"
    assert point.transaction == "MAIL FROM:<a@example.org>, 1 recipient"
    assert point.is_lost


@pytest.mark.parametrize(
    "last",
    [
        (MailDataSent(b".\r\n", last=True),),
        (CommandSent(Command(b"BDAT 3 LAST")),),
        (OctetsSent(b"bdat 3 last\r\nabc"),),
        (OctetsSent(b"DATA\r\nx\r\n.\r\n"), reply(b"DATA", 354)),
        (reply(b"RSET"),),
        (reply(b"EHLO x"),),
        tuple(reply(b"RCPT TO:<b@example.org>") for _ in range(MOST_RECIPIENTS)),
    ],
)
def test_a_message_that_may_have_been_accepted_is_no_transaction_to_repeat(last: tuple[Event, ...]) -> None:
    point = after(*TRANSACTION, *last, LOST)
    assert (point.transaction, point.recipients) == ("", ())


@pytest.mark.parametrize(
    "last",
    [
        (CommandSent(Command(b"DATA")), reply(b"DATA", 354), MailDataSent(b"half of it\r\n")),
        (CommandSent(Command(b"BDAT 3")), reply(b"BDAT 3")),
        (reply(b"RCPT TO:<c@example.org>", 550),),
    ],
)
def test_a_message_that_was_not_ended_is_one(last: tuple[Event, ...]) -> None:
    assert after(*TRANSACTION, *last, LOST).transaction == "MAIL FROM:<a@example.org>, 1 recipient"


def test_what_is_refused_is_not_reached_and_tls_begins_anew() -> None:
    assert after(reply(b"EHLO x", 500), reply(b"HELO x"), LOST).steps == "HELO"
    assert after(reply(b"EHLO x"), TLS, LOST).steps == "EHLO, STARTTLS"
    assert not after(LOST).is_beyond_greeting


def test_tls_from_the_first_octet_is_no_step() -> None:
    reached = Reached()
    events: tuple[Event, ...] = (Connected("smtps://mail.example.org", tls=True), TLS, reply(b"EHLO x"), LOST)
    for number, event in enumerate(events, 1):
        reached(Entry(number, 0.0, event))
    assert reached.point.steps == "EHLO"
    assert not reached.point.in_tls


@pytest.mark.parametrize("end", [End.CLIENT, End.SERVER])
def test_who_leaves_has_lost_nothing(end: End) -> None:
    assert not after(reply(b"EHLO x"), reply(b"QUIT", 221), Disconnected(end)).is_lost
    assert not after(reply(b"EHLO x"), Disconnected(End.CLIENT)).is_lost
