"""The transcript file: what a reader takes, what it refuses and how it says so, and what a writer writes."""

import io
import math
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.transcript.file import (
    Header,
    Marker,
    ReadLimits,
    Step,
    TranscriptReader,
    TranscriptWriter,
    check,
    faults,
    format_step,
    octet_steps,
    open_transcript,
)

EXAMPLE = rb"""Transcript: 1
Title: Lab 7, first successful delivery
Server: mail.example.com:587
Date: Sun, 22 Nov 2026 10:21:05 +0100
Client: smtp-shell 0.1.0

         *: connect mail.example.com:587
  0.021  S: 220 mail.example.com ESMTP
  0.022  C: EHLO laptop.example
  0.043  S: 250-mail.example.com
  0.043  S: 250-STARTTLS
  0.043  S: 250 SIZE 10485760
         # Why EHLO again after this? Because TLS resets what the server announced (RFC 3207, 4.2).
  2.310  C: STARTTLS
  2.331  S: 220 2.0.0 Ready to start TLS
         *: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified CN=mail.example.com
"""


def reader(octets: bytes, limits: ReadLimits | None = None) -> TranscriptReader:
    return TranscriptReader(io.BytesIO(octets), "lab.smtp", limits=limits or ReadLimits())


def read(octets: bytes) -> list[tuple[str, str]]:
    return [(str(step.marker), step.text) for step in reader(octets)]


def refusal(octets: bytes, limits: ReadLimits | None = None) -> str:
    with pytest.raises(TranscriptError) as caught:
        list(reader(octets, limits))
    assert caught.value.exit_status == 2
    return str(caught.value)


def written(*steps: Step, header: Header | None = None) -> bytes:
    stream = io.BytesIO()
    writer = TranscriptWriter(stream, header)
    for step in steps:
        writer.write(step)
    return stream.getvalue()


def rewritten(octets: bytes) -> bytes:
    transcript = reader(octets)
    return written(*transcript, header=transcript.header)


# The whole file


def test_the_example_of_the_format_is_read() -> None:
    transcript = reader(EXAMPLE)
    steps = list(transcript)
    assert transcript.header is not None
    assert transcript.header.fields == (
        ("Transcript", "1"),
        ("Title", "Lab 7, first successful delivery"),
        ("Server", "mail.example.com:587"),
        ("Date", "Sun, 22 Nov 2026 10:21:05 +0100"),
        ("Client", "smtp-shell 0.1.0"),
    )
    assert steps[:3] == [
        Step(Marker.EVENT, "connect mail.example.com:587", None, 7),
        Step(Marker.SERVER, "220 mail.example.com ESMTP", 0.021, 8),
        Step(Marker.CLIENT, "EHLO laptop.example", 0.022, 9),
    ]
    assert len(steps) == 10
    assert not transcript.torn


def test_the_example_is_written_as_it_stands() -> None:
    assert rewritten(EXAMPLE) == EXAMPLE


@pytest.mark.parametrize("octets", [b"", b"\n", b"\r\n \t\r\n", b"\xef\xbb\xbf"])
def test_a_file_without_lines_has_no_steps(octets: bytes) -> None:
    transcript = reader(octets)
    assert transcript.header is None
    assert list(transcript) == []


@pytest.mark.parametrize(
    "octets",
    [
        b"C: NOOP\nS: 250\n",
        b"C: NOOP\r\nS: 250\r\n",
        b"C: NOOP\nS: 250",
        b"C: NOOP\r\nS: 250\r",
        b"\xef\xbb\xbfC: NOOP\nS: 250\n",
        b"\n\n   C: NOOP\n \t \n\t\tS: 250\n\n",
        b"0.5 C: NOOP\n12 S: 250\n",
    ],
)
def test_line_ends_blank_lines_leading_space_and_times_mean_nothing(octets: bytes) -> None:
    assert read(octets) == [("C:", "NOOP"), ("S:", "250")]


