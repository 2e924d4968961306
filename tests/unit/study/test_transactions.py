"""The state of a server, and the transactions of a dialogue."""

from pathlib import Path

from smtp_shell.study.reading import Sent
from tests.unit.study.transcripts import reading_of

HELLO = "S: 220 mx\nC: EHLO a\nS: 250 mx\n"
LETTER = f"{HELLO}C: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@example.org>\nS: 250\nC: DATA\nS: 354\n"


def test_a_transaction_has_its_recipients_its_message_and_its_end(tmp_path: Path) -> None:
    reading = reading_of(f"{LETTER}C: From: <a@b>\nC: X\nC:\nC: ..dot\nC: .\nS: 250\nC: QUIT\nS: 221\n", tmp_path)
    (transaction,) = reading.transactions
    assert transaction.message is not None
    assert transaction.delivered
    assert transaction.end is not None
    assert (transaction.end.sent, transaction.message.stuffed) == (Sent.DOT, ((13, "..dot"),))
    assert [field.name for field in transaction.message.fields] == ["From"]
    assert transaction.message.separator == 0  # the second line is no field, so that the body has begun there


def test_a_command_of_unknown_effect_leaves_the_state_unknown_once_it_is_accepted(tmp_path: Path) -> None:
    reading = reading_of(f"{HELLO}C: XCLIENT NAME=a\nS: 220 mx\nC: FOO\nS: 500 no\n", tmp_path)
    assert [each.after.certain for each in reading.exchanges] == [True, True, False, False]
