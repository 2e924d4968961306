"""Rows of each event, with their marks and masks, and the views that write them."""

import hashlib
import io
import re

import pytest
from rich.console import Console

from smtp_shell.display.render import Look, Presenter, certificate_rows
from smtp_shell.display.themes import STYLES
from smtp_shell.display.views import ConsoleView, PlainView
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
    CommandSent,
    Connected,
    Decoded,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyBegun,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.replies import Reply, ReplyParser

BLOB = b"AHN0dWRlbnQAb3BlbiBzZXNhbWU="
VERIFIED = TlsStarted(
    "TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(b"CN=mail.example.org"), "mail.example.org"
)
UNVERIFIED = TlsStarted("TLSv1.2", "X", False, Certificate(b"CN=\x1b[2J"), "mail.example.org")


def reply(octets: bytes) -> Reply:
    (found,) = ReplyParser().receive(octets)
    assert isinstance(found, Reply)
    return found


def rows(*events: Event, look: Look | None = None, tls: bool = False) -> list[str]:
    presenter = Presenter(look)
    return [
        f"{row.gutter}{row.text}"
        for number, event in enumerate(events, 1)
        for row in presenter.rows(Entry(number, 0.0, event, tls))
    ]


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (Connected("mail.example.org:25"), "   *: connect mail.example.org:25"),
        (Connected("mail.example.org:465", True, "192.0.2.1:465"), "   *: connect mail.example.org:465 (192.0.2.1:465) tls"),
        (CommandSent(Command(b"EHLO x\x1b")), r"   C: EHLO x\x1b"),
        (CommandSent(Command(b"AUTH PLAIN " + BLOB, 11)), f"   C: AUTH PLAIN {MASK}"),
        (SaslSent(BLOB), f"   C: {MASK}"),
        (SaslSent(b"*", secret=False), "   C: *"),
        (OctetsSent(b"EHLO x\r\n.\n"), r"   C| EHLO x\x0d\x0a.\x0a"),
        (OctetsSent(b"AUTH PLAIN " + BLOB, 11), f"   C| AUTH PLAIN {MASK}"),
        (Decoded(True, "PLAIN", "NUL student NUL •"), "      means: NUL student NUL •"),
        (Authenticated("PLAIN", "stu\u202edent"), r"   *: auth PLAIN stu\xe2\x80\xaedent"),
        (TimedOut(5.0, "the reply to NOOP"), "   *: timeout: the reply to NOOP did not come within 5 s"),
        (Remarked("a note"), "   #  a note"),
        (Noticed(NoticeKind.UNSOLICITED), f"   #! {NoticeKind.UNSOLICITED.value}"),
        (Noticed(NoticeKind.CUT_REPLY, "", b"25\x00"), rf'   #! {NoticeKind.CUT_REPLY.value}: "25\x00"'),
        (VERIFIED, "   *: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified CN=mail.example.org"),
        (UNVERIFIED, r"   *: tls TLSv1.2 X NOT VERIFIED CN=\x1b[2J"),
        (Disconnected(End.SERVER), "   *: close server"),
        (Disconnected(End.CLIENT), "   *: close"),
        (Disconnected(End.CLIENT, "dropped"), "   *: close: dropped"),
        (Disconnected(End.ERROR, "why"), "   *: close: error: why"),
        (Disconnected(End.TIMEOUT, "why"), "   *: close: timeout"),
    ],
)  # fmt: skip
def test_each_event_is_shown_as_one_row(event: Event, shown: str) -> None:
    assert rows(event) == [shown]


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"220 hi\r\n", ["+  S: 220 hi"]),
        (b"354 go\r\n", [">  S: 354 go"]),
        (b"450 wait\r\n", ["~  S: 450 wait"]),
        (b"550 no\r\n", ["!  S: 550 no"]),
        (b"999 what\r\n", ["?  S: 999 what"]),
        (b"250-a\r\n250-\r\n250 c\r\n", ["+  S: 250-a", "+  S: 250-", "+  S: 250 c"]),
        (b"250 a\rb\x00\x9b\xe2\x80\xae\n", [r"+  S: 250 a\x0db\x00\x9b\xe2\x80\xae"]),
        (b"250 [bold]x[/nope] :smile:\r\n", ["+  S: 250 [bold]x[/nope] :smile:"]),
    ],
)
def test_a_sign_shows_the_class_of_a_reply_without_colour(octets: bytes, shown: list[str]) -> None:
    assert rows(ReplyReceived(reply(octets), None)) == shown


def test_rows_inside_tls_carry_a_sign_for_verified_or_unverified() -> None:
    hello = CommandSent(Command(b"EHLO x"))
    assert rows(VERIFIED, hello, ReplyReceived(reply(b"250 a\r\n"), None), tls=True)[1:] == [
        " = C: EHLO x",
        "+= S: 250 a",
    ]
    assert rows(UNVERIFIED, hello, ReplyReceived(reply(b"550 a\r\n"), None), tls=True)[1:] == [
        " ? C: EHLO x",
        "!? S: 550 a",
    ]
    assert rows(VERIFIED, Connected("b"), hello)[2:] == ["   C: EHLO x"]


