"""Events say what they are about, and keep quiet about what is secret."""

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    ENDS_REPLY,
    FATAL,
    ORDINARY,
    Certificate,
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    Handshake,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TlsStarted,
)
from smtp_shell.protocol.replies import Reply

SECRET = b"AHN0dWRlbnQAcGFzcw=="


@pytest.mark.parametrize(
    "event",
    [SaslSent(SECRET), OctetsSent(SECRET, 0), CommandSent(Command.parse(b"AUTH PLAIN " + SECRET))],
)
def test_a_credential_is_not_in_the_repr(event: Event) -> None:
    assert SECRET.decode() not in repr(event)


def test_a_notice_in_words() -> None:
    assert Noticed(NoticeKind.LATE).sentence == "the reply to a command whose wait had ended"
    assert (
        Noticed(NoticeKind.TOO_MUCH, "the limit is 5").sentence == "more than a server may send unasked: the limit is 5"
    )


def test_what_a_client_says_in_an_exchange_is_secret_unless_said_otherwise() -> None:
    assert SaslSent(b"x").secret


REPLY = Reply(250, (b"a", b"b", b"c"), b"250-a\r\n250-b\r\n250 c\r\n")


@pytest.mark.parametrize(
    ("known", "octets"), [(0, REPLY.octets), (1, b"250-b\r\n250 c\r\n"), (2, b"250 c\r\n"), (3, b"")]
)
def test_the_lines_of_a_reply_that_are_new(known: int, octets: bytes) -> None:
    assert ReplyReceived(REPLY, None, known=known).new_octets == octets


def test_what_may_be_known_of_octets_is_in_the_repr() -> None:
    assert repr(OctetsSent(SECRET, 0)) == "OctetsSent(public=0)"
    assert repr(OctetsSent(b"x")) == "OctetsSent(public=None)"


def test_the_names_of_ends_are_those_of_the_format() -> None:
    assert [end.value for end in End] == ["client", "server", "timeout", "error"]


def test_what_is_not_said_is_nothing() -> None:
    entry = Entry(1, 0.0, Connected("a:25", tls=False))
    assert (entry.tls, entry.line) == (False, 0)
    kept = Handshake()
    assert (kept.records, kept.keys, kept.trusted, kept.bits) == (b"", b"", (), 0)
    assert (kept.alpn, kept.resumed, kept.compression) == ("", False, "")
    received = ReplyReceived(REPLY, None)
    assert (received.command, received.seconds, received.verb, received.known, received.recipient) == (
        None,
        None,
        "",
        0,
        b"",
    )
    assert not MailDataSent(b"x").last
    assert Noticed(NoticeKind.ECHO).octets == b""
    expected = ReplyExpected((("S:", "250"),))
    assert (expected.code, expected.digit, expected.command, expected.verb) == (0, 0, None, "")


def test_what_is_not_said_of_an_event_is_what_is_usual() -> None:
    command = Command(b"NOOP")
    assert Certificate() == Certificate(b"", b"", (), b"", b"", b"", b"")
    assert Connected("x:25") == Connected("x:25", tls=False, peer="", looked_up=None, opened_in=None)
    assert CommandSent(command) == CommandSent(command, pipelined=False)
    assert SaslSent(b"x") == SaslSent(b"x", secret=True, meaning="", names_user=False)
    started = TlsStarted("TLSv1.3", "cipher", True, Certificate(), "x")
    assert (started.chain, started.key_log, started.handshake) == ((), "", None)
    assert Disconnected(End.CLIENT) == Disconnected(End.CLIENT, "")


def test_a_certificate_is_known_by_its_digest() -> None:
    assert Certificate(der=b"abc").fingerprint == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_keys_of_a_handshake_are_not_in_its_repr() -> None:
    assert repr(Handshake(b"abc", b"keys", resumed=True)) == "Handshake(3 octets, resumed=True)"


def test_what_kinds_of_notices_there_are() -> None:
    assert {kind.value for kind in ORDINARY} == {"connection", "TLS"}
    assert {NoticeKind.NOT_A_REPLY, NoticeKind.CUT_REPLY} == ENDS_REPLY
    assert {NoticeKind.NOT_A_REPLY, NoticeKind.TOO_MUCH, NoticeKind.PLAINTEXT_AFTER_STARTTLS} == FATAL


def test_a_goodbye_is_told_and_not_that_it_was_unsolicited() -> None:
    assert Noticed(NoticeKind.UNSOLICITED).sentence == "an unsolicited reply: it answers nothing"
    assert (
        Noticed(NoticeKind.UNSOLICITED, "the server ends the connection").sentence == "the server ends the connection"
    )
