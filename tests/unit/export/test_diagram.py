"""The ladder: what is drawn for each entry, at several widths."""

import io
from collections.abc import Sequence
from itertools import count

import pytest

from smtp_shell.display.columns import cells
from smtp_shell.export.diagram import ascii_only, ladder
from smtp_shell.protocol.events import (
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
)
from smtp_shell.recording.decoder import entries
from tests.fuzz.program import session
from tests.support.transcripts import reader

STARTTLS = b"< 220 mx ESMTP\n> EHLO a\n< 250-mx\\r\\n250 STARTTLS\n> STARTTLS\n< 220 go\nT\n> QUIT\n< 221 bye"
PIPELINED = b"< 220 mx\n& MAIL FROM:<>\n& RCPT TO:<a@b>\n> DATA\n< 250 ok\n< 550 no\n< 354 go"
MESSAGE = b"< 220 mx\n> DATA\n< 354 go\nD Subject: x\\r\\n\\r\\n..\\r\\n\n.\n< 250 ok"


def drawn(program: bytes, width: int = 60, *, ascii_only: bool = False) -> list[str]:
    return [row.text for row in ladder(session(program), width, ascii_only=ascii_only)]


def of(*events: Event, width: int = 60) -> list[str]:
    numbers = count(1)
    return [row.text for row in ladder((Entry(next(numbers), 0.0, each) for each in events), width)]


def test_plain_and_tls_parts_are_told_apart_by_their_lines_and_by_words() -> None:
    rows = drawn(STARTTLS)
    (tls,) = (number for number, row in enumerate(rows) if "TLSv1.3" in row)
    assert any("in the clear: anybody on the way" in row for row in rows[:tls])
    assert any("encrypted: on the way" in row for row in rows[tls:])
    assert not any("║" in row or "═" in row for row in rows[:tls])
    assert not any("│" in row or "─" in row for row in rows[tls:])


