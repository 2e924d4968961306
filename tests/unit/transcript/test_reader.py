"""The reader: what it takes, what it refuses and how it says so, in bounded memory."""

import errno
import io
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.transcript.reader import ReadLimits, Scan, TranscriptReader, open_scan, open_transcript
from smtp_shell.transcript.step import Marker, Step
from tests.support.transcripts import EXAMPLE, check, faults, reader, rewritten, written


def read(octets: bytes) -> list[tuple[str, str]]:
    return [(str(step.marker), step.text) for step in reader(octets)]


def refusal(octets: bytes, limits: ReadLimits | None = None) -> str:
    with pytest.raises(TranscriptError) as caught:
        list(reader(octets, limits))
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_the_example_in_the_format_description_is_read() -> None:
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
        b"C: NOOP\rS: 250\r",
        b"C: NOOP\rS: 250",
        b"C: NOOP\nS: 250\r\n",
        b"\xef\xbb\xbfC: NOOP\r\rS: 250\r",
        b"\xef\xbb\xbfC: NOOP\nS: 250\n",
        b"\n\n   C: NOOP\n \t \n\t\tS: 250\n\n",
        b"0.5 C: NOOP\n12 S: 250\n",
    ],
)
def test_line_ends_blank_lines_leading_space_and_times_mean_nothing(octets: bytes) -> None:
    assert read(octets) == [("C:", "NOOP"), ("S:", "250")]


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
        ("S: a\u2028C: QUIT", r"a\xe2\x80\xa8C: QUIT"),
        ("S: a\x0b\x0c\x1c\x85b", r"a\x0b\x0c\x1c\xc2\x85b"),
        ("S: a\x1fb\n", r"a\x1fb"),
        ("S: a\x7fb\n", r"a\x7fb"),
        ("C: \\\x1b[2J", r"\\\x1b[2J"),
        ("# \u202etxt.exe", r"\xe2\x80\xaetxt.exe"),
        ("*: error a\tb\x1b", r"error a b\x1b"),
    ],
)
def test_the_text_of_a_step_is_printable_whatever_the_file_holds(line: str, text: str) -> None:
    assert [step.text for step in reader(line.encode())] == [text]


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"C: NOOP\rC: QUIT\n", [1]),
        (b"S: 220\nC: NOOP\rC: QUIT\nC: QUIT\n", [2]),
        (b"S: 220\r\nC: NO\rOP\r\nS: 250\r\n", [2]),
        (b"S: 220\r\nC: NOOP\r\r\nS: 250\r\r\n", [2, 3]),
        (b"S: 220\n\rC: NOOP\n", [2]),
        (b"S: 220\n\r\r\nC: NOOP\n", [2]),
        (b"# harmless\rC: RCPT TO:<eve@example.org>\nC: NOOP\n", [1]),
        (b"C| NOOP\r\\n\nC: NOOP\n", [1]),
        (b"S: 220\nS~ 250\r\n*: wait\r 1\n", [3]),
        (b"Transcript: 1\nTitle: a\rServer: mx.example\nTags: x\rTags: y\n\nC: NOOP\n", [2, 3]),
        (b"Transcript: 1\rTitle: a\n\nC: NOOP\n", [1]),
        (b"C: NOOP\n" + b"# filler\n" * 20_000 + b"C: NO\rOP\n", [20_002]),
        (b"# filler\r" * 20_000 + b"C: NOOP\nC: QUIT\r", [20_001]),
    ],
)
def test_a_cr_that_ends_no_line_is_an_error_that_names_the_line(octets: bytes, lines: list[int]) -> None:
    scan = Scan(io.BytesIO(octets), "lab.smtp")
    found = [*scan.header_faults, *(fault for block in scan for fault in block.faults)]
    assert [fault.line for fault in found] == lines
    assert all(" CR" in str(fault) for fault in found)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["Transcript: 1\n\nC: NOOP\n", "C: NOOP\r\nS: 250\r\n"])
def test_utf_16_is_called_by_its_name(text: str, encoding: str) -> None:
    shown = refusal(text.encode(encoding))
    assert shown.startswith("lab.smtp:1: the file is UTF-16 text")
    assert "UTF-8" in shown
    assert "\n" not in shown


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
def test_anything_else_before_a_marker_is_refused_as_a_time(seconds: str) -> None:
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
            b"\xff\xfdC: NOOP",
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
def test_a_malformed_line_is_reported_with_its_number_and_what_was_expected(octets: bytes, message: str) -> None:
    assert refusal(octets) == message