def test_the_style_of_a_reply_depends_on_its_class() -> None:
    presenter = Presenter()
    styles = [
        next(presenter.rows(Entry(1, 0, ReplyReceived(reply(b"%d x\r\n" % code), None)))).style
        for code in (250, 354, 421, 550, 777)
    ]
    assert styles == ["reply.2", "reply.3", "reply.4", "reply.5", "reply.odd"]
    assert set(styles) <= STYLES.keys()


def test_the_last_line_of_a_reply_shows_its_time() -> None:
    event = ReplyReceived(reply(b"250-a\r\n250 b\r\n"), None, 0.0123)
    asides = [row.aside for row in Presenter().rows(Entry(1, 0, event))]
    assert asides == ["", "12 ms"]
    assert [row.aside for row in Presenter(Look(times=False)).rows(Entry(1, 0, event))] == ["", ""]


def test_a_late_reply_shows_no_time_since_it_would_be_that_of_another_command() -> None:
    presenter = Presenter()
    event = ReplyReceived(reply(b"250 a\r\n"), None, 0.0123)
    shown = [
        [row.aside for row in presenter.rows(Entry(1, 0, each))]
        for each in (Noticed(NoticeKind.LATE, "x"), event, event)
    ]
    assert shown == [[""], [""], ["12 ms"]]


def test_meanings_can_be_left_out() -> None:
    assert rows(Decoded(True, "PLAIN", "x"), look=Look(decoded=False)) == []


DATA = b"".join(b"line %d\r\n" % number for number in range(1, 101))
DOT = MailDataSent(b".\r\n", True)


def test_long_mail_data_is_folded_with_its_first_and_last_lines() -> None:
    shown = rows(MailDataSent(DATA[:500]), MailDataSent(DATA[500:]), DOT, look=Look(unfold="/show data has all"))
    assert shown == [
        *(f"   C: line {number}" for number in range(1, 9)),
        f"   #  … 88 more lines of mail data, {len(DATA):,} octets in all; /show data has all",
        *(f"   C: line {number}" for number in range(97, 101)),
        "   C: .",
    ]


def test_mail_data_is_shown_whole_on_demand() -> None:
    shown = rows(MailDataSent(DATA), DOT, look=Look(unfolded=True))
    assert shown == [*(f"   C: line {number}" for number in range(1, 101)), "   C: ."]


def test_mail_data_that_is_broken_off_shows_how_far_it_went() -> None:
    *shown, last, closed = rows(MailDataSent(DATA), Disconnected(End.SERVER))
    assert len(shown) == 12
    assert (last, closed) == ("   C: line 100", "   *: close server")


def test_typed_mail_data_is_not_repeated() -> None:
    assert rows(MailDataSent(b"a\r\n"), MailDataSent(b".\r\n", True), look=Look(typed_data=False)) == []


def test_console_output_fits_the_width() -> None:
    out = io.StringIO()
    view = ConsoleView(Console(file=out, width=40, highlight=False))
    view(Entry(1, 0, ReplyReceived(reply(b"250 " + b"x" * 60 + b"\r\n"), None)))
    view.say("some words of our own that are too many for one row of it")
    assert all(len(line) <= 40 for line in out.getvalue().split("\n"))
    assert out.getvalue().startswith("+  S: 250 xxx")


def test_plain_output_is_not_wrapped_and_words_go_to_another_stream() -> None:
    out, words = io.StringIO(), io.StringIO()
    view = PlainView(out, words)
    view(Entry(1, 0, ReplyReceived(reply(b"250 " + b"x" * 200 + b"\r\n"), None, 0.5)))
    view.say("of our own")
    assert out.getvalue() == "+  S: 250 " + "x" * 200 + "\n"
    assert words.getvalue() == "of our own\n"


def test_certificate_rows_show_names_fingerprint_and_verification() -> None:
    names = tuple(b"%d.example.org" % number for number in range(10))
    certificate = Certificate(b"CN=a", b"CN=ca", names, b"Jan  1", b"Jan  2", b"01", b"\x30")
    text = "\n".join(certificate_rows(TlsStarted("TLSv1.3", "X", True, certificate, "a")))
    assert "7.example.org and 2 more" in text
    assert "verified     chain, dates, and the name a" in text
    assert f"SHA-256      {hashlib.sha256(b'0').hexdigest()}" in text
    text = "\n".join(certificate_rows(TlsStarted("TLSv1.3", "X", False, certificate, "a")))
    assert "verified     NO: --insecure is on" in text
    assert list(certificate_rows(VERIFIED)) == []


