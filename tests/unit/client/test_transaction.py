"""A whole mail transaction: what is sent, where it stops, and what became of each recipient."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.client.session import Session
from smtp_shell.client.transaction import Envelope, Outcome, Step, transact
from smtp_shell.errors import MessageChanged, NotSendable, UsageError
from smtp_shell.message.building import lay_out
from smtp_shell.message.draft import Attachment, Draft
from smtp_shell.net.target import Target, Way
from tests.unit.shell.fake import FakeTransport

ENVELOPE = Envelope("ann@example.org", ("bob@example.org", "carol@example.org"))
MESSAGE = b"Subject: x\r\n\r\n.a line\r\n"
NO = b"550 5.1.1 no\r\n"


class Server(FakeTransport):
    """A server that answers RCPT by its recipient, and a chunk of a BDAT as a whole."""

    def __init__(self, replies: dict[bytes, bytes] | None = None, refused: tuple[bytes, ...] = ()) -> None:
        super().__init__(replies)
        self.refused = refused
        self.chunk_left = 0

    def send(self, octets: bytes, seconds: float, until: float = float("inf")) -> None:
        while octets:
            if self.chunk_left:
                chunk, octets = octets[: self.chunk_left], octets[self.chunk_left :]
                self.heard += chunk
                self.chunk_left -= len(chunk)
                self._coming += b"" if self.chunk_left else self._replies.get(b"BDAT", b"250 Ok\r\n")
                continue
            line, end, octets = octets.partition(b"\n")
            super().send(line + end, seconds, until)

    def _answer(self, line: bytes) -> bytes:
        if line.startswith(b"BDAT "):
            self.chunk_left = int(line.split()[1])
            return b""
        if not self._in_data and line.startswith(b"RCPT ") and any(each in line for each in self.refused):
            return NO
        return super()._answer(line)


def opened(replies: dict[bytes, bytes] | None = None, *refused: bytes, hello: str = "") -> tuple[Session, Server]:
    server = Server(replies, refused)
    session = Session(Target(Way.TCP, "mail.example.org", 25), server)
    session.read_reply()
    if hello:
        from smtp_shell.protocol.commands import Command

        session.command(Command.of(hello, "client.example.org"))
        server.heard = b""
    return session, server


def decided(outcome: Outcome) -> list[int]:
    return [each.reply.code if each.reply is not None else 0 for each in outcome.recipients]


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_message_goes_out_with_its_dots_doubled(pipeline: bool) -> None:
    session, server = opened()
    outcome = transact(session, ENVELOPE, lambda: [MESSAGE], pipeline=pipeline)
    assert server.heard == (
        b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\n"
        b"Subject: x\r\n\r\n..a line\r\n.\r\n"
    )
    assert (outcome.step, decided(outcome), outcome.exit_status) == (Step.MESSAGE, [250, 250], 0)
    assert outcome.is_delivered


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_message_goes_out_in_chunks(pipeline: bool) -> None:
    session, server = opened()
    message = MESSAGE * 5000
    outcome = transact(session, ENVELOPE, lambda: [message], bdat=True, pipeline=pipeline)
    assert outcome.is_delivered
    commands, chunks = server.heard.split(b"RCPT TO:<carol@example.org>\r\n")
    assert chunks.startswith(b"BDAT 65536\r\n")
    *_, last = chunks.split(b"BDAT ")
    size, _, octets = last.partition(b" LAST\r\n")
    assert len(octets) == int(size) == len(message) - 65536
    assert b"DATA" not in commands


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_refused_recipient_does_not_keep_the_message_from_the_others(pipeline: bool) -> None:
    session, server = opened(None, b"bob")
    outcome = transact(session, ENVELOPE, lambda: [MESSAGE], pipeline=pipeline)
    assert (outcome.step, decided(outcome), outcome.exit_status) == (Step.MESSAGE, [550, 250], 1)
    assert [each.recipient for each in outcome.refused] == ["bob@example.org"]
    assert server.heard.endswith(b"..a line\r\n.\r\n")


def test_without_a_recipient_no_message_is_sent_and_the_transaction_is_given_up() -> None:
    session, server = opened(None, b"bob", b"carol")
    outcome = transact(session, ENVELOPE, never)
    assert (outcome.step, decided(outcome), outcome.exit_status) == (Step.RCPT, [550, 550], 1)
    assert server.lines[-1] == b"RSET"


def test_a_pipelined_data_without_a_recipient_ends_with_an_empty_message() -> None:
    session, server = opened({b".": b"554 no valid recipients\r\n"}, b"bob", b"carol")
    outcome = transact(session, ENVELOPE, never, pipeline=True)
    assert (outcome.step, decided(outcome), outcome.exit_status) == (Step.RCPT, [550, 550], 1)
    assert server.heard.endswith(b"DATA\r\n.\r\nRSET\r\n")


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_refused_mail_decides_about_everybody(pipeline: bool) -> None:
    session, server = opened({b"MAIL": NO, b"RCPT": b"503 first\r\n", b"DATA": b"503 first\r\n"})
    outcome = transact(session, ENVELOPE, never, pipeline=pipeline)
    assert (outcome.step, outcome.reply.code, outcome.exit_status) == (Step.MAIL, 550, 1)
    assert b"RSET" not in server.heard


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_refused_data_is_given_up_with_rset(pipeline: bool) -> None:
    session, server = opened({b"DATA": b"451 later\r\n"})
    outcome = transact(session, ENVELOPE, never, pipeline=pipeline)
    assert (outcome.step, decided(outcome), outcome.exit_status) == (Step.DATA, [451, 451], 1)
    assert server.heard.endswith(b"DATA\r\nRSET\r\n")


def test_a_refused_chunk_stops_the_message() -> None:
    session, server = opened({b"BDAT": b"552 too much\r\n"})
    outcome = transact(session, ENVELOPE, lambda: [b"x" * 200_000], bdat=True)
    assert (outcome.step, decided(outcome), outcome.exit_status) == (Step.DATA, [552, 552], 1)
    assert server.heard.endswith(b"RSET\r\n")
    assert server.heard.count(b"BDAT") == 1


def test_a_refused_message_decides_about_the_recipients_that_were_accepted() -> None:
    session, _ = opened({b".": b"554 spam\r\n"}, b"bob")
    outcome = transact(session, ENVELOPE, lambda: [MESSAGE])
    assert (outcome.step, decided(outcome), outcome.exit_status) == (Step.MESSAGE, [550, 554], 1)
    assert not outcome.is_delivered


def test_lmtp_decides_about_each_accepted_recipient() -> None:
    envelope = Envelope("", ("a@example.org", "bob@example.org", "c@example.org"))
    session, _ = opened({b".": b"250 ok\r\n552 full\r\n"}, b"bob", hello="LHLO")
    outcome = transact(session, envelope, lambda: [MESSAGE])
    assert (decided(outcome), outcome.exit_status) == ([250, 550, 552], 1)
    assert outcome.is_delivered


@pytest.mark.parametrize(("last", "codes"), [(b"250 ok\r\n", [250, 552]), (b"554 none\r\n", [554, 554])])
def test_prdr_decides_about_each_recipient_and_then_about_all(last: bytes, codes: list[int]) -> None:
    session, _ = opened({b".": b"353 each\r\n250 ok\r\n552 full\r\n" + last})
    assert decided(transact(session, ENVELOPE, lambda: [MESSAGE])) == codes


@pytest.mark.parametrize(("step", "last"), [(Step.MAIL, b"MAIL"), (Step.RCPT, b"RCPT"), (Step.DATA, b"DATA")])
def test_it_stops_after_the_step_that_is_named(step: Step, last: bytes) -> None:
    session, server = opened()
    outcome = transact(session, ENVELOPE, never, stop_after=step)
    assert (outcome.step, outcome.exit_status, outcome.is_done) == (step, 0, True)
    assert server.lines[-1].startswith(last)
    assert not outcome.is_delivered


def test_parameters_stand_behind_the_addresses() -> None:
    session, server = opened()
    envelope = Envelope("a@example.org", ("b@example.org",), ("SIZE=5", "SMTPUTF8"), ("NOTIFY=NEVER",))
    transact(session, envelope, lambda: [MESSAGE])
    assert server.lines[:2] == [
        b"MAIL FROM:<a@example.org> SIZE=5 SMTPUTF8",
        b"RCPT TO:<b@example.org> NOTIFY=NEVER",
    ]


@pytest.mark.parametrize(
    ("envelope", "error"),
    [
        (Envelope("a@example.org", ()), UsageError),
        (Envelope("a@example.org\r\nRSET", ("b",)), NotSendable),
        (Envelope("a", ("b\0",)), NotSendable),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(envelope: Envelope, error: type[Exception]) -> None:
    session, server = opened()
    with pytest.raises(error):
        transact(session, envelope, never)
    assert server.heard == b""


def breaking() -> Iterator[bytes]:
    yield b"Subject: x\r\n\r\n" + b"x" * 100_000
    raise MessageChanged("'a.bin' has changed since the message was made: it has grown")


def test_a_file_that_changes_in_mail_data_costs_the_connection_and_never_sends_half_a_message() -> None:
    session, server = opened()
    with pytest.raises(MessageChanged, match=r"No message was sent: the connection was dropped before the final dot\."):
        transact(session, ENVELOPE, breaking)
    assert server.closed
    assert b"\r\n.\r\n" not in server.heard


def test_a_file_that_grows_while_it_is_sent_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 10)
    layout = lay_out(Draft(attachments=(Attachment(path),)), smtputf8=False)

    def growing() -> Iterator[bytes]:
        path.write_bytes(b"x" * 20)
        return layout.pieces()

    session, server = opened()
    with pytest.raises(MessageChanged, match="it has grown"):
        transact(session, ENVELOPE, growing)
    assert server.closed
    assert b"\r\n.\r\n" not in server.heard


def test_a_file_that_changes_between_chunks_is_given_up_with_rset() -> None:
    session, server = opened()
    with pytest.raises(MessageChanged, match=r"No message was sent: RSET gave it up before its last chunk\."):
        transact(session, ENVELOPE, breaking, bdat=True)
    assert session.is_open
    assert b"LAST" not in server.heard
    assert server.heard.endswith(b"RSET\r\n")


def interrupted() -> Iterator[bytes]:
    yield b"Subject: x\r\n\r\n"
    raise KeyboardInterrupt


def test_ctrl_c_in_mail_data_drops_the_connection() -> None:
    session, server = opened()
    with pytest.raises(KeyboardInterrupt):
        transact(session, ENVELOPE, interrupted)
    assert server.closed


def never() -> Iterator[bytes]:
    raise AssertionError("the message was asked for")
