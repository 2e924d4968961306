"""The moments that entries make."""

import io
from collections.abc import Iterable

import pytest

from smtp_shell.lint.moments import (
    CommandLine,
    DataBegun,
    LineSent,
    MessageSent,
    Moment,
    ResponseLine,
    Wait,
)
from smtp_shell.lint.tracker import Tracker
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    OctetsSent,
    ReplyReceived,
    SaslSent,
    TimedOut,
)
from smtp_shell.protocol.octets import CRLF
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import TranscriptReader
from tests.unit.lint.cases import reply

_TIMED_OUT, _CLOSED = TimedOut(10.0, "the reply"), Disconnected(End.CLIENT)


def _of(text: str) -> list[tuple[Moment, int]]:
    """Return the moments of a transcript, each with its line."""
    reader = TranscriptReader(io.BytesIO(text.encode()), "case.smtp")
    tracker = Tracker()
    found = [each for entry in entries(reader, header=reader.header) for each in tracker.receive(entry)]
    return [(moment, place.line) for moment, place in [*found, *tracker.end()]]


def _live(*events: Event, tracker: Tracker | None = None) -> list[Moment]:
    """Return the moments of live events."""
    tracker = tracker or Tracker()
    found = (each for seq, event in enumerate(events, 1) for each in tracker.receive(Entry(seq, 0.0, event)))
    return [moment for moment, _ in found]


def _received(code: int, *lines: str, to: str = "") -> ReplyReceived:
    command = Command.parse(to.encode()) if to else None
    return ReplyReceived(reply(code, *lines or ("ok",)), command, 0.1, command.verb if command is not None else "")


def _sent(*lines: str) -> Iterable[Event]:
    """Yield commands, each with the reply 250."""
    for line in lines:
        yield CommandSent(Command.parse(line.encode()))
        yield _received(250, to=line)


_GREETED = (Connected("client"), _received(220))
_IN_DATA = (
    *_GREETED,
    *_sent("EHLO x", "MAIL FROM:<a>", "RCPT TO:<b>"),
    CommandSent(Command(b"DATA")),
    _received(354, to="DATA"),
)
_IN_EXCHANGE = (
    *_GREETED,
    *_sent("EHLO x"),
    CommandSent(Command(b"AUTH LOGIN")),
    _received(334, "VXNlcm5hbWU6", to="AUTH LOGIN"),
)


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        (b"NOOP", set()),
        (b"NOOP ", {"trailing blank"}),
        (b"NOOP\t", {"trailing blank"}),
        (b" NOOP", {"leading blank"}),
        (b"\tNOOP", {"leading blank"}),
        (b"NO\rOP", {"CR"}),
        (b"NOOP\0", {"NUL"}),
        (b"", {"empty"}),
        (b" ", {"leading blank", "trailing blank"}),
        (b"AUTH PLAIN AGE= ", set()),  # what follows the mechanism is not looked at
        (b"XNOOPX", set()),
    ],
)
def test_a_command_line_has_its_length_and_what_is_odd_in_it(line: bytes, facts: set[str]) -> None:
    moments = _live(*_GREETED, CommandSent(Command.parse(line)))
    assert [each for each in moments if isinstance(each, LineSent)] == [
        LineSent("command", len(line) + 2, CRLF, frozenset(facts))
    ]


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"NOOP\n", [(5, b"\n", set())]),
        (b"NOOP\r\n", [(6, b"\r\n", set())]),
        (b"NOOP\n\r\n", [(5, b"\n", set()), (2, b"\r\n", {"empty after LF"})]),
        (b"NOOP\r\n\r\n", [(6, b"\r\n", set()), (2, b"\r\n", {"empty"})]),
        (b"NOOP\n\r\n\r\n", [(5, b"\n", set()), (2, b"\r\n", {"empty after LF"}), (2, b"\r\n", {"empty"})]),
    ],
)
def test_octets_are_read_as_lines(octets: bytes, lines: list[tuple[int, bytes, set[str]]]) -> None:
    for pieces in ([octets], [octets[i : i + 1] for i in range(len(octets))]):
        moments = _live(*_GREETED, *map(OctetsSent, pieces))
        found = [each for each in moments if isinstance(each, LineSent)]
        assert found == [LineSent("command", length, end, frozenset(facts)) for length, end, facts in lines]


def test_a_line_that_is_masked_answers_nothing_where_no_exchange_is_open() -> None:
    masked = Command(b"Y2FuYXJ5", 0)
    assert _live(*_GREETED, CommandSent(masked))[-2:] == [
        LineSent("command", 10, CRLF, frozenset()),
        CommandLine(masked, "", b"", False, True, True),
    ]


def test_a_line_that_is_masked_is_a_response_in_an_exchange() -> None:
    masked = CommandSent(Command(b"Y2FuYXJ5", 0))
    moments = _live(*_IN_EXCHANGE, masked, _received(334, "UGFzc3dvcmQ6", to="AUTH LOGIN"), masked)
    assert [each for each in moments if isinstance(each, ResponseLine)] == [
        ResponseLine(False, False, None, b"VXNlcm5hbWU6", 1),
        ResponseLine(False, False, None, b"UGFzc3dvcmQ6", 2),
    ]


