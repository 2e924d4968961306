"""Where a dialogue stands, by its events alone."""

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smtp_shell.knowledge.exchanges import Exchanges, Standing
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import CommandSent, Disconnected, End, Entry, ReplyReceived
from smtp_shell.protocol.phases import Phase
from smtp_shell.recording.shown import shown_transcript
from tests.fuzz.program import perform
from tests.unit.knowledge.dialogues import BARE, EHLO, GREETED, MAIL, RCPT, dialogue, followed, last

TRANSCRIPTS = sorted((Path(__file__).parents[3] / "transcripts").glob("*.smtp"))


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("", Phase.GREETING),
        (GREETED, Phase.FRESH),
        ("S: 554 go away\n", Phase.GREETING),
        (GREETED + EHLO, Phase.READY),
        (GREETED + EHLO + MAIL, Phase.MAIL),
        (GREETED + EHLO + MAIL + RCPT, Phase.RCPT),
        (GREETED + EHLO + MAIL + RCPT + "C: DATA\nS: 354 go\n", Phase.MAILDATA),
        (GREETED + EHLO + MAIL + RCPT + "C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\n", Phase.READY),
        (GREETED + EHLO + MAIL + "C: RSET\nS: 250 ok\n", Phase.READY),
        (GREETED + "C: RSET\nS: 250 ok\n", Phase.FRESH),
        (GREETED + EHLO + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n", Phase.AUTH),
        (GREETED + EHLO + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501 x\n", Phase.READY),
        (GREETED + EHLO + "C: STARTTLS\nS: 220 go\n", Phase.TLS),
        (GREETED + EHLO + "C: STARTTLS\nS: 220 go\n*: tls\n", Phase.FRESH),
        (GREETED + EHLO + "C: QUIT\nS: 221 bye\n", Phase.CLOSED),
        (GREETED + EHLO + "C: NOOP\nS: 421 bye\n", Phase.CLOSED),
        (GREETED + EHLO + "*: close server\n", Phase.CLOSED),
    ],
)
def test_the_phase(text: str, phase: Phase) -> None:
    assert followed(text).now.phase is phase


def test_recipients_are_counted_and_forgotten_with_the_transaction() -> None:
    text = GREETED + EHLO + MAIL + RCPT + RCPT + "C: RCPT TO:<x@example.org>\nS: 550 no\n"
    now = followed(text).now
    assert (now.accepted, now.refused) == (2, 1)
    after = followed(text + "C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\n").now
    assert (after.accepted, after.refused) == (0, 0)


def test_lmtp_has_a_reply_for_each_recipient() -> None:
    text = GREETED + "C: LHLO x\nS: 250 hi\n" + MAIL + RCPT + RCPT + "C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 one\n"
    assert followed(text).now.phase is Phase.MAILDATA
    assert followed(text + "S: 550 two\n").now.phase is Phase.READY
    assert last(text + "S: 550 two\n").ends_message


def test_tls_makes_all_that_was_announced_forgotten() -> None:
    now = followed(GREETED + EHLO + "C: STARTTLS\nS: 220 go\n*: tls TLSv1.3 X verified\n").now
    assert (now.tls, now.hello_due, now.extensions, now.hello) == (True, True, None, "")
    again = followed(GREETED + EHLO + "C: STARTTLS\nS: 220 go\n*: tls TLSv1.3 X verified\n" + BARE).now
    assert (again.tls, again.hello_due, again.hello) == (True, False, "EHLO")


def test_the_size_of_the_message_is_known_at_the_final_dot() -> None:
    exchange = last(GREETED + EHLO + MAIL + RCPT + "C: DATA\nS: 354 go\nC: 12345\nC: .\nS: 552 too large\n")
    assert exchange.ends_message
    assert exchange.before.octets == 7


def test_a_pipelined_group_stands_where_the_server_stood() -> None:
    text = GREETED + EHLO + "C& MAIL FROM:<ann@example.org>\nC& RCPT TO:<bob@example.org>\nC: DATA\n"
    text += "S: 250 ok\nS: 550 no\nS: 554 none\n"
    exchange = last(text)
    assert (exchange.verb, exchange.before.phase, exchange.before.refused) == ("DATA", Phase.MAIL, 1)