TABLES = {
    "commands and replies, 60 columns": (
        b"< 220 mx ESMTP\n> NOOP\n< 250-one\\r\\n250 two",
        60,
        False,
        [
            "    0.250 + │<──────────────── 220 mx ESMTP ───────────────│",
            "    0.375   │── NOOP ─────────────────────────────────────>│",
            "    0.500 + │                  250-one                    ┐│",
            "            │<──────────────── 250 two ───────────────────┘│",
        ],
    ),
    "one write, 40 columns": (
        PIPELINED,
        40,
        False,
        [
            "0.625   │┌ MAIL FROM:<>                │",
            "        │├ RCPT TO:<a@b>               │",
            "        │└ DATA ──────────────────────>│",
            "0.750 + │<────────── 250 ok ───────────│",
            "0.875 ! │<────────── 550 no ───────────│",
            "1.000 > │<────────── 354 go ───────────│",
        ],
    ),
    "mail data in ASCII, 80 columns": (
        MESSAGE,
        80,
        True,
        [
            "    0.375   |-- DATA --------------------------------------------------------->|",
            "    0.500 > |<----------------------- 354 go ----------------------------------|",
            "    0.750   |-- mail data, 19 octets in 3 lines, and a dot alone ends it ----->|",
        ],
    ),
    "a long line, 40 columns": (
        b"< 220 " + b"wonderful " * 5,
        40,
        False,
        [
            "0.250 + │  220 wonderful wonderful    ┐│",
            "        │  :  wonderful wonderful     ┤│",
            "        │< : wonderful  ──────────────┘│",
        ],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_rows(name: str) -> None:
    program, width, ascii_only, wanted = TABLES[name]
    rows = drawn(program, width, ascii_only=ascii_only)
    start = rows.index(wanted[0]) if wanted[0] in rows else -1
    assert rows[start : start + len(wanted)] == wanted, "\n".join(rows)


@pytest.mark.parametrize("width", [24, 40, 80, 120, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_row_of_a_ladder_ends_at_the_servers_rail(width: int, ascii_only: bool) -> None:
    for program in (STARTTLS, PIPELINED, MESSAGE):
        header, *rows = drawn(program, width, ascii_only=ascii_only)
        assert len(header) == min(width, 120)
        assert {cells(row) for row in rows} == {min(width, 120)}
        assert all(row.isascii() for row in rows) is ascii_only


def test_mail_data_is_one_arrow_however_much_there_is() -> None:
    many = [MailDataSent(b"x" * 998 + b"\r\n") for _ in range(1234)]
    rows = of(Connected("mx"), *many, MailDataSent(b".\r\n", last=True), width=120)
    assert sum("mail data" in row for row in rows) == 1
    assert any("mail data, 1,234,000 octets in 1,234 lines, and a dot alone ends it" in row for row in rows)


def test_mail_data_that_was_cut_off_says_so() -> None:
    assert any("mail data, 4 octets, and no dot ends it" in row for row in of(MailDataSent(b"half"), width=80))


def test_a_chunk_is_one_arrow_with_its_size() -> None:
    rows = drawn(b"< 220 mx\nB " + b"x" * 100 + b"\n< 250 ok", 80)
    assert any("BDAT 100 LAST" in row for row in rows)
    assert any("chunk, 100 octets" in row for row in rows)


def test_octets_as_they_are_are_escaped_and_cut() -> None:
    rows = of(OctetsSent(b"NOOP\n\x1b" + b"x" * 3000), width=120)
    assert any(r"NOOP\x0a\x1bxxx" in row for row in rows)
    assert any("1,006 more octets" in row for row in rows)


def test_notices_and_the_close_are_shown_and_a_reply_that_was_cut_keeps_its_lines() -> None:
    begun = ReplyBegun(b"250-one\r\n", 250)
    rows = of(begun, Noticed(NoticeKind.CUT_REPLY, octets=b"250-tw"), Disconnected(End.SERVER), width=80)
    text = "\n".join(rows)
    assert "250-one" in text
    assert "(the rest did not come)" in text
    assert "! the connection ended in the middle of a reply" in text
    assert "* the server closes the connection" in text


def test_a_notice_quotes_nothing_raw() -> None:
    rows = of(Noticed(NoticeKind.NOT_A_REPLY, octets=b"\x1b[2J\xe2\x80\xae"))
    assert all(row.isprintable() for row in rows)
    assert r"\x1b[2J\xe2\x80\xae" in "\n".join(rows)


def test_a_long_reply_is_drawn_with_its_last_line() -> None:
    lines = b"".join(b"250-%d\\r\\n" % number for number in range(15))
    many = [line for row in drawn(b"< 220 mx\n> EHLO a\n: " + lines + b"250 last\\r\\n", 80) if (line := row.strip())]
    assert any("250 last" in row for row in many)


def test_the_header_names_the_server_and_the_title_is_above() -> None:
    text = b"Transcript: 1\nTitle: Lab 7\nServer: mx.example:25\n\nS: 220 hello\nC: NOOP\n"
    found = reader(text)
    rows = [row.text for row in ladder(entries(found, header=found.header), 60)]
    assert rows[0] == "Lab 7"
    assert rows[1].split() == ["client", "mx.example:25"]


def test_notes_are_left_out_but_where_the_mail_data_is_is_said() -> None:
    found = reader(b"# think\nS: 220 hi\nC: DATA\nS: 354 go\nC< letter.eml\nS: 250 ok\n")
    text = "\n".join(row.text for row in ladder(entries(found, header=found.header), 80))
    assert "think" not in text
    assert "the mail data is in the file letter.eml" in text


def test_a_credential_is_masked() -> None:
    text = "\n".join(drawn(b"< 220 mx\n> AUTH PLAIN AGFubgBzM2NyZXQ=\n< 235 ok", 80))
    assert "AGFubg" not in text
    assert "AUTH PLAIN ••••••" in text
    assert "AUTH PLAIN ******" in "\n".join(
        drawn(b"< 220 mx\n> AUTH PLAIN AGFubgBzM2NyZXQ=\n< 235 ok", 80, ascii_only=True)
    )


@pytest.mark.parametrize(
    ("encoding", "wanted"), [("utf-8", False), ("ascii", True), ("latin-1", True), ("no-such-thing", True)]
)
def test_a_terminal_without_utf8_gets_ascii(encoding: str, wanted: bool) -> None:
    class Out(io.StringIO):
        @property
        def encoding(self) -> str:  # type: ignore[override]
            return encoding_of_the_test

    encoding_of_the_test = encoding
    assert ascii_only(Out()) is wanted


@pytest.mark.parametrize(("locale", "wanted"), [("C", True), ("en_US.UTF-8", False)])
def test_a_terminal_in_the_c_locale_gets_ascii_and_a_file_does_not(
    locale: str, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("LC_ALL", locale)
    assert ascii_only(Screen()) is wanted
    assert not ascii_only(io.StringIO())


def test_an_empty_dialogue_draws_nothing() -> None:
    none: Sequence[Entry] = ()
    assert list(ladder(none)) == []
