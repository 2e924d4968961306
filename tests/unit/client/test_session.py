"""A session with a server that is slow, rude, silent or gone."""

import itertools
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import (
    ConnectionLost,
    DialogueBroken,
    OutcomeUnknown,
    ProtocolViolation,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Decoded,
    Disconnected,
    End,
    Entry,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyReceived,
    TimedOut,
)
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.secret import Secret
from tests.support.mail import send_message
from tests.support.peer import QUICK, Log, Peer, Script, talking, tcp_pair

NOOP = Command(b"NOOP")
SOON = 0.3


def conversation(*turns: tuple[str, str], then: Callable[[Peer], None] | None = None) -> Script:
    """Make a script: what the server waits for, and what it says then; it ends when the client closes."""

    def script(peer: Peer) -> None:
        for heard, said in turns:
            if heard:
                peer.hear(heard.encode())
            if said:
                peer.say(*said.split("|"))
        if then:
            then(peer)
        else:
            peer.hear_end()

    return script


def close(peer: Peer) -> None:
    peer.sock.close()


def stay_silent(peer: Peer) -> None:
    peer.hear_end()


GREETS = ("", "220 hi")
TO_DATA = (
    GREETS,
    ("EHLO c\r\n", "250 mail"),
    ("MAIL FROM:<>\r\n", "250"),
    ("RCPT TO:<a@b>\r\n", "250"),
    ("DATA\r\n", "354"),
)


def reach_data(session: Session) -> None:
    session.read_reply()
    for line in (b"EHLO c", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"DATA"):
        session.command(Command(line))
    assert stands(session) is Phase.MAILDATA


def stands(session: Session) -> Phase:
    return session.phase


def is_open(session: Session) -> bool:
    return session.is_open


def last_end(log: Log) -> End:
    event = log.events[-1]
    assert isinstance(event, Disconnected)
    return event.end


# --- the ordinary course


def test_a_whole_message() -> None:
    script = conversation(*TO_DATA, (".\r\n", "250 queued"), ("QUIT\r\n", "221 bye"), then=close)
    with talking(script, strict=True) as (session, log, peer):
        reach_data(session)
        assert send_message(session, [b"Subject: x\n", b"\n.dot", b"\n"]).code == 250
        assert session.command(Command(b"QUIT")).code == 221
        with pytest.raises(ConnectionLost):
            session.listen(5)
    assert log.codes == [220, 250, 250, 250, 354, 250, 221]
    assert peer.heard.endswith(b"DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n")
    assert [entry.seq for entry in log] == list(range(1, len(log) + 1))
    assert all(0 <= one.at <= other.at for one, other in itertools.pairwise(log))
    pieces = [event for event in log.events if isinstance(event, MailDataSent)]
    assert [piece.last for piece in pieces] == [False, False, False, True]
    assert last_end(log) is End.SERVER


def test_replies_say_how_long_they_took() -> None:
    with talking(conversation(GREETS, ("NOOP\r\n", "250"))) as (session, log, _):
        session.read_reply()
        session.command(NOOP)
    assert all(
        event.seconds is not None and event.seconds >= 0 for event in log.events if isinstance(event, ReplyReceived)
    )