def test_a_script_without_replies_is_followed_too() -> None:
    text = "C: EHLO x\nC: MAIL FROM:<ann@example.org>\nC: RCPT TO:<bob@example.org>\nC: DATA\nC: x\nC: .\nS: 250 ok\n"
    assert last(text).ends_message
    assert followed(text).now.phase is Phase.READY


def test_an_expectation_counts_as_a_reply() -> None:
    assert followed(GREETED + "C: EHLO x\nS~ 250.*\n").now.phase is Phase.READY
    assert followed(GREETED + EHLO + "C: MAIL FROM:<>\nS: 5yz\n").now.phase is Phase.READY


def test_how_it_ended_is_known() -> None:
    by_server, by_client = (followed(GREETED + f"*: close{who}\n").ending for who in (" server", ""))
    assert isinstance(by_server, Disconnected)
    assert by_server.end is End.SERVER
    assert isinstance(by_client, Disconnected)
    assert by_client.end is End.CLIENT
    assert followed(GREETED + EHLO).ending is None


def test_another_connection_begins_anew() -> None:
    exchanges = followed(GREETED + EHLO + MAIL + "*: close\n*: connect mail.example.org:465 tls\n")
    assert exchanges.now == Standing(tls=True)
    assert exchanges.last is None


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_transcripts_end_where_the_dialogue_ends(path: Path) -> None:
    exchanges = Exchanges()
    with shown_transcript(path) as (_, found, _mask):
        for entry in found:
            exchanges(entry)
    assert exchanges.now.phase in (Phase.CLOSED, Phase.READY)
    assert not exchanges.waiting


@settings(max_examples=500)
@given(st.lists(st.deferred(lambda: st.sampled_from(LINES)), max_size=25))
def test_the_phase_is_the_dialogues(lines: list[bytes]) -> None:
    """Whatever a server says, the follower of the events stands where the dialogue stands."""
    assume(lines.count(b"B abc") < 2)  # of two last chunks on their way the dialogue waits for both replies
    program = b"\n".join(lines)
    the_dialogue, exchanges = Dialogue(), Exchanges()
    for _, _, happened in perform(b"< 220 mx\n" + program, the_dialogue, plausible=True):
        for number, event in enumerate(happened):
            exchanges(Entry(number, 0.0, event))
    if the_dialogue.phase is not Phase.TLS:
        assert exchanges.now.phase is the_dialogue.phase


LINES: list[bytes] = [
    *(
        b"> EHLO x",
        b"> HELO x",
        b"> MAIL FROM:<>",
        b"> RCPT TO:<a@b.example>",
        b"> DATA",
        b"> RSET",
        b"> NOOP",
        b"> AUTH LOGIN",
    ),
    *(
        b"> QUIT",
        b"A YQ==",
        b"A *",
        b"D text\\r\\n",
        b".",
        b"B abc",
        b"& NOOP",
        b"& MAIL FROM:<>",
        b"& RCPT TO:<a@b.example>",
    ),
    *[b"< 250 ok"] * 12,
    *(b"< 354 go", b"< 334 YQ==", b"< 235 in", b"< 550 no", b"< 503 order", b"< 421 bye", b"< 221 bye", b"< 452 full"),
]


def test_memory_does_not_grow_with_commands_that_are_not_answered() -> None:
    exchanges = Exchanges()
    (command,) = [entry.event for entry in dialogue("C: NOOP\n") if isinstance(entry.event, CommandSent)]
    for number in range(5000):
        exchanges(Entry(number, 0.0, command))
    assert len(exchanges.waiting) <= 1000


def test_only_the_events_that_it_wants_matter() -> None:
    wanted = Exchanges.wants
    assert ReplyReceived in wanted
    assert Disconnected in wanted
    exchanges = Exchanges()
    exchanges(Entry(1, 0.0, Disconnected(End.CLIENT)))
    assert exchanges.now.phase is Phase.CLOSED
