"""Replies compared with expectations, over a session without a socket."""

from __future__ import annotations

import pytest

from smtp_shell.client.incoming import IncomingReply
from smtp_shell.errors import (
    AuthFailed,
    ConnectionLost,
    DialogueBroken,
    OutcomeUnknown,
    TlsFailed,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.matching.expectation import ExpectedReply, Strictness
from smtp_shell.matching.ignored import IgnoredText
from smtp_shell.protocol.commands import Command
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.results import LONGEST_SHOWN, Difference
from smtp_shell.replay.verifier import Comparison, ReplyVerifier, path_of, shown, step_result, unsendable
from smtp_shell.transcript.included_line import IncludedLine
from smtp_shell.transcript.variables import Variables
from tests.unit.replay.fake import CLOSED, SILENCE, cursor_over, session_with


def verify(
    lines: list[str],
    *answers: bytes | None,
    sent: bytes = b"NOOP",
    own: bool = True,
    keep_going: bool = False,
    strictness: Strictness = Strictness.CODE,
    variables: Variables | None = None,
    ignored: IgnoredText | None = None,
) -> tuple[Comparison, str]:
    """Send a line, compare what comes with the lines; return that and the text of the step that follows."""
    session, _ = session_with(*answers)
    incoming = IncomingReplies(session)
    cursor = cursor_over(*lines)
    verifier = ReplyVerifier(cursor, strictness, variables or Variables(), keep_going=keep_going, ignored=ignored)
    incoming.attempt(lambda: session.send(Command.parse(sent)))
    found = verifier.verify(session, incoming, own=own)
    return found, cursor.step.text if cursor.step is not None else ""


@pytest.mark.parametrize(
    ("lines", "answer", "status", "why"),
    [
        (["S: 250"], b"250 ok\r\n", 0, ""),
        (["S: 2yz"], b"251 ok\r\n", 0, ""),
        (["S: 250-a", "S: 250 b"], b"250-x\r\n250 y\r\n", 0, ""),
        ([], b"250 ok\r\n", 0, ""),
        ([], b"250-ok\n251 x\r\n", 6, "the server broke the protocol: the lines of one reply have different codes"),
        (["S: 250"], b"550 no\r\n", 1, "the reply code differs"),
        (["S= 250 exactly"], b"250 ok\r\n", 1, "no line of the reply is equal"),
        (["S: 250"], b"not smtp\r\n", 6, "no SMTP reply"),
        (["S: 250"], SILENCE, 3, "the reply to NOOP did not come within 60 s"),
        (["S: 250"], CLOSED, 3, "the server closed the connection while the reply to NOOP was owed"),
    ],
)
def test_one_step(lines: list[str], answer: bytes | None, status: int, why: str) -> None:
    found, following = verify([*lines, "C: RSET"], answer)
    assert found.status == status
    assert why in found.why
    assert found.ok == (status == 0)
    assert following == "RSET"


@pytest.mark.parametrize(("event", "what"), [("*: timeout", "a timeout"), ("*: error it broke", "an error")])
def test_a_reply_in_place_of_an_end_that_the_transcript_has(event: str, what: str) -> None:
    found, _ = verify([event], b"250 ok\r\n")
    assert found.why == f"a reply came where the transcript has {what}"


def test_nothing_came_and_nothing_differs_until_it_is_said() -> None:
    assert (Comparison().why, Comparison().code) == ("", 0)
    assert Comparison().differing(1, "it differs").difference == Difference("", "", at=None, line=0, reply=0)


def test_what_was_expected_and_what_came_is_kept() -> None:
    found, _ = verify(["S: 250 hello"], b"250 ok\r\n")
    assert [str(each) for each in found.expected] == ["250 hello"]
    assert (found.replies, found.code, found.demanded) == ((b"250 ok\r\n",), 250, True)


def test_the_first_difference_counts_and_all_replies_are_read_when_the_replay_keeps_going() -> None:
    lines = ["S: 250", "S: 250", "S: 250"]
    answers = b"250 a\r\n550 b\r\n551 c\r\n"
    found, _ = verify(lines, answers, keep_going=True)
    assert (found.status, found.code) == (1, 551)
    assert found.difference is not None
    assert (found.difference.expected, found.difference.received) == ("250", "550 b")
    found, _ = verify(lines, answers)
    assert found.code == 550


def test_of_many_replies_an_excerpt_of_each_is_kept() -> None:
    found, _ = verify(["S: 250"] * 200, b"250 x\r\n" * 200)
    assert found.ok
    assert len(found.replies) == len(found.expected) == 100
    assert [isinstance(each, bytes) for each in found.replies] == [True] * 4 + [False] * 96
    assert [isinstance(each, ExpectedReply) for each in found.expected] == [True] * 4 + [False] * 96


@pytest.mark.parametrize(("size", "is_whole"), [(512, True), (513, False)])
def test_of_a_long_reply_an_excerpt_is_kept(size: int, is_whole: bool) -> None:
    found, _ = verify(["S: 250"], b"250 " + b"x" * (size - 6) + b"\r\n")
    assert isinstance(found.replies[0], bytes) is is_whole
    long = "250 " + "x" * (size - 4)
    found, _ = verify(["S: 250", f"S: {long}", "S: 250"], b"250 x\r\n" * 3)
    assert [isinstance(each, ExpectedReply) for each in found.expected] == [True, is_whole, True]


def test_what_is_no_reply_is_shown_up_to_a_length() -> None:
    assert shown(IncomingReply(None, b"x" * (LONGEST_SHOWN + 1))) == "x" * LONGEST_SHOWN


def test_the_first_of_several_replies_is_shown() -> None:
    assert (Comparison().shown_expected, Comparison().shown_received) == ("", "")
    several = Comparison(expected=("220", "250"), replies=(b"220 a\r\n", b"250 b\r\n"))
    assert (several.shown_expected, several.shown_received) == ("220", "220 a")


def test_a_reply_that_answers_nothing_is_a_surplus() -> None:
    session, _ = session_with(b"250 one\r\n250 two\r\n")
    incoming = IncomingReplies(session)
    verifier = ReplyVerifier(cursor_over("S: 250"), Strictness.CODE, Variables(), keep_going=False)
    incoming.attempt(lambda: session.send(Command(b"NOOP")))
    assert verifier.verify(session, incoming, own=True).ok
    surplus = verifier.surplus(incoming)
    assert surplus is not None
    assert (surplus.octets, surplus.number) == (b"250 two\r\n", 0)
    assert verifier.surplus(incoming) is None


def test_a_reply_that_answers_nothing_is_not_counted_among_those_to_the_step() -> None:
    found, _ = verify(["S: 250"] * 3, b"250 one\r\n250 two\r\n", SILENCE)
    assert found.difference is not None
    assert (found.difference.line, found.difference.reply) == (3, 2)


def test_captures_become_variables() -> None:
    variables = Variables()
    found, _ = verify(["S~ 250 (?P<id>[0-9]+)"], b"250 17\r\n", variables=variables)
    assert found.ok
    assert variables.value("id") == "17"


def test_strictness_is_passed_on() -> None:
    found, _ = verify(["S: 250 2.1.0 ok"], b"250 2.1.5 ok\r\n", strictness=Strictness.ENHANCED)
    assert found.why == "the enhanced status code is 2.1.5, and 2.1.0 expected"


def test_what_a_transcript_ignores_is_not_compared() -> None:
    lines, answer = ["S: 250 queued by ann"], b"250 queued by bob\r\n"
    assert verify(lines, answer, strictness=Strictness.TEXT)[0].status == 1
    assert verify(lines, answer, strictness=Strictness.TEXT, ignored=IgnoredText(["by [a-z]+"]))[0].ok


def test_within_bounds_the_next_wait_only() -> None:
    session, _ = session_with(SILENCE)
    cursor = cursor_over("*: within 7", "S: 250", "C: RSET")
    verifier = ReplyVerifier(cursor, Strictness.CODE, Variables(), keep_going=False)
    incoming = IncomingReplies(session)
    incoming.attempt(lambda: session.send(Command(b"NOOP")))
    assert "within 7 s" in verifier.verify(session, incoming, own=True).why
    assert (cursor.within, session.waits.reply_timeout) == (None, None)


def test_no_tls_between_step_and_reply_is_noticed() -> None:
    found, _ = verify(["*: no-tls", "S: 220"], b"220 go\r\n", sent=b"STARTTLS")
    assert found.declines_tls


def test_a_comparison_is_a_value() -> None:
    found = Comparison()
    differing = found.differing(1, "a", "x", "y").differing(6, "b")
    assert (found.status, differing.status, differing.why) == (0, 1, "a")
    assert found.ended_by(TlsFailed("no.")).why == "no"
    with pytest.raises(AttributeError):
        found.status = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("event", "error", "foreseen"),
    [
        ("*: timeout", WaitTimedOut("x"), True),
        ("*: timeout", ConnectionLost("x"), False),
        ("*: close server", ConnectionLost("x"), True),
        ("*: close", ConnectionLost("x"), False),
        ("*: error it broke", ConnectionLost("x"), True),
        ("*: close", TlsFailed("x"), True),
        ("*: close server", OutcomeUnknown("x"), True),
        ("C: NOOP", ConnectionLost("x"), False),
        ("*: error it broke", AuthFailed("x"), False),
    ],
)
def test_an_end_that_the_transcript_has_is_foreseen(event: str, error: DialogueBroken, foreseen: bool) -> None:
    verifier = ReplyVerifier(cursor_over(event), Strictness.CODE, Variables(), keep_going=False)
    assert verifier.foresees(error, attacked=False, cut=True) is foreseen
    assert not verifier.foresees(error, attacked=True, cut=True)


