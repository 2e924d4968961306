"""A session of the Python API, against the practice server."""

from __future__ import annotations

import socket
import traceback
from base64 import b64encode
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from smtp_shell import Command, Session, Transcript, connect, replay
from smtp_shell.errors import AuthFailed, ConnectFailed, NotSendable, TlsFailed, UsageError
from smtp_shell.protocol.events import CommandSent, Event
from smtp_shell.servers.practice import PracticeServer
from tests.support.peer import Hear, ScriptedServer, Turn


def address(practice: PracticeServer) -> str:
    return f"{practice.host}:{practice.port}"


def test_a_session(practice: PracticeServer) -> None:
    seen: list[Event] = []
    with connect(address(practice), consumers=[lambda entry: seen.append(entry.event)]) as session:
        assert session.command(Command.of("EHLO", "client.example.org")).code == 250
    assert not session.is_open
    assert [type(event).__name__ for event in seen] == [
        "Connected",
        "ReplyReceived",
        "CommandSent",
        "ReplyReceived",
        "Disconnected",
    ]


def test_a_session_with_starttls(practice: PracticeServer) -> None:
    with connect(address(practice), starttls=True, ca_file=practice.ca_file) as session:
        assert session.tls is not None
        assert "AUTH" in session.extensions


def test_starttls_greets_with_the_name_that_the_shell_gives(
    practice: PracticeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "client.example.org")
    seen: list[Event] = []
    with connect(
        address(practice),
        starttls=True,
        ca_file=practice.ca_file,
        consumers=[lambda entry: seen.append(entry.event)],
    ):
        sent = [event.command.line for event in seen if isinstance(event, CommandSent)]
    hello = b"EHLO client.example.org"
    assert sent == [hello, b"STARTTLS", hello]


def test_what_cannot_be_verified_is_an_error(practice: PracticeServer) -> None:
    with pytest.raises(TlsFailed):
        connect(address(practice), starttls=True)
    with pytest.raises(ConnectFailed):
        connect("127.0.0.1:1", timeout=5)
    with pytest.raises(UsageError):
        connect("not a host")


@pytest.fixture
def session(practice: PracticeServer) -> Iterator[Session]:
    with connect(address(practice), ca_file=practice.ca_file, timeout=30) as session:
        yield session


def test_a_line_is_sent_and_its_whole_reply_returned(session: Session) -> None:
    assert session.greeting.code == 220
    reply = session.command("EHLO client.example.org")
    assert (reply.code, reply.lines[0], reply.is_negative) == (250, b"practice.example", False)
    assert "\n" in reply.text
    reply = session.command("RCPT TO:<bob@example.org>")
    assert (reply.code, str(reply.enhanced)) == (503, "5.5.1")
    with pytest.raises(NotSendable):
        session.command("NOOP\r\nQUIT")


def test_tls_and_auth_say_ehlo_where_it_is_missing(session: Session, practice: PracticeServer) -> None:
    facts = session.starttls()
    assert (session.tls, session.extensions.mechanisms) == (facts, ())
    assert session.auth(practice.user, practice.password).code == 235
    assert session.user == practice.user
    assert "TLS" in repr(session)


def test_auth_is_refused_in_the_clear_and_names_the_argument(session: Session) -> None:
    with pytest.raises(AuthFailed, match="insecure=True"):
        session.auth("ann", "wonderland")
    with pytest.raises(AuthFailed, match="does not offer AUTH"):
        session.auth("ann", "wonderland", insecure=True)
    session.starttls()
    with pytest.raises(AuthFailed, match="the server refused OAUTHBEARER"):
        session.auth("ann", token="wonderland")
    with pytest.raises(UsageError, match="no SASL mechanism"):
        session.auth("ann", "wonderland", mechanism="PASSPORT")
    with pytest.raises(AuthFailed, match="535") as caught:
        session.auth("ann", "wonderland", mechanism="plain")
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    own = shown.partition("\n\n")[0]
    assert "wonderland" not in own.replace('session.auth("ann", "wonderland", mechanism="plain")', "")