# Lines


@pytest.mark.parametrize(
    ("line", "marker", "text"),
    [
        ("C: EHLO laptop.example", "C:", "EHLO laptop.example"),
        ("C& MAIL FROM:<ann@example.org>", "C&", "MAIL FROM:<ann@example.org>"),
        (r"C| EHLO x\r", "C|", r"EHLO x\r"),
        ("C< mail/first.eml", "C<", "mail/first.eml"),
        ("S: 250 ok", "S:", "250 ok"),
        (r"S| 250 ok\n", "S|", r"250 ok\n"),
        ("S= 250 ok", "S=", "250 ok"),
        (r"S~ 250 (?P<id>\w+)", "S~", r"250 (?P<id>\w+)"),
        ("*: connect mail.example.com:25", "*:", "connect mail.example.com:25"),
        ("*: of-another-program a b", "*:", "of-another-program a b"),
        ("# a note", "#", "a note"),
        ("#a note", "#", "a note"),
        ("#", "#", ""),
        ("C:", "C:", ""),
        ("C: ", "C:", ""),
        ("C:  two", "C:", " two"),
        ("C:EHLO x", "C:", "EHLO x"),
        ("S:250 ok", "S:", "250 ok"),
        ("C: trailing  ", "C:", "trailing  "),
        ("C:: C: S:", "C:", ": C: S:"),
        ("C: .", "C:", "."),
        ("S: 250 Grüße", "S:", "250 Grüße"),
        (r"S: EXAMPLE\ann \x41", "S:", r"EXAMPLE\ann \x41"),
        ("S: ${name", "S:", "${name"),
        ("# ${name", "#", "${name"),
        (r"C: ${sasl} \${literal}", "C:", r"${sasl} \${literal}"),
        ("C: \\${\u0300", "C:", "\\${\u0300"),
    ],
)
def test_a_line_is_a_marker_and_its_content(line: str, marker: str, text: str) -> None:
    assert read(line.encode()) == [(marker, text)]
    again = rewritten(line.encode() + b"\n")
    assert read(again) == [(marker, text)]
    assert rewritten(again) == again


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("S: \x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("S: a\tb\x00", r"a\x09b\x00"),
        ("S: a\rC: QUIT", r"a\x0dC: QUIT"),
        ("S: a\u2028C: QUIT", r"a\xe2\x80\xa8C: QUIT"),
        ("S: a\x0b\x0c\x1c\x85b", r"a\x0b\x0c\x1c\xc2\x85b"),
        ("C: \\\x1b[2J", r"\\\x1b[2J"),
        ("# \u202etxt.exe", r"\xe2\x80\xaetxt.exe"),
        ("*: error a\tb\x1b", r"error a b\x1b"),
    ],
)
def test_whatever_is_in_a_file_the_text_of_a_step_is_printable(line: str, text: str) -> None:
    assert [step.text for step in reader(line.encode())] == [text]


@pytest.mark.parametrize(
    ("seconds", "at"),
    [
        ("0", 0.0),
        ("0.021", 0.021),
        ("007.5", 7.5),
        ("1.000001", 1.000001),
        ("999999999.999999", 999999999.999999),
    ],
)
def test_a_time_is_seconds(seconds: str, at: float) -> None:
    steps = list(reader(f"{seconds}  S: 250".encode()))
    assert [step.at for step in steps] == [at]
    assert [step.at for step in reader(written(*steps))] == [at]