@pytest.mark.parametrize(
    ("event", "error", "foreseen", "passed"),
    [
        ("*: timeout", OutcomeUnknown("x"), True, False),
        ("*: timeout 5", OutcomeUnknown("x"), True, True),
        ("*: timeout 5", WaitTimedOut("x"), True, True),
        ("*: close server", OutcomeUnknown("x"), False, False),
        ("*: close server", ConnectionLost("x"), True, False),
    ],
)
def test_while_the_connection_is_there_no_reply_is_a_timeout_and_one_that_is_only_recorded_is_passed(
    event: str, error: DialogueBroken, foreseen: bool, passed: bool
) -> None:
    cursor = cursor_over(event, "C: NOOP")
    verifier = ReplyVerifier(cursor, Strictness.CODE, Variables(), keep_going=False)
    assert verifier.foresees(error, attacked=False, cut=False) is foreseen
    assert (cursor.next_event() == "") is passed


def test_within_bounds_the_wait_for_the_server_to_close_and_no_other() -> None:
    session, _ = session_with(SILENCE)
    cursor = cursor_over("*: within 7", "*: close server", "C: NOOP")
    cursor.advance()
    verifier = ReplyVerifier(cursor, Strictness.CODE, Variables(), keep_going=False)
    assert "within 7 s" in verifier.verify_close(session, IncomingReplies(session)).why
    assert (cursor.within, session.waits.reply_timeout) == (None, None)


