"""A lesson under way: right lines, other lines, other replies, and the way back."""

from pathlib import Path

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    CommandSent,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    OctetsSent,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.replies import Reply
from smtp_shell.study.lesson_run import LessonRun
from smtp_shell.study.lessons import read_lesson

TEXT = r"""Transcript: 1
Title: A lesson

S: 220 mx
# Why this.
C: EHLO a
S: 250-mx
# It can do this.
S: 250 PIPELINING
C& MAIL FROM:<a@b>
C: DATA
S: 250 ok
S: 354 go
C: From: a
C: Subject: x
C:
C: one
# A dot.
C: ..x
# Alone.
C: ..
C: .
S: 250 taken
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: ${sasl}
S: 235 yes
C: QUIT
S: 221 bye
"""


class Played:
    """A lesson that is fed with events."""

    def __init__(self, path: Path) -> None:
        path.write_text(TEXT, encoding="utf-8")
        self.run = LessonRun(read_lesson(path))

    def said(self, *events: Event) -> str:
        return "\n".join(said.text for event in events for said in self.run.take(Entry(1, 0.0, event)))

    def type(self, line: str, *codes: int) -> str:
        return self.said(CommandSent(Command.parse(line.encode())), *map(reply, codes))

    def mail(self, *lines: str) -> str:
        return self.said(*(MailDataSent(line.encode() + b"\r\n") for line in lines))

    @property
    def shown(self) -> str:
        return self.run.task.shown if self.run.task is not None else "(the end)"

    def reach(self, shown: str) -> None:
        while self.shown != shown:
            list(self.run.skip())


def reply(code: int, seconds: float | None = 0.1) -> ReplyReceived:
    return ReplyReceived(Reply(code, (b"x",), b"%d x\r\n" % code), None, seconds)


@pytest.fixture
def played(tmp_path: Path) -> Played:
    return Played(tmp_path / "a.smtp")


def test_it_begins_with_title_reason_and_line(played: Played) -> None:
    words = [said.text for said in played.run.begin()]
    assert words == ["Lesson a: A lesson", "  Why this.", "  Step 1 of 12: type", "    EHLO a"]


def test_a_line_of_the_same_meaning_and_its_reply_lead_to_the_next_step(played: Played) -> None:
    assert played.type("ehlo me") == ""
    said = played.said(reply(250))
    assert "It can do this." in said
    assert r"/raw MAIL FROM:<a@b>\r\nDATA\r\n" in said


def test_another_line_is_no_step_and_the_way_back_is_said_once(played: Played) -> None:
    said = played.type("NOOP", 250)
    assert "your line was sent all the same. To go on, type: EHLO a" in said
    assert "/lesson skip" in said
    assert played.type("RSET", 250) == ""
    played.type("EHLO x", 250)
    assert played.shown.startswith("/raw MAIL")


def test_the_reply_to_a_stray_line_is_not_taken_for_the_steps(played: Played) -> None:
    played.type("NOOP")
    played.type("EHLO x")
    played.said(reply(250))
    assert played.shown == "EHLO a"
    played.said(reply(250))
    assert played.shown.startswith("/raw")


def test_another_reply_than_the_lessons_is_no_step(played: Played) -> None:
    said = played.type("EHLO x", 550)
    assert "The lesson expects 250 here, and the server said 550. To try again, type: EHLO a" in said
    assert played.shown == "EHLO a"


def test_a_reply_that_answers_nothing_is_passed_over(played: Played) -> None:
    played.type("EHLO x")
    assert played.said(reply(421, None)) == ""
    assert "It can do this" in played.said(reply(250))


def test_one_write_is_one_step_with_all_its_replies(played: Played) -> None:
    played.reach(r"/raw MAIL FROM:<a@b>\r\nDATA\r\n")
    assert played.type("MAIL FROM:<a@b>", 250) != ""
    played.said(OctetsSent(b"mail from:<c@d>\r\ndata\r\n"), reply(250))
    assert played.shown.startswith("/raw")
    assert "From: a" in played.said(reply(354))


def test_mail_data_in_words_of_ones_own(played: Played) -> None:
    played.reach("From: a")
    assert played.mail("SUBJECT: other", "From: me") == ""
    assert "Name: value" in played.mail("hello")
    assert played.mail(" folded") == ""
    assert played.mail("") == ""
    assert played.shown == "one"
    assert "A dot." in played.mail("what I like")
    assert played.mail("no dot") == ""
    said = played.mail("..mine")
    assert "Alone." in said
    assert "A program sends two dots for it" in said
    assert played.shown == "."


def test_a_shorter_header_and_a_shorter_mail_are_right_too(played: Played) -> None:
    played.reach("From: a")
    assert "Your header is shorter" in played.mail("X-Own: 1", "")
    assert "Your mail is shorter" in played.said(MailDataSent(b".\r\n", last=True))
    assert "auth login" in played.said(reply(250))


def test_an_exchange_that_the_shell_does_is_followed(played: Played) -> None:
    played.reach("auth login")
    played.type("AUTH LOGIN", 334)
    assert played.said(SaslSent(b"*")) != ""
    played.said(reply(501))
    assert "QUIT" in played.said(SaslSent(b"eA=="), reply(235))


def test_the_end(played: Played) -> None:
    played.reach("QUIT")
    said = played.type("quit", 221)
    assert "That was the lesson" in said
    assert played.run.is_over
    assert played.said(Disconnected(End.CLIENT)) == ""


def test_the_end_of_the_connection_before_the_lessons(played: Played) -> None:
    assert "/lesson again begins anew" in played.said(Disconnected(End.SERVER))
    assert played.run.is_over


def test_skip_says_that_nothing_was_sent(played: Played) -> None:
    words = "\n".join(said.text for said in played.run.skip())
    assert "Nothing was sent" in words
    assert played.shown.startswith("/raw")
