"""A dialogue as turns: which lines make one, what it is recognised by, and which reply answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.matching import turns as module
from smtp_shell.matching.turns import Kind, Turn, lines_kept, turns_of
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyBegun,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.replies import Reply, ReplyParser
from tests.unit.matching.test_dialogues import DATA, MAIL, QUIT, RCPT, WHOLE, read

if TYPE_CHECKING:
    from collections.abc import Sequence

A_TLS = "*: tls TLSv1.3 X verified CN=a"


def rows(text: str) -> list[tuple[str, str, str, list[tuple[str, ...]]]]:
    """Return kind, text, key and replies of each turn; of mail data without the digest in its key."""
    return [
        (t.kind.name, t.text, "" if t.kind is Kind.DATA else t.key, [answer.rows for answer in t.answers])
        for t in read(text)
    ]


def test_a_whole_dialogue() -> None:
    found = read(WHOLE)
    assert [(t.kind.name, t.text, t.line, t.verb, [a.line for a in t.answers]) for t in found] == [
        ("CONNECTION", "*: connect mail.example:25", 4, "connect", [5]),
        ("COMMAND", "C: EHLO client.example", 6, "EHLO", [7]),
        ("COMMAND", "C: MAIL FROM:<ann@example.org>", 11, "MAIL", [12]),
        ("COMMAND", "C: RCPT TO:<bob@example.org>", 13, "RCPT", [14]),
        ("COMMAND", "C: DATA", 15, "DATA", [16]),
        ("DATA", "C: mail data, 4 lines, 60 octets", 17, "", [22]),
        ("COMMAND", "C: QUIT", 23, "QUIT", [24]),
        ("EVENT", "*: close server", 25, "close", []),
    ]
    assert found[1].answers[0].rows == (
        "S: 250-mail.example", "S: 250-SIZE 1000", "S: 250-AUTH PLAIN LOGIN", "S: 250 DSN",
    )  # fmt: skip
    assert not any(turn.tls for turn in found)


LONG = "N" * 2000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Without a connection the first reply is the greeting, and a later one that nothing asks for is the server's.
        ("S: 220 x\nC: NOOP\nS: 250 a\nS: 421 b\n", [
            ("CONNECTION", "", "connection", [("S: 220 x",)]), ("COMMAND", "C: NOOP", "NOOP", [("S: 250 a",)]),
            ("SERVER", "", "server", [("S: 421 b",)]),
        ]),
        # A verb in another case is the same command; the rest of the line counts.
        ("*: connect a:1\nC: noop Ab\n", [("CONNECTION", "*: connect a:1", "connect", []), ("COMMAND", "C: noop Ab", "NOOP Ab", [])]),
        # Octets take the next reply, as one turn however they are written.
        ("*: connect a:1\nS: 220 x\nC| NO\nC| OP\\x0a\nS: 250 ok\n", [
            ("CONNECTION", "*: connect a:1", "connect", [("S: 220 x",)]), ("OCTETS", r"C| NOOP\x0a", r"NOOP\x0a", [("S: 250 ok",)]),
        ]),
        # What is expected is no reply that came.
        ("S: 220 x\nC: NOOP\nS= 250 ok\n*: wait 2\n", [
            ("CONNECTION", "", "connection", [("S: 220 x",)]), ("COMMAND", "C: NOOP", "NOOP", [("S= 250 ok",)]),
            ("EVENT", "*: wait 2", "wait 2", []),
        ]),
        # What is no reply.
        ("S: 220 x\nC: X\nS| not a reply\\x0a\n", [
            ("CONNECTION", "", "connection", [("S: 220 x",)]), ("COMMAND", "C: X", "X", []),
            ("SERVER", r"S| not a reply\x0a", r"not a reply\x0a", []),
        ]),
    ],
)  # fmt: skip
def test_what_makes_a_turn(text: str, expected: list[tuple[str, str, str, list[tuple[str, ...]]]]) -> None:
    assert rows(text) == expected


def test_a_connection_answers_what_follows_it_and_ends_what_was_owed() -> None:
    found = read("*: connect a:25 tls\nS: 220 x\nC: NOOP\n*: connect a:25\nS: 220 y\nC: NOOP\nS: 250 z\n")
    assert [(t.text, t.key, [a.rows for a in t.answers]) for t in found if t.kind is Kind.CONNECTION] == [
        ("*: connect a:25 tls", "connect tls", [("S: 220 x",)]),
        ("*: connect a:25", "connect", [("S: 220 y",)]),
    ]
    assert [[a.rows for a in t.answers] for t in found if t.kind is Kind.COMMAND] == [[], [("S: 250 z",)]]


def test_what_is_inside_tls() -> None:
    found = read(
        f"*: connect a:25\nS: 220 x\nC: STARTTLS\nS: 220 go\n{A_TLS}\nC: EHLO a\nS: 250 x\n*: close server reset\n"
    )
    assert [(t.text, t.key, t.tls) for t in found][1:] == [
        ("C: STARTTLS", "STARTTLS", False),
        (A_TLS, "tls TLSv1.3 X verified", False),
        ("C: EHLO a", "EHLO a", True),
        ("*: close server reset", "close server", True),
    ]


def test_each_recipient_of_lmtp_has_a_reply() -> None:
    text = f"*: connect a:24\nS: 220 a\nC: LHLO c\nS: 250 a\n{MAIL}{RCPT}{RCPT}{DATA}C: x\nC: .\nS: 250 one\nS: 250 two\n{QUIT}"
    mail = next(turn for turn in read(text) if turn.kind is Kind.DATA)
    assert [answer.rows for answer in mail.answers] == [("S: 250 one",), ("S: 250 two",)]


# Mail data


def mail_of(text: str) -> Turn:
    start = "*: connect a:25\nS: 220 x\n"
    (found,) = (t for t in read(f"{start}{text}") if t.kind in (Kind.DATA, Kind.OCTETS))
    return found


@pytest.mark.parametrize(
    ("text", "shown", "lines", "size"),
    [
        (f"{DATA}C: a\nC: .\n", "C: mail data, 1 line, 3 octets", 1, 3),
        (f"{DATA}C: a\nC: b\nC: .\n", "C: mail data, 2 lines, 6 octets", 2, 6),
        (f"{DATA}C: .\n", "C: mail data, 0 lines, 0 octets", 0, 0),
        (f"{DATA}C: a\n*: close server\n", "C: mail data, 1 line, 3 octets, without a final dot", 1, 3),
        (f"{DATA}C: {'x' * 1200}\nC: .\n", "C: mail data, 1 line, 1,202 octets", 1, 1202),
        ("C: BDAT 5 LAST\nC| hello\n", "C| hello", 0, 5),
        (f"C| {LONG}\n", f"C| {LONG}", 0, 2000),
        (f"C| {LONG}N\n", "C: octets, 0 lines, 2,001 octets", 0, 2001),
    ],
)
def test_mail_data_and_octets(text: str, shown: str, lines: int, size: int) -> None:
    turn = mail_of(text)
    assert (turn.text, turn.verb) == (shown, "")
    assert turn.mail is not None
    assert (turn.mail.lines, turn.mail.size) == (lines, size)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("C: a\nC: b\nC: c\n", [8, 9, 10]),
        ("C: a\n# a note\nC: b\nC: c\n# one\n# two\nC: d\n", [8, 10, 11, 14]),
        (r"C| a\r\nb\r\n" + "\n" + r"C| c\r\nd\r\n" + "\nC: e\nC: f\n", [8, 8, 9, 9, 10, 11]),
        (r"C| a" + "\n" + r"C| b\r\n" + "\nC: c\n", [8, 10]),
        (r"C| a" + "\n" + r"C| b\r\nc\r\n" + "\nC: d\n", [8, 9, 10]),
        (r"C| a\r\nb" + "\n" + r"C| c\r\n" + "\nC: d\n", [8, 8, 10]),
        ("C: a\n" + r"C| b\r\nc\r\n" + "\n", [8, 9, 9]),
        ("C: a\n# a note\nC: b\n" + r"C| c\r\nd\r\n" + "\nC: e\n", [8, 10, 11, 11, 12]),
        (r"C| a" + "\n# a note\n" + r"C| b\r\nc\r\n" + "\nC: d\n", [8, 10, 11]),
        (r"C| \nb\r\n" + "\n", [8, 8]),
        (r"C| a\r\nb\r\n" + "\n# a note\nC: c\n", [8, 8, 10]),
    ],
)  # fmt: skip
def test_each_line_of_mail_data_has_its_number(text: str, numbers: Sequence[int]) -> None:
    turn = mail_of(f"{DATA}{text}C: .\n")
    assert [number for number, _ in lines_kept(turn)] == numbers


def letter(*lines: str) -> Turn:
    return mail_of(DATA + "".join(f"C: {line}\n" for line in lines) + "C: .\n")


DATED = ("Subject: x", "Date: today", " at noon", "To: y", "", "Date: in the body")


@pytest.mark.parametrize(
    ("lines", "same"),
    [
        (("Subject: x", "Date: other", "To: y", "", "Date: in the body"), True),
        (("Subject: x", "DATE: other", "\tand more", "To: y", "", "Date: in the body"), True),
        (("Subject: x", "To: y", "", "Date: in the body"), True),
        (("Subject: x", "Message-ID: <1@example.org>", "To: y", "", "Date: in the body"), True),
        (("Subject: x", "Date: today", " at noon", "To: z", "", "Date: in the body"), False),
        (("Subject: x", "Date: today", " at noon", "To: y", "", "Date: in another body"), False),
        (("Subject: x", " at noon", "To: y", "", "Date: in the body"), False),
        (("Subject: x", "Resent-Date: today", "To: y", "", "Date: in the body"), False),
    ],
)
def test_date_and_message_id_do_not_count_in_a_header(lines: Sequence[str], same: bool) -> None:
    one, other = letter(*DATED), letter(*lines)
    assert (one.key == other.key) is same
    assert one.mail is not None
    assert other.mail is not None
    assert (one.mail.steady == other.mail.steady) is same
    assert (one.mail.digest == other.mail.digest) is (lines == DATED)


def test_a_header_that_begins_with_a_blank_counts() -> None:
    assert letter(" x", "To: y").key != letter(" z", "To: y").key


def test_a_message_without_its_dot_is_another_one() -> None:
    assert letter("x").key != mail_of(f"{DATA}C: x\n*: close server\n").key


def test_lines_that_are_kept() -> None:
    assert list(lines_kept(letter(*DATED))) == [
        (8, "Subject: x"), (11, "To: y"), (12, ""), (13, "Date: in the body"),
    ]  # fmt: skip
    assert list(lines_kept(Turn(Kind.COMMAND, "C: NOOP", 4, "NOOP", "NOOP"))) == []
    # In octets there is no header.
    assert list(lines_kept(mail_of("C| Date: x\\x0d\\x0ay\n"))) == [(6, "Date: x"), (6, "y")]


# By events


def turns(*events: Event, tls: bool = False) -> list[Turn]:
    return turns_of((Entry(n, 0.0, event, tls, n * 10) for n, event in enumerate(events, 1)), "x.smtp")


def reply(text: bytes) -> Reply:
    (found,) = ReplyParser().receive(text)
    assert isinstance(found, Reply)
    return found


@pytest.mark.parametrize(
    ("event", "kind", "text", "verb", "key"),
    [
        (TimedOut(5.0, "QUIT"), Kind.EVENT, "*: timeout", "timeout", "timeout"),
        (Noticed(NoticeKind.NO_TLS), Kind.EVENT, "*: no-tls", "no-tls", "no-tls"),
        (Noticed(NoticeKind.NOT_A_REPLY, octets=b"x\n"), Kind.SERVER, r"S| x\x0a", "", r"x\x0a"),
        (Noticed(NoticeKind.CUT_REPLY, octets=b"25"), Kind.SERVER, "S| 25", "", "25"),
        (Noticed(NoticeKind.PREAMBLE, octets=b"hi"), Kind.SERVER, "S| hi", "", "hi"),
        (Disconnected(End.SERVER, ""), Kind.EVENT, "*: close server", "close", "close server"),
        (Disconnected(End.SERVER, "reset"), Kind.EVENT, "*: close server reset", "close", "close server"),
        (Authenticated("PLAIN", "ann"), Kind.EVENT, "*: auth PLAIN ann", "auth", "auth PLAIN ann"),
        (Authenticated("PLAIN", "maX"), Kind.EVENT, "*: auth PLAIN maX", "auth", "auth PLAIN maX"),
        (Authenticated("PLAIN", ""), Kind.EVENT, "*: auth PLAIN", "auth", "auth PLAIN"),
        (TlsStarted("TLSv1.3", "X", None, Certificate(), ""), Kind.EVENT, "*: tls TLSv1.3 X", "tls", "tls TLSv1.3 X"),
        (TlsStarted("TLSv1.3", "", None, Certificate(), ""), Kind.EVENT, "*: tls TLSv1.3", "tls", "tls TLSv1.3"),
        (
            TlsStarted("TLSv1.3", "X", None, Certificate(subject=b"C" * 2001), ""),
            Kind.EVENT,
            "*: tls TLSv1.3 X " + "C" * 2000,
            "tls",
            "tls TLSv1.3 X",
        ),
        (
            TlsStarted("TLSv1.3", "", False, Certificate(), ""),
            Kind.EVENT,
            "*: tls TLSv1.3  unverified",
            "tls",
            "tls TLSv1.3  unverified",
        ),
        (CommandSent(Command(b"secret", 0)), Kind.RESPONSE, "C: ${sasl}", "AUTH", "${sasl}"),
        (
            CommandSent(Command(b"AUTH PLAIN secret", 11)),
            Kind.COMMAND,
            "C: AUTH PLAIN ${sasl}",
            "AUTH",
            "AUTH PLAIN ${sasl}",
        ),
        (CommandSent(Command(b"Xsecret", 1)), Kind.COMMAND, "C: X${sasl}", "XSECRET", "XSECRET${sasl}"),
        (Written("*:", "pause for a while"), Kind.EVENT, "*: pause for a while", "pause", "pause for a while"),
        (Written("*:", "x" * 2001), Kind.EVENT, "*: " + "x" * 2000, "x" * 2001, "x" * 2001),
        (SaslSent(b"abc", secret=True), Kind.RESPONSE, "C: ${sasl}", "AUTH", "${sasl}"),
        (Connected("a:25", tls=True), Kind.CONNECTION, "*: connect a:25 tls", "connect", "connect tls"),
        (SaslSent(MASK.encode(), secret=False), Kind.RESPONSE, "C: ${sasl}", "AUTH", "${sasl}"),
        (SaslSent(b"abc", secret=False), Kind.RESPONSE, "C: abc", "AUTH", "abc"),
        (OctetsSent(b"AUTH PLAIN secret", 11), Kind.OCTETS, "C| AUTH PLAIN ${sasl}", "", "AUTH PLAIN ${sasl}"),
        (CommandSent(Command(b"NOOP")), Kind.COMMAND, "C: NOOP", "NOOP", "NOOP"),
    ],
)
def test_what_an_event_becomes(event: Event, kind: Kind, text: str, verb: str, key: str) -> None:
    for tls in (False, True):
        (turn,) = turns(event, tls=tls)
        assert (turn.kind, turn.text, turn.verb, turn.key) == (kind, text, verb, key)
        assert (turn.line, turn.tls, turn.answers, turn.mail) == (10, tls, (), None)


@pytest.mark.parametrize(
    "event", [Noticed(NoticeKind.ECHO), Written("", "Client: x"), Noticed(NoticeKind.ODD_REPLY, octets=b"x")]
)
def test_what_is_not_compared(event: Event) -> None:
    assert turns(event) == []


def test_what_is_long_is_shown_in_part_and_recognised_by_all_of_it() -> None:
    one, two = (turns(CommandSent(Command(b"NOOP " + b"x" * 2000 + end + b"")))[0] for end in (b"a", b"b"))
    assert one.text == two.text == "C: NOOP " + "x" * 1995 + "… (2,006 octets)"
    assert one.key != two.key
    assert one.key.startswith("NOOP " + "x" * 1995 + " ")
    (exact,) = turns(CommandSent(Command(b"NOOP " + b"x" * 1995 + b"")))
    assert (exact.text, exact.key) == ("C: NOOP " + "x" * 1995, "NOOP " + "x" * 1995)


@pytest.mark.parametrize(("size", "shown"), [(1996, "o" * 1996), (1997, "o" * 1996 + "… (2,001 octets)")])
def test_long_lines_of_a_reply_are_shown_in_part(size: int, shown: str) -> None:
    (turn,) = turns(ReplyReceived(reply(b"250 " + b"o" * size + b"\r\n"), None))
    assert turn.answers[0].rows == (f"S: 250 {shown}",)
    (turn,) = turns(ReplyReceived(reply(b"250 ok\n"), None))
    assert turn.answers[0].rows == (r"S| 250 ok\x0a",)


def test_a_reply_goes_to_the_oldest_command_with_its_verb() -> None:
    command = [CommandSent(Command(verb + b"")) for verb in (b"NOOP", b"RSET", b"NOOP", b"QUIT")]
    answers = [
        ReplyReceived(reply(b"250 %d\r\n" % n), None, 0.1, verb) for n, verb in enumerate(("NOOP", "NOOP", "QUIT"))
    ]
    found = turns(*command, *answers)
    assert [[a.rows for a in turn.answers] for turn in found] == [
        [("S: 250 0",)], [], [("S: 250 1",)], [("S: 250 2",)],
    ]  # fmt: skip


def test_a_reply_without_a_command_is_the_server_s() -> None:
    greeting = ReplyReceived(reply(b"220 a\r\n"), None)
    found = turns(
        Connected("a:25", tls=False), greeting, CommandSent(Command(b"NOOP")), ReplyReceived(reply(b"421 b\r\n"), None)
    )
    assert [t.kind for t in found] == [Kind.CONNECTION, Kind.SERVER, Kind.COMMAND, Kind.SERVER]


# Limits


def test_the_number_of_turns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    noop = CommandSent(Command(b"NOOP"))
    monkeypatch.setattr(module, "MOST_TURNS", 3)
    assert len(turns(noop, noop, noop)) == 3
    with pytest.raises(UsageError, match=r"^x\.smtp has more than 3 steps"):
        turns(noop, noop, noop, noop)


def test_the_octets_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", len("C: NOOP") + len(b"250 ok\r\n"))
    noop, ok = CommandSent(Command(b"NOOP")), ReplyReceived(reply(b"250 ok\r\n"), None, 0.1, "NOOP")
    assert turns(noop, ok)
    with pytest.raises(UsageError, match="without its mail data"):
        turns(noop, ok, Noticed(NoticeKind.CUT_REPLY, octets=b"2"))
    with pytest.raises(UsageError, match="without its mail data"):
        turns(noop, ReplyBegun(b"250-so\r\n250", 250))
    monkeypatch.setattr(module, "MOST_KEPT", 3 * 1024 * 1024)
    with pytest.raises(UsageError, match="more than 3 MiB"):
        turns(
            noop,
            ReplyReceived(reply(b"250 " + b"o" * 60_000 + b"\r\n"), None, 0.1, "NOOP"),
            *[Noticed(NoticeKind.CUT_REPLY, octets=b"x" * 2000)] * 1600,
        )


def test_mail_data_is_kept_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAIL_KEPT", 10)
    monkeypatch.setattr(module, "_ALL_MAIL_KEPT", 25)
    events = []
    for _ in range(4):
        events += [MailDataSent(b"12345\r\n"), MailDataSent(b"67890\r\n"), MailDataSent(b"", last=True)]
    found = [t.mail for t in turns(*events) if t.mail is not None]
    assert [mail.start for mail in found] == [b"12345\r\n678", b"12345\r\n678", b"12345", b""]
    assert {(mail.size, mail.lines) for mail in found} == {(14, 2)}


def test_a_header_line_may_come_in_pieces_or_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    last = MailDataSent(b"", last=True)
    (whole,) = turns(MailDataSent(b"Date: x\r\nTo: y\r\n\r\nbody"), last)
    (pieces,) = turns(*(MailDataSent(bytes([octet])) for octet in b"Date: z\r\nTo: y\r\n\r\nbody"), last)
    assert whole.key == pieces.key
    # A line without an end is not kept for ever: its first 2,000 octets are a field, what follows another.
    monkeypatch.setattr(module, "_LINE_KEPT", 8)
    one, two = (turns(MailDataSent(b"Date: xxxx"), MailDataSent(b"%b\r\n" % rest), last)[0] for rest in (b"a", b"b"))
    assert one.key != two.key
    assert (
        turns(MailDataSent(b"Date: x"), MailDataSent(b"\r\n"), last)[0].key
        == turns(MailDataSent(b"Date: y\r\n"), last)[0].key
    )


def test_octets_after_a_354_are_mail_data_and_those_before_it_are_not() -> None:
    sent = OctetsSent(b"x\r\n")
    data = CommandSent(Command(b"DATA"))
    for verb, code, kind in (("DATA", 354, Kind.DATA), ("DATA", 250, Kind.OCTETS), ("MAIL", 354, Kind.OCTETS)):
        found = turns(data, ReplyReceived(reply(b"%d go\r\n" % code), None, 0.1, verb), sent)
        assert found[-1].kind is kind
        # Once it has ended, octets are octets again.
        assert (
            turns(data, ReplyReceived(reply(b"354 go\r\n"), None, 0.1, "DATA"), sent, data, sent)[-1].kind
            is Kind.OCTETS
        )
    assert turns(sent)[0].kind is Kind.OCTETS


def test_16_kib_of_a_message_are_kept_and_8_mib_of_all() -> None:
    piece = MailDataSent(b"x" * 20_000)
    last = MailDataSent(b"", last=True)
    found = [turn.mail for turn in turns(*[piece, last] * 513) if turn.mail is not None]
    assert {len(mail.start) for mail in found[:512]} == {16_384}
    assert len(found[512].start) == 0


GREETED = "*: connect mx.example:25\nS: 220 x\n"  # lines 4 and 5, after the header


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        (
            f"{GREETED}C: EHLO x\nS: 250-a\nS: 250-b\n*: close server\n{GREETED}",
            [("C: EHLO x", 7, (b"a", b"b"), (7, 8), True), ("*: connect mx.example:25", 11, (b"x",), (), False)],
        ),
        (f"{GREETED}C: EHLO x\nS: 250-a\n*: timeout\n", [("C: EHLO x", 7, (b"a",), (7,), True)]),
        (f"{GREETED}C: EHLO x\nS: 250-a\n", [("C: EHLO x", 7, (b"a",), (7,), True)]),
        (
            f"{GREETED}C: EHLO x\nS: 250-a\nS: 250-b\nC: NOOP\nS: 250 c\nS: 250 d\n",
            [("C: EHLO x", 10, (b"a", b"b", b"c"), (7, 8), False), ("C: NOOP", 11, (b"d",), (), False)],
        ),
        (
            f"{GREETED}C& EHLO x\nC: NOOP\nS: 250-a\n*: timeout\nS: 250 b\n",
            [("C: EHLO x", 8, (b"a",), (8,), True), ("", 10, (b"b",), (), False)],
        ),
        (
            f"{GREETED}C: EHLO x\nS: 250 x\nS: 250-a\n*: close server\n",
            [("C: EHLO x", 7, (b"x",), (), False), ("", 8, (b"a",), (8,), True)],
        ),
        (
            f"{GREETED}C: DATA\nS: 354 go\nC: text\nS: 250-a\n",
            [("C: DATA", 7, (b"go",), (), False), ("", 9, (b"a",), (9,), True)],
        ),
    ],
)
def test_the_lines_of_a_reply_that_is_not_whole_belong_to_what_it_answers(
    text: str, answers: list[tuple[str, int, tuple[bytes, ...], tuple[int, ...], bool]]
) -> None:
    found = [
        (turn.text, answer.line, answer.reply and answer.reply.lines, answer.known, answer.is_cut)
        for turn in read(text)
        for answer in turn.answers
    ]
    assert found[0] == ("*: connect mx.example:25", 5, (b"x",), (), False)
    assert found[1:] == answers


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        ("S: 250-a\n*: close server\n", ["connect", "server", "*: close server"]),
        ("S: 250-a\n*: connect b:25\nS: 220 y\n", ["connect", "server", "connect"]),
        ("C: \nS: 500 no\n", ["connect", "C: "]),
    ],
)
def test_turns_come_in_the_order_of_the_file(lines: str, texts: Sequence[str]) -> None:
    names = {Kind.CONNECTION: "connect", Kind.SERVER: "server"}
    assert [names.get(turn.kind, turn.text) for turn in read(f"*: connect a:25\nS: 220 x\n{lines}")] == texts


def test_what_is_no_reply_comes_after_the_lines_that_it_cuts_off() -> None:
    cut, junk = ReplyBegun(b"250-a\r\n251-b\r\n", 250), Noticed(NoticeKind.NOT_A_REPLY, octets=b"junk\n")
    greeting = ReplyReceived(reply(b"220 x\r\n"), None, 0.0)
    _, server, other = turns(Connected("a:25", False), greeting, cut, junk)
    (answer,) = server.answers
    assert (answer.reply and answer.reply.code, answer.is_cut) == (250, True)
    assert (other.text, other.answers, server.tls) == (r"S| junk\x0a", (), False)


def test_a_reply_that_does_not_go_on_from_lines_before_it_leaves_them_a_reply_of_their_own() -> None:
    whole = reply(b"250 b\r\n")
    found = turns(Connected("a:25", False), ReplyBegun(b"250-a\r\n", 250), ReplyReceived(whole, None, 0.0))
    assert [(answer.line, answer.known, answer.is_cut) for turn in found for answer in turn.answers] == [
        (20, (20,), True),
        (30, (), False),
    ]


def test_a_greeting_that_is_not_whole_begins_the_connection() -> None:
    (turn,) = read("S: 220-a\nS: 220-b\n")
    (answer,) = turn.answers
    assert (turn.kind, answer.line, answer.known, answer.is_cut) == (Kind.CONNECTION, 4, (4, 5), True)