def test_an_exchange_by_hand_is_masked(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "auth.smtp"
    with connect(address(practice), ca_file=practice.ca_file, starttls=True, record=path) as session:
        assert session.command("AUTH LOGIN").code == 334
        assert session.command(b64encode(practice.user.encode()).decode()).code == 334
        assert session.command(b64encode(practice.password.reveal().encode()).decode()).code == 235
    text = path.read_text(encoding="utf-8")
    assert text.count("${sasl}") == 2
    assert b64encode(practice.password.reveal().encode()).decode() not in text
    result = replay(path, address(practice), user=practice.user, password=practice.password, ca_file=practice.ca_file)
    assert result.ok, result.failure


def test_starttls_that_is_refused_is_an_error() -> None:
    turns: list[Turn] = [b"220 mx\r\n", Hear(b"EHLO a\r\n"), b"250 mx\r\n", Hear(b"STARTTLS\r\n"), b"454 4.7.0 no\r\n"]
    with (
        ScriptedServer(turns) as server,
        connect(server.address, ehlo="a") as session,
        pytest.raises(TlsFailed, match=r"454 4\.7\.0 no"),
    ):
        session.starttls()


@pytest.mark.parametrize(
    "message", ["Subject: a\n\n.dot\n", b"Subject: a\r\n\r\n.dot\r\n", [b"Subject: a\r", b"\n\n.d", b"ot"]]
)
def test_a_message_of_any_kind(session: Session, practice: PracticeServer, message: str | bytes | list[bytes]) -> None:
    sent = session.send_message(message, sender="ann@example.org", recipients=["bob@example.org"])
    assert (sent.ok, sent.reply.code, sent.refused) == (True, 250, {})
    assert practice.inbox.read(len(practice.inbox.messages())).endswith(b"Subject: a\r\n\r\n.dot\r\n")


def test_a_file_is_sent_as_it_is_read(session: Session, practice: PracticeServer, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Subject: file\n\n.hello\n")
    with letter.open("rb") as stream:
        assert session.send_message(stream, sender="", recipients=["bob@example.org"]).ok
    assert practice.inbox.messages()[-1].subject == "file"


def test_a_message_of_the_email_package(session: Session, practice: PracticeServer) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Bcc"] = "Ann <ann@example.org>", "bob@example.org", "carol@example.org"
    message["Subject"] = "Grüße"
    message.set_content("Hello.\n")
    assert session.send_message(message).ok
    mail = practice.inbox.messages()[-1]
    assert (mail.sender, mail.recipients) == (b"ann@example.org", (b"bob@example.org", b"carol@example.org"))
    assert b"\nBcc:" not in practice.inbox.read(mail.number)
    assert (message["Bcc"], mail.subject) == ("carol@example.org", "Grüße")


def test_recipients_that_are_refused(session: Session) -> None:
    sent = session.send_message("x\n", sender="ann@example.org", recipients=["nobody@example.org", "bob@example.org"])
    assert (sent.ok, sent.reply.code) == (False, 250)
    assert {each: reply.code for each, reply in sent.refused.items()} == {"nobody@example.org": 550}
    sent = session.send_message("x\n", sender="ann@example.org", recipients=["nobody@example.org"])
    assert (sent.ok, sent.reply.code) == (False, 550)
    assert session.command("NOOP").code == 250
    assert session.send_message("x\n", sender="a b", recipients=["bob@example.org"]).reply.is_negative


@pytest.mark.parametrize(
    ("sender", "recipients", "problem"),
    [(None, ["bob@example.org"], "no sender"), ("", None, "no recipient"), ("", [], "no recipient")],
)
def test_a_message_without_an_envelope(
    session: Session, sender: str | None, recipients: list[str] | None, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        session.send_message("x\n", sender=sender, recipients=recipients)


def test_lmtp_answers_for_each_recipient() -> None:
    turns: list[Turn] = [
        b"220 lmtp\r\n",
        Hear(b"LHLO a\r\n"),
        b"250 lmtp\r\n",
        Hear(b"MAIL FROM:<>\r\n"),
        b"250 ok\r\n",
    ]
    for name in (b"bob", b"eve"):
        turns += [Hear(b"RCPT TO:<" + name + b"@example.org>\r\n"), b"250 ok\r\n"]
    turns += [Hear(b"DATA\r\n"), b"354 go\r\n", Hear(b"x\r\n.\r\n"), b"250 bob has it\r\n552 5.2.2 eve is full\r\n"]
    with ScriptedServer(turns) as server, connect(f"lmtp://{server.address}", ehlo="a") as session:
        sent = session.send_message("x\n", sender="", recipients=["bob@example.org", "eve@example.org"])
    assert (sent.ok, list(sent.refused)) == (False, ["eve@example.org"])


def test_mail_data_by_hand(session: Session) -> None:
    for line in ("EHLO a", "MAIL FROM:<>", "RCPT TO:<bob@example.org>"):
        session.command(line)
    with pytest.raises(UsageError, match="does not wait for mail data"):
        session.data("x")
    assert session.command("DATA").code == 354
    with pytest.raises(UsageError, match="waits for mail data"):
        session.command("NOOP")
    assert session.data("Subject: x\n").code == 250


def test_a_recording_replays_and_one_from_the_middle_is_a_transcript(practice: PracticeServer, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.smtp", tmp_path / "part.smtp"
    with connect(address(practice), record=whole) as session:
        session.ehlo("client.example.org")
        session.record(part)
        session.send_message("x\n", sender="ann@example.org", recipients=["bob@example.org"])
        assert session.quit().code == 221
    assert replay(whole, address(practice), match="text").ok
    assert next(step.text for step in Transcript.read(part).steps if step.marker == "C:").startswith("MAIL FROM")
    with pytest.raises(UsageError, match="is there already"):
        connect(address(practice), record=whole)
    connect(address(practice), record=whole, overwrite=True).close()


def test_octets_and_chunks(session: Session) -> None:
    session.raw(b"EHLO a\r\nMAIL FROM:<>\r\n")
    assert [session.read_reply().code, session.read_reply(timeout=30).code] == [250, 250]
    with pytest.raises(UsageError, match="no reply is owed"):
        session.read_reply()
    assert session.bdat(b"x").code // 100 == 5