@pytest.mark.parametrize(
    "seconds", ["-1", "1e9", "nan", "inf", "1.", ".5", "1,5", "1_0", "٣", "1234567890", "10:21:05", "1.1234567"]
)
def test_anything_else_in_front_of_a_marker_is_no_time(seconds: str) -> None:
    shown = refusal(f"C: NOOP\n{seconds} C: NOOP".encode())
    assert (
        shown
        == f"lab.smtp:2: '{seconds}' is no time; expected seconds such as 0.021, with nine digits and six decimals at most"
    )


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (
            b"C: NOOP\nQUIT\nC: QUIT\n",
            "lab.smtp:2: 'QUIT' has no marker; expected one of C: C& C| C< S: S| S= S~ *: # in front",
        ),
        (b"c: NOOP\n", "lab.smtp:1: 'c: NOOP' has no marker; expected one of C: C& C| C< S: S| S= S~ *: # in front"),
        (
            b"C: a\n\n\n  \x1b[2J\n",
            r"lab.smtp:4: '\x1b[2J' has no marker; expected one of C: C& C| C< S: S| S= S~ *: # in front",
        ),
        (
            b"1.5C: NOOP\n",
            "lab.smtp:1: '1.5C: NOOP' has no marker; expected one of C: C& C| C< S: S| S= S~ *: # in front",
        ),
        (
            b"C: a\nS: caf\xe9\n",
            r"lab.smtp:2: octet 7 of the line, \xe9, is not UTF-8; expected UTF-8, or the octet written as \xe9",
        ),
        (
            b"\xff\xfeC\0:\0",
            r"lab.smtp:1: octet 1 of the line, \xff, is not UTF-8; expected UTF-8, or the octet written as \xff",
        ),
        (
            b"# a\nTranscript: 1\n",
            "lab.smtp:2: a header stands inside the file; expected the header at the top, before anything else",
        ),
        (b"*:\n", "lab.smtp:1: an event has no name; expected *: and a word such as connect, tls, wait or close"),
        (b"*: \t \n", "lab.smtp:1: an event has no name; expected *: and a word such as connect, tls, wait or close"),
        (b"C: ${name\n", r"lab.smtp:1: a ${ has no closing brace; write \${ if it stands for itself; expected ${name}"),
        (
            b"C| ${}\n",
            r"lab.smtp:1: '' between ${ and } is not a variable's name; write \${ if it stands for itself; expected ${name}",
        ),
        (
            "S~ 250\u200b\n".encode(),
            r"lab.smtp:1: the pattern '250\xe2\x80\x8b' holds a character that is not seen; expected such as \t or \u200b",
        ),
    ],
)
def test_a_malformed_line_is_told_with_its_number_and_what_was_expected(octets: bytes, message: str) -> None:
    assert refusal(octets) == message


def test_the_steps_in_front_of_a_malformed_line_are_given_first() -> None:
    steps = iter(reader(b"C: NOOP\nnonsense\n"))
    assert next(steps).text == "NOOP"
    with pytest.raises(TranscriptError):
        next(steps)


@pytest.mark.parametrize(
    ("marker", "text", "octets"),
    [
        (Marker.SERVER, r"250 \x00\\\r\n\t", b"250 \x00\\\r\n\t"),
        (Marker.SERVER_EQUALS, "250 é", "250 é".encode()),
        (Marker.SERVER_OCTETS, r"250 ok\n", b"250 ok\n"),
        (Marker.SERVER, r"\${a}", rb"\${a}"),
        (Marker.CLIENT, r"\${a}", b"${a}"),
        (Marker.CLIENT, r"\\${a}", rb"\${a}"),
        (Marker.CLIENT, r"\\\${a}", rb"\${a}"),
        (Marker.CLIENT_OCTETS, r"\x5c\${a}\r", b"\\${a}\r"),
        (Marker.PIPELINED, "NOOP", b"NOOP"),
        (Marker.SERVER_MATCHES, r"250\x20\\", rb"250\x20\\"),
    ],
)
def test_the_octets_of_a_step(marker: Marker, text: str, octets: bytes) -> None:
    assert Step(marker, text).octets == octets


def test_an_event_is_its_words() -> None:
    assert Step(Marker.EVENT, "  connect mail.example.com:465  tls").event == ("connect", "mail.example.com:465", "tls")
    assert Step(Marker.NOTE, "connect").event == ()


# The header


