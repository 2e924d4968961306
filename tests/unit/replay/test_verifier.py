"""Replies compared with expectations, over a session without a socket."""

from __future__ import annotations

import pytest

from smtp_shell.errors import ConnectionLost, OutcomeUnknown, TlsFailed, WaitTimedOut
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.commands import Command
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.verifier import Comparison, ReplyVerifier
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
) -> tuple[Comparison, str]:
    """Send a line, compare what comes with the lines; return that and the text of the step that follows."""
    session, _ = session_with(*answers)
    incoming = IncomingReplies(session)
    cursor = cursor_over(*lines)
    verifier = ReplyVerifier(cursor, strictness, variables or Variables(), keep_going=keep_going)
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


def test_captures_become_variables() -> None:
    variables = Variables()
    found, _ = verify(["S~ 250 (?P<id>[0-9]+)"], b"250 17\r\n", variables=variables)
    assert found.ok
    assert variables.value("id") == "17"


def test_strictness_is_passed_on() -> None:
    found, _ = verify(["S: 250 2.1.0 ok"], b"250 2.1.5 ok\r\n", strictness=Strictness.ENHANCED)
    assert found.why == "the enhanced status code is 2.1.5, and 2.1.0 expected"


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
    ],
)
def test_an_end_that_the_transcript_has_is_foreseen(
    event: str, error: WaitTimedOut | ConnectionLost | TlsFailed | OutcomeUnknown, foreseen: bool
) -> None:
    verifier = ReplyVerifier(cursor_over(event), Strictness.CODE, Variables(), keep_going=False)
    assert verifier.foresees(error, attacked=False, cut=True) is foreseen
    assert not verifier.foresees(error, attacked=True, cut=True)
