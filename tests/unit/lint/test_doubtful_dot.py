"""A dot without CRLF on both sides, and then a true one: a file, a live session and a watched client tell the same dialogue."""

from __future__ import annotations

import io
from random import Random

import pytest

from smtp_shell.export.synthetic import write_pcapng
from smtp_shell.knowledge.narration import Narrator
from smtp_shell.lint import Linter
from smtp_shell.lint.doubtful_dot import DoubtfulDot
from smtp_shell.lint.findings import Place
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    CommandSent,
    Disconnected,
    End,
    Entry,
    Noticed,
    NoticeKind,
    ReplyReceived,
    TimedOut,
)
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.phases import Phase
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.encoder import TranscriptEncoder
from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.quiz import draw, questions_of
from smtp_shell.study.reader import read_dialogue
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import Step, format_step
from tests.support.pcapng import read
from tests.unit.lint.cases import ENVELOPE, HEADER, PLAIN_EHLO, QUIT, RECORDED
from tests.unit.servers.test_sessions import Watched, octets_of

DOTS = {
    "its line ends in LF": b".\n",
    "its line ends in CR": b".\r",
    "its line does not end": b".",
    "the line before ends in LF": b"text\n.\r\n",
    "both lines end in LF": b"text\n.\n",
    "two of them": b".\n.\n",
}
FIELDS = HEADER.replace("C: ", "").replace("\n", "\r\n").encode() + b"\r\n"
REPLIES = [("", 220), ("EHLO", 250), ("MAIL", 250), ("RCPT", 250), ("DATA", 354), ("", 250), ("QUIT", 221)]
every_dot = pytest.mark.parametrize("octets", DOTS.values(), ids=list(DOTS))


def greeted() -> Watched:
    client = Watched()
    client.hears(b"EHLO a.example.org\r\n")
    client.says(b"250 mx.example.org\r\n")
    return client.in_data_now()


def watched(octets: bytes) -> list[Entry]:
    """Return the dialogue of a client whose server waits for the true dot."""
    client = greeted()
    client.hears(FIELDS, octets, b"more text\r\n", b".\r\n")
    client.says(b"250 taken\r\n")
    client.hears(b"QUIT\r\n")
    client.says(b"221 bye\r\n")
    client.closed(End.CLIENT, 1.0)
    return client.entries


def live(octets: bytes) -> list[Entry]:
    """Return the same dialogue as a user has it who waits in vain for a reply to the dot, and then goes on."""
    dialogue = Dialogue()
    found: list[Entry] = []

    def tell(*events: object) -> None:
        found.extend(Entry(len(found) + number, 0.0, event) for number, event in enumerate(events, 1))  # type: ignore[arg-type]

    tell(*dialogue.receive(b"220 mx.example.org\r\n"))
    for line, reply in (
        (b"EHLO a.example.org", b"250 mx.example.org\r\n"),
        (b"MAIL FROM:<ann@example.org>", b"250 ok\r\n"),
        (b"RCPT TO:<bob@example.org>", b"250 ok\r\n"),
        (b"DATA", b"354 go on\r\n"),
    ):
        tell(*dialogue.send(Command(line)), *dialogue.receive(reply))
    tell(*dialogue.send_mail_data(FIELDS), *dialogue.send_raw(octets))
    if dialogue.owed:
        tell(TimedOut(300.0, str(dialogue.owed[0])))
        dialogue.expect_late()
    assert dialogue.standing is Phase.MAILDATA
    tell(*dialogue.send_mail_data(b"more text\r\n"), *dialogue.send_mail_data(END_OF_DATA, last=True))
    assert [owed.doubtful for owed in dialogue.owed] == [False]
    tell(*dialogue.receive(b"250 taken\r\n"))
    tell(*dialogue.send(Command(b"QUIT")), *dialogue.receive(b"221 bye\r\n"), Disconnected(End.CLIENT))
    return found


def written(dialogue: list[Entry]) -> str:
    """Return a dialogue as a recording has it."""
    steps: list[Step] = []
    encoder = TranscriptEncoder(steps.extend)
    for entry in dialogue:
        encoder(entry)
    encoder.close()
    return RECORDED + "".join(f"{format_step(step)}\n" for step in steps)


def script(octets: bytes) -> str:
    """Return the same dialogue as a person writes it."""
    sent = "".join(
        f"C| {line}\n" for line in octets.decode().replace("\r", r"\r").replace("\n", "\\n\n").split("\n") if line
    )
    return f"{PLAIN_EHLO}{ENVELOPE}{HEADER}C:\n{sent}C: more text\nC: .\nS: 250 taken\n{QUIT}"


def decoded(text: str) -> list[Entry]:
    reader = TranscriptReader(io.BytesIO(text.encode()), "dots.smtp")
    return list(entries(reader, header=reader.header))


def replies(dialogue: list[Entry]) -> list[tuple[str, int]]:
    return [(each.event.verb, each.event.reply.code) for each in dialogue if isinstance(each.event, ReplyReceived)]


def mail_data(dialogue: list[Entry]) -> bytes:
    """Return what the client sent after DATA."""
    return b"".join(octets_of(each.event) for each in dialogue).partition(b"DATA\r\n")[2]