def test_fields_are_found_in_any_case_and_unknown_ones_are_kept() -> None:
    octets = b"TRANSCRIPT: 1\nx-course: Networks 101\ntags:starttls auth \t\nX-Course:\nsecrets: Included\n\nC: NOOP\n"
    header = reader(octets).header
    assert header is not None
    assert header.get("X-Course") == "Networks 101"
    assert header.get("X-None") is None
    assert header.tags == "starttls auth"
    assert header.secrets_included
    assert (header.title, header.server, header.client, header.date) == ("", "", "", "")
    assert rewritten(octets) == (
        b"TRANSCRIPT: 1\nx-course: Networks 101\ntags: starttls auth\nX-Course:\nsecrets: Included\n\n         C: NOOP\n"
    )


def test_folded_fields_are_unfolded() -> None:
    header = reader(
        b"Transcript:\r\n 1\r\nTitle: Lab 7,\r\n\tfirst  \r\n  delivery: a\x1b\r\n \t\r\nC: NOOP\r\n"
    ).header
    assert header is not None
    assert header.title == r"Lab 7,\x09first    delivery: a\x1b"


def test_variables_of_the_header_are_unescaped() -> None:
    header = reader(b"Transcript: 1\nVar: to=bob@example.org\nvar: say=a = \\x41\\\\b\nVar: nothing=\n\n").header
    assert header is not None
    assert header.variables == {"to": "bob@example.org", "say": "a = A\\b", "nothing": ""}


