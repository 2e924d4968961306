"""Transcripts as dialogues: every line is shown, in order, and no good transcript is accused of anything."""

import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.display.json_lines import JsonView
from smtp_shell.display.views import PlainView
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    CommandSent,
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
    Written,
)
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.encoder import TranscriptEncoder, event_steps
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import Marker, Step, format_step
from smtp_shell.transcript.writer import TranscriptWriter

EXAMPLES = sorted((Path(__file__).parents[3] / "transcripts").glob("*.smtp"))
MASK = "••••••"


def decoded(text: str) -> list[Entry]:
    reader = TranscriptReader(io.BytesIO(text.encode()), "lab.smtp")
    return list(entries(reader, header=reader.header))


def shown(text: str) -> list[str]:
    """Return the rows of a transcript."""
    out = io.StringIO()
    PlainView(out, io.StringIO()).show_all(decoded(text))
    return out.getvalue().split("\n")[:-1]


def objects(text: str) -> list[dict[str, object]]:
    """Return the JSON lines of a transcript."""
    out = io.StringIO()
    JsonView(out, io.StringIO()).show_all(decoded(text))
    return [json.loads(line) for line in out.getvalue().split("\n")[:-1]]


def bare(rows: list[str]) -> list[str]:
    """Return rows without their signs."""
    return [row[3:] for row in rows]