def test_pipelined_commands_go_out_in_one_write() -> None:
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.say("220 hi")
        heard.append(peer.sock.recv(65536))
        peer.say("250 a", "550 b", "354 c")
        peer.hear_end()

    with talking(script) as (session, log, _):
        session.read_reply()
        session.send(Command(b"MAIL FROM:<>"), Command(b"RCPT TO:<a@b>"), Command(b"DATA"))
        assert [reply.code for reply in session.read_replies()] == [250, 550, 354]
    answers = [event for event in log.events if isinstance(event, ReplyReceived)][1:]
    assert [(answer.reply.code, answer.command and answer.command.verb) for answer in answers] == [
        (250, "MAIL"),
        (550, "RCPT"),
        (354, "DATA"),
    ]
    assert heard == [b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n"]
    assert [event.pipelined for event in log.events if isinstance(event, CommandSent)] == [True, True, False]


def test_a_chunk_goes_out_with_its_command() -> None:
    script = conversation(GREETS, ("hello", "250 ok"), ("BDAT 0 LAST\r\n", "250 done"))
    with talking(script) as (session, log, peer):
        session.read_reply()
        assert session.send_bdat(b"hello", last=False).code == 250
        assert session.send_bdat(b"", last=True).code == 250
    assert peer.heard == b"BDAT 5\r\nhelloBDAT 0 LAST\r\n"
    assert next(event.octets for event in log.events if isinstance(event, OctetsSent)) == b"hello"


def test_lmtp_waits_for_every_reply() -> None:
    def script(peer: Peer) -> None:
        conversation(
            GREETS, ("LHLO c\r\n", "250"), ("MAIL FROM:<>\r\n", "250"), ("RCPT TO:<a@b>\r\n", "250"),
            ("RCPT TO:<c@d>\r\n", "250"), ("DATA\r\n", "354"), (".\r\n", "250 one"),
            then=lambda peer: peer.say("550 two"),
        )(peer)  # fmt: skip

    with talking(script, target=Target(Way.UNIX, "/s", lmtp=True)) as (session, log, _):
        session.read_reply()
        for line in (b"LHLO c", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"RCPT TO:<c@d>", b"DATA"):
            session.command(Command(line))
        assert send_message(session, []).code == 550
        assert session.is_private
    assert log.codes[-2:] == [250, 550]


def test_consumers_come_and_go() -> None:
    with talking(conversation(GREETS)) as (session, log, _):
        late = Log()
        session.read_reply()
        log.clear()
        session.publish(Remarked("first"))
        session.subscribe(late)
        session.publish(Remarked("second"))
        session.unsubscribe(late)
        session.publish(Decoded(False, "LOGIN", "user name"))
        session.set_user("LOGIN", "ann")
        session.publish(Noticed(NoticeKind.CLEARTEXT_AUTH))
        assert session.user == "ann"
    assert late.events == [Remarked("second")]
    assert log.events[:4] == [
        Remarked("first"),
        Remarked("second"),
        Decoded(False, "LOGIN", "user name"),
        Authenticated("LOGIN", "ann"),
    ]


def test_raw_octets_and_their_replies() -> None:
    with talking(conversation(GREETS, ("RSET\r\n", "250 a|250 b"))) as (session, _log, peer):
        session.read_reply()
        session.send_raw(b"NOOP\r\nRSET\r\n")
        assert [reply.code for reply in session.read_replies()] == [250, 250]
    assert peer.heard == b"NOOP\r\nRSET\r\n"


def test_nothing_is_waited_for_when_nothing_is_owed() -> None:
    with talking(conversation(GREETS)) as (session, _, _):
        session.read_reply()
        with pytest.raises(UsageError, match="no reply is owed"):
            session.read_reply()
        assert session.read_replies() == []


# --- waiting


def test_one_deadline_spans_a_reply_that_drips() -> None:
    def drip(peer: Peer) -> None:
        with suppress(OSError):
            while True:
                peer.sock.sendall(b"250-drip\r\n")
                if peer.go_on.wait(0.05):
                    return

    with talking(conversation(GREETS, ("NOOP\r\n", ""), then=drip), strict=True, timeouts=QUICK.all(SOON)) as (
        session,
        log,
        _,
    ):
        session.read_reply()
        session.send(NOOP)
        start = time.monotonic()
        with pytest.raises(WaitTimedOut, match=r"the reply to NOOP did not come within 0\.3 s\. Part of it came\."):
            session.read_reply()
        assert SOON <= time.monotonic() - start < SOON + 1
        assert not is_open(session)
    assert TimedOut(SOON, "the reply to NOOP") in log.events
    assert last_end(log) is End.TIMEOUT


@pytest.mark.parametrize(
    ("line", "field"),
    [("", "greeting"), ("NOOP", "reply"), ("DATA", "data"), ("QUIT", "quit"), ("BDAT 0 LAST", "final_dot")],
)
def test_each_wait_has_its_own_length(line: str, field: str) -> None:
    long = Timeouts(**dict.fromkeys(("greeting", "reply", "data", "final_dot", "quit"), 60.0) | {field: 0.05})
    script = conversation(*([GREETS] if line else []), then=stay_silent)
    with talking(script, timeouts=long) as (session, _, _):
        if line:
            session.read_reply()
            session.send(Command(line.encode()))
        with pytest.raises(WaitTimedOut, match=r"within 0\.05 s"):
            session.read_reply()


def test_the_wait_is_for_what_was_asked_last_and_not_for_what_is_late() -> None:
    waits = Timeouts(quit=0.05)
    with talking(conversation(GREETS), timeouts=waits) as (session, _log, _):
        session.read_reply()
        session.send(NOOP)
        with pytest.raises(WaitTimedOut, match="the reply to NOOP"):
            session.read_reply(0.05)
        session.send(Command(b"QUIT"))
        with pytest.raises(WaitTimedOut, match=r"the reply to QUIT did not come within 0\.05 s"):
            session.read_reply()


def test_a_late_reply_is_shown_and_is_not_the_next_answer() -> None:
    def late(peer: Peer) -> None:
        peer.wait()
        peer.say("252 late", "250 in time")
        peer.hear_end()

    with talking(conversation(GREETS, ("VRFY ann\r\n", ""), ("NOOP\r\n", ""), then=late)) as (session, log, peer):
        session.read_reply()
        session.send(Command(b"VRFY ann"))
        with pytest.raises(WaitTimedOut):
            session.read_reply(0.05)
        session.send(NOOP)
        peer.go_on.set()
        assert session.read_reply().lines == (b"in time",)
    assert log.notices == [NoticeKind.LATE]
    assert log.codes == [220, 252, 250]


def test_a_late_reply_can_be_waited_for() -> None:
    def late(peer: Peer) -> None:
        peer.wait()
        peer.say("252 late")
        peer.hear_end()

    with talking(conversation(GREETS, ("VRFY ann\r\n", ""), then=late)) as (session, _log, peer):
        session.read_reply()
        session.send(Command(b"VRFY ann"))
        with pytest.raises(WaitTimedOut):
            session.read_reply(0.05)
        peer.go_on.set()
        assert session.read_late().code == 252


# --- Ctrl-C


class CtrlC:
    """A consumer that is interrupted at a kind of event, once."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.pressed = False

    def __call__(self, entry: Entry) -> None:
        if isinstance(entry.event, self.kind) and not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt


def test_ctrl_c_ends_the_wait_at_once_and_the_reply_is_still_owed() -> None:
    def press(peer: Peer) -> None:
        peer.wait()
        peer.say("252 late")
        peer.hear(b"NOOP\r\n")
        peer.say("250 ok")
        peer.hear_end()

    with talking(conversation(GREETS, ("VRFY ann\r\n", ""), then=press)) as (session, log, peer):
        session.read_reply()
        session.send(Command(b"VRFY ann"))
        timer = threading.Timer(0.1, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
        timer.start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            session.read_reply()
        assert time.monotonic() - start < 1
        assert [str(owed) for owed in session.dialogue.owed] == ["the reply to VRFY"]
        assert session.dialogue.owed[0].late
        peer.go_on.set()
        assert session.command(NOOP).lines == (b"ok",)
    assert log.notices == [NoticeKind.LATE]


def test_ctrl_c_while_a_command_is_shown_still_sends_it() -> None:
    """Else a reply would be owed to a command that never went out."""
    with talking(conversation(GREETS, ("NOOP\r\n", "250 ok"))) as (session, _log, _):
        session.read_reply()
        before, after = CtrlC(CommandSent), Log()
        session.subscribe(before)
        session.subscribe(after)
        with pytest.raises(KeyboardInterrupt):
            session.command(NOOP)
        assert any(isinstance(event, CommandSent) for event in after.events)
        assert session.read_late().code == 250


def test_ctrl_c_while_a_reply_is_shown_loses_none_behind_it() -> None:
    with talking(conversation(GREETS, ("RSET\r\n", "250 a|250 b"))) as (session, _log, _):
        session.read_reply()
        pressed, after = CtrlC(ReplyReceived), Log()
        session.subscribe(pressed)
        session.subscribe(after)
        session.send(NOOP, Command(b"RSET"))
        with suppress(KeyboardInterrupt):
            session.read_replies()
        assert pressed.pressed
        with suppress(UsageError):
            session.read_late()
        assert after.codes == [250, 250]
        assert session.dialogue.owed == ()


def test_ctrl_c_while_a_remark_is_shown() -> None:
    with talking(conversation(GREETS)) as (session, _log, _):
        session.read_reply()
        session.subscribe(CtrlC(Remarked))
        after = Log()
        session.subscribe(after)
        with pytest.raises(KeyboardInterrupt):
            session.publish(Remarked("note"))
        assert after.events == [Remarked("note")]


# --- what was not asked for


def test_an_unsolicited_reply_is_not_the_next_answer() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi", "250 surprise")
        peer.hear()
        peer.say("250 answer")
        peer.hear_end()

    with talking(script) as (session, log, _):
        session.read_reply()
        assert session.command(NOOP).lines == (b"answer",)
    assert log.notices == [NoticeKind.UNSOLICITED]


def test_an_unsolicited_reply_ends_a_strict_session_before_the_command() -> None:
    said = threading.Event()

    def surprise(peer: Peer) -> None:
        peer.wait()
        peer.say("250 surprise")
        said.set()
        peer.hear_end()

    with talking(conversation(GREETS, then=surprise), strict=True) as (session, log, peer):
        session.read_reply()
        peer.go_on.set()
        assert said.wait(5)
        with pytest.raises(ProtocolViolation, match="250 surprise"):
            session.command(NOOP)
    assert peer.heard == b""
    assert log.codes == [220, 250]
    assert last_end(log) is End.ERROR


@pytest.mark.parametrize("strict", [True, False])
def test_421_out_of_nowhere(strict: bool) -> None:
    said = threading.Event()

    def script(peer: Peer) -> None:
        peer.say("220 hi")
        peer.wait()
        peer.say("421 4.3.2 shutting down")
        said.set()
        peer.hear_end()

    with talking(script, strict=strict) as (session, log, peer):
        session.read_reply()
        peer.go_on.set()
        assert said.wait(5)
        if strict:
            with pytest.raises(ConnectionLost, match=r'the server said "421 4\.3\.2 shutting down"'):
                session.command(NOOP)
            assert not is_open(session)
        else:
            assert session.look()
            assert is_open(session)
        assert stands(session) is Phase.CLOSED
    assert log.notices == [NoticeKind.UNSOLICITED]
    assert peer.heard == b""


@pytest.mark.parametrize("strict", [True, False])
def test_421_in_the_middle_of_mail_data(strict: bool) -> None:
    def cut_short(peer: Peer) -> None:
        peer.hear(b"one\r\n")
        peer.say("421 too slow")
        peer.sock.shutdown(socket.SHUT_WR)
        peer.hear_end()

    def pieces(log: Log) -> list[bytes]:
        return [event.octets for event in log.events if isinstance(event, MailDataSent)]

    with talking(conversation(*TO_DATA, then=cut_short), strict=strict) as (session, log, _):
        reach_data(session)

        session.send_mail_data(b"one\r\n")
        with pytest.raises(ConnectionLost):
            session.listen(5)
        with pytest.raises(ConnectionLost, match="no connection any more"):
            session.send_mail_data(b"two\r\n")
    assert pieces(log) == [b"one\r\n"]
    assert log.codes[-1] == 421


def test_a_server_that_talks_on_and_on_is_cut_off() -> None:
    def chatter(peer: Peer) -> None:
        with suppress(OSError):
            while True:
                peer.say("250 " + "x" * 1000)

    with talking(conversation(GREETS, then=chatter)) as (session, log, _):
        session.read_reply()
        with pytest.raises(ProtocolViolation, match="the limit is 65,536 octets"):
            session.listen(5)
    assert log.notices[-1] is NoticeKind.TOO_MUCH


# --- strict and tolerant


@pytest.mark.parametrize(
    ("said", "notice"),
    [
        ("250-a|251 b", "the lines of one reply have different codes"),
        ("050 debug|250 ok", "the reply code is outside 200-599"),
    ],
)
def test_a_bad_reply_ends_a_strict_session_and_is_shown_first(said: str, notice: str) -> None:
    script = conversation(GREETS, ("NOOP\r\n", said))
    with talking(script) as (session, log, _):
        session.read_reply()
        assert session.command(NOOP).code in (250, 251)
    with talking(script, strict=True) as (session, log, _):
        session.read_reply()
        with pytest.raises(ProtocolViolation, match=notice) as caught:
            session.command(NOOP)
        assert caught.value.exit_status == 6
    assert log.codes[-1] in (50, 251)
    assert last_end(log) is End.ERROR


@pytest.mark.parametrize("strict", [True, False])
def test_what_is_no_reply_ends_any_session(strict: bool) -> None:
    with (
        talking(conversation(("", "HTTP/1.1 400 \x1b[2J Bad")), strict=strict) as (session, log, _),
        pytest.raises(ProtocolViolation, match="it speaks HTTP") as caught,
    ):
        session.read_reply()
    assert "\\x1b[2J" in str(caught.value)
    assert str(caught.value).isprintable()
    assert last_end(log) is End.ERROR


def test_odd_but_readable_replies_are_fine_even_when_strict() -> None:
    def script(peer: Peer) -> None:
        peer.sock.sendall(b"220 \xff hi\n")
        peer.hear_end()

    with talking(script, strict=True) as (session, log, _):
        assert session.read_reply().code == 220
    assert log.notices == [NoticeKind.ODD_REPLY] * 3


# --- the end


@pytest.mark.parametrize(
    ("said", "then", "message"),
    [
        ("", close, "the server closed the connection while the reply to NOOP was owed."),
        ("250-half", close, "the server closed the connection in the middle of a reply."),
        ("", Peer.reset, "the server dropped the connection."),
    ],
)
def test_the_end_while_a_reply_is_owed(said: str, then: Callable[[Peer], None], message: str) -> None:
    with talking(conversation(GREETS, ("NOOP\r\n", said), then=then), pair=tcp_pair) as (session, log, _):
        session.read_reply()
        with pytest.raises(ConnectionLost) as caught:
            session.command(NOOP)
        assert str(caught.value) == message
        assert (is_open(session), stands(session)) == (False, Phase.CLOSED)
        again_all: list[Callable[[], object]] = [
            session.read_reply,
            lambda: session.command(NOOP),
            session.next_incoming,
        ]
        for again in again_all:
            with pytest.raises(ConnectionLost, match="no connection any more; connect again"):
                again()
        assert session.look() is False
    assert isinstance(log.events[-1], Disconnected)
    assert sum(isinstance(event, Disconnected) for event in log.events) == 1
    assert (NoticeKind.CUT_REPLY in log.notices) == bool(said)


def test_the_end_while_several_replies_are_owed() -> None:
    with talking(conversation(GREETS, ("RSET\r\n", "250 one"), then=close)) as (session, _, _):
        session.read_reply()
        session.send(NOOP, NOOP, Command(b"RSET"))
        assert session.read_reply().code == 250
        for _ in range(3):
            with pytest.raises(ConnectionLost):
                session.read_reply()


def test_nothing_can_be_read_after_closing() -> None:
    with talking(conversation(GREETS)) as (session, log, _):
        session.read_reply()
        session.send(NOOP)
        session.close()
        with pytest.raises(ConnectionLost, match="no connection any more"):
            session.read_reply()
        session.close()
    assert last_end(log) is End.CLIENT
    assert sum(isinstance(event, Disconnected) for event in log.events) == 1


@pytest.mark.parametrize("reset", [True, False])
def test_dropping_the_connection(reset: bool) -> None:
    ends: list[str] = []

    def script(peer: Peer) -> None:
        peer.say("220 hi")
        try:
            peer.sock.recv(100)
            ends.append("closed")
        except ConnectionResetError:
            ends.append("reset")

    with talking(script, pair=tcp_pair) as (session, log, _):
        session.read_reply()
        session.drop(reset=reset)
    assert ends == ["reset" if reset else "closed"]
    assert log.events[-1] == Disconnected(End.CLIENT, "reset" if reset else "dropped")


def test_a_server_that_does_not_close_leaves_the_session_open() -> None:
    with talking(conversation(GREETS, ("QUIT\r\n", "221 bye"))) as (session, _, _):
        session.read_reply()
        session.command(Command(b"QUIT"))
        session.listen(0.05)
        assert is_open(session)


@pytest.mark.parametrize("then", [close, Peer.reset, stay_silent])
@pytest.mark.parametrize("said", ["", "250-half"])
def test_a_break_behind_the_final_dot_leaves_the_outcome_unknown(then: Callable[[Peer], None], said: str) -> None:
    waits = Timeouts(final_dot=0.2)
    with talking(conversation(*TO_DATA, (".\r\n", said), then=then), strict=True, timeouts=waits, pair=tcp_pair) as (
        session,
        _log,
        _,
    ):
        reach_data(session)
        with pytest.raises(
            OutcomeUnknown, match="the message may have been accepted, so look before sending it again"
        ) as caught:
            send_message(session, [b"hello"])
        assert caught.value.exit_status == 7
        assert not is_open(session)


def test_a_break_behind_the_last_chunk_leaves_the_outcome_unknown() -> None:
    with talking(conversation(GREETS, ("hello", ""), then=close)) as (session, _, _):
        session.read_reply()
        with pytest.raises(OutcomeUnknown):
            session.send_bdat(b"hello", last=True)


def test_a_break_behind_a_chunk_that_is_not_the_last_is_a_loss() -> None:
    with talking(conversation(GREETS, ("hello", ""), then=close)) as (session, _, _):
        session.read_reply()
        with pytest.raises(ConnectionLost):
            session.send_bdat(b"hello", last=False)


def test_a_break_before_the_final_dot_is_a_loss() -> None:
    with talking(conversation(*TO_DATA, then=close)) as (session, _, _peer):
        reach_data(session)
        with pytest.raises(ConnectionLost, match="the server closed the connection"):
            session.listen(5)


class BrokenPipe:
    """A transport that breaks when the final dot is sent, behind which the server has closed."""

    peer = ""
    header = b""
    looked_up = None
    in_tls = truncated = readable = False

    def __init__(self) -> None:
        self.said = [b"354 go\r\n", b"220 hi\r\n"]
        self.broken = False

    def send(self, octets: bytes, seconds: float, until: float = float("inf")) -> None:
        if octets.endswith(b".\r\n"):
            self.broken = True
            raise ConnectionLost("the server dropped the connection.")

    def recv(self, deadline: float) -> bytes | None:
        if self.broken:
            return b""
        return self.said.pop() if deadline else None

    def close(self) -> None:
        pass


def test_who_gets_events_afterwards_does_not_keep_the_octets_waiting() -> None:
    told: list[str] = []

    class Quiet(BrokenPipe):
        def send(self, octets: bytes, seconds: float, until: float = float("inf")) -> None:
            told.append("the octets")

    session = Session(
        Target(Way.TCP, "h", 25),
        Quiet(),  # type: ignore[arg-type]
        [lambda entry: told.append("at once")],
        deferred=[lambda entry: told.append("afterwards")],
    )
    session.send(Command(b"NOOP"), Command(b"NOOP"))
    assert told == ["at once", "at once", "the octets", "afterwards", "afterwards"]


def test_a_final_dot_that_may_have_gone_out_leaves_the_outcome_unknown() -> None:
    session = Session(Target(Way.TCP, "h", 25), BrokenPipe())  # type: ignore[arg-type]
    session.read_reply()
    session.command(Command(b"DATA"))
    with pytest.raises(OutcomeUnknown):
        send_message(session, [b"hello"])


def test_a_server_that_stops_reading() -> None:
    def deaf(peer: Peer) -> None:
        peer.wait()

    def small() -> tuple[socket.socket, socket.socket]:
        ours, theirs = tcp_pair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return ours, theirs

    with talking(conversation(*TO_DATA, then=deaf), timeouts=QUICK.all(SOON), pair=small) as (session, log, _):
        reach_data(session)
        start = time.monotonic()
        with pytest.raises(WaitTimedOut, match=r"the server read nothing for 0\.3 s"):
            send_message(session, [b"x" * 65536] * 200)
        assert time.monotonic() - start < 5
        assert not is_open(session)
    assert last_end(log) is End.ERROR


def test_a_server_that_talks_instead_of_reading_is_heard() -> None:
    """Both sides full would hang a client that only writes."""

    def talk(peer: Peer) -> None:
        peer.sock.recv(1)
        peer.say("452 disk full", "421 bye")
        peer.sock.close()

    with talking(conversation(*TO_DATA, then=talk), timeouts=QUICK.all(5), pair=tcp_pair) as (session, log, _):
        reach_data(session)
        with pytest.raises(DialogueBroken):
            send_message(session, [b"x" * 65536] * 200)
    assert log.codes[-2:] == [452, 421]


# --- secrets


TOKEN = "AHN0dWRlbnQAY2FuYXJ5LXBhc3N3b3Jk"


@pytest.mark.parametrize(
    "send",
    [
        lambda session: session.send(Command.parse(b"AUTH PLAIN " + TOKEN.encode())),
        lambda session: session.send_sasl(TOKEN.encode()),
        lambda session: session.send_sasl(b"AUTH PLAIN " + TOKEN.encode()),
        lambda session: session.send_raw(b"AUTH PLAIN " + TOKEN.encode() + b"\r\n"),
        lambda session: session.send_raw(b"AUTH PLAIN\r\n" + TOKEN.encode() + b"\r\n"),
    ],
    ids=["command", "sasl", "a command as an answer", "raw", "raw lines"],
)
def test_a_credential_that_the_server_sends_back_is_masked(send: Callable[[Session], None]) -> None:
    with talking(conversation(GREETS, (TOKEN + "\r\n", f"500 unknown: {TOKEN}|550 {TOKEN}"))) as (session, log, _):
        session.read_reply()
        send(session)
        reply = session.read_reply()
        assert TOKEN not in reply.text
        session.listen(0.05)
    assert NoticeKind.ECHO in log.notices
    assert TOKEN not in repr(log)
    assert TOKEN.encode() not in b"".join(
        event.reply.octets for event in log.events if isinstance(event, ReplyReceived)
    )


def test_a_secret_of_odd_octets_is_masked_too() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        peer.sock.sendall(b"500 " + peer.hear())
        peer.hear_end()

    with talking(script) as (session, _, _):
        session.read_reply()
        reply = session.command(Command.parse(b"AUTH PLAIN p\xe4ssw\xf6rd"))
        assert b"ssw" not in reply.octets


def test_a_password_is_found_in_base64_and_in_what_is_no_reply() -> None:
    import base64

    blob = base64.b64encode(b"\0student\0canary-password").decode()
    with talking(conversation(GREETS, ("NOOP\r\n", f"500 {blob}|canary-password!"))) as (session, log, _):
        session.read_reply()
        session.keep_secret(Secret("canary-password"))
        session.send(NOOP)
        with pytest.raises(ProtocolViolation) as caught:
            session.listen(5)
    assert "canary" not in repr(log) + str(caught.value)
    assert blob not in repr(log)


# --- TLS due


def test_after_the_220_to_starttls_nothing_goes_in_the_clear() -> None:
    with talking(conversation(GREETS, ("STARTTLS\r\n", "220 go"))) as (session, _, peer):
        session.read_reply()
        session.command(Command(b"STARTTLS"))
        assert session.tls_due
        for send in (
            lambda: session.command(NOOP),
            lambda: session.send_raw(b"NOOP\r\n"),
            lambda: session.send_sasl(b"abcd"),
            lambda: session.send_bdat(b"", last=True),
            lambda: session.send_mail_data(b"x\r\n"),
            session.end_message,
        ):
            with pytest.raises(UsageError, match="nothing more goes in the clear"):
                send()
    assert peer.heard == b"STARTTLS\r\n"


def test_declining_tls_goes_on_in_the_clear() -> None:
    with talking(conversation(GREETS, ("STARTTLS\r\n", "220 go"), ("NOOP\r\n", "250 ok"))) as (session, _, _):
        session.read_reply()
        session.command(Command(b"STARTTLS"))
        session.decline_tls()
        assert session.command(NOOP).code == 250
        assert not session.is_private


FORGED = "250 forged"


@pytest.mark.parametrize("strict", [True, False])
def test_text_behind_the_220_in_the_same_segment(strict: bool) -> None:
    with talking(conversation(GREETS, ("STARTTLS\r\n", f"220 go|{FORGED}")), strict=strict) as (session, log, peer):
        session.read_reply()
        with pytest.raises(ProtocolViolation, match='text in the clear after the 220 to STARTTLS: "250 forged"'):
            session.command(Command(b"STARTTLS"))
        assert not is_open(session)
    assert log.notices == [NoticeKind.PLAINTEXT_AFTER_STARTTLS]
    assert peer.heard == b"STARTTLS\r\n"


def test_text_behind_the_220_that_comes_before_the_handshake() -> None:
    said = threading.Event()

    def forge(peer: Peer) -> None:
        peer.wait()
        peer.say(FORGED)
        said.set()
        peer.hear_end()

    with talking(conversation(GREETS, ("STARTTLS\r\n", "220 go"), then=forge)) as (session, _log, peer):
        session.read_reply()
        session.command(Command(b"STARTTLS"))
        peer.go_on.set()
        assert said.wait(5)
        with pytest.raises(ProtocolViolation, match="text in the clear after the 220"):
            session.start_tls(TlsSettings())
    assert peer.heard == b"STARTTLS\r\n"


def test_text_behind_the_220_that_comes_in_place_of_the_handshake() -> None:
    def forge(peer: Peer) -> None:
        peer.hear(b"STARTTLS\r\n")
        peer.say("220 go")
        peer.sock.recv(65536)
        peer.say(FORGED)
        peer.hear_end()

    with talking(conversation(GREETS, then=forge)) as (session, log, _):
        session.read_reply()
        session.command(Command(b"STARTTLS"))
        with pytest.raises(ProtocolViolation, match='in place of the handshake: "250 forged"'):
            session.start_tls(TlsSettings())
        assert not is_open(session)
    assert last_end(log) is End.ERROR


@pytest.mark.parametrize("point", range(1, len(f"220 go\r\n{FORGED}\r\n")))
def test_text_behind_the_220_cut_at_any_point(point: int) -> None:
    octets = f"220 go\r\n{FORGED}\r\n".encode()

    def forge(peer: Peer) -> None:
        peer.hear(b"STARTTLS\r\n")
        peer.sock.sendall(octets[:point])
        peer.wait()
        with suppress(OSError):
            peer.sock.sendall(octets[point:])
        peer.hear_end()

    with talking(conversation(GREETS, then=forge)) as (session, log, peer):
        session.read_reply()
        session.send(Command(b"STARTTLS"))

        def go_on() -> None:
            while not session.look():
                time.sleep(0.001)
            peer.go_on.set()
            session.read_reply()
            session.listen(0.1)
            session.start_tls(TlsSettings())

        with pytest.raises(ProtocolViolation):
            go_on()
        assert log.codes == [220, 220]


@pytest.mark.parametrize("error", [OSError("the screen is gone"), MemoryError()])
def test_a_consumer_that_fails_at_the_first_event_leaves_no_connection_open(error: BaseException) -> None:
    def fail(entry: Entry) -> None:
        raise error

    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target(Way.TCP, "127.0.0.1", listener.getsockname()[1])
        with pytest.raises(type(error)):
            Session.open(target, [fail], timeouts=QUICK)
        listener.settimeout(10)
        theirs, _ = listener.accept()
        with theirs:
            theirs.settimeout(10)
            assert theirs.recv(1) == b""
