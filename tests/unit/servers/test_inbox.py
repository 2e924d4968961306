"""The mailbox of the practice server, without the server."""

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape
from smtp_shell.servers.inbox import HEADER_LIMIT, Inbox

RECEIVED = b"Received: from client.example ([192.0.2.1])\r\n\tby practice.example; Sat, 1 Feb 2025 10:00:00 +0000\r\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    inbox = Inbox(tmp_path / "Maildir")
    inbox.prepare()
    return inbox


def put(inbox: Inbox, mail_data: bytes, sender: bytes = b"ann@example.org", *recipients: bytes) -> None:
    delivery = inbox.deliver(sender, recipients or (b"bob@example.org",), RECEIVED)
    delivery.write(mail_data)
    delivery.commit()


def test_messages_come_in_the_order_of_arrival(inbox: Inbox) -> None:
    for number in range(1, 30):
        put(inbox, b"Subject: %d\r\n\r\n" % number)
    assert [(m.number, m.subject) for m in inbox.messages()] == [(n, str(n)) for n in range(1, 30)]


def test_a_message_is_described_by_its_envelope_and_its_subject(inbox: Inbox) -> None:
    put(inbox, b"Subject: Lunch\r\n\r\nAt one.\r\n", b"ann@example.org", b"bob@example.org", "zoë@example.org".encode())
    (message,) = inbox.messages()
    assert message.sender == b"ann@example.org"
    assert message.recipients == (b"bob@example.org", "zoë@example.org".encode())
    assert message.subject == "Lunch"
    assert message.size == len(inbox.read(1))
    assert message.date.tzinfo is not None


def test_the_mail_data_is_kept_octet_for_octet_behind_the_trace(inbox: Inbox) -> None:
    mail_data = b"Subject: x\r\n\r\nbare\nLF, \x00 NUL, \xff\r\n"
    put(inbox, mail_data, b"")
    trace = b"Return-Path: <>\r\nDelivered-To: bob@example.org\r\n" + RECEIVED
    assert inbox.read(1) == trace + mail_data


def test_header_fields_of_the_sender_do_not_pass_for_the_trace(inbox: Inbox) -> None:
    put(inbox, b"Return-Path: <carol@example.org>\r\nDelivered-To: carol@example.org\r\n\r\n")
    (message,) = inbox.messages()
    assert (message.sender, message.recipients) == (b"ann@example.org", (b"bob@example.org",))


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        (b"Subject: plain", "plain"),
        (b"sUBJECT :  plain ", "plain"),
        (b"Subject: folded\r\n\tonce", "folded\\x09once"),
        (b"Subject: =?utf-8?q?h=C3=A9_llo?=", "hé llo"),
        (b"Subject: =?UTF-8?B?aMOp?=\r\n =?utf-8*en?b?bGxv?= !", "héllo !"),
        (b"Subject: =?iso-8859-1?Q?=E9?=", "é"),
        (b"Subject: =?no-such-charset?q?x?=", "=?no-such-charset?q?x?="),
        (b"Subject: =?utf-8?b?!!!?=", ""),
        (b"Subject: =?utf-8?b?YQ?=", "=?utf-8?b?YQ?="),
        (b"Subject: =?zlib?b?eJw=?=", "=?zlib?b?eJw=?="),
        (b"Subject: =?idna?q?xn--a-?=", "=?idna?q?xn--a-?="),
        (b"Subject: =?utf-8?q?=1B[31m=E2=80=AE?=", "\\x1b[31m\\xe2\\x80\\xae"),
        (b"Subject: raw \xff \x1b]0;x\x07", "raw \\xff \\x1b]0;x\\x07"),
        (b"X-Other: x", ""),
        (b"", ""),
    ],
)
def test_a_subject_is_decoded_and_then_escaped(inbox: Inbox, field: bytes, subject: str) -> None:
    put(inbox, field + b"\r\nX-Last: 1\r\n\r\nSubject: of the body\r\n")
    assert inbox.messages()[0].subject == subject


def test_nothing_is_seen_before_it_is_whole(inbox: Inbox) -> None:
    delivery = inbox.deliver(b"", (b"bob@example.org",), RECEIVED)
    delivery.write(b"Subject: half\r\n")
    assert inbox.messages() == []
    delivery.discard()
    assert inbox.messages() == []
    assert list(inbox.path.rglob("*.example")) == []


def test_a_message_discarded_after_it_was_committed_stays(inbox: Inbox) -> None:
    delivery = inbox.deliver(b"", (b"bob@example.org",), RECEIVED)
    delivery.commit()
    delivery.discard()
    delivery.commit()
    assert len(inbox.messages()) == 1


@pytest.mark.parametrize("number", [-1, 0, 2])
def test_a_number_that_is_none_is_refused_with_those_that_are(inbox: Inbox, number: int) -> None:
    put(inbox, b"\r\n")
    with pytest.raises(UsageError, match=rf"no message {number} in the inbox: numbers go from 1 to 1"):
        inbox.read(number)


def test_an_empty_inbox_says_so(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "missing")
    assert inbox.messages() == []
    with pytest.raises(UsageError, match="nothing has arrived yet"):
        inbox.read(1)


def test_reading_is_bounded(inbox: Inbox) -> None:
    put(inbox, b"Subject: x\r\n" + b"X-Long: " + b"x" * (2 * HEADER_LIMIT) + b"\r\n\r\n")
    assert len(inbox.read(1, limit=1000)) == 1000
    assert inbox.messages()[0].size > 2 * HEADER_LIMIT


def test_a_mailbox_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"could not be made: .*; choose another directory"):
        Inbox(tmp_path / "file").prepare()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_can_read_it(inbox: Inbox) -> None:
    put(inbox, b"\r\n")
    assert {stat.S_IMODE(path.stat().st_mode) for path in inbox.path.rglob("*") if path.is_dir()} == {0o700}
    assert stat.S_IMODE(inbox.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(inbox.messages()[0].path.stat().st_mode) == 0o600


def test_mail_of_other_programs_is_read_too(inbox: Inbox) -> None:
    put(inbox, b"Subject: ours\r\n\r\n")
    foreign = inbox.path / "cur" / "whatever,S"
    foreign.write_bytes(b"From: ann@example.org\nSubject: theirs\n\n")
    os.utime(foreign, (1, 1))
    assert [m.subject for m in inbox.messages()] == ["theirs", "ours"]


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_octets_make_it_fail_or_reach_a_terminal(tmp_path: Path, octets: bytes) -> None:
    inbox = Inbox(tmp_path / "Maildir")
    inbox.prepare()
    path = inbox.path / "new" / "1.M000001Q000001R00.practice.example"
    path.write_bytes(octets if octets[:1] == b"\x00" else b"Subject: " + octets)
    (message,) = inbox.messages()
    assert escape(message.subject.encode()).replace("\\\\", "\\") == message.subject
    assert inbox.read(1) == path.read_bytes()