def test_the_steps_before_a_malformed_line_are_yielded_first() -> None:
    steps = iter(reader(b"C: NOOP\nnonsense\n"))
    assert next(steps).text == "NOOP"
    with pytest.raises(TranscriptError):
        next(steps)


def test_a_line_at_the_limit_is_read_and_written_again() -> None:
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
def test_a_line_over_the_limit_is_refused_with_the_limit_and_its_number(line: bytes) -> None:
    for end in (b"\n", b"\nC: NOOP\n", b""):
        shown = refusal(b"C: NOOP\n" + line + end)
        assert shown.startswith("lab.smtp:2: the line")
        assert "is longer than 65536 octets; expected a shorter one, or a higher limit" in shown


def test_a_line_over_the_limit_with_its_escapes_written_out_is_refused() -> None:
    assert "is longer than 65536 octets" in refusal(b"S: " + b"\x01" * 20_000)


def test_the_limits_can_be_set() -> None:
    assert "longer than 10 octets" in refusal(b"C: 12345678901\n", ReadLimits(line=10))
    assert len(list(reader(b"C: " + b"x" * 100_000, ReadLimits(line=100_000)))) == 1
    # White space before the marker counts no more than 64 octets beside the content would.
    assert len(list(reader(b"C: NOOP\n".rjust(10 + 64 + 1), ReadLimits(line=10)))) == 1
    assert "longer than 10 octets" in refusal(b"C: NOOP\n".rjust(10 + 64 + 2), ReadLimits(line=10))
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
        (b"S: 250-mail.example.com\r" * 1_000, b"", 400_000),
    ],
)
def test_memory_does_not_grow_with_the_file(piece: bytes, last: bytes, steps: int) -> None:
    stream = made(piece, steps // len(piece.splitlines()), last)
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


def test_a_last_line_without_marker_and_line_end_is_a_fault_in_a_file_typed_by_hand() -> None:
    assert "lab.smtp:2: 'S; 250' has no marker" in refusal(b"C: NOOP\nS; 250")


def test_a_file_is_opened_and_read(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_bytes(EXAMPLE)
    with open_transcript(path) as transcript:
        assert len(list(transcript)) == 10
    check(path)
    assert list(faults(path)) == []


def test_who_follows_how_far_a_file_is_read_gets_it_before_anything_is(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_bytes(EXAMPLE)
    places: list[int] = []
    with open_transcript(path, opened=lambda file: places.append(file.tell())):
        assert places == [0]


def test_a_file_that_cannot_be_opened_is_reported_in_a_sentence(tmp_path: Path) -> None:
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
def test_a_read_error_of_the_system_is_reported_in_a_sentence(error: OSError, reason: str) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise error

    with pytest.raises(TranscriptError) as caught:
        TranscriptReader(Broken(), "lab.smtp")
    assert str(caught.value) == f"lab.smtp: the file cannot be read on: {reason}"


def test_all_faults_of_a_file_are_found(tmp_path: Path) -> None:
    path = tmp_path / "bad.smtp"
    path.write_bytes(b"C: NOOP\nbad\nS: 250\n\xff\n" + b"x" * 70_000 + b"\n*:\nC: QUIT\n${\n")
    assert [fault.line for fault in faults(path)] == [2, 4, 5, 6, 8]
    with pytest.raises(TranscriptError) as caught:
        check(path)
    assert str(caught.value).count("\n") == 4


@pytest.mark.parametrize(
    ("octets", "has_one"),
    [(b"C: NOOP\n", False), (b"C: NOOP\nnonsense\n", False), (b"C: NOOP\nTitle: x\n", True), (b"Title: x\n", True)],
)
def test_a_field_of_a_header_that_stands_where_none_can_be(octets: bytes, has_one: bool) -> None:
    scan = Scan(io.BytesIO(octets), "lab.smtp")
    list(scan)
    assert scan.has_stray_field is has_one


def test_a_header_with_faults_does_not_hide_those_of_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.smtp"
    path.write_bytes(b"Transcript: 1\nTitle\nVar: \xff\n\nC: NOOP\nbad\n")
    assert [fault.line for fault in faults(path)] == [3, 6]
    path.write_bytes(b"Transcript: 1\nTitle: a\nC: NOOP\nbad\nS: 250\n")
    assert [fault.line for fault in faults(path)] == [3, 4]


class Failing(io.RawIOBase):
    """A file of which one read fails, and the later ones do not.

    Args:
        octets: What is in it.
        fails: Which read fails, from 1.
    """

    def __init__(self, octets: bytes, fails: int) -> None:
        self._rest = io.BytesIO(octets)
        self._left = fails

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._left -= 1
        if not self._left:
            raise OSError(errno.EIO, "Input/output error")
        return self._rest.readinto(memoryview(buffer)[:200])


@pytest.mark.parametrize("fails", [2, 3, 4, 5])
def test_a_read_that_fails_once_while_the_form_is_found_out_is_told(
    fails: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = b"Trying 192.0.2.1...\n" + b"220 mail.example.org ESMTP\nNOOP\n250 2.0.0 Ok\n" * 20
    standard = SimpleNamespace(buffer=io.BufferedReader(Failing(octets, fails)))
    monkeypatch.setattr(sys, "stdin", standard)
    with (
        pytest.raises(TranscriptError, match=r"the file cannot be read.*: input/output error"),
        open_transcript(Path("-")) as reader,
    ):
        list(reader)


LOG = b"Nov 27 10:21:05 mx postfix/smtpd[1]: connect\nC: NOOP\n"


def test_the_form_of_a_file_is_found_out_unless_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_bytes(b"S: 220 x\nC: NOOP\n")
    for form in ("auto", "smtp"):
        with open_transcript(path, form=form) as transcript:
            assert [step.text for step in transcript] == ["220 x", "NOOP"]
    path.write_bytes(b"Transcript: 1\n\nC: NOOP\n")
    with open_transcript(path) as transcript:
        assert transcript.header is not None
    path.write_bytes(LOG)
    with pytest.raises(TranscriptError) as caught, open_transcript(path, form="smtp") as transcript:
        list(transcript)
    assert [fault.line for fault in caught.value.faults] == [1]


DIALOGUE = b"""\
=== Connected to mx.example.org.
<-  220 mx.example.org ESMTP
 -> AUTH LOGIN c3R1ZGVudA==
<-  334 UGFzc3dvcmQ6
 -> c2VjcmV0
<-  235 ok
"""


def test_what_another_tool_wrote_is_scanned_as_its_dialogue_without_its_credentials(tmp_path: Path) -> None:
    path = tmp_path / "swaks.log"
    path.write_bytes(DIALOGUE)
    with open_scan(path) as scan:
        texts = [step.text for block in scan for step in block.steps]
        assert scan.taken_for
    assert "220 mx.example.org ESMTP" in texts
    assert [text for text in texts if "${sasl}" in text] == ["AUTH LOGIN ${sasl}", "${sasl}"]
    with open_scan(path) as scan, open_transcript(path, keep_secrets=True) as transcript:
        assert "c2VjcmV0" not in str(list(scan))
        assert "c2VjcmV0" in str([step.text for step in transcript])


def test_a_credential_is_not_quoted_wherever_the_blocks_of_a_file_end() -> None:
    """A line without a marker is a fault; whether it may be quoted follows from the lines before it, which may be in another block."""
    group = b"C: NOOP\nC: AUTH LOGIN\n# a note\nc2VjcmV0LW9mLWFubg==\n"
    scan = Scan(io.BytesIO(group * 20_000), "big.smtp")
    faults = [fault.problem for block in scan for fault in block.faults]
    assert len(faults) == 20_000
    assert not any("c2VjcmV0" in problem for problem in faults)


def test_what_cannot_be_opened_is_a_fault_of_the_whole_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, Path("a\0b")):
        with pytest.raises(TranscriptError) as caught, open_transcript(path):
            pass
        assert [fault.line for fault in caught.value.faults] == [0]
        assert [fault.expected for fault in caught.value.faults] == ["a transcript"]


def test_what_is_quoted_of_a_line_is_cut() -> None:
    with pytest.raises(TranscriptError) as caught:
        list(reader(b"C: NOOP\n" + b"hello " * 40 + b"\n"))
    quoted = caught.value.faults[0].problem
    assert quoted == f"'{('hello ' * 40)[:60]}' has no marker"


def test_an_octet_that_is_not_seen_is_escaped_even_if_it_is_the_only_one() -> None:
    assert [step.text for step in reader(b"C: a\x7f\nC: b\n")] == [r"a\x7f", "b"]


@pytest.mark.parametrize("size", [65_536, 65_537])
def test_the_limit_of_a_line_is_as_documented(size: int) -> None:
    line = b"C: " + b"x" * size + b"\n"
    if size == 65_536:
        assert len(next(iter(reader(line))).text) == size
    else:
        with pytest.raises(TranscriptError, match="longer than 65536 octets"):
            list(reader(line))
