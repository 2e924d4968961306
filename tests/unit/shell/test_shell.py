"""The shell without its prompt: what it refuses, whom it asks, and what it records."""

import errno
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.errors import (
    AuthFailed,
    ConfigError,
    ConnectionLost,
    OutcomeUnknown,
    SystemRefused,
    TlsFailed,
    UsageError,
)
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Entry
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.settings import ShellSettings
from tests.unit.shell.fake import answering, make_shell

BLOB = "AHN0dWRlbnQAb3BlbiBzZXNhbWU="


@pytest.mark.parametrize(
    "line",
    [
        "/status now", "/reconnect x", "/disconnect x", "/drop x", "/tls x", "/capabilities x", "/wait x", "/wait -1", "/wait nan",
        "/wait 1e9", "/connect", "/connect a b", "/connect a --nonsense", "/exit now", "/record off", "/save", "/save a b", "/note",
        "/record off --force", "/capture --live off",
        "/inbox", "/set nonsense", "/set nonsense on", "/set times perhaps", "/set timeout x", "/set timeout -1", "/set editing ed",
        "/set ca-file /nonexistent", "/source", "/source a b", "/source /nonexistent", "/raw", "/tls", "/help xyzzy",
        "/connect smtp://ann:secret@mail.example.org", "/connect 'x", "data < /nonexistent", "bdat < /nonexistent", "data <", "/save x",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_sentence_and_sends_nothing(line: str) -> None:
    shell, server, _ = make_shell()
    with pytest.raises((UsageError, ConfigError)) as caught:
        shell.run(line)
    assert server.heard == b""
    assert caught.value.exit_status == 2
    assert str(caught.value).endswith((".", "?"))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["noop", "ehlo", "mail <>", "rcpt <a>", "data", "auth plain", "starttls", r"/raw x\r\n", "/drop", "/wait"],
)
def test_without_a_connection_one_is_asked_for(line: str) -> None:
    shell, server, _ = make_shell()
    shell.disconnect()
    with pytest.raises(UsageError, match="there is no connection; use /connect"):
        shell.run(line)
    assert server.heard == b""


@pytest.mark.parametrize(("answer", "sent"), [("y", True), ("YES ", True), ("", False), ("n", False), ("yup", False)])
def test_a_credential_crosses_the_clear_only_after_a_yes(answer: str, sent: bool) -> None:
    shell, server, _ = make_shell(settings=ShellSettings(), ask=answering(answer))
    if sent:
        shell.run(f"AUTH PLAIN {BLOB}")
    else:
        with pytest.raises(AuthFailed, match="use starttls first, or /set insecure-auth on if it must be"):
            shell.run(f"AUTH PLAIN {BLOB}")
    assert server.heard == (f"AUTH PLAIN {BLOB}\r\n".encode() if sent else b"")


def test_where_nobody_can_be_asked_a_question_is_an_error() -> None:
    shell, _, _ = make_shell()
    assert not shell.confirm("Sure?")
    with pytest.raises(UsageError, match="User: nobody can be asked here"):
        shell.ask("User: ", False)


def test_refusals_are_counted_and_the_last_is_a_sentence() -> None:
    shell, _, _ = make_shell({b"RCPT": b"550 5.1.1 no such user\r\n", b"VRFY": b"450 later\r\n"})
    for line in ("mail <>", "rcpt a@b", "noop"):
        shell.run(line)
    assert (shell.refusals.number, shell.refusals.last) == (1, 'the server refused: "550 5.1.1 no such user".')
    shell.run("vrfy x")
    assert (shell.refusals.number, shell.refusals.last) == (2, 'the server refused for now: "450 later".')


def test_a_refused_starttls_is_an_error_and_the_connection_stays() -> None:
    shell, _, _ = make_shell({b"STARTTLS": b"454 not now\r\n"}, before=("ehlo",))
    with pytest.raises(TlsFailed, match='the server did not start TLS: it said "454 not now"'):
        shell.run("starttls")
    assert shell.need_session().is_open


@pytest.mark.parametrize("starttls", [False, True])
def test_a_second_starttls_is_refused_and_tls_stays(starttls: bool) -> None:
    target = Target(Way.TCP, "mail.example.org", 25, starttls=starttls)
    shell, server, screen = make_shell(before=("ehlo", "starttls", "ehlo"), target=target)
    server.replies_with(b"STARTTLS", b"554 5.5.1 Error: TLS already active\r\n")
    shell.run("starttls")
    assert screen.said[-1].startswith("TLS is on already, and stays on")
    assert shell.refusals.number == 1
    assert shell.need_session().tls is not None


def test_a_recording_of_the_users_begins_and_ends_where_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "own.smtp"
    shell, _, screen = make_shell()
    shell.run("noop before")
    shell.run(f"/record {path}")
    shell.run("noop during")
    shell.run("/record")
    shell.run("/record off")
    shell.run("noop after")
    said = path.read_text("utf-8")
    assert "C: noop during\n" in said
    assert "before" not in said
    assert "after" not in said
    assert f"  /record       {path}" in screen.said
    assert screen.said[-1] == f"  recorded to {path}"
    assert shell.recordings.own is None


def test_the_shell_closes_what_it_has_opened(tmp_path: Path) -> None:
    shell, server, _ = make_shell()
    shell.run(f"/record {tmp_path / 'own.smtp'}")
    shell.close()
    assert server.closed
    assert shell.recordings.own is None
    assert shell.phase is None


def stopping(*pieces: bytes) -> Iterator[bytes]:
    """Yield pieces of a file; then Ctrl-C is pressed."""
    yield from pieces
    raise KeyboardInterrupt


def test_a_file_that_was_stopped_is_gone_on_with_by_hand() -> None:
    shell, server, screen = make_shell(before=("ehlo", "mail <>", "rcpt <a@b>", "data"))
    assert shell.mail_data.send_message(stopping(b"Subject: x\n", b"half a li")) is None
    assert screen.said[-1].startswith("Stopped; the server is still taking mail data")
    shell.run(".")
    assert server.heard == b"Subject: x\r\nhalf a li\r\n.\r\n"
    assert shell.phase is Phase.READY


def test_ctrl_c_while_octets_go_out_ends_the_connection_and_that_is_said() -> None:
    shell, server, screen = make_shell(before=("ehlo", "mail <>", "rcpt <a@b>", "data"))

    def stop(octets: bytes, seconds: float, until: float = 0.0) -> None:
        raise KeyboardInterrupt

    server.send = stop  # type: ignore[method-assign]
    assert shell.mail_data.send_message(iter((b"Subject: x\n",))) is None
    assert screen.said[-1].startswith("Stopped in the middle of what went out, and that ended the connection.")
    assert server.closed


@pytest.mark.parametrize("leave", ["/disconnect", "/drop", "/drop --rst", "/exit"])
@pytest.mark.parametrize(
    ("typed", "owed"), [(".", "the reply to the final dot"), (r"/raw BDAT 1 LAST\r\nx", "the reply to the chunk")]
)
def test_to_leave_before_the_reply_to_a_message_is_to_not_know(typed: str, owed: str, leave: str) -> None:
    shell, _, screen = make_shell({b".": b"", b"BDAT": b""}, before=("ehlo", "mail <>", "rcpt <a@b>"))
    for line in ("data", "text") if typed == "." else ():
        shell.run(line)
    if typed == ".":
        shell.need_session().send_mail_data(b"", last=True)
    else:
        shell.run(typed)
    shell.run(leave)
    shell.close()
    assert sum(f"The outcome is unknown: {owed}" in words for words in screen.said) == 1


@pytest.mark.parametrize("line", ["noop", "ehlo", "mail <>", "quit", "data"])
@pytest.mark.parametrize("verb", ["DATA", "AUTH LOGIN", "STARTTLS"])
def test_a_line_without_a_meaning_yet_is_not_sent(verb: str, line: str) -> None:
    shell, server, _ = make_shell({verb.split()[0].encode(): b""}, before=("ehlo",))
    shell.run(f"/raw {verb}\\r\\n")
    server.heard = b""
    with pytest.raises(UsageError, match=f"nothing was sent: the reply to {verb.split()[0]} is still owed"):
        shell.run(line)
    assert server.heard == b""
    shell.run(r"/raw NOOP\r\n")
    assert server.heard == b"NOOP\r\n"


def test_lines_without_a_prompt_are_sent_as_they_stand() -> None:
    shell, server, _ = make_shell({b"DATA": b""}, before=("ehlo",), interactive=False)
    shell.run(r"/raw DATA\r\n")
    shell.run(r"/raw text\r\n.\r\n")
    assert server.heard.endswith(b"text\r\n.\r\n")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(errno.EIO, "Input/output error"), "input/output error"), (MemoryError(), "there is no memory left")],
)
def test_what_the_system_refuses_ends_a_line_and_not_the_shell(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, server, _ = make_shell()
    for stream in ("stdout", "stderr"):  # pytest's own have no buffer
        monkeypatch.setattr(sys, stream, io.StringIO())

    def refuse() -> None:
        raise error

    with pytest.raises(SystemRefused, match=f"^the system refused a call: {reason}; the line was given up"):
        shell._act(refuse)
    shell.run("noop")
    assert server.heard == b"noop\r\n"


def test_what_the_system_refuses_while_a_reply_is_owed_closes_the_connection() -> None:
    shell, _, _ = make_shell()
    session = shell.need_session()

    def refuse() -> None:
        session.send(Command(b"NOOP"))
        raise MemoryError

    with pytest.raises(ConnectionLost, match=r"no memory left; the connection is closed, as a reply was owed\."):
        shell._act(refuse)
    assert not session.is_open


def test_what_the_system_refuses_after_a_message_leaves_its_outcome_unknown() -> None:
    shell, _, _ = make_shell(before=("ehlo", "mail <>", "rcpt <a@example.org>", "data"))
    session = shell.need_session()

    def refuse() -> None:
        session.send_mail_data(b"x\r\n.\r\n", last=True)
        raise MemoryError

    with pytest.raises(OutcomeUnknown, match="the message may have been accepted"):
        shell._act(refuse)


def test_a_screen_that_is_lost_keeps_nothing_from_being_closed(tmp_path: Path) -> None:
    shell, _, _ = make_shell()
    session, closed = shell.need_session(), []
    shell.at_close.append(lambda: closed.append("server"))
    shell.record_to(tmp_path / "own.smtp")
    own = shell.recordings.own
    assert own is not None

    def fail(entry: Entry) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    session.subscribe(fail)
    with pytest.raises(BrokenPipeError):
        shell.close()
    assert not session.is_open
    assert closed == ["server"]
    assert shell.recordings.own is None
    assert (tmp_path / "own.smtp").read_bytes().endswith(b"*: close\n")