@pytest.mark.parametrize(
    ("event", "response"),
    [
        (SaslSent(b"YQ=="), ResponseLine(False, False, True, b"VXNlcm5hbWU6", 1)),
        (SaslSent(b"student"), ResponseLine(False, False, False, b"VXNlcm5hbWU6", 1)),
        (SaslSent(b"*", secret=False), ResponseLine(False, True, True, b"VXNlcm5hbWU6", 1)),
        (SaslSent(b"", secret=False), ResponseLine(True, False, True, b"VXNlcm5hbWU6", 1)),
        (SaslSent(b"${sasl}"), ResponseLine(False, False, None, b"VXNlcm5hbWU6", 1)),
        (SaslSent("•••".encode()), ResponseLine(False, False, None, b"VXNlcm5hbWU6", 1)),
        (SaslSent("•••".encode(), secret=False), ResponseLine(False, False, False, b"VXNlcm5hbWU6", 1)),
        (OctetsSent(b"YQ==\r\n", 0), ResponseLine(False, False, True, b"VXNlcm5hbWU6", 1)),
        (OctetsSent(b"student\r\n"), ResponseLine(False, False, False, b"VXNlcm5hbWU6", 1)),
    ],
)
def test_a_response_is_base64_or_not_or_not_known(event: Event, response: ResponseLine) -> None:
    moments = _live(*_IN_EXCHANGE, event)
    assert moments[-1] == response
    assert isinstance(event, SaslSent | OctetsSent)
    length = len(event.line) + 2 if isinstance(event, SaslSent) else len(event.octets)
    assert moments[-2] == LineSent("response", length, CRLF)


def test_a_response_after_one_that_ended_in_lf_says_so() -> None:
    moments = _live(*_IN_EXCHANGE, OctetsSent(b"YQ==\n", 0), OctetsSent(b"\r\n"), OctetsSent(b"\r\n"))
    found = [(each.is_empty, each.after_lf, each.number) for each in moments if isinstance(each, ResponseLine)]
    assert found == [(False, False, 1), (True, True, 2), (True, False, 3)]


def test_an_exchange_counts_its_own_lines() -> None:
    again = CommandSent(Command(b"AUTH PLAIN")), _received(334, "", to="AUTH PLAIN"), SaslSent(b"YQ==")
    moments = _live(*_IN_EXCHANGE, SaslSent(b"YQ=="), _received(535, "no", to="AUTH LOGIN"), *again)
    assert [(each.number, each.challenge) for each in moments if isinstance(each, ResponseLine)] == [
        (1, b"VXNlcm5hbWU6"),
        (1, b""),
    ]


def test_the_rest_of_a_response_belongs_to_its_start() -> None:
    moments = _live(*_IN_EXCHANGE, OctetsSent(b"Y", 0), SaslSent(b"Q=="))
    assert moments[-2:] == [LineSent("response", 6, CRLF), ResponseLine(False, False, True, b"VXNlcm5hbWU6", 1)]


def test_the_rest_of_a_command_belongs_to_its_start() -> None:
    moments = _live(*_GREETED, OctetsSent(b"NO"), CommandSent(Command(b"OP x")))
    assert moments[-2:] == [LineSent("command", 8, CRLF), CommandLine(Command(b"NOOP x"), "NOOP", b"x")]


@pytest.mark.parametrize(
    ("line", "is_text", "answers"),
    [("YWJj", True, True), ("YWI=", True, True), ("YWJjZA==", True, True), ("abc", True, False),
     ("", False, False), ("NOOP", False, False), ("QUITT", False, False)],
)  # fmt: skip
def test_base64_after_an_exchange_answers_nothing(line: str, is_text: bool, answers: bool) -> None:
    over = (*_IN_EXCHANGE, SaslSent(b"YQ=="), _received(535, "no", to="AUTH LOGIN"))
    (found,) = (each for each in _live(*over, CommandSent(Command(line.encode())))[-1:])
    assert isinstance(found, CommandLine)
    assert (found.is_text, found.answers_nothing) == (is_text, answers)
    (before,) = (each for each in _live(*_GREETED, CommandSent(Command(line.encode())))[-1:])
    assert isinstance(before, CommandLine)
    assert not before.answers_nothing