@pytest.mark.parametrize(
    "octets", [b"Transcript: 1\n", b"Transcript: 1", b"Transcript: 1\n\n", b"transcript: 1\r\n\r\n"]
)
def test_a_header_may_end_with_the_file(octets: bytes) -> None:
    transcript = reader(octets)
    assert list(transcript) == []
    assert transcript.header is not None
    assert transcript.header.fields[0][1] == "1"


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (
            b"Transcript: 2\nanything\n\nX: new\n",
            "lab.smtp:1: the file was written by a newer version, in format 2; expected format 1; a newer smtp-shell reads it",
        ),
        (b"Transcript: one\n\n", "lab.smtp:1: 'one' is no version of the format; expected Transcript: 1"),
        (b"Transcript:\n\n", "lab.smtp:1: '' is no version of the format; expected Transcript: 1"),
        (
            b"Transcript: 1\nTitle lab\n\n",
            "lab.smtp:2: 'Title lab' is no header field; expected Name: value, or an empty line after the header",
        ),
        (b"Transcript: 1\nTitle: a\ntitle: b\n\n", "lab.smtp:3: the field title stands twice; expected it once"),
        (
            b"Transcript: 1\nTranscript: 1\n\n",
            "lab.smtp:2: the field Transcript stands twice, or is not the first; expected Transcript: 1 first, and once",
        ),
        (
            b"Transcript: 1\nSecrets: yes\n\n",
            "lab.smtp:2: 'yes' does not say whether secrets are in the file; expected redacted or included",
        ),
        (b"Transcript: 1\nVar: to\n\n", "lab.smtp:2: 'to' is not of the form name=value; expected Var: name=value"),
        (
            b"Transcript: 1\nVar: 1st=a\n\n",
            "lab.smtp:2: '1st' is not a variable's name (a letter or _, then letters, digits, _ . -); expected Var: name=value",
        ),
        (
            b"Transcript: 1\nVar: sasl=a\n\n",
            "lab.smtp:2: the variable sasl cannot be set: replay computes the response of the mechanism for it; "
            "expected Var: name=value",
        ),
        (
            b"Transcript: 1\nVar: a=\\r\\nQUIT\n\n",
            "lab.smtp:2: the value of the variable a holds CR, LF or NUL; expected a value that stays inside one line",
        ),
        (b"Transcript: 1\nVar: a=1\nVar: a=2\n\n", "lab.smtp:3: the variable a is set twice; expected one Var: for it"),
        (
            b"Transcript: 1\nC: NOOP\nS: 250\n",
            "lab.smtp:2: a line of the dialogue stands in the header; expected an empty line after the header",
        ),
        (
            b"Transcript: 1\n         *: connect mail.example.com:25\n  0.021  S: 220\n",
            "lab.smtp:2: a line of the dialogue stands in the header; expected an empty line after the header",
        ),
        (
            b"Transcript: 1\nTitle: caf\xe9\n\n",
            r"lab.smtp:2: octet 11 of the line, \xe9, is not UTF-8; expected UTF-8, or the octet written as \xe9",
        ),
        (
            b"Transcript: 1\nTitle\nServer\n\n",
            "lab.smtp:2: 'Title' is no header field; expected Name: value, or an empty line after the header\n"
            "lab.smtp:3: 'Server' is no header field; expected Name: value, or an empty line after the header",
        ),
    ],
)
def test_a_malformed_header_is_told_with_line_numbers(octets: bytes, message: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        reader(octets)
    assert str(caught.value) == message


def test_of_many_faults_in_a_header_the_first_are_told() -> None:
    for field in (b"no field\n", b"X: \xff\n"):
        with pytest.raises(TranscriptError) as caught:
            reader(b"Transcript: 1\n" + field * 100 + b"\n")
        assert [fault.line for fault in caught.value.faults] == list(range(2, 22))


def test_a_new_header_has_the_fields_that_are_not_empty() -> None:
    header = Header.new(
        client="smtp-shell 0.1.0",
        server="mail.example.com:587",
        date=datetime(2026, 11, 22, 10, 21, 5, tzinfo=UTC),
        title="a\\b\x1b ",
        secrets="included",
        variables={"to": "bob@example.org", "pad": "two  "},
    )
    assert written(header=header).decode().splitlines() == [
        "Transcript: 1",
        r"Title: a\\b\x1b",
        "Server: mail.example.com:587",
        "Date: Sun, 22 Nov 2026 10:21:05 +0000",
        "Client: smtp-shell 0.1.0",
        "Secrets: included",
        "Var: to=bob@example.org",
        r"Var: pad=two \x20",
        "",
    ]
    read_again = reader(written(header=header)).header
    assert read_again == header
    assert read_again.variables == {"to": "bob@example.org", "pad": "two  "}


def test_a_field_can_be_set_and_added() -> None:
    header = Header.new(client="x").with_field("client", "y").with_field("X-Note", "a\nb")
    assert header.fields == (("Transcript", "1"), ("client", "y"), ("X-Note", r"a\x0ab"))


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (("Title", "no version"),),
        (("Transcript", "2"),),
        (("Transcript", "1"), ("Title", "a\n\nC: QUIT")),
        (("Transcript", "1"), ("Title", "a\x1b")),
        (("Transcript", "1"), ("Title", " a")),
        (("Transcript", "1"), ("C", "QUIT")),
        (("Transcript", "1"), ("", "QUIT")),
        (("Transcript", "1"), ("a b", "QUIT")),
        (("Transcript", "1"), ("X:", "QUIT")),
        (("Transcript", "1"), ("Title", "a" * 65_537)),
    ],
)
def test_a_header_that_would_read_as_something_else_is_not_written(fields: tuple[tuple[str, str], ...]) -> None:
    stream = io.BytesIO()
    with pytest.raises(ValueError, match=r"header|is no"):
        TranscriptWriter(stream, Header(fields))
    assert stream.getvalue() == b""


# Limits


