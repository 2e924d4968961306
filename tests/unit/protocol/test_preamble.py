"""Text that precedes a greeting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import Noticed, NoticeKind, ReplyReceived
from smtp_shell.protocol.preamble import LIMIT, Preamble
from tests.support.samples import cuts

EXIM = b"\n**** SMTP testing session\n**** but without any ident\n\n"
GREETING = b"220-mail\r\n220 hi\r\n"


@pytest.mark.parametrize(
    ("came", "before", "rest"),
    [
        (GREETING, b"", GREETING),
        (EXIM + GREETING, EXIM, GREETING),
        (b"\r\n" + GREETING, b"\r\n", GREETING),
        (b"2024 is a year\n220\r\n", b"2024 is a year\n", b"220\r\n"),
        (b"100 messages\n421 no\r\n", b"100 messages\n", b"421 no\r\n"),
        (b"x\n", b"x\n", None),
        (b"\n\n", b"", None),
        (b"\n\nx", b"", None),
        (b"x\n22", b"x\n", None),
        (b"no line end", b"", None),
    ],
)
def test_what_precedes_the_greeting(came: bytes, before: bytes, rest: bytes | None) -> None:
    preamble = Preamble()
    assert preamble.receive(came) == before
    assert preamble.rest == rest
    assert before + (preamble.pending if rest is None else rest) == came
    assert rest is None or preamble.pending == b""


def test_a_preamble_has_64_kib_at_most() -> None:
    assert LIMIT == 65_536
    preamble = Preamble()
    assert len(preamble.receive(b"x" * (LIMIT - 1) + b"\n")) == LIMIT
    assert preamble.rest is None
    assert preamble.receive(b"x") == b""
    assert preamble.rest == b"x"


@given(
    st.lists(
        st.binary(max_size=12) | st.sampled_from([b"\n", b"text\n", b"22", b"0 hi\r\n", b"220 hi\r\n"]), max_size=12
    )
)
def test_however_the_octets_come_they_mean_the_same(pieces: list[bytes]) -> None:
    whole, parts = Preamble(), Preamble()
    before = whole.receive(b"".join(pieces))
    gathered = b""
    for number, piece in enumerate(pieces):
        gathered += parts.receive(piece)
        if parts.rest is not None:
            parts.rest += b"".join(pieces[number + 1 :])
            break
    assert gathered + parts.pending == before + whole.pending
    assert parts.rest == whole.rest


def test_a_program_that_never_greets_is_not_listened_to_for_ever() -> None:
    dialogue = Dialogue(preamble=True)
    kinds = [
        event.kind
        for _ in range(LIMIT // 1024 + 2)
        for event in dialogue.receive(b"x" * 1023 + b"\n")
        if isinstance(event, Noticed)
    ]
    assert kinds[-1] is NoticeKind.NOT_A_REPLY


def test_the_greeting_is_read_as_ever() -> None:
    dialogue = Dialogue(preamble=True)
    events = list(dialogue.receive(EXIM + GREETING))
    assert events[0] == Noticed(NoticeKind.PREAMBLE, octets=EXIM)
    assert isinstance(events[1], ReplyReceived)
    assert next(dialogue.receive(b"220 again\r\n")) == Noticed(NoticeKind.UNSOLICITED)


def test_a_greeting_that_comes_in_pieces_is_read_as_ever() -> None:
    for segments in cuts(EXIM + GREETING):
        dialogue = Dialogue(preamble=True)
        events = [event for segment in segments for event in dialogue.receive(segment)]
        before = b"".join(event.octets for event in events if isinstance(event, Noticed))
        (greeting,) = [event.reply for event in events if isinstance(event, ReplyReceived)]
        assert (before, greeting.octets) == (EXIM, GREETING)


def test_a_program_that_ends_before_it_greets_has_said_what_came() -> None:
    dialogue = Dialogue(preamble=True)
    assert list(dialogue.receive(b"not found")) == []
    assert list(dialogue.receive_eof()) == [Noticed(NoticeKind.PREAMBLE, octets=b"not found")]
    assert dialogue.pending == b""


def test_a_server_over_the_network_has_no_preamble() -> None:
    (event,) = Dialogue().receive(EXIM)
    assert isinstance(event, Noticed)
    assert event.kind is NoticeKind.NOT_A_REPLY
