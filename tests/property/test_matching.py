"""Whatever a server says: a reply meets its own record at every strictness, and matching ends."""

import io

from hypothesis import assume, given
from hypothesis import strategies as st

from smtp_shell.errors import TranscriptError
from smtp_shell.matching.compare import match
from smtp_shell.matching.expectation import ExpectedReply, Strictness
from smtp_shell.protocol.events import ReplyReceived
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.recording.encoder import event_steps
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import format_step
from tests.property.hostile import HOSTILE_TEXT, OCTETS

TEXTS = OCTETS.map(lambda octets: octets.replace(b"\n", b""))
ENDS = st.sampled_from([b"\r\n", b"\n"])
CODES = st.sampled_from([b"250", b"334", b"550", b"150", b"999"])


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    lines = draw(st.lists(st.tuples(CODES, TEXTS, ENDS), min_size=1, max_size=5))
    pieces = [
        code + (b"-" if number < len(lines) else b" ") + text + end for number, (code, text, end) in enumerate(lines, 1)
    ]
    (reply,) = ReplyParser().receive(b"".join(pieces))
    assert isinstance(reply, Reply)
    return reply


def recorded(reply: Reply) -> StepCursor:
    lines = [format_step(step) for step in event_steps(ReplyReceived(reply, None), 0.0)]
    return StepCursor(TranscriptReader(io.BytesIO("\n".join(lines).encode()), "test.smtp"))


def expected(script: StepCursor) -> ExpectedReply:
    found = script.take_expected()
    assert found is not None
    return found


@given(replies(), st.sampled_from(Strictness), st.sampled_from(["", "EHLO", "NOOP"]))
def test_a_reply_meets_its_own_record(reply: Reply, strictness: Strictness, verb: str) -> None:
    script = recorded(reply)
    verdict = match(expected(script), reply, strictness, verb=verb)
    assert (verdict.ok, verdict.why) == (True, "")
    assert not script.expects


@given(replies(), replies(), st.sampled_from(Strictness))
def test_exact_means_equal(one: Reply, other: Reply, strictness: Strictness) -> None:
    verdict = match(expected(recorded(one)), other, Strictness.EXACT)
    assert verdict.ok == (one.octets == other.octets)
    if verdict.ok:
        assert match(expected(recorded(one)), other, strictness).ok


@given(st.sampled_from(["S:", "S=", "S~", "S|"]), HOSTILE_TEXT, replies())
def test_matching_raises_nothing_else(marker: str, text: str, reply: Reply) -> None:
    try:
        script = StepCursor(TranscriptReader(io.BytesIO(f"{marker} {text}".encode("utf-8", "replace")), "test.smtp"))
        assume(script.expects)
        demanded = expected(script)
    except (TranscriptError, ValueError):
        return
    verdict = match(demanded, reply)
    assert verdict.used <= len(demanded.lines)
    for shown in (verdict.why, verdict.expected, verdict.received, *verdict.captures.values()):
        assert shown.isprintable()