def test_a_line_of_the_longest_content_is_read_and_can_be_written_again() -> None:
    line = b"0.5 C: " + b"x" * 65_536
    assert rewritten(line + b"\n") == b"  0.500  C: " + b"x" * 65_536 + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        b"C: " + b"x" * 65_537,
        b" " * 40 + b"C: " + b"x" * 65_550,
        b"x" * 200_000,
        b" " * 200_000 + b"C: NOOP",
        b"C: " + b"x" * 200_000,
        b"\xff" * 200_000,
    ],
)
def test_a_longer_line_is_refused_with_the_limit_and_its_number(line: bytes) -> None:
    for end in (b"\n", b"\nC: NOOP\n", b""):
        shown = refusal(b"C: NOOP\n" + line + end)
        assert shown.startswith("lab.smtp:2: the line")
        assert "is longer than 65536 octets; expected a shorter one, or a higher limit" in shown


def test_a_line_that_is_too_long_with_its_escapes_written_out_is_refused() -> None:
    assert "is longer than 65536 octets" in refusal(b"S: " + b"\x01" * 20_000)


def test_the_limits_can_be_set() -> None:
    assert "longer than 10 octets" in refusal(b"C: 12345678901\n", ReadLimits(line=10))
    assert len(list(reader(b"C: " + b"x" * 100_000, ReadLimits(line=100_000)))) == 1
    assert "header is longer than 100 octets" in refusal(b"Transcript: 1\n" + b"X: y\n" * 100, ReadLimits(header=100))
    assert "header is longer than 262144 octets" in refusal(b"Transcript: 1\n" + b"X: y\n" * 100_000)
    assert "line is longer than 65536 octets" in refusal(b"Transcript: 1\nX: " + b"y" * 100_000 + b"\n\n")
    assert "the value of X is longer than 65536" in refusal(b"Transcript: 1\nX:" + b" y\n" * 50_000)


