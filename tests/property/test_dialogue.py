"""Promise 7: whatever a server says, and in whatever segments, replies are paired the same, and nothing raises."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import Event, Noticed, NoticeKind, OctetsSent, ReplyReceived
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.replies import ReplyLimits
from tests.property.hostile import OCTETS
from tests.property.test_replies import POINTS, TALK
from tests.support.samples import split_at

COMMANDS = st.lists(
    st.sampled_from(
        [b"EHLO c", b"LHLO c", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"DATA", b"BDAT 3 LAST", b"AUTH LOGIN", b"RSET", b"QUIT"]
    )
    | st.binary(max_size=5),
    max_size=8,
)  # fmt: skip
LIMITS = ReplyLimits(line=40, reply=100, lines=4)


def sent(commands: list[bytes], *, final_dot: bool) -> Dialogue:
    dialogue = Dialogue(LIMITS)
    for line in commands:
        dialogue.send(Command.parse(line))
    if final_dot:
        dialogue.send_mail_data(END_OF_DATA, last=True)
    return dialogue


def hear(dialogue: Dialogue, segments: list[bytes]) -> list[Event]:
    """Feed segments, as a session does: what breaks the dialogue ends the hearing."""
    events: list[Event] = []
    for segment in segments:
        for event in dialogue.receive(segment):
            if isinstance(event, Noticed) and event.kind is NoticeKind.PLAINTEXT_AFTER_STARTTLS:
                event = Noticed(event.kind)
                if event in events:
                    continue
            events.append(event)
    return events


@given(COMMANDS, TALK, POINTS, st.booleans())
def test_the_segments_never_matter(commands: list[bytes], talk: bytes, points: list[int], final_dot: bool) -> None:
    one, other = sent(commands, final_dot=final_dot), sent(commands, final_dot=final_dot)
    assert hear(one, [talk]) == hear(other, split_at(talk, points))
    assert (one.phase, one.owed, one.extensions) == (other.phase, other.owed, other.extensions)


@given(COMMANDS, TALK)
def test_replies_are_paired_in_the_order_of_the_commands(commands: list[bytes], talk: bytes) -> None:
    dialogue = sent(commands, final_dot=False)
    answered = [e.command.line for e in hear(dialogue, [talk]) if isinstance(e, ReplyReceived) and e.command]
    assert answered == commands[: len(answered)]
    assert dialogue.asked - dialogue.answered == len(dialogue.owed)


@given(TALK)
def test_the_end_leaves_nothing_open(talk: bytes) -> None:
    dialogue = Dialogue(LIMITS)
    hear(dialogue, [talk])
    assert len(list(dialogue.receive_eof())) <= 1
    assert (dialogue.owed, dialogue.phase) == ((), Phase.CLOSED)


@given(st.lists(OCTETS, max_size=4), POINTS)
def test_raw_octets_go_out_as_they_are(pieces: list[bytes], points: list[int]) -> None:
    octets = b"".join(pieces)
    whole, cut = Dialogue(), Dialogue()
    segments = split_at(octets, points)
    for dialogue, parts in ((whole, [octets]), (cut, segments)):
        events = [event for part in parts for event in dialogue.send_raw(part)]
        assert b"".join(event.octets for event in events if isinstance(event, OctetsSent)) == octets
        assert all(event.public is None or event.public >= 0 for event in events if isinstance(event, OctetsSent))
    assert whole.owed == cut.owed