# Each is a good transcript, or a good end of one. None has a word about an odd reply.
GOOD = {
    "expectations in a pipelined group": """
        C& MAIL FROM:<a@example.org>
        C& RCPT TO:<b@example.org>
        C: DATA
        S: 2yz
        S~ 25[01] .*
        S: 354
        C: hello
        C: .
        S: 250""",
    "a whole exchange, an included file, and what is done in any case": """
        S: 220 mx.example
        C: EHLO x.example
        S: 250-mx.example
        S: 250 AUTH PLAIN SCRAM-SHA-256
        *: authenticate PLAIN SCRAM-SHA-256 student
        S: 235 2.7.0 ok
        *: include sub/letter.smtp
        C: MAIL FROM:<a@example.org>
        S: 250 ok
        *: finally
        C: RSET
        S: 250 ok""",
    "a whole exchange without the reply to it": """
        C: EHLO x.example
        *: authenticate
        C: MAIL FROM:<a@example.org>
        S: 250 ok""",
    "two digits and alternatives": """
        C: RCPT TO:<b@example.org>
        S: 250|251
        C: DATA
        S: 3yz
        C: hello
        C: .
        S: 2yz""",
    "a line that is equal, before one that matches": """
        C: HELP
        S= 214-a
        S~ 214-.*
        S= 214 end""",
    "a pattern in the middle of a reply": """
        C: EHLO x
        S: 250-mail.example.com
        S~ 250[- ]SIZE .*
        S: 250 HELP
        C: QUIT
        S: 221""",
    "a reply whose end is left out": """
        C: EHLO x
        S: 250-mail.example.com
        C: QUIT
        S: 221""",
    "commands without replies": """
        C: EHLO x
        C: MAIL FROM:<a@example.org>
        C: RCPT TO:<b@example.org>
        S: 550
        C: QUIT
        S: 221""",
    "a greeting that is left out after connect": """
        *: connect mail.example.com
        C: EHLO x
        S: 250""",
    "mail data whose 354 is left out": """
        C: DATA
        C: QUIT
        C: .
        C: QUIT
        S: 221""",
    "mail data that is refused": """
        C: DATA
        S: 554
        C: hello
        C: .
        C: QUIT
        S: 221""",
    "one 250 for each recipient": """
        C: LHLO x
        C: MAIL FROM:<>
        C: RCPT TO:<a@example.org>
        C: RCPT TO:<b@example.org>
        C: DATA
        C: .
        S: 250
        S: 250
        C: QUIT
        S: 221""",
    "starttls without its event": """
        C: STARTTLS
        S: 220
        C: EHLO x
        S: 250""",
    "a bare event for tls": """
        C: STARTTLS
        S: 220
        *: tls
        C: EHLO x
        S: 250""",
    "starttls in a script": """
        C: STARTTLS
        C: EHLO x
        S: 250""",
    "no handshake": """
        C: STARTTLS
        S: 220
        *: no-tls
        C: EHLO x
        S: 250""",
    "instructions": """
        *: wait 0.5
        *: within 5
        C: NOOP
        S: 250
        *: of-another-program a b
        *: close server""",
    "octets whose reply is left out": """
        S: 220
        C| NOOP\\x0d\\x0a
        C: QUIT
        S: 221""",
    "octets before the greeting": """
        C| PROXY TCP4 192.0.2.1 192.0.2.2 1 2\\x0d\\x0a
        S: 220
        C: EHLO x
        S: 250""",
    "an exchange in a script": """
        C: AUTH CRAM-MD5
        C: *
        S: 501""",
    "an exchange that is expected": """
        C: AUTH CRAM-MD5
        S~ 334 .*
        C: *
        S: 501
        C: NOOP
        S: 250""",
    "words anywhere in the line": """
        C: DATA
        S: 354
        C: .
        S~ queued as (?P<id>[0-9A-F]+)
        C: QUIT
        S: 221""",
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_every_line_is_shown_in_order_and_nothing_is_added(text: str) -> None:
    lines = [line.strip() for line in text.strip().split("\n")]
    written = [row for row in bare(shown("\n".join(lines))) if not row.startswith("   for <")]
    rows = ["*: no-tls" if "as asked" in row else row for row in written]
    assert rows == lines


def test_octets_of_one_reply_in_several_pieces_are_one_reply() -> None:
    text = "C: NOOP\nS| 250-a\\x0a\nS| 250-\nS| b\\x0d\\x0a\nS: 250 c\nC: QUIT\nS: 221\n"
    assert [row for row in shown(text) if "#!" not in row] == [
        "   C: NOOP",
        "+  S: 250-a",
        "+  S: 250-b",
        "+  S: 250 c",
        "   C: QUIT",
        "+  S: 221",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_lessons_are_shown_line_by_line_without_a_word_against_them(path: Path) -> None:
    text = path.read_text("utf-8")
    with_marker = [
        re.sub(r"^(C: AUTH \S+ |C: )\$\{sasl\}$", rf"\1{MASK}", line)
        for line in map(str.strip, text.partition("\n\n")[2].split("\n"))
        if line
    ]
    rows = bare(shown(text))
    assert [row for row in rows if row.startswith(("#!", "*: tls NOT"))] == []
    fields = [line for line in text.partition("\n\n")[0].split("\n") if not line.startswith("Transcript:")]
    assert rows[: len(fields)] == [f"   {field}" for field in fields]
    assert sorted(_words(row) for row in rows[len(fields) :]) == sorted(map(_words, with_marker))


def _words(row: str) -> str:
    """Return a row, or a line of a file, in one spelling of its escapes."""
    return re.sub(r"\s+", " ", row.replace(r"\x0d", r"\r").replace(r"\x0a", r"\n").replace(r"\${", "${")).strip()


@pytest.mark.parametrize(
    "line",
    [
        "S: hello",
        "S~ (broken",
        "S= hello",
        r"S| hello\x0d\x0a",
        "S: 999 odd",
        "S: 25",
        "S~ 9[0-9]{2}",
        "S| 250-a",
        "S| 25",
    ],
)
def test_the_lines_after_one_that_is_no_reply_are_shown(line: str) -> None:
    rows = shown(f"S: 220\nC: EHLO x\n{line}\nC: NOOP\nC: NOOP\nS: 250 ok\nS~ 2.*\nC: QUIT\nS: 221 bye\n")
    wanted = ["C: NOOP", "C: NOOP", "S: 250 ok", "S~ 2.*", "C: QUIT", "S: 221 bye"]
    assert [row for row in bare(rows) if not row.startswith("#!")][-6:] == wanted


LINES = st.sampled_from(
    ["C: EHLO x", "C: MAIL FROM:<>", "C& RCPT TO:<a@example.org>", "C: DATA", "C: .", "C: QUIT", "S: 220", "S: 250", "S: 250-a", "S: 354",
     "S: 2yz", "S: 250|354", "S= 250 a", "S= 250-a", "S~ 250.*", "S~ 250-.*", "S~ .*", "S~ 354 .*", "*: wait 1",
     "*: close", "S: hello", "S~ (", "*: connect mx.example", "C: AUTH PLAIN", "C: *",
     "S= hello", "S: 421"]
)  # fmt: skip


@given(st.lists(LINES, max_size=11))
def test_no_line_is_lost_or_moved(lines: list[str]) -> None:
    rows = [row for row in bare(shown("\n".join(lines) + "\n")) if not row.startswith("#!")]
    # In mail data and in an exchange, a line of a group is shown as the line that it is.
    assert [row.replace("C& ", "C: ") for row in rows] == [line.replace("C& ", "C: ") for line in lines]


@given(st.lists(LINES, max_size=11))
def test_expectations_are_written_back_as_they_were(lines: list[str]) -> None:
    steps: list[Step] = []
    encoder = TranscriptEncoder(steps.extend)
    for entry in decoded("\n".join(lines) + "\n"):
        encoder(entry)
    encoder.close()
    written = [format_step(step).split(maxsplit=1)[-1] for step in steps if step.marker is not Marker.NOTE]
    # S= is an expectation, and stays one; the mark of a pipelined line is kept where it is a command.
    assert [line for line in written if line.startswith("S")] == [line for line in lines if line.startswith("S")]


@pytest.mark.parametrize(
    ("expected", "code", "sign"),
    [
        ("S: 250", 250, "+"),
        ("S: 2yz", None, "+"),
        ("S: 250|251", None, "+"),
        ("S: 250|550", None, " "),
        ("S= 250 2.1.0 Ok", 250, "+"),
        ("S~ 250 .*", 250, "+"),
        ("S~ 5[05]0 .*", None, "!"),
        ("S~ Ok", None, " "),
        ("S~ [2-5]50.*", None, " "),
    ],
)
def test_an_expectation_has_the_code_and_the_sign_that_it_leaves_no_doubt_about(
    expected: str, code: int | None, sign: str
) -> None:
    text = f"S: 220\nC: MAIL FROM:<>\n{expected}\n"
    assert shown(text)[-1] == f"{sign}  {expected}"
    found = objects(text)[-1]
    assert found["dir"] == "S"
    assert found.get("code") == code


@pytest.mark.parametrize(
    ("event", "row", "verified"),
    [
        ("tls", "*: tls", None),
        ("tls TLSv1.3", "*: tls TLSv1.3", None),
        ("tls TLSv1.3 X verified CN=mx.example", "*: tls TLSv1.3 X verified CN=mx.example", True),
        ("tls TLSv1.3 X unverified CN=mx.example", "*: tls TLSv1.3 X NOT VERIFIED CN=mx.example", False),
        ("tls TLSv1.3 X unverified", "*: tls TLSv1.3 X NOT VERIFIED", False),
    ],
)
def test_a_certificate_is_called_unverified_only_where_the_transcript_says_so(
    event: str, row: str, verified: bool | None
) -> None:
    text = f"C: STARTTLS\nS: 220\n*: {event}\nC: EHLO x\n"
    assert bare(shown(text))[-2] == row
    assert shown(text)[-1] == (" ? C: EHLO x" if verified is False else " | C: EHLO x")
    assert [entry.event.verified for entry in decoded(text) if isinstance(entry.event, TlsStarted)] == [verified]


@pytest.mark.parametrize("start", ["*: connect mx.example:465 tls", "C: STARTTLS\nS: 220", "C: STARTTLS"])
def test_what_is_inside_tls_is_marked_although_no_event_says_where_it_starts(start: str) -> None:
    text = f"{start}\nC: EHLO x\nS: 250\n"
    assert shown(text)[-2:] == [" | C: EHLO x", "+| S: 250"]
    assert [found["phase"] for found in objects(text)[-2:]] == ["tls", "tls"]


def test_the_fields_of_the_header_come_first() -> None:
    text = "Transcript: 1\nTitle: Lab 7\nServer: mx.example\nDate: Sun, 22 Nov 2026 10:21:05 +0100\nTags: a b\nX-Mine: c\n\nC: NOOP\n"
    assert shown(text) == [
        "      Title: Lab 7",
        "      Server: mx.example",
        "      Date: Sun, 22 Nov 2026 10:21:05 +0100",
        "      Tags: a b",
        "      X-Mine: c",
        "   C: NOOP",
    ]
    assert [found["text"] for found in objects(text)][:2] == ["Title: Lab 7", "Server: mx.example"]


def test_an_unasked_reply_and_a_code_that_cannot_be_are_still_named() -> None:
    assert any("answers nothing" in row for row in shown("S: 220\nC: NOOP\nS: 250\nS: 250\n"))
    assert any("the server ends the connection: idle" in row for row in shown("S: 220\nC: NOOP\nS: 250\nS: 421\n"))
    slow = "1.0 S: 220\n1.0 C: NOOP\n1.1 S: 250\n301.0 S: 421 bye\n"
    assert any("its idle time-out, after 5 min of silence" in row for row in shown(slow))
    assert any("cannot have: 250 as the reply to DATA" in row for row in shown("S: 220\nC: DATA\nS: 250\n"))


def test_an_entry_knows_the_line_of_the_file_that_it_begins_on() -> None:
    text = (
        "S: 220 mx.example\n# a note\nC: EHLO x\nS: 250-mx.example\nS: 250 SIZE\nC: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<b@example.org>\n"
        "S: 250 ok\nC: DATA\nS: 354 go\nC: hi\nC: .\nS: 250-a\n# in the middle\nS~ 250 .*\nC: QUIT\nS: 221 bye\n"
    )
    found = [(entry.line, type(entry.event).__name__) for entry in decoded(text)]
    assert [line for line, name in found if name == "CommandSent"] == [3, 6, 8, 10, 17]
    assert [line for line, name in found if name in ("ReplyReceived", "ReplyExpected")] == [1, 4, 7, 9, 11, 14, 18]
    assert [line for line, name in found if name == "MailDataSent"] == [12, 13]
    assert (2, "Remarked") in found


MAIL_DATA = st.sampled_from(
    [
        "",
        "text",
        "..",
        r"\x2e.",
        r"\x2e",
        ".",
        r"a\x0db",
        r"\${x}",
        "${x}",
        "${sasl}",
        "AUTH PLAIN ${sasl}",
        "QUIT",
        "\u00e9",
    ]
)


@given(
    st.lists(st.tuples(st.sampled_from(["C: ", "C| ", "C& "]), MAIL_DATA, st.sampled_from(["", "3.5 "]))),
    st.sampled_from(["S: 354\n", ""]),
    st.booleans(),
)
def test_a_line_of_mail_data_is_the_same_whether_or_not_another_one_precedes_it(
    lines: list[tuple[str, str, str]], go: str, recorded: bool
) -> None:
    start = ("Transcript: 1\nClient: smtp-shell\n\n" if recorded else "") + f"S: 220\n1.0 C: DATA\n{go}C: first\n"
    written = [f"{time}{marker}{text}\n" for marker, text, time in lines]

    def told(note: str) -> list[tuple[float, bool, object]]:
        text = start + "".join(note + line for line in written) + "C: NOOP\nS: 250\nC: QUIT\n"
        return [(each.at, each.tls, each.event) for each in decoded(text) if not isinstance(each.event, Remarked)]

    assert told("") == told("# a note comes in between\n")


LMTP = """\
S: 220 hi
C: LHLO x
S: 250 hi
C: MAIL FROM:<>
S: 250 ok
C: RCPT TO:<bob@example.org>
S: 250 ok
C: RCPT TO:<evil\\x1b[2J@example.org>
S: 250 ok
C: DATA
S: 354 go
C: .
S: 250 saved
S: 452 full
"""


def test_a_written_dialogue_of_lmtp_names_the_recipients_too() -> None:
    named = [str(each["recipient"]) for each in objects(LMTP) if "recipient" in each]
    assert named == ["<bob@example.org>", r"<evil\x1b[2J@example.org>"]
    rows = [row.strip() for row in shown(LMTP) if row.strip().startswith("for <")]
    assert rows == [f"for {each}" for each in named]


WAYS = """\
*: connect mail.example.org:465 tls
# notice: connection: through socks5h://192.0.2.1:1080; it looks up the name
# notice: connection: the PROXY header says: a client at 192.0.2.7 port 1, which connected to 192.0.2.25 port 25
C| PROXY TCP4 192.0.2.7 192.0.2.25 1 25\\x0d\\x0a
*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified CN=mail.example.org
# notice: TLS: the session was resumed
S: 220 hi
# notice: the program says: \\x1b[2J over quota
# notice: the program ended: with status 75
*: close server
"""


def test_how_a_connection_was_made_is_read_back_and_shown_as_it_was_live() -> None:
    rows = shown(WAYS)
    assert "   E| \\x1b[2J over quota" in rows
    assert next(row for row in rows if row.startswith("   #  ")).endswith("it looks up the name")
    header = next(entry for entry in decoded(WAYS) if isinstance(entry.event, OctetsSent))
    assert not header.tls
    assert [entry.tls for entry in decoded(WAYS) if isinstance(entry.event, ReplyReceived)] == [True]
    again = [step for entry in decoded(WAYS) for step in event_steps(entry.event, 0)]
    assert "\n".join(f"{step.marker} {step.text}" for step in again) == WAYS.rstrip()


def read_back(*events: Event) -> list[Event]:
    """Return what is read of a recording of these events."""
    stream = io.BytesIO()
    recorder = TranscriptEncoder(TranscriptWriter(stream, Header.new(client="smtp-shell")).write_buffered)
    for number, event in enumerate(events, 1):
        recorder(Entry(number, 0.0, event))
    recorder.close()
    found = decoded(stream.getvalue().decode())
    return [entry.event for entry in found if not isinstance(entry.event, Written)]


def test_a_notice_about_a_reply_is_read_back_once() -> None:
    dialogue = Dialogue()
    happened = list(dialogue.receive(b"214 caf\xc3\xa9\r\n"))
    happened += dialogue.send(Command(b"NOOP"))
    happened += dialogue.receive(b"354 go\r\n250 unasked\r\n")
    assert [each.kind for each in happened if isinstance(each, Noticed)] == [
        *(NoticeKind.ODD_REPLY, NoticeKind.UNFORESEEN, NoticeKind.UNFORESEEN, NoticeKind.UNSOLICITED)
    ]
    assert read_back(*happened) == happened


def test_the_lines_of_a_reply_that_was_cut_off_are_read_back_as_lines_that_came() -> None:
    cut = Noticed(NoticeKind.CUT_REPLY)
    for end in (Disconnected(End.SERVER), Disconnected(End.TIMEOUT), Disconnected(End.ERROR, "broken")):
        happened = (ReplyBegun(b"220-a\r\n220-b\r\n", 220), cut, end)
        assert read_back(*happened) == [*happened]


def test_a_reply_in_two_parts_with_an_ended_wait_between_them_is_read_back_as_one() -> None:
    dialogue = Dialogue()
    assert not list(dialogue.receive(b"220-a\r\n"))
    dialogue.expect_late()
    late, whole = dialogue.receive(b"220 b\r\n")
    assert isinstance(whole, ReplyReceived)
    begun, timed_out = ReplyBegun(b"220-a\r\n", 220), TimedOut(5.0, "the greeting")
    found = read_back(begun, timed_out, late, ReplyReceived(whole.reply, None, 0.0, known=1), Disconnected(End.CLIENT))
    assert found == [begun, timed_out, late, ReplyReceived(whole.reply, None, 0.0, known=1), Disconnected(End.CLIENT)]


def test_nothing_is_added_to_a_reply_that_was_too_long() -> None:
    lines = b"220-line\r\n" * 10_000
    happened = (
        ReplyBegun(lines, 220),
        Noticed(NoticeKind.NOT_A_REPLY, 'a reply has more than 10,000 lines: "220-line"', b"220-line\r\n"),
        Disconnected(End.ERROR, "no SMTP reply"),
    )
    assert read_back(*happened) == [*happened]


def test_the_lines_that_came_before_one_that_is_no_reply_are_the_beginning_of_one() -> None:
    text = "Transcript: 1\nClient: x\n\nS: 250-a\nS| 25\nS: 250-a\n"
    _, notice, begun = (entry.event for entry in decoded(text))
    assert isinstance(notice, Noticed)
    assert (notice.kind, notice.octets) == (NoticeKind.NOT_A_REPLY, b"25250-a\r\n")
    assert begun == ReplyBegun(b"250-a\r\n", 250)


def test_the_spaces_in_what_ended_a_connection_stay() -> None:
    for end in (
        Disconnected(End.ERROR, "not valid before Jan  1"),
        Disconnected(End.SERVER, "a  b"),
        Disconnected(End.CLIENT, "a  b"),
    ):
        assert read_back(end) == [end]


@pytest.mark.parametrize(("octets", "is_odd"), [("", False), ("caf\u00e9", True), (r"\x9b1m", True)])
@pytest.mark.parametrize("between", ["", "C: NOOP\n"])
def test_the_octets_of_a_mask_are_none_that_a_server_sent(octets: str, between: str, is_odd: bool) -> None:
    found = decoded(f"Transcript: 1\nClient: x\n\nS: 220-{octets}\n{between}S: 220 {MASK}\n")
    odd = [entry.event for entry in found if isinstance(entry.event, Noticed) and "over 127" in entry.event.detail]
    assert bool(odd) == is_odd


@pytest.mark.parametrize("begun", ["", "S| 250-a\\r\\n\n"])
@pytest.mark.parametrize("note", ["", "# notice: the connection ended in the middle of a reply\n"])
def test_a_reply_that_was_cut_off_is_told_once_with_a_note_and_without(begun: str, note: str) -> None:
    text = f"Transcript: 1\nClient: x\n\nS: 220 x\nC: NOOP\n{begun}{note}S| 250-cut\n*: close server\n"
    events = [entry.event for entry in decoded(text)][2:]
    told = [ReplyBegun(b"250-a\r\n", 250)] if begun else []
    assert events[1:] == [*told, Noticed(NoticeKind.CUT_REPLY, octets=b"250-cut"), Disconnected(End.SERVER)]


@pytest.mark.parametrize(("client", "begun"), [("Client: x\n", [ReplyBegun(b"250-a\r\n", 250)]), ("", [])])
def test_a_note_of_the_user_stands_where_more_of_a_reply_was_to_come(client: str, begun: list[Event]) -> None:
    events = [
        entry.event for entry in decoded(f"Transcript: 1\n{client}\nS: 220 x\nC: NOOP\nS: 250-a\n# slow\nS: 250 b\n")
    ]
    at = events.index(Remarked("slow"))
    assert events[at - len(begun) : at] == begun
    assert [event.known for event in events if isinstance(event, ReplyReceived)] == [0, len(begun)]


def test_a_response_after_a_421_in_the_exchange_is_one() -> None:
    text = "Transcript: 1\nClient: x\n\nS: 220 x\nC: AUTH LOGIN ${sasl}\nS: 334 UGFzc3dvcmQ6\nS: 421 bye\nC: ${sasl}\nC: NOOP\n"
    sent = [entry.event for entry in decoded(text) if isinstance(entry.event, SaslSent | CommandSent)]
    assert [(type(event), isinstance(event, SaslSent) and event.secret) for event in sent] == [
        (CommandSent, False),
        (SaslSent, True),
        (CommandSent, False),
    ]


def test_a_line_after_a_final_dot_whose_reply_never_came_is_a_command() -> None:
    text = "Transcript: 1\nClient: x\n\nS: 220\nC: DATA\nS: 354\nC: x\nC: .\n*: timeout 5 the reply to the final dot\nC: RSET\nS: 250 ok\n"
    sent = [type(entry.event) for entry in decoded(text) if isinstance(entry.event, CommandSent | MailDataSent)]
    assert sent == [CommandSent, MailDataSent, MailDataSent, CommandSent]


def test_octets_after_a_new_connection_belong_to_no_chunk_of_the_one_before() -> None:
    text = (
        "*: connect a:25\nS: 220\nC: BDAT 9999 LAST\n*: close\n*: connect a:25\nS: 220\nC| NOOP\\x0d\\x0a\nS: 250 ok\n"
    )
    replies = [
        entry.event
        for entry in decoded(f"Transcript: 1\nClient: x\n\n{text}")
        if isinstance(entry.event, ReplyReceived)
    ]
    assert [each.verb for each in replies] == ["", "", "NOOP"]


def test_octets_after_a_reply_to_half_a_chunk_are_commands() -> None:
    dialogue = Dialogue()
    happened: list[Event] = [*dialogue.receive(b"220 hi\r\n"), *dialogue.send(Command(b"BDAT 99"), pipelined=True)]
    happened += [*dialogue.receive(b"503 no\r\n"), *dialogue.send_raw(b"NOOP\r\n"), *dialogue.receive(b"250 ok\r\n")]
    assert read_back(*happened) == happened