class Endless(io.RawIOBase):
    """A file of any size that is made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # the parameter has no name in typeshed
        self._rest = self._rest or next(self._pieces, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def made(piece: bytes, count: int, last: bytes = b"") -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(Endless(iter([*[piece] * count, last]))))


@pytest.mark.parametrize(
    ("piece", "last", "steps"),
    [
        (b"  0.043  S: 250-mail.example.com says hello to the laptop in the lab\n" * 1_000, b"", 10_000),
        (b"S: 250-" + b"x" * 60_000 + b"\n", b"", 800),
    ],
)
def test_memory_does_not_grow_with_the_file(piece: bytes, last: bytes, steps: int) -> None:
    stream = made(piece, steps // piece.count(b"\n"), last)
    next(iter(TranscriptReader(made(piece, 1), "warm-up")))
    tracemalloc.start()
    try:
        assert sum(1 for _ in TranscriptReader(stream, "big.smtp")) == steps
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_large_file_is_read_in_bounded_memory_and_time() -> None:
    piece = b"  0.043  S: 250-mail.example.com says hello to the laptop in the lab, and then goes on and on\n" * 500
    count = 50_000_000 // len(piece)
    start = time.monotonic()
    stream = made(piece, count)
    assert sum(1 for _ in TranscriptReader(stream, "big.smtp")) == 500 * count
    assert time.monotonic() - start < 60


def test_a_line_without_end_is_not_read_into_memory() -> None:
    stream = made(b"x" * 1_000_000, 1_000, b"\nC: NOOP\n")
    tracemalloc.start()
    try:
        with pytest.raises(TranscriptError, match=r"big\.smtp:1: the line is longer than 65536 octets"):
            list(TranscriptReader(stream, "big.smtp"))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


# A file that was cut off


def test_a_recording_cut_at_any_octet_is_valid_up_to_its_last_whole_line() -> None:
    whole = list(reader(EXAMPLE))
    body = EXAMPLE.index(b"\n\n") + 2
    for end in range(len(EXAMPLE)):
        cut = EXAMPLE[:end]
        transcript = reader(cut)
        steps = list(transcript)
        lines = cut[body:].count(b"\n") if end > body else 0
        assert steps == whole[:lines]
        if end > body:
            assert transcript.torn == (not cut.endswith(b"\n"))


@pytest.mark.parametrize(
    "octets",
    [
        b"T",
        b"Transcript",
        b"Transcript:",
        b"Transcript: 1\nTit",
        b"Transcript: 1\nVar: a",
        b"Transcript: 1\nTitle: \xc3",
    ],
)
def test_a_cut_header_is_torn_and_no_fault(octets: bytes) -> None:
    transcript = reader(octets)
    assert list(transcript) == []
    assert transcript.torn


def test_a_file_typed_by_hand_may_lack_its_last_line_end() -> None:
    for header in (b"", b"Transcript: 1\nTitle: by hand\n\n"):
        transcript = reader(header + b"C: NOOP\nS: 250")
        assert [step.text for step in transcript] == ["NOOP", "250"]
        assert not transcript.torn


def test_a_line_without_marker_is_a_fault_in_a_file_typed_by_hand_whole_or_not() -> None:
    assert "lab.smtp:2: 'S; 250' has no marker" in refusal(b"C: NOOP\nS; 250")


# Steps


def test_a_step_cannot_be_changed() -> None:
    for step in (Step(Marker.CLIENT, "NOOP"), next(iter(reader(b"C: NOOP\n")))):
        for name in ("marker", "text", "at", "line", "other"):
            with pytest.raises(AttributeError):
                setattr(step, name, "x")
        assert step.text == "NOOP"
        assert hash(step) == hash(Step(step.marker, step.text, step.at, step.line))


# Writing


def test_steps_written_together_are_flushed_once() -> None:
    stream = io.BytesIO()
    buffered = io.BufferedWriter(cast(io.RawIOBase, stream))
    writer = TranscriptWriter(buffered, Header.new(client="x"))
    start = stream.getvalue()
    writer.put((Step(Marker.CLIENT, "NOOP", 1.5), Step(Marker.SERVER, "250")))
    assert stream.getvalue() == start
    buffered.flush()
    assert stream.getvalue() == start + b"  1.500  C: NOOP\n         S: 250\n"


def test_each_line_is_written_whole_and_flushed() -> None:
    class Log(io.BytesIO):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[bytes] = []

        def write(self, octets: object, /) -> int:
            self.calls.append(bytes(cast(bytes, octets)))
            return len(self.calls[-1])

        def flush(self) -> None:
            self.calls.append(b"flush")

    log = Log()
    writer = TranscriptWriter(log, Header.new(client="x"))
    writer.write(Step(Marker.CLIENT, "NOOP", 1.5))
    writer.write(Step(Marker.NOTE, ""))
    assert log.calls == [
        b"Transcript: 1\nClient: x\n\n", b"flush", b"  1.500  C: NOOP\n", b"flush", b"         #\n", b"flush",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (None, "         S: 250"),
        (-0.0, "  0.000  S: 250"),
        (0.0, "  0.000  S: 250"),
        (0.021, "  0.021  S: 250"),
        (12.5, " 12.500  S: 250"),
        (123.456, "123.456  S: 250"),
        (1234.5, "1234.500  S: 250"),
        (0.00015, "0.00015  S: 250"),
        (1.0000001, "  1.000  S: 250"),
        (999999999.999999, "999999999.999999  S: 250"),
    ],
)
def test_times_are_aligned(at: float | None, line: str) -> None:
    assert format_step(Step(Marker.SERVER, "250", at)) == line


@pytest.mark.parametrize(
    "step",
    [
        Step(Marker.SERVER, "250\nC: QUIT"),
        Step(Marker.SERVER, "250\rC: QUIT"),
        Step(Marker.SERVER, "250\x1b[2J"),
        Step(Marker.SERVER, "250\u202e"),
        Step(Marker.SERVER, "250\u2028"),
        Step(Marker.SERVER, "250\udcff"),
        Step(Marker.NOTE, "a\nb"),
        Step(Marker.EVENT, " "),
        Step(Marker.CLIENT, "${"),
        Step(Marker.SERVER, "x" * 65_537),
        Step(Marker.SERVER, "é" * 32_769),
        Step(Marker.SERVER, "250", -0.1),
        Step(Marker.SERVER, "250", math.nan),
        Step(Marker.SERVER, "250", math.inf),
        Step(Marker.SERVER, "250", 1e9),
    ],
)
def test_a_step_that_would_read_as_something_else_is_not_written(step: Step) -> None:
    stream = io.BytesIO()
    with pytest.raises(ValueError, match=r"step|event|brace|seconds|surrogates"):
        TranscriptWriter(stream, None).write(step)
    assert stream.getvalue() == b""


@pytest.mark.parametrize("marker", [Marker.SERVER_OCTETS, Marker.CLIENT_OCTETS])
def test_octets_of_any_length_fit_into_lines(marker: Marker) -> None:
    octets = b"\0${a}\\" * 20_000 + "é".encode() * 20_000 + b"\r\n"
    steps = list(reader(written(*octet_steps(marker, octets, 0.5))))
    assert b"".join(step.octets for step in steps) == octets
    assert len(steps) > 1


# Files on disk


def test_a_file_is_opened_and_read(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_bytes(EXAMPLE)
    with open_transcript(path) as transcript:
        assert len(list(transcript)) == 10
    check(path)
    assert list(faults(path)) == []


def test_a_file_that_cannot_be_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    for path, reason in [
        (tmp_path / "none.smtp", "there is no such file"),
        (tmp_path, "it is a directory"),
        (tmp_path / "a\0b", "this is no file name"),
    ]:
        for use in (check, lambda path: open_transcript(path).__enter__()):
            with pytest.raises(TranscriptError) as caught:
                use(path)
            assert str(caught.value).endswith(f": cannot be opened: {reason}; expected a transcript")
            assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(5, "Input/output error"), "input/output error"),
        (OSError(5, "a\x1b[2J"), r"a\x1b[2J"),
        (OSError(), "OSError"),
        (PermissionError(13, "Permission denied", "lab.smtp"), "its permissions do not allow it"),
    ],
)
def test_an_error_of_the_system_while_reading_is_told_in_a_sentence(error: OSError, reason: str) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise error

    with pytest.raises(TranscriptError) as caught:
        TranscriptReader(Broken(), "lab.smtp")
    assert str(caught.value) == f"lab.smtp: the file cannot be read on: {reason}"


@pytest.mark.parametrize(
    "octets", [b"", b"\n\n", b"# only a note\n", b"Transcript: 1\n\n", b"Transcript: 1\nClient: x\n\nC: NO"]
)
def test_a_file_without_steps_is_a_fault(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "empty.smtp"
    path.write_bytes(octets)
    with pytest.raises(TranscriptError, match=r"empty\.smtp: the transcript has no steps; expected at least one line"):
        check(path)


def test_all_faults_of_a_file_are_found(tmp_path: Path) -> None:
    path = tmp_path / "bad.smtp"
    path.write_bytes(b"C: NOOP\nbad\nS: 250\n\xff\n" + b"x" * 70_000 + b"\n*:\nC: QUIT\n${\n")
    assert [fault.line for fault in faults(path)] == [2, 4, 5, 6, 8]
    with pytest.raises(TranscriptError) as caught:
        check(path)
    assert str(caught.value).count("\n") == 4


def test_a_header_with_faults_does_not_hide_those_of_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.smtp"
    path.write_bytes(b"Transcript: 1\nTitle\nVar: \xff\n\nC: NOOP\nbad\n")
    assert [fault.line for fault in faults(path)] == [3, 6]
    path.write_bytes(b"Transcript: 1\nTitle: a\nC: NOOP\nbad\nS: 250\n")
    assert [fault.line for fault in faults(path)] == [3, 4]


def test_a_file_of_nothing_but_faults_is_told_in_few_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.smtp"
    path.write_bytes(b"bad\n" * 50_000)
    with pytest.raises(TranscriptError) as caught:
        check(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1].endswith("bad.smtp: there are more faults after these 20")