def rules(dialogue: list[Entry]) -> set[str]:
    linter = Linter()
    found = [each for entry in dialogue for each in linter.feed(entry)]
    return {each.rule for each in [*found, *linter.finish()]}


@every_dot
def test_a_file_a_live_session_and_a_watched_client_tell_the_same(octets: bytes) -> None:
    seen = watched(octets)
    told = [seen, decoded(written(seen)), live(octets), decoded(written(live(octets))), decoded(script(octets))]
    for dialogue in told:
        assert replies(dialogue) == REPLIES
        assert mail_data(dialogue) == mail_data(seen) == FIELDS + octets + b"more text\r\n.\r\nQUIT\r\n"
        assert [each.event.command.verb for each in dialogue if isinstance(each.event, CommandSent)][-1] == "QUIT"
        assert rules(dialogue) - {"bare-lf"} == rules(seen) - {"bare-lf"}
    assert {"no-quit", "unasked-reply", "data-without-354", "unknown-command"}.isdisjoint(rules(seen))


@every_dot
def test_a_file_with_such_a_dot_is_explained_asked_about_and_captured(octets: bytes) -> None:
    for text in (written(watched(octets)), script(octets)):
        narrator = Narrator()
        said = [line for entry in decoded(text) for line in narrator.tell(entry)]
        assert len(said) > 10
        assert all(line.isprintable() for line in said)
        asked = draw(questions_of(read_dialogue(decoded(text)), all_kinds()), 40, Random(1))
        assert asked
        out = io.BytesIO()
        write_pcapng(decoded(text), out, "smtp-shell")
        assert octets + b"more text" in read(out.getvalue()).sent(by_client=True)


@pytest.mark.parametrize("octets", [b".\n", b"text\n.\r\n", b"text\n.\n"])
def test_the_dot_ends_the_message_where_the_server_replies_to_it(octets: bytes) -> None:
    start = f"{RECORDED}{PLAIN_EHLO}{ENVELOPE}{HEADER}C:\n"
    sent = rf"C| {escape(octets)}"
    assert replies(decoded(f"{start}{sent}\nS: 250 taken\n{QUIT}")) == REPLIES
    after = decoded(rf"{start}{sent}NOOP\x0a.\x0aQUIT\x0d\x0a" "\nS: 250 taken\nS: 250 ok\nS: 500 what\nS: 221 bye\n")
    assert replies(after) == [*REPLIES[:-1], ("NOOP", 250), ("", 500), ("QUIT", 221)]
    late = decoded(f"{start}{sent}\nS: 421 too slow\n*: close server\n")
    assert [each.event.kind for each in late if isinstance(each.event, Noticed)] == [NoticeKind.UNSOLICITED]


@every_dot
def test_a_connection_that_ends_at_the_dot_leaves_the_message_open(octets: bytes) -> None:
    client = greeted()
    client.hears(FIELDS, octets)
    client.closed(End.CLIENT, 1.0)
    found = decoded(written(client.entries))
    assert replies(found) == REPLIES[:5]
    assert isinstance(found[-1].event, Disconnected)
    assert rules(found) == rules(client.entries)
    assert "no-quit" in rules(found)


def test_a_dot_is_kept_with_what_follows_it_and_released_once() -> None:
    dot = DoubtfulDot()
    assert (dot.is_held, dot.is_told, [*dot.release()]) == (False, False, [])
    pieces = [(b".\n", None, Place(1)), (b"QUIT\r\n", 3, Place(2)), (b"x\r\n", None, Place(3))]
    for octets, public, place in pieces:
        assert dot.hold(octets, public, place)
        assert dot.is_held
    assert [(piece, dot.is_told) for piece in dot.release()] == [
        (pieces[0], True),
        (pieces[1], False),
        (pieces[2], False),
    ]
    assert (dot.is_held, dot.is_told, [*dot.release()]) == (False, False, [])
    assert dot.hold(b".\n", None, Place(4))
    assert [dot.is_told for _ in dot.release()] == [True]
    assert not dot.is_told


def test_a_true_dot_is_not_kept() -> None:
    dot = DoubtfulDot()
    assert dot.hold(b".\r\n", None, Place(1))  # after a line that ended in LF
    assert not dot.hold(b".\r\n", None, Place(2))
    assert dot.hold(b"text\n", None, Place(3))
    assert dot.hold(b".\r\n", None, Place(4))
    assert len([*dot.release()]) == 3


def test_what_is_kept_after_a_dot_is_bounded() -> None:
    dot = DoubtfulDot()
    assert [dot.hold(b"x\n", None, Place()) for _ in range(101)] == [True] * 100 + [False]
    assert len([*dot.release()]) == 100
    assert [DoubtfulDot().hold(b"x" * size, None, Place()) for size in (65_536, 65_537)] == [True, False]
    assert [dot.hold(b"x" * size, None, Place()) for size in (65_535, 2, 1, 1)] == [True, False, True, False]
    assert len([*dot.release()]) == 2
    assert not dot.hold(b"x" * 65_537, None, Place())
    assert dot.hold(b"x" * 65_536, None, Place())
