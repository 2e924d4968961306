"""How far a dialogue came, and the way back there over another connection to the real practice server."""

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.errors import ConnectFailed, ConnectionLost, SmtpShellError, UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    OctetsSent,
    ReplyReceived,
    TlsStarted,
)
from smtp_shell.protocol.replies import Reply
from smtp_shell.servers.faults import parse_faults
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.shell.progress import MOST_RECIPIENTS, Point, Progress
from smtp_shell.shell.settings import ShellOptions
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import Screen

TLS = TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(), "mail.example.org")


def reply(line: bytes, code: int = 250) -> ReplyReceived:
    command = Command(line)
    return ReplyReceived(Reply(code, (b"x",), b"%d x\r\n" % code), command, 0.1, command.verb)


def after(*events: Event) -> Point:
    progress = Progress()
    for number, event in enumerate((Connected("mail.example.org:25"), *events), 1):
        progress(Entry(number, 0.0, event))
    return progress.point


LOST = Disconnected(End.SERVER)
TRANSACTION = (reply(b"EHLO x"), reply(b"MAIL FROM:<a@example.org>"), reply(b"RCPT TO:<b@example.org>"))


def test_the_steps_are_in_words() -> None:
    point = after(reply(b"EHLO x"), TLS, reply(b"EHLO x"), Authenticated("PLAIN", "student"), *TRANSACTION[1:], LOST)
    assert point.steps == "EHLO, STARTTLS, EHLO, AUTH PLAIN as student"
    assert point.transaction == "MAIL FROM:<a@example.org>, 1 recipient"
    assert point.is_lost


@pytest.mark.parametrize(
    "last",
    [
        (MailDataSent(b".\r\n", last=True),),
        (CommandSent(Command(b"BDAT 3 LAST")),),
        (OctetsSent(b"bdat 3 last\r\nabc"),),
        (OctetsSent(b"DATA\r\nx\r\n.\r\n"), reply(b"DATA", 354)),
        (reply(b"RSET"),),
        (reply(b"EHLO x"),),
        tuple(reply(b"RCPT TO:<b@example.org>") for _ in range(MOST_RECIPIENTS)),
    ],
)
def test_a_message_that_may_have_been_accepted_is_no_transaction_to_repeat(last: tuple[Event, ...]) -> None:
    point = after(*TRANSACTION, *last, LOST)
    assert (point.transaction, point.recipients) == ("", ())


@pytest.mark.parametrize(
    "last",
    [
        (CommandSent(Command(b"DATA")), reply(b"DATA", 354), MailDataSent(b"half of it\r\n")),
        (CommandSent(Command(b"BDAT 3")), reply(b"BDAT 3")),
        (reply(b"RCPT TO:<c@example.org>", 550),),
    ],
)
def test_a_message_that_was_not_ended_is_one(last: tuple[Event, ...]) -> None:
    assert after(*TRANSACTION, *last, LOST).transaction == "MAIL FROM:<a@example.org>, 1 recipient"


def test_what_is_refused_is_not_reached_and_tls_begins_anew() -> None:
    assert after(reply(b"EHLO x", 500), reply(b"HELO x"), LOST).steps == "HELO"
    assert after(reply(b"EHLO x"), TLS, LOST).steps == "EHLO, STARTTLS"
    assert not after(LOST).is_beyond_greeting


@pytest.mark.parametrize("end", [End.CLIENT, End.SERVER])
def test_who_leaves_has_lost_nothing(end: End) -> None:
    assert not after(reply(b"EHLO x"), reply(b"QUIT", 221), Disconnected(end)).is_lost
    assert not after(reply(b"EHLO x"), Disconnected(End.CLIENT)).is_lost


@pytest.fixture
def server() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings(faults=parse_faults(["noop=drop"]))) as server:
        yield server