@pytest.mark.parametrize(("theme", "colour"), [("dark", "\x1b[33m"), ("light", "\x1b[38;5;166m"), ("plain", "")])
def test_a_theme_changes_the_colour_but_not_the_text(theme: str, colour: str) -> None:
    out = io.StringIO()
    view = ConsoleView(
        Console(file=out, width=80, force_terminal=True, color_system="256"), Look(times=False, theme=theme)
    )
    view(Entry(1, 0.0, ReplyReceived(Reply(450, (b"4.2.1 later",), b"450 4.2.1 later\r\n"), None)))
    assert ("\x1b[" in out.getvalue()) == bool(colour)
    assert colour in out.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()) == "~  S: 450 4.2.1 later\n"


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (Authenticated("EXTERNAL", ""), "   *: auth EXTERNAL"),
        (TlsStarted("TLSv1.3", "X", True, Certificate(), "mail.example.org"), "   *: tls TLSv1.3 X verified"),
        (Decoded(False, "LOGIN", ""), "      means: (nothing)"),
        (Noticed(NoticeKind.CUT_REPLY, "", b'250 "a"'), f"   #! {NoticeKind.CUT_REPLY.value}: '250 \"a\"'"),
        (TimedOut(0.00001, "the reply to NOOP"), "   *: timeout: the reply to NOOP did not come within 0.00001 s"),
    ],
)
def test_an_event_without_its_last_word_ends_in_no_blank(event: Event, shown: str) -> None:
    assert rows(event) == [shown]


def test_a_certificate_without_names_ends_no_row_in_a_blank() -> None:
    facts = TlsStarted("TLSv1.3", "X", False, Certificate(der=b"x"), "mail.example.org")
    assert [row for row in certificate_rows(facts) if row != row.rstrip()] == []


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (TimedOut(5.0, "the reply to NOOP"), ["   *: the wait ended after 5 s"]),
        (Disconnected(End.ERROR, "why."), ["   *: close: error"]),
        (Disconnected(End.ERROR, "interrupted"), ["   *: close: error: interrupted"]),
        (Disconnected(End.CLIENT, "dropped"), ["   *: close: dropped"]),
        (Disconnected(End.SERVER), ["   *: close server"]),
        (Noticed(NoticeKind.NOT_A_REPLY, "why", b"hi\r\n"), [r"?  S| hi\x0d\x0a"]),
        (Noticed(NoticeKind.PLAINTEXT_AFTER_STARTTLS, "", b"\x1b\n"), [r"?  S| \x1b\x0a"]),
        (Noticed(NoticeKind.TOO_MUCH, "the limit is 1"), []),
        (Noticed(NoticeKind.UNSOLICITED), [f"   #! {NoticeKind.UNSOLICITED.value}"]),
    ],
)
def test_a_reason_is_left_to_the_error_that_tells_it(event: Event, shown: list[str]) -> None:
    presenter = Presenter(Look(reasons=False))
    assert [row.gutter + row.text for row in presenter.rows(Entry(1, 0.0, event))] == shown


def test_each_reply_of_a_group_is_shown_below_the_name_of_its_command() -> None:
    mail, rcpt, data = (Command(line) for line in (b"MAIL FROM:<>", b"RCPT TO:<" + b"x" * 80 + b">", b"DATA"))
    ok = Reply(250, (b"ok",), b"250 ok\r\n")
    events: list[Event] = [
        CommandSent(mail, True),
        CommandSent(rcpt, True),
        CommandSent(data),
        ReplyReceived(ok, mail, 0.001, "MAIL"),
        ReplyBegun(b"550-no\r\n", 550),
        ReplyReceived(Reply(550, (b"no", b"no"), b"550-no\r\n550 no\r\n"), rcpt, 0.001, "RCPT", 1),
        ReplyReceived(ok, data, 0.001, "DATA"),
        CommandSent(mail),
        ReplyReceived(ok, mail, 0.001, "MAIL"),
    ]
    presenter = Presenter(Look(times=False))
    rows = [f"{row.gutter}{row.text}" for event in events for row in presenter.rows(Entry(0, 0.0, event))]
    assert rows == [
        "   C& MAIL FROM:<>",
        "   C& RCPT TO:<" + "x" * 80 + ">",
        "   C: DATA",
        "   #  to 1 of 3: MAIL FROM:<>",
        "+  S: 250 ok",
        "   #  to 2 of 3: RCPT TO:<" + "x" * 51 + "…",
        "!  S: 550-no",
        "!  S: 550 no",
        "   #  to 3 of 3: DATA",
        "+  S: 250 ok",
        "   C: MAIL FROM:<>",
        "+  S: 250 ok",
    ]


def test_a_chunk_is_no_group_and_of_a_large_one_the_start_is_shown() -> None:
    events: list[Event] = []
    for _ in range(2):
        bdat = Command(b"BDAT 5000")
        events += [
            CommandSent(bdat, True),
            OctetsSent(b"x" * 5000),
            ReplyReceived(Reply(250, (b"ok",), b"250 ok\r\n"), bdat),
        ]
    presenter = Presenter(Look(times=False))
    rows = [row for event in events for row in presenter.rows(Entry(0, 0.0, event))]
    assert [row.gutter for row in rows] == ["   C: ", "   C| ", "   #  ", "+  S: "] * 2
    assert len(rows[1].text) < 200
    assert rows[2].text.endswith("more octets, 5,000 in all")
