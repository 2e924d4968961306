"""Mail data that is looked for, skipped and sent: where it ends, whatever it is written as."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.errors import ConnectionLost, TranscriptError, UsageError
from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.mail_data import MailDataSender, SentMailData, SkippedMailData
from smtp_shell.replay.verifier import Comparison
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import Template
from tests.unit.replay.fake import cursor_over, session_with, steps_of

GO = b"354 go\r\n"


def value_of(name: str) -> str:
    if name == "none":
        raise UsageError("the variable none has no value.")
    return {"dot": ".", "word": "hello"}[name]


def expand(step: Step) -> bytes:
    return Template.parse(step.text).expand(value_of)


def sender(*lines: str, folder: Path = Path()) -> MailDataSender:
    return MailDataSender(cursor_over(*lines), folder, expand, outside=False)


ENDS = [
    (("C: hi", "C: .", "S: 250", "C: QUIT"), (1, 2), True),
    (("C: .", "C: QUIT"), (1, 1), True),
    (("C& hi", "C& .", "C: QUIT"), (1, 2), True),
    (("C< letter.eml", "C: QUIT"), (1, 1), True),
    (("C| hi\\r\\n.\\r\\n", "C: QUIT"), (1, 1), True),
    (("C| .\\r\\n", "C: QUIT"), (1, 1), True),
    (("C| .\\n", "C: QUIT"), (1, 1), True),
    (("C| hi\\r\\n.", "C| \\r\\n", "C: QUIT"), (1, 2), True),
    (("C| hi\\r\\n", "C| .\\r", "C| \\n", "C: QUIT"), (1, 3), True),
    (("C| .\\rx", "C| \\n", "C: .", "C: QUIT"), (1, 3), True),
    (("C| hi\\r\\n.\\r\\nQUIT\\r\\n", "C: NOOP"), (1, 1), True),
    (("C| hi\\r\\n..\\r\\n", "C| .hi\\r\\n", "C: .", "C: QUIT"), (1, 3), True),
    (("C| hi.", "C| \\r\\n", "C: .", "C: QUIT"), (1, 3), True),
    (("C| .long", "C| \\r\\n", "C: .", "C: QUIT"), (1, 3), True),
    (("C| .\\rx", "C| \\r\\n", "C| .\\r\\n", "C: QUIT"), (1, 3), True),
    # A dot on a line of its own is none where octets before it have begun the line.
    (("C| x", "C: .", "C: .", "C: QUIT"), (1, 3), True),
    (("C: hi", "# note", "C: .", "C: QUIT"), (1, 3), True),
    (("C: hi", "C: there"), (1, 2), False),
    (("C: hi", "S: 250", "C: ."), (1, 3), False),
    (("C: hi", "*: connect mx:25", "C: ."), (1, 3), False),
    (("C: hi", "*: connect mx:25 tls", "C: ."), (1, 3), False),
    (("C: hi", "*: close", "C: ."), (1, 3), False),
    (("C: hi", "*: close at once", "C: ."), (1, 3), False),
    (("C: hi", "*: wait 1", "C: ."), (1, 3), True),
]


@pytest.mark.parametrize(("lines", "span", "is_ahead"), ENDS)
def test_where_mail_data_ends_that_is_not_sent(lines: tuple[str, ...], span: tuple[int, int], is_ahead: bool) -> None:
    mail = sender(*lines)
    assert mail.is_ahead() is is_ahead
    assert mail.is_ahead() is is_ahead  # nothing is passed
    assert mail.skip("why", 1) == SkippedMailData(span, "why", 1)


def test_the_replies_to_what_is_skipped_are_passed_with_it() -> None:
    cursor = cursor_over("C: hi", "C: .", "S: 250-a", "S: 250 b", "C: QUIT")
    MailDataSender(cursor, Path(), expand, outside=False).skip("", 0)
    assert cursor.step is not None
    assert cursor.step.text == "QUIT"


def test_where_there_is_none_none_is_ahead() -> None:
    assert not sender().is_ahead()
    assert not sender("S: 250", "C: .").is_ahead()


def asked(reply: str, expected: str | None, status: int = 0) -> Comparison:
    last = ExpectedReply((ExpectedLine.parse(steps_of(f"S: {expected}")[0]),)) if expected is not None else None
    return Comparison(status, code=int(reply), last_expected=last, demanded=last is not None)


FORESEEN = "DATA was answered with 503, as foreseen: the mail data is not sent"
REFUSED = "DATA was answered with 503, not 354: the mail data is not sent"


@pytest.mark.parametrize(
    ("lines", "found", "skipped"),
    [
        (("C: hi", "C: ."), asked("503", "354", 1), SkippedMailData((1, 2), "there was no 354", 0)),
        (("C: hi", "C: ."), asked("503", "354|503"), SkippedMailData((1, 2), FORESEEN, 0)),
        (("C< letter.eml",), asked("503", "354|503"), SkippedMailData((1, 1), FORESEEN, 0)),
        (("C| .\\r\\n",), asked("503", "354|503"), SkippedMailData((1, 1), FORESEEN, 0)),
        ((), asked("503", "354|503"), None),
        ((), asked("503", "354", 1), None),
        (("*: close", "C: ."), asked("503", "354|503"), None),
        (("S: 250", "C: ."), asked("503", "354|503"), None),
        (("C: hi", "C: ."), asked("503", None), SkippedMailData((1, 2), REFUSED, 1)),
        (("C: hi", "C: ."), asked("503", None, 6), SkippedMailData((1, 2), REFUSED, 0)),
        (("C: NOOP", "C: QUIT"), asked("503", None), None),
        (("C: hi", "C: ."), asked("503", "503"), None),
        (("C: hi", "C: ."), asked("503", "550", 1), None),
    ],
)
def test_what_is_skipped_after_a_refusal(
    lines: tuple[str, ...], found: Comparison, skipped: SkippedMailData | None
) -> None:
    assert sender(*lines).skip_refused(found) == skipped


def send_all(folder: Path, *lines: str) -> tuple[list[SentMailData | None], str, str | None]:
    """Return what each piece came to, what went over the wire, and the next line."""
    cursor = cursor_over("C: DATA", "S: 354", *lines)
    session, transport = session_with(GO)
    session.send_raw(b"DATA\r\n")
    session.read_reply()
    cursor.advance()
    cursor.advance()
    mail = MailDataSender(cursor, folder, expand, outside=False)
    pieces: list[SentMailData | None] = []
    incoming = IncomingReplies(session)
    while not pieces or pieces[-1] is None:
        pieces.append(mail.send_piece(session, incoming))
    assert not mail.is_sending
    return pieces, transport.sent.decode().removeprefix("DATA\r\n"), cursor.step.text if cursor.step else None


@pytest.mark.parametrize(
    ("lines", "pieces", "wire", "following"),
    [
        (("C: hi", "C: .", "C: QUIT"), [SentMailData((3, 4), True)], "hi\r\n.\r\n", "QUIT"),
        (("C: .",), [SentMailData((3, 3), True)], ".\r\n", None),
        (("C: ", "C: .", "C: QUIT"), [SentMailData((3, 4), True)], "\r\n.\r\n", "QUIT"),
        (("C: a", "C: ${word}", "C: .", "S: 250"), [SentMailData((3, 5), True)], "a\r\nhello\r\n.\r\n", "250"),
        (("C: a", "C: ${dot}", "C: QUIT", "C: ."), [SentMailData((3, 4), True)], "a\r\n.\r\n", "QUIT"),
        (("C: ${dot}", "C: QUIT"), [SentMailData((3, 3), True)], ".\r\n", "QUIT"),
        (("C: a", "C: \\x2e", "C: QUIT"), [SentMailData((3, 4), True)], "a\r\n.\r\n", "QUIT"),
        (("C: \\x61", "C: b", "C: ."), [SentMailData((3, 5), True)], "a\r\nb\r\n.\r\n", None),
        (("C: .x", "C: ..", "C: ."), [SentMailData((3, 5), True)], ".x\r\n..\r\n.\r\n", None),
        (("C: hi", "C| .\\r\\n"), [None, SentMailData((3, 4), False, doubtful=True)], "hi\r\n.\r\n", None),
        (("C: \\x61", "C| .\\r\\n"), [None, SentMailData((3, 4), False, doubtful=True)], "a\r\n.\r\n", None),
        (("C| hi\\r\\n", "C| .\\r\\n"), [SentMailData((3, 3), False, doubtful=True)], "hi\r\n", ".\\r\\n"),
        (("C: hi", "*: close"), [None, SentMailData((3, 3), False)], "hi\r\n", "close"),
        (("C: hi", "S: 250"), [None, SentMailData((3, 3), False)], "hi\r\n", "250"),
        (("S: 250",), [SentMailData((3, 2), False)], "", "250"),
        (
            (),
            [SentMailData((0, 2), False, "the transcript ends inside the mail data; no final dot is sent")],
            "",
            None,
        ),
        (
            ("C: hi",),
            [None, SentMailData((3, 3), False, "the transcript ends inside the mail data; no final dot is sent")],
            "hi\r\n",
            None,
        ),
        (
            ("C< letter.eml", "C: QUIT"),
            [None, None, SentMailData((3, 3), True)],
            "Subject: x\r\n\r\n..dot\r\n.\r\n",
            "QUIT",
        ),
    ],
)
def test_mail_data_is_sent_up_to_its_dot(
    tmp_path: Path, lines: tuple[str, ...], pieces: list[SentMailData | None], wire: str, following: str | None
) -> None:
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n\n.dot")
    assert send_all(tmp_path, *lines) == (pieces, wire, following)


@pytest.mark.parametrize(
    ("lines", "span", "following"),
    [
        (("C: a", "C: ${none}", "C: .", "S: 250", "C: QUIT"), (3, 5), "QUIT"),
        (("C: ${none}", "C| x", "C: ."), (3, 3), "x"),
        (("C: a", "C: ${none}", "C: .", "C: NOOP"), (3, 5), "NOOP"),
        (("C: ${none}",), (3, 3), None),
    ],
)
def test_mail_data_that_cannot_be_sent_is_passed(lines: tuple[str, ...], span: tuple[int, int], following: str) -> None:
    cursor = cursor_over("C: DATA", "S: 354", *lines)
    session, _ = session_with(GO)
    session.send_raw(b"DATA\r\n")
    session.read_reply()
    cursor.advance()
    cursor.advance()
    mail = MailDataSender(cursor, Path(), expand, outside=False)
    with pytest.raises(UsageError, match="none has no value"):
        mail.send_piece(session, IncomingReplies(session))
    assert mail.break_off() == span
    assert (cursor.step.text if cursor.step is not None else None) == following
    assert not mail.is_sending


@pytest.mark.parametrize("after", [("S: 250", "C: QUIT"), ("C: QUIT",)])
def test_of_long_mail_data_that_cannot_be_sent_the_rest_is_passed_too(after: tuple[str, ...]) -> None:
    many = [Step(Marker.CLIENT, "${none}" + "x" * 70_000, None, number) for number in (1, 2, 3)]
    steps = [*many, Step(Marker.CLIENT, ".", None, 4), *steps_of(*after)]
    cursor = cursor_over(steps=steps)
    session, _ = session_with(GO)
    session.send_raw(b"DATA\r\n")
    session.read_reply()
    mail = MailDataSender(cursor, Path(), expand, outside=False)
    with pytest.raises(UsageError):
        mail.send_piece(session, IncomingReplies(session))
    assert mail.break_off() == (1, 4)
    assert cursor.step is not None
    assert cursor.step.text == "QUIT"


def test_after_mail_data_that_was_sent_the_rest_of_other_that_cannot_be_is_passed() -> None:
    cursor = cursor_over("C: a", "C: .", "S: 250", "C| ${none}", "C: rest", "C: .", "S: 250", "C: QUIT")
    session, _ = session_with(GO)
    session.send_raw(b"DATA\r\n")
    session.read_reply()
    mail = MailDataSender(cursor, Path(), expand, outside=False)
    assert mail.send_piece(session, IncomingReplies(session)) == SentMailData((1, 2), True)
    cursor.skip_expected()
    with pytest.raises(UsageError):
        mail.send_piece(session, IncomingReplies(session))
    assert mail.break_off() == (4, 6)
    assert cursor.step is not None
    assert cursor.step.text == "QUIT"


def test_of_a_file_that_is_gone_nothing_else_is_passed(tmp_path: Path) -> None:
    cursor = cursor_over("C< gone.eml", "C: QUIT")
    session, _ = session_with(GO)
    mail = MailDataSender(cursor, tmp_path, expand, outside=False)
    assert mail.send_piece(session, IncomingReplies(session)) is None
    with pytest.raises(TranscriptError):
        mail.send_piece(session, IncomingReplies(session))
    assert mail.break_off() == (1, 1)
    assert cursor.step is not None
    assert cursor.step.text == "QUIT"


def test_of_a_file_no_more_is_read_when_the_connection_is_gone(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(b"x" * 200_000)
    session, _ = session_with(GO)
    mail = MailDataSender(cursor_over("C< letter.eml"), tmp_path, expand, outside=False)
    incoming = IncomingReplies(session)
    incoming.broken = ConnectionLost("the server dropped the connection.")
    assert mail.send_piece(session, incoming) is None
    assert mail.send_piece(session, incoming) == SentMailData((1, 1), True)


def test_each_file_begins_a_line(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(b".dot")
    session, transport = session_with(GO, None, b"250 ok\r\n", GO)
    mail = MailDataSender(cursor_over("C< letter.eml", "C< letter.eml"), tmp_path, expand, outside=False)
    for _ in range(2):
        session.send_raw(b"DATA\r\n")
        session.read_reply()
        while mail.send_piece(session, IncomingReplies(session)) is None:
            pass
        if not transport.sent.endswith(b"DATA\r\n..dot\r\n.\r\n" * 2):
            session.read_reply()
    assert transport.sent == b"DATA\r\n..dot\r\n.\r\n" * 2
