"""The messages of a dialogue."""

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry, Event, MailDataSent, OctetsSent
from smtp_shell.recording.messages import count_messages, mail_data, one_message

DOT = MailDataSent(b".\r\n", last=True)


def entries(*events: Event) -> list[Entry]:
    return [Entry(number, 0.0, event) for number, event in enumerate(events, 1)]


def sent(line: bytes) -> CommandSent:
    return CommandSent(Command(line))


def test_each_message_has_its_number_and_the_dialogue_around_it_has_none() -> None:
    dialogue = entries(
        sent(b"DATA"), MailDataSent(b"a\r\n"), DOT, sent(b"NOOP"), sent(b"DATA"), MailDataSent(b"b\r\n"), DOT
    )
    assert [(number, entry.seq) for number, entry in mail_data(dialogue)] == [(1, 2), (1, 3), (2, 6), (2, 7)]
    assert count_messages(dialogue) == 2
    assert [entry.seq for entry in one_message(dialogue, 2)] == [6, 7]


def test_chunks_are_one_message_up_to_the_last_or_to_another_command() -> None:
    dialogue = entries(
        sent(b"BDAT 2"), OctetsSent(b"a\n"), sent(b"NOOP"), sent(b"BDAT 2 LAST"), OctetsSent(b"b\n"),
        sent(b"BDAT 1"), OctetsSent(b"c"), sent(b"RSET"), OctetsSent(b"NOOP\r\n"), sent(b"BDAT 0 LAST"),
    )  # fmt: skip
    assert [(number, entry.seq) for number, entry in mail_data(dialogue)] == [
        (1, 1), (1, 2), (1, 4), (1, 5), (2, 6), (2, 7), (3, 10),
    ]  # fmt: skip


def test_a_message_that_was_broken_off_is_one_too() -> None:
    dialogue = entries(sent(b"DATA"), MailDataSent(b"a\r\n"), sent(b"EHLO x"), MailDataSent(b"b\r\n"))
    assert count_messages(dialogue) == 2
    assert count_messages(entries(sent(b"NOOP"))) == 0
