"""Which turn of a dialogue a reply belongs to, and what of mail data counts."""

from __future__ import annotations

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.matching import turns as module
from smtp_shell.matching.turns import Kind, Turn, lines_kept
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    CommandSent,
    Connected,
    Event,
    MailDataSent,
    OctetsSent,
    ReplyExpected,
    ReplyReceived,
)
from tests.unit.matching.test_turns import reply, turns

LAST = MailDataSent(b"", last=True)


def sent(line: str) -> Event:
    return CommandSent(Command(line.encode()))


def came(text: str, verb: str = "", *, asked: bool = True) -> Event:
    return ReplyReceived(reply(f"{text}\r\n".encode()), None, 0.1 if asked else None, verb)


def answered(*events: Event) -> list[tuple[str, list[str]]]:
    """Return the kind of each turn, and the replies that it has."""
    return [(turn.kind.name, [row for answer in turn.answers for row in answer.rows]) for turn in turns(*events)]


CONNECT = Connected("a:25", tls=False)
HELLO = (CONNECT, came("220 x"))
GREETED = ("CONNECTION", ["S: 220 x"])


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # Octets, of which nothing is known: what comes next is theirs.
        ([OctetsSent(b"x\n"), came("250 a")], [("OCTETS", ["S: 250 a"])]),
        ([*HELLO, OctetsSent(b"x\n"), came("250 a")], [GREETED, ("OCTETS", ["S: 250 a"])]),
        ([*HELLO, sent("NOOP"), OctetsSent(b"x\n"), came("250 a", "NOOP")], [GREETED, ("COMMAND", ["S: 250 a"]), ("OCTETS", [])]),
        # ... also where a reply came before that nothing had asked for.
        ([*HELLO, came("421 a", asked=False), OctetsSent(b"x\n"), came("250 b")], [
            GREETED, ("SERVER", ["S: 421 a"]), ("OCTETS", ["S: 250 b"]),
        ]),
        # What nothing here has asked for is the server's own.
        ([*HELLO, sent("NOOP"), came("250 a", "RSET")], [GREETED, ("COMMAND", []), ("SERVER", ["S: 250 a"])]),
        ([*HELLO, OctetsSent(b"x\n"), came("421 a", asked=False)], [GREETED, ("OCTETS", []), ("SERVER", ["S: 421 a"])]),
        # LMTP has a reply for each recipient, after a chunk too, and although the next command has been sent.
        ([sent("BDAT 5 LAST"), OctetsSent(b"hello"), came("250 a", "BDAT"), came("250 b", "BDAT")], [
            ("COMMAND", ["S: 250 a", "S: 250 b"]), ("OCTETS", []),
        ]),
        ([*HELLO, MailDataSent(b"x\r\n"), LAST, sent("QUIT"), came("250 a"), came("250 b"), came("221 c", "QUIT")], [
            GREETED, ("DATA", ["S: 250 a", "S: 250 b"]), ("COMMAND", ["S: 221 c"]),
        ]),
        # A response of AUTH is asked once.
        ([sent("AUTH LOGIN"), came("334 a", "AUTH"), CommandSent(Command(b"x", 0)), came("334 b", "AUTH"), came("235 c", "AUTH")], [
            ("COMMAND", ["S: 334 a"]), ("RESPONSE", ["S: 334 b"]), ("SERVER", ["S: 235 c"]),
        ]),
        # Nothing is owed on another connection, with a greeting or without.
        ([sent("NOOP"), CONNECT, sent("NOOP"), came("250 a", "NOOP")], [("COMMAND", []), ("CONNECTION", []), ("COMMAND", ["S: 250 a"])]),
        # What is expected of the server answers as what came does.
        ([*HELLO, OctetsSent(b"x\n"), ReplyExpected((("S=", "250 a"),))], [GREETED, ("OCTETS", ["S= 250 a"])]),
    ],
)  # fmt: skip
def test_which_turn_a_reply_belongs_to(events: list[Event], expected: list[tuple[str, list[str]]]) -> None:
    assert answered(*events) == expected
    assert [turn.verb for turn in turns(*events) if turn.kind is Kind.SERVER] in ([], [""])


@pytest.mark.parametrize("event", [OctetsSent(b"x\n"), MailDataSent(b"x\r\n"), OctetsSent(b"x" * 3000), CONNECT])
@pytest.mark.parametrize("tls", [False, True])
def test_what_is_sent_inside_tls(event: Event, tls: bool) -> None:
    (turn,) = turns(event, tls=tls)
    assert turn.tls is tls
    assert turn.line == 10


def mail_of(*pieces: bytes) -> Turn:
    return turns(*map(MailDataSent, pieces), LAST)[0]


def test_a_message_without_a_line_end_counts_to_its_last_octet() -> None:
    assert mail_of(b"To: a").key != mail_of(b"To: b").key
    assert mail_of(b"To: a\r\n\r\nx").key != mail_of(b"To: a\r\n\r\ny").key


def test_a_header_line_without_an_end_is_kept_up_to_2000_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LINE_KEPT", 8)
    assert mail_of(b"Date: x", b"a\r\n").key == mail_of(b"Date: x", b"b\r\n").key
    assert mail_of(b"Date: xx", b"a\r\n").key != mail_of(b"Date: xx", b"b\r\n").key


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        (b"A: 1\r\nDate: x\r\n\ty\r\nB: 2\r\n\r\nDate: z", ["A: 1", "B: 2", "", "Date: z"]),
        (b"Date: x\r\n y\r\nA: a:b:Date\r\n\r\n", ["A: a:b:Date", ""]),
        (b" x\r\nA: 1\r\n", [" x", "A: 1"]),
        (b"A: 1\r\n\r\n x\r\n\r\n\ty\r\nDate: z\r\n", ["A: 1", "", " x", "", "\\x09y", "Date: z"]),
        (b"A: 1\n\nDate: z", ["A: 1", "", "Date: z"]),
        (b"Message-ID: <1@example.org>\r\nDate: x\r\n", []),
    ],
)
def test_the_lines_of_a_message_that_count(octets: bytes, kept: list[str]) -> None:
    assert [text for _, text in lines_kept(mail_of(octets))] == kept


def test_the_limits_are_200_000_steps_and_32_mib() -> None:
    assert (module.MOST_TURNS, module.MOST_KEPT) == (200_000, 33_554_432)


def test_what_is_expected_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ReplyExpected((("S:", "250-ab"), ("S:", "250 c")), verb="NOOP")
    size = len("C: NOOP") + len("250-ab250 c")
    monkeypatch.setattr(module, "MOST_KEPT", size)
    assert turns(sent("NOOP"), expected)
    monkeypatch.setattr(module, "MOST_KEPT", size - 1)
    with pytest.raises(UsageError, match="without its mail data"):
        turns(sent("NOOP"), expected)
