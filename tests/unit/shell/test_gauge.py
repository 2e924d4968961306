"""What the bottom line counts."""

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Connected, Entry, Event, MailDataSent, ReplyReceived
from smtp_shell.protocol.replies import Reply
from smtp_shell.shell.gauge import Gauge


def heard(code: int, line: bytes = b"") -> ReplyReceived:
    return ReplyReceived(Reply(code, (b"x",), b"%d x\r\n" % code), Command(line) if line else None)


def after(*events: Event) -> Gauge:
    gauge = Gauge()
    for number, event in enumerate(events):
        gauge(Entry(number, 0.0, event))
    return gauge


@pytest.mark.parametrize(
    ("events", "recipients", "octets"),
    [
        ([heard(250, b"RCPT TO:<a@b>"), heard(550, b"RCPT TO:<c@d>"), heard(251, b"RCPT TO:<e@f>")], 2, 0),
        ([heard(250, b"RCPT TO:<a@b>"), heard(250, b"NOOP")], 1, 0),
        ([heard(250, b"RCPT TO:<a@b>"), heard(250, b"RSET")], 0, 0),
        ([heard(250, b"RCPT TO:<a@b>"), heard(500, b"RSET")], 1, 0),
        ([heard(354, b"DATA"), MailDataSent(b"text\r\n"), MailDataSent(b".\r\n", True)], 0, 6),
        ([MailDataSent(b"text\r\n"), heard(250), heard(250, b"MAIL FROM:<a@b>")], 0, 0),
        ([heard(250, b"BDAT 100"), heard(250, b"BDAT 20 LAST"), heard(552, b"BDAT 7")], 0, 120),
        ([heard(250, b"BDAT"), heard(250, b"BDAT \xc2\xb2")], 0, 0),
        ([heard(250, b"RCPT TO:<a@b>"), MailDataSent(b"text\r\n"), Connected("mx:25")], 0, 0),
    ],
)
def test_recipients_that_were_taken_and_octets_of_the_message_are_counted(
    events: list[Event], recipients: int, octets: int
) -> None:
    gauge = after(*events)
    assert (gauge.recipients, gauge.octets) == (recipients, octets)


def test_the_clock_begins_with_the_first_reply_and_again_with_each() -> None:
    times = iter((15.0, 20.0, 22.0, 22.0))
    gauge = Gauge(lambda: next(times))
    found = [gauge.silence]
    for event in (heard(220), heard(250, b"NOOP"), Connected("mx:25")):
        gauge(Entry(1, 0.0, event))
        found.append(gauge.silence)
    assert found == [None, 5.0, 0.0, None]
