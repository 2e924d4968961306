"""Entries as a reading: what is paired, what is counted, and what is not known."""

from pathlib import Path

import pytest

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import Connected, Entry, Event
from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.quiz import questions_of
from smtp_shell.study.reader import MOST_EXCHANGES, read_dialogue
from tests.unit.study.transcripts import path_of, reading_of

HELLO = "S: 220 mx\nC: EHLO a\nS: 250 mx\n"


def test_each_reply_is_with_what_it_answers(tmp_path: Path) -> None:
    reading = reading_of(path_of("lmtp", tmp_path).read_text(), tmp_path)
    rows = [(each.line, each.text, [said.line for said in each.replies]) for each in reading.exchanges]
    assert rows == [
        (0, "", [5]),
        (6, "LHLO laptop.example", [7]),
        (11, "MAIL FROM:<>", [12]),
        (13, "RCPT TO:<bob@example.org>", [14]),
        (15, "RCPT TO:<nobody@example.org>", [16]),
        (17, "RCPT TO:<carol@example.org>", [18]),
        (19, "DATA", [20]),
        (26, ".", [27, 28]),
        (29, "MAIL FROM:<ann@example.org> BODY=8BITMIME", [30]),
        (31, "RCPT TO:<bob@example.org> NOTIFY=NEVER", [32]),
        (33, "BDAT 3", [35]),
        (36, "BDAT 4 LAST", [38]),
        (39, "QUIT", [40]),
    ]
    assert reading.regular


@pytest.mark.parametrize(
    "text",
    [
        f"{HELLO}C| NOOP\\r\\n\nS: 250\n",
        f"{HELLO}C: NOOP\nC: QUIT\nS: 221\n",
        f"{HELLO}C: NOOP\nS: 250|500\nC: QUIT\nS: 221\n",
        f"{HELLO}C: NOOP\n*: timeout 3 the reply\nC: QUIT\nS: 221\n",
        f"{HELLO}S: 250 nobody asked\n",
        f"{HELLO}C: NOOP\nS: 354 what\n",
        f"{HELLO}C: NOOP\nS: 250-a\nS: 251 b\n",
    ],
)
def test_a_dialogue_with_something_unknown_is_not_regular(text: str, tmp_path: Path) -> None:
    assert not reading_of(text, tmp_path).regular


@pytest.mark.parametrize("end", ["C: QUIT\n", "C: QUIT\nS: 221\n", "", "C: FOO\nS: 500 what\n", "C: TURN\nS: 502 no\n"])
def test_the_last_reply_may_be_missing_and_commands_may_be_refused(end: str, tmp_path: Path) -> None:
    assert reading_of(f"{HELLO}{end}", tmp_path).regular


def test_no_line_of_an_exchange_is_kept_even_where_the_file_includes_secrets(tmp_path: Path) -> None:
    text = (
        f"Transcript: 1\nSecrets: included\n\n{HELLO}C: AUTH PLAIN AGFubgBjNG5hcnk=\nS: 501 no\n"
        "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\nC: YzRuYXJ5\nS: 235 ok\nC: QUIT\nS: 221\n"
    )
    reading = reading_of(text, tmp_path)
    shown = repr(reading) + repr(questions_of([reading], all_kinds()))
    assert "AUTH PLAIN" in shown
    assert not any(secret in shown for secret in ("AGFubgBjNG5hcnk", "YW5u", "YzRuYXJ5"))


def live(*events: Event) -> list[Entry]:
    return [Entry(number, 0.0, event) for number, event in enumerate((Connected("mx.example:25"), *events), 1)]


def test_a_live_dialogue_is_numbered_by_its_events() -> None:
    dialogue = Dialogue()
    happened = [*dialogue.receive(b"220 mx\r\n"), *dialogue.send(Command(b"EHLO a")), *dialogue.receive(b"250 mx\r\n")]
    (reading,) = read_dialogue(live(*happened))
    assert [(each.line, [said.line for said in each.replies]) for each in reading.exchanges] == [(0, [2]), (3, [4])]


def test_of_a_long_dialogue_the_first_part_is_read() -> None:
    dialogue = Dialogue()
    events = [*dialogue.receive(b"220 mx\r\n")]
    for _ in range(2 * MOST_EXCHANGES):
        events += [*dialogue.send(Command(b"NOOP")), *dialogue.receive(b"250 ok\r\n")]
    (reading,) = read_dialogue(live(*events))
    assert len(reading.exchanges) == MOST_EXCHANGES
    assert not reading.regular


def test_a_nameless_dialogue_without_a_word_has_no_reading() -> None:
    assert read_dialogue(live()) == ()
