"""The way back to where a dialogue was, over another connection to the real practice server."""

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.errors import ConnectFailed, ConnectionLost, SmtpShellError, UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.servers.faults import parse_faults
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.shell.settings import ShellOptions
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import Screen


@pytest.fixture
def server() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings(faults=parse_faults(["noop=drop"]))) as server:
        yield server


def a_shell(
    server: PracticeServer, answer: Callable[[str], str], screen: Screen | None = None
) -> tuple[Shell, list[str]]:
    """Return a shell whose user has come as far as RCPT and then lost the connection, and the questions to him."""
    asked: list[str] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append(question)
        return server.password.reveal() if hidden else answer(question)

    options = ShellOptions(credentials=CredentialSource(ask=ask), interactive=True, recording=False, practice=server)
    shell = Shell(screen or Screen(), options, ask=ask)
    shell.connect(Target(Way.TCP, server.host, server.port))
    for line in ("ehlo", "starttls", "ehlo", "auth plain student", "mail ann@example.org", "rcpt bob@example.org"):
        shell.run(line)
    with pytest.raises(ConnectionLost):
        shell.run("noop")
    asked.clear()
    return shell, asked


def test_the_user_is_asked_and_everything_is_as_it_was(server: PracticeServer) -> None:
    screen = Screen()
    shell, asked = a_shell(server, lambda question: "y", screen)
    shell.run("/reconnect")
    assert asked == [
        "Go on to where it was (EHLO, STARTTLS, EHLO, AUTH PLAIN as student)? [y/N] ",
        "Password for student: ",
        "And the mail transaction (MAIL FROM:<ann@example.org>, 1 recipient)? [y/N] ",
    ]
    session = shell.need_session()
    assert (session.user, session.tls is not None, session.dialogue.mail[:5]) == ("student", True, b"MAIL ")
    assert "Back where the dialogue was: EHLO, STARTTLS, EHLO, AUTH PLAIN as student." in screen.said
    assert not [line for line in screen.said if line.startswith("Say ehlo again")][1:]
    assert all(server.password.reveal() not in line for line in screen.said)
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