def test_a_step_that_cannot_be_sent_says_why_in_one_sentence() -> None:
    found = unsendable(UsageError("The variable x has no value."), "; no final dot is sent")
    assert (found.status, found.why) == (1, "The variable x has no value; no final dot is sent")


INCLUDED = IncludedLine.of(3, "part.smtp")


@pytest.mark.parametrize(
    ("lines", "expected_at", "path", "file"),
    [
        ((3,), 4, "a.smtp", ""),
        ((3,), 0, "a.smtp", ""),
        ((3,), INCLUDED, "a.smtp", "part.smtp"),
        ((INCLUDED,), INCLUDED + 1, "part.smtp", ""),
        ((INCLUDED,), 4, "part.smtp", "a.smtp"),
        ((INCLUDED,), 0, "part.smtp", ""),
        ((3, INCLUDED), 4, "a.smtp", ""),
        ((), 4, "a.smtp", ""),
    ],
)
def test_a_result_names_the_file_of_its_step_and_that_of_the_expectation_where_it_is_another(
    lines: tuple[int, ...], expected_at: int, path: str, file: str
) -> None:
    found = Comparison().differing(1, "it differs", line=expected_at)
    result = step_result("a.smtp", lines, "NOOP", 0.0, found, edited=False, in_finally=False)
    assert result.difference is not None
    assert (result.path, path_of("a.smtp", lines), result.difference.file) == (path, path, file)
