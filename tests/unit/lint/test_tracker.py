"""The moments that entries make."""

import io
from collections.abc import Iterable

import pytest

from smtp_shell.lint.moments import (
    Answer,
    CommandLine,
    DataBegun,
    LineSent,
    MessageSent,
    Moment,
    ResponseLine,
    SentEarly,
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
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyReceived,
    SaslSent,
    TimedOut,
)
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.phases import Phase
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
    # Of a line that was masked nobody knows the length: it is no empty command.
    assert _live(*_GREETED, CommandSent(Command(b"AUTH LOGIN"), True), CommandSent(Command(b"", 0)))[-2:] == [
        LineSent("response", 2, CRLF),
        ResponseLine(False, False, None, b"", 1),
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


@pytest.mark.parametrize(
    ("line", "response"),
    [(b"*", ResponseLine(False, True, True, b"", 1)), (b"", ResponseLine(True, False, True, b"", 1))],
)
def test_what_answers_a_challenge_in_a_group_with_its_auth(line: bytes, response: ResponseLine) -> None:
    command, answer = CommandSent(Command(b"AUTH LOGIN"), True), CommandSent(Command(line))
    assert _live(*_GREETED, command, answer)[-2:] == [LineSent("response", len(line) + 2, CRLF), response]
    before = _live(*_GREETED, answer)[-1]
    assert isinstance(before, CommandLine)


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


def _kinds(moments: list[Moment], kind: type[Moment]) -> list[Moment]:
    return [each for each in moments if isinstance(each, kind)]


def _command(line: str) -> CommandSent:
    return CommandSent(Command.parse(line.encode()))


_BODY = MailDataSent(b"x: y\r\n")
_DOT_TOLD = LineSent("mail data", 2, b"\n", frozenset({"dot"}))
_UNASKED = Noticed(NoticeKind.UNSOLICITED)


def test_a_response_outside_an_exchange_is_the_first_and_has_no_challenge() -> None:
    for start in (_GREETED, _GREETED[:1]):
        assert _live(*start, SaslSent(b"YQ=="))[-1] == ResponseLine(False, False, True, b"", 1)


def test_the_challenge_is_the_first_line_of_its_reply() -> None:
    moments = _live(*_IN_EXCHANGE[:-1], _received(334, "YQ==", "Yg==", to="AUTH LOGIN"), SaslSent(b"YQ=="))
    assert moments[-1] == ResponseLine(False, False, True, b"YQ==", 1)


@pytest.mark.parametrize(("secret", "is_base64"), [(True, None), (False, False)])
def test_the_rest_of_a_response_is_masked_if_it_is_secret(secret: bool, is_base64: bool | None) -> None:
    moments = _live(*_IN_EXCHANGE, OctetsSent(b"Y", 0), SaslSent(b"${sasl}", secret=secret))
    assert moments[-1] == ResponseLine(False, False, is_base64, b"VXNlcm5hbWU6", 1)


def test_a_response_in_octets_is_read_to_its_last_letter() -> None:
    assert _live(*_IN_EXCHANGE, OctetsSent(b"YWJX\r\n", 0))[-1] == ResponseLine(False, False, True, b"VXNlcm5hbWU6", 1)


@pytest.mark.parametrize(
    ("line", "argument"),
    [("NOOP x", b"x"), ("NOOP x \t", b"x"), ("NOOP \tx y", b"x y"), ("NOOP " + "x" * 9_000, b"x" * 8_192)],
)
def test_the_argument_of_a_command_has_no_blanks_around_it_and_an_end(line: str, argument: bytes) -> None:
    (*_, found) = _live(*_GREETED, _command(line))
    assert isinstance(found, CommandLine)
    assert found.argument == argument


def test_a_command_that_is_known_is_no_text_however_far_from_the_usual_ones() -> None:
    assert _live(*_GREETED, _command("XCLIENT NAME=x"))[-1] == CommandLine(
        Command.parse(b"XCLIENT NAME=x"), "XCLIENT", b"NAME=x"
    )


def test_a_masked_line_is_no_command_of_the_session() -> None:
    tracker = Tracker()
    _live(*_IN_EXCHANGE, CommandSent(Command(b"Y2FuYXJ5", 0)), tracker=tracker)
    assert tracker.view().sent == {"EHLO", "AUTH"}


def test_the_rest_of_a_line_of_mail_data_belongs_to_its_start() -> None:
    moments = _live(*_IN_DATA, OctetsSent(b"x: "), MailDataSent(b"y\r\n"), MailDataSent(b".\r\n", last=True))
    (message,) = _kinds(moments, MessageSent)
    assert isinstance(message, MessageSent)
    assert message.size == 6


def test_a_line_that_tls_cut_off_is_not_the_start_of_another() -> None:
    tracker = Tracker()
    starttls = (_command("STARTTLS"), OctetsSent(b"NO"), _received(220, to="STARTTLS"))
    _live(*_GREETED, *_sent("EHLO x"), *starttls, tracker=tracker)
    found = [each for each, _ in tracker.receive(Entry(20, 0.0, OctetsSent(b"NOOP\r\n"), tls=True))]
    assert found == [LineSent("command", 6, CRLF), CommandLine(Command(b"NOOP"), "NOOP", b"")]


def test_inside_tls_another_handshake_has_begun_only_where_it_is_told() -> None:
    tracker = Tracker()
    start = (Connected("x", tls=True), _received(220), *_sent("EHLO x"), _command("STARTTLS"))
    for event in (*start, _received(220, to="STARTTLS"), _TIMED_OUT):
        assert list(tracker.receive(Entry(1, 0.0, event, tls=True))) is not None
    assert (tracker.view().phase, tracker.view().started_tls) == (Phase.TLS, False)


@pytest.mark.parametrize(
    ("reply", "owed"),
    [
        ([_received(250, to="NOOP")], "NOOP"),
        ([_received(250, to="RSET x")], "RSET"),
        ([_received(250, to="RSET")], "RSET"),  # as it is written, perhaps without what follows the verb
        ([ReplyReceived(reply(250, "ok"), Command.parse(b"RSET x"))], "RSET"),
        ([_received(221, to="QUIT")], "QUIT"),
        ([_received(250, to="VRFY a")], "QUIT"),  # nothing that is owed: the last one stays
        ([_received(199)], None),
        ([_UNASKED, _received(250)], None),
        ([_UNASKED, _received(250), _received(250, to="NOOP")], "NOOP"),
    ],
)
def test_a_reply_answers_the_command_that_it_is_paired_with(reply: list[Event], owed: str | None) -> None:
    (*_, found) = _live(*_GREETED, *_sent("EHLO x"), *map(_command, ("NOOP", "RSET x", "QUIT")), *reply)
    assert isinstance(found, Answer)
    assert (found.owed.verb if found.owed is not None else None) == owed


@pytest.mark.parametrize(
    ("told", "is_the_end"),
    [
        ([_received(250)], True),
        ([_received(420)], True),
        ([_received(422)], True),
        ([_received(421)], False),
        ([_UNASKED, _received(250)], False),
    ],
)
def test_a_command_after_a_doubtful_dot_is_one_once_a_reply_to_the_dot_has_come(
    told: list[Event], is_the_end: bool
) -> None:
    held = (*_IN_DATA, OctetsSent(b"x: y\r\n.\n"), _command("RSET"))
    before, after = _live(*held), _live(*held, *told)
    assert before[-1] == _DOT_TOLD
    assert bool(_kinds(after, MessageSent)) is is_the_end
    commands = [each.verb for each in after if isinstance(each, CommandLine)]
    assert commands[-1] == ("RSET" if is_the_end else "DATA")


def test_what_was_held_after_a_doubtful_dot_stands_where_it_was_sent_and_the_reply_where_it_came() -> None:
    tracker = Tracker()
    events = (*_IN_DATA, OctetsSent(b"x: y\r\n.\n"), _command("RSET"), _received(250))
    found = [each for seq, event in enumerate(events, 1) for each in tracker.receive(Entry(seq, 0.0, event))]
    last = {type(moment): place.seq for moment, place in found}
    assert (last[MessageSent], last[CommandLine], last[Answer]) == (len(events) - 2, len(events) - 1, len(events))


@pytest.mark.parametrize(
    ("events", "told", "is_the_end"),
    [
        ((*_IN_DATA, OctetsSent(b"x: y\r\n.\r\n")), [], True),
        ((*_IN_DATA, OctetsSent(b"x: y\r\n.\n")), [_DOT_TOLD], False),
        ((*_IN_DATA, _BODY, OctetsSent(b"x"), OctetsSent(b".\n")), [], False),
        ((*_IN_DATA[:-1], _command("NOOP"), _received(354, to="DATA"), _BODY, OctetsSent(b".\n")), [_DOT_TOLD], True),
        ((*_IN_DATA[:-2], OctetsSent(b"DATA\r\nx: y\r\n.\n")), [_DOT_TOLD], True),
    ],
)
def test_a_dot_is_doubtful_without_crlf_around_it_and_while_nothing_is_owed(
    events: tuple[Event, ...], told: list[Moment], is_the_end: bool
) -> None:
    moments = _live(*events)
    assert [each for each in moments if isinstance(each, LineSent) and each.kind == "mail data"] == told
    assert bool(_kinds(moments, MessageSent)) is is_the_end


def test_a_dot_between_two_chunks_is_a_command() -> None:
    chunk = (_command("BDAT 6"), OctetsSent(b"a: b\r\n"), _received(250, to="BDAT 6"))
    (*_, found) = _live(*_IN_DATA[:-2], *chunk, OctetsSent(b".\n"))
    assert isinstance(found, CommandLine)
    assert found.command.line == b"."


def test_after_the_final_dot_lines_are_commands_again() -> None:
    for events in (
        (*_IN_DATA[:-2], OctetsSent(b"DATA\r\nx: y\r\n.\r\nNO"), OctetsSent(b"OP\r\n")),
        (*_IN_DATA, MailDataSent(b"x: y\n"), MailDataSent(b".\r\n", last=True), OctetsSent(b"NOOP\r\n")),
        (*_IN_DATA, OctetsSent(b"x: y\n"), MailDataSent(b".\r\n", last=True), OctetsSent(b"NOOP\r\n")),
    ):
        moments = _live(*events)
        assert moments[-1] == CommandLine(Command(b"NOOP"), "NOOP", b"")
        assert len(_kinds(moments, DataBegun)) == 1


def test_after_a_refused_data_the_start_of_a_line_is_no_mail_data() -> None:
    refused = (OctetsSent(b"DATA\r\n"), _received(554, "no", to="DATA"))
    moments = _live(*_IN_DATA[:-2], *refused, OctetsSent(b"NO"), OctetsSent(b"OP\r\n"))
    assert moments[-1] == CommandLine(Command(b"NOOP"), "NOOP", b"")
    assert _kinds(moments, DataBegun) == []


def test_mail_data_may_come_until_data_is_answered() -> None:
    rcpt = "RCPT TO:<c>"
    group = (OctetsSent(f"{rcpt}\r\nDATA\r\n".encode()), _received(250, to=rcpt), OctetsSent(b"x: y\r\n"))
    assert _live(*_IN_DATA[:-2], *group)[-1] == DataBegun(True, True)


def test_a_chunk_ends_in_the_middle_of_a_line() -> None:
    moments = _live(*_IN_DATA[:-2], OctetsSent(b"BDAT 2 LAST\r\nabNOOP\r\n"))
    (message,) = _kinds(moments, MessageSent)
    assert isinstance(message, MessageSent)
    assert message.size == 2
    assert moments[-2:] == [LineSent("command", 6, CRLF), CommandLine(Command(b"NOOP"), "NOOP", b"")]


def test_a_last_chunk_ends_the_message_whatever_else_is_owed() -> None:
    moments = _live(*_IN_DATA[:-2], _command("NOOP"), _command("BDAT 6 LAST"), OctetsSent(b"a: b\r\n"))
    assert len(_kinds(moments, MessageSent)) == 1


def test_a_chunk_that_was_refused_before_it_came_is_no_part_of_the_next_message() -> None:
    refused = (_command("BDAT 6 LAST"), _received(552, "no", to="BDAT 6 LAST"), OctetsSent(b"a: bcd"))
    assert _kinds(_live(*_IN_DATA[:-2], *refused), MessageSent) == []
    moments = _live(*_IN_DATA[:-2], *refused[:-1], *_IN_DATA[-2:], _BODY)
    assert len(_kinds(moments, DataBegun)) == 1


def test_live_nothing_is_assumed() -> None:
    moments = _live(*_IN_DATA[:-2], _command("BDAT 0 LAST"), _command("NOOP"))
    assert [each.owed.verb for each in moments if isinstance(each, SentEarly)] == ["BDAT"]
