"""The octets that `/hex` shows."""

import re

import pytest

from smtp_shell.display.columns import cells
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    CommandSent,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyBegun,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.shell.wire_record import WireRecord, hex_record, hex_rows


def reply(octets: bytes) -> Reply:
    (found,) = ReplyParser().receive(octets)
    assert isinstance(found, Reply)
    return found


def record(*events: Event) -> WireRecord:
    found = WireRecord()
    for number, event in enumerate(events):
        found(Entry(number, float(number), event, number > 2))
    return found


def exchange(line: bytes) -> list[Event]:
    return [CommandSent(Command(line)), ReplyReceived(reply(b"250 " + line + b"\r\n"), None)]


def test_an_exchange_is_what_was_sent_and_the_replies_to_it() -> None:
    found = record(*exchange(b"NOOP"), *exchange(b"RSET"), CommandSent(Command(b"QUIT")))
    assert [each.start for each in found.last(1)] == [b"QUIT\r\n"]
    assert [each.start for each in found.last(2)] == [b"RSET\r\n", b"250 RSET\r\n", b"QUIT\r\n"]
    assert len(found.last(1000)) == 5
    assert [each.tls for each in found.last(1000)] == [False, False, False, True, True]
    assert WireRecord().last(1) == []


def test_a_reply_that_comes_in_parts_is_one_passage() -> None:
    event = ReplyReceived(reply(b"250-a\r\n250 b\r\n"), None, known=1)
    found = record(ReplyBegun(b"250-a\r\n", 250), event, Noticed(NoticeKind.NOT_A_REPLY, "", b"hm\r\n"))
    assert [each.start for each in found.last(9)] == [b"250-a\r\n250 b\r\n", b"hm\r\n"]


def test_no_credential_is_kept() -> None:
    secret = b"AHN0dWRlbnQAb3BlbiBzZXNhbWU="
    found = record(
        CommandSent(Command.parse(b"AUTH PLAIN " + secret)),
        SaslSent(secret),
        SaslSent(b"c3R1ZGVudA==", secret=True, names_user=True),
        OctetsSent(b"AUTH PLAIN " + secret, public=11),
    )
    shown = "\n".join(row for each in found.last(9) for row in hex_rows(each, 80))
    assert [each.start for each in found.last(9)] == [b"AUTH PLAIN ", b"", b"c3R1ZGVudA==\r\n", b"AUTH PLAIN "]
    assert "11 octets and a credential" in shown
    assert shown.count("a credential, which is not shown") == 3
    assert [hex_record(each).get("masked") for each in found.last(9)] == [True, True, None, True]


def test_of_a_long_message_start_and_end_are_kept() -> None:
    line = b"0123456789abcdef" * 4 + b"\r\n"
    found = record(
        *(MailDataSent(line * 1000) for _ in range(100)), MailDataSent(b".\r\n", last=True), *exchange(b"NOOP")
    )
    message = found.last(9)[0]
    assert message.size == 100_000 * len(line) + 3
    assert message.start == (line * 20)[:1024]
    assert message.end.endswith(b"ef\r\n.\r\n")
    assert message.left_out == message.size - 1024 - 256
    rows = list(hex_rows(message, 80))
    assert f"      … {message.left_out:,} more octets" in rows
    assert int(rows[-1].split()[0], 16) == message.size - 16


def test_memory_has_a_bound_however_much_goes_over_the_connection() -> None:
    found = record(*(event for _ in range(3000) for event in exchange(b"NOOP " + b"x" * 900)))
    kept = found.last(1_000_000)
    assert sum(len(each.start) + len(each.end) for each in kept) <= 128 * 1024
    assert len(kept) <= 2000
    assert kept[-1].start.startswith(b"250 NOOP")


@pytest.mark.parametrize(("columns", "number"), [(20, 4), (40, 4), (60, 8), (80, 16), (200, 16)])
def test_a_row_has_as_many_octets_as_have_room(columns: int, number: int) -> None:
    found = record(OctetsSent(bytes(range(256))))
    rows = list(hex_rows(found.last(1)[0], columns))
    assert len(rows) == 1 + 256 // number
    assert all(cells(row) <= max(columns - 1, 29) for row in rows[1:])
    octets = "".join(re.findall(r"(?<= )[0-9a-f]{2}(?= )", row)[index] for row in rows[1:] for index in range(number))
    assert bytes.fromhex(octets) == bytes(range(256))
    assert all(row.isascii() and row.isprintable() for row in rows)


def test_a_group_is_kept_with_its_replies() -> None:
    commands = [Command(b"MAIL FROM:<>"), Command(b"RCPT TO:<a@example.org>"), Command(b"DATA")]
    sent = [CommandSent(each, pipelined=each is not commands[-1]) for each in commands]
    found = record(*sent, ReplyReceived(reply(b"250 ok\r\n"), commands[0], 0.02))
    assert [(each.command, each.reply is not None, each.seconds) for each in found.group] == [
        (commands[0], True, 0.02),
        (commands[1], False, None),
        (commands[2], False, None),
    ]
    later = record(*sent, *(ReplyReceived(reply(b"250 ok\r\n"), each) for each in commands), *exchange(b"NOOP"))
    assert [each.reply is not None for each in later.group] == [True] * 3, "it stays the last group"