def a_shell(server: PracticeServer, answer: Callable[[str], str]) -> tuple[Shell, list[str]]:
    """Return a shell whose user has come as far as RCPT and then lost the connection, and the questions to him."""
    asked: list[str] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append(question)
        return server.password.reveal() if hidden else answer(question)

    options = ShellOptions(credentials=CredentialSource(ask=ask), interactive=True, recording=False, practice=server)
    shell = Shell(Screen(), options, ask=ask)
    shell.connect(Target(Way.TCP, server.host, server.port))
    for line in ("ehlo", "starttls", "ehlo", "auth plain student", "mail ann@example.org", "rcpt bob@example.org"):
        shell.run(line)
    with pytest.raises(ConnectionLost):
        shell.run("noop")
    asked.clear()
    return shell, asked


def said(shell: Shell) -> list[str]:
    assert isinstance(shell.view, Screen)
    return shell.view.said


def test_the_user_is_asked_and_everything_is_as_it_was(server: PracticeServer) -> None:
    shell, asked = a_shell(server, lambda question: "y")
    shell.run("/reconnect")
    assert asked == [
        "Go on to where it was (EHLO, STARTTLS, EHLO, AUTH PLAIN as student)? [y/N] ",
        "Password for student: ",
        "And the mail transaction (MAIL FROM:<ann@example.org>, 1 recipient)? [y/N] ",
    ]
    session = shell.need_session()
    assert (session.user, session.tls is not None, session.dialogue.mail[:5]) == ("student", True, b"MAIL ")
    assert "Back where the dialogue was: EHLO, STARTTLS, EHLO, AUTH PLAIN as student." in said(shell)
    assert not [line for line in said(shell) if line.startswith("Say ehlo again")][1:]
    assert all(server.password.reveal() not in line for line in said(shell))
    shell.close()


def test_after_a_no_there_is_a_plain_connection(server: PracticeServer) -> None:
    shell, asked = a_shell(server, lambda question: "")
    shell.run("/reconnect")
    session = shell.need_session()
    assert len(asked) == 1
    assert (session.tls, session.user, session.dialogue.extensions) == (None, "", None)
    shell.close()


def test_the_way_back_can_be_ordered(server: PracticeServer) -> None:
    shell, asked = a_shell(server, lambda question: "n")
    shell.run("/reconnect --back --mail")
    assert asked == ["Password for student: "]
    shell.run("data")
    assert shell.phase is not None
    assert shell.phase.value == "mail data"
    shell.close()


def test_the_transaction_of_a_connection_that_is_still_open_is_not_asked_about(server: PracticeServer) -> None:
    shell, asked = a_shell(server, lambda question: "y")
    shell.run("/reconnect --back")
    asked.clear()
    shell.run("/reconnect")
    assert asked == []
    with pytest.raises(UsageError, match="nothing is repeated"):
        shell.run("/reconnect --back --mail")
    shell.close()


def test_a_reconnect_in_vain_leaves_the_way_back_to_the_next(server: PracticeServer) -> None:
    shell, _ = a_shell(server, lambda question: "y")
    settings = PracticeSettings(port=server.port, password=server.password)
    server.stop()
    shell.options = replace(shell.options, practice=None)  # its certificate has gone with it
    with pytest.raises(ConnectFailed, match="no connection"):
        shell.run("/reconnect")
    with PracticeServer(settings) as again:
        shell.options = replace(shell.options, practice=again)
        shell.run("/reconnect")
        assert shell.need_session().user == "student"
        shell.close()


@pytest.mark.parametrize(("fault", "where"), [("starttls=454", "454"), ("auth=535", "535"), ("rcpt=450", "RCPT")])
def test_a_step_that_is_refused_ends_the_way_back(server: PracticeServer, fault: str, where: str) -> None:
    shell, _ = a_shell(server, lambda question: "y")
    settings = PracticeSettings(port=server.port, password=server.password, faults=parse_faults([fault]))
    server.stop()
    with PracticeServer(settings) as again:
        shell.options = replace(shell.options, practice=again)
        with pytest.raises(SmtpShellError, match=where):
            shell.run("/reconnect --back --mail")
        assert shell.need_session().user == ("student" if where == "RCPT" else "")
        shell.close()