@pytest.mark.parametrize(
    ("events", "waits_for"),
    [
        ((CommandSent(Command(b"NOOP")),), ""),
        ((OctetsSent(b"NOOP"),), "line"),
        ((OctetsSent(b"NOOP\n"),), ""),
        ((*_IN_DATA, MailDataSent(b"x: y\r\n")), "dot"),
        ((*_IN_DATA, MailDataSent(b"x: y\r\n"), MailDataSent(b".\r\n", last=True)), ""),
        ((*_IN_DATA, OctetsSent(b"x: y\n.\n")), ""),
        ((*_IN_DATA, OctetsSent(b"x: y\r\n")), "dot"),
        ((*_IN_DATA[:-2], CommandSent(Command(b"BDAT 9 LAST")), OctetsSent(b"four")), "chunk"),
        ((*_IN_DATA[:-2], CommandSent(Command(b"BDAT 9 LAST"))), "chunk"),
        ((*_IN_DATA[:-2], CommandSent(Command(b"BDAT 4 LAST")), OctetsSent(b"four")), ""),
    ],
)
def test_a_wait_that_ends_is_told_with_what_the_server_waits_for(events: tuple[Event, ...], waits_for: str) -> None:
    start = () if events[0] == _GREETED[0] else _GREETED
    moments = _live(*start, *events, _TIMED_OUT, _TIMED_OUT)
    assert [each for each in moments if isinstance(each, Wait)] == [Wait(_TIMED_OUT, waits_for)]
    moments = _live(*start, *events, _CLOSED)
    assert [each for each in moments if isinstance(each, Wait)] == [Wait(_CLOSED, waits_for)] * bool(waits_for)
    assert moments[-1] == _CLOSED


def test_what_is_sent_begins_another_wait() -> None:
    noop = CommandSent(Command(b"NOOP"))
    for event in (noop, OctetsSent(b"NOOP\r\n")):
        moments = _live(*_GREETED, noop, _TIMED_OUT, event, _TIMED_OUT)
        assert sum(isinstance(each, Wait) for each in moments) == 2


def test_base64_after_a_message_is_text() -> None:
    over = (*_IN_EXCHANGE, SaslSent(b"YQ=="), _received(535, "no", to="AUTH LOGIN"))
    message = (*_IN_DATA[4:], MailDataSent(b"x: y\r\n"), MailDataSent(b".\r\n", last=True), _received(250))
    found = _live(*over, *message, CommandSent(Command(b"YWJj")))[-1]
    assert isinstance(found, CommandLine)
    assert (found.is_text, found.answers_nothing) == (True, False)


def test_mail_data_that_comes_too_early_is_told_at_once() -> None:
    moments = _live(*_IN_DATA[:-2], OctetsSent(b"DATA\r\nx: y\r\n"))
    assert moments[-1] == DataBegun(True, True)
    assert DataBegun(True, False) in _live(*_IN_DATA, OctetsSent(b"x: y\r\n"))


def test_a_refused_data_begins_no_mail_data() -> None:
    moments = _live(*_IN_DATA[:-2], OctetsSent(b"DATA\r\n"), _received(554, "no", to="DATA"), OctetsSent(b"NOOP\r\n"))
    assert moments[-1] == CommandLine(Command(b"NOOP"), "NOOP", b"")


def test_octets_of_a_chunk_after_its_reply_end_nothing() -> None:
    bdat = CommandSent(Command(b"BDAT 6 LAST"))
    moments = _live(*_IN_DATA[:-2], bdat, _received(552, "no", to="BDAT 6 LAST"), OctetsSent(b"a: b\r\n"))
    assert not any(isinstance(each, MessageSent) for each in moments)


def test_the_rest_of_a_line_is_no_plain_line_of_mail_data() -> None:
    chunk = (CommandSent(Command(b"BDAT 8")), OctetsSent(b"a: b\r\n\r\n"), _received(250, to="BDAT 8"))
    for start, is_plain in (((), True), ((OctetsSent(b"NO"),), False)):
        tracker = Tracker()
        _live(*_IN_DATA[:-2], *chunk, *start, tracker=tracker)
        assert tracker.takes_plain(b"OP\r\n") is is_plain


@pytest.mark.parametrize(
    ("events", "is_plain"),
    [
        (_GREETED, False),
        (_IN_DATA, False),
        ((*_IN_DATA, MailDataSent(b"x: y\r\n")), False),
        ((*_IN_DATA, MailDataSent(b"\r\n")), True),
        ((*_IN_DATA, MailDataSent(b"\r\n"), OctetsSent(b".\n")), False),
        ((*_IN_DATA, MailDataSent(b"\r\n"), MailDataSent(b".\r\n", last=True)), False),
    ],
)
def test_a_line_of_the_body_makes_no_moment(events: tuple[Event, ...], is_plain: bool) -> None:
    tracker = Tracker()
    _live(*events, tracker=tracker)
    assert tracker.takes_plain(b"text\r\n") is is_plain


def test_an_entry_inside_tls_shows_that_tls_has_begun() -> None:
    tracker = Tracker()
    starttls = (CommandSent(Command(b"STARTTLS")), _received(220, to="STARTTLS"))
    _live(*_GREETED, *_sent("EHLO x"), *starttls, tracker=tracker)
    assert not tracker.view().tls
    assert [*tracker.receive(Entry(9, 0.0, CommandSent(Command(b"EHLO x")), tls=True))] != []
    assert (tracker.view().tls, tracker.view().started_tls) == (True, True)


@pytest.mark.parametrize(("inside", "announced"), [(True, True), (True, False), (False, True)])
def test_a_connection_may_begin_inside_tls(inside: bool, announced: bool) -> None:
    tracker = Tracker()
    assert [*tracker.receive(Entry(1, 0.0, Connected("x", tls=announced), tls=inside))] == []
    assert (tracker.view().tls, tracker.view().started_tls) == (inside and announced, False)
