"""What the reader says of a file, and where it stops: headers that are cut, limits, lines that are quoted, forms that are named."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.transcript.reader import ReadLimits, Scan, TranscriptReader, open_scan, open_transcript
from tests.support.transcripts import reader

if TYPE_CHECKING:
    from pathlib import Path

MARKERS = "C: C& C| C< S: S| S= S~ *: #"


def said(octets: bytes, limits: ReadLimits | None = None) -> list[tuple[int, str]]:
    """Return the line and the problem of each fault of a file."""
    scan = Scan(io.BytesIO(octets), "lab.smtp", limits or ReadLimits())
    return [
        (fault.line, fault.problem)
        for fault in [*scan.header_faults, *(fault for block in scan for fault in block.faults)]
    ]


@pytest.mark.parametrize(
    ("octets", "fields"),
    [
        # Of a header that was cut, its last field is left out, with the lines that were folded into it.
        (b"Transcript: 1\nTitle: a\nVar: a\n b", [("Transcript", "1"), ("Title", "a")]),
        (b"Transcript: 1\nTitle: a\nVar: a\n b ", [("Transcript", "1"), ("Title", "a")]),
        (b"Transcript: 1\nTitle: a\nXbad", [("Transcript", "1"), ("Title", "a")]),
        (b"Transcript: 1\nTitle", [("Transcript", "1")]),
        (b"Transcript: one", None),
    ],
)
def test_the_last_field_of_a_header_that_was_cut_is_left_out(
    octets: bytes, fields: list[tuple[str, str]] | None
) -> None:
    transcript = reader(octets)
    assert list(transcript) == []
    assert transcript.torn
    assert (None if transcript.header is None else list(transcript.header.fields)) == fields


@pytest.mark.parametrize(
    ("octets", "faults"),
    [
        # A line of the dialogue at its end was not cut: the empty line before it is missing.
        (b"Transcript: 1\nC: NOOP", [(2, "a line of the dialogue stands in the header")]),
        (b"Transcript: 1\nTitle\nVar", [(2, "'Title' is no header field")]),
        (b"Transcript: 1\nXX\nTitle: a\n\n", [(2, "'XX' is no header field")]),
        # What follows is not read: a file of another format, and what has no end.
        (b"Transcript: 2\nodd\n\nbad\n", [(1, "the file was written by a newer version, in format 2")]),
        ("Transcript: 1\n\nbad\n".encode("utf-16"), [(1, "the file is UTF-16 text, as PowerShell's > writes it")]),
        # A misplaced header is one fault, and another one is another.
        (b"C: NOOP\nTitle: a\nServer: b\nTags: c\nC: NOOP\nTitle: d\n", [
            (2, f"'Title: a' has no marker; expected one of {MARKERS}"), (6, f"'Title: d' has no marker; expected one of {MARKERS}"),
        ]),
        # What is quoted of a line.
        (b"hello \t\n", [(1, "'hello' has no marker")]),
        (b"helloX\n", [(1, "'helloX' has no marker")]),
        (b"7" * 70 + b" C: NOOP\n", [(1, f"'{'7' * 60}' is no time")]),
        (f"S~ {'x' * 70}\u200b\n".encode(), [(1, f"the pattern '{'x' * 60}' holds a character that is not seen")]),
        # Line ends of two kinds.
        (b"C: NO\rOP\nC: a\n", [(1, "a CR stands inside the line")]),
        (b"C: a\rC: NO\nOP\r" + b"# filler\r" * 9, [(1, "a CR stands inside the line"), (2, "a CR stands inside the line")]),
        (b"# filler\r" * 5_000 + b"C: NO\nOP\r", [(5_001, "an LF stands in a file whose lines end in CR")]),
        # A line that is not UTF-8 does not hide what is wrong with the others.
        (b"C: a\nbad\nC: \xff\nworse\n", [
            (2, "'bad' has no marker"), (3, r"octet 4 of the line, \xff, is not UTF-8"), (4, "'worse' has no marker"),
        ]),
    ],
)  # fmt: skip
def test_what_is_said_of_a_file(octets: bytes, faults: list[tuple[int, str]]) -> None:
    found = said(octets)
    assert [line for line, _ in found] == [line for line, _ in faults]
    for (_, problem), (_, expected) in zip(found, faults, strict=True):
        assert problem == expected.partition("; expected")[0]


@pytest.mark.parametrize("octets", [b"*: X\n", b"*:X\n", b"*: close server\n"])
def test_a_word_is_enough_for_an_event(octets: bytes) -> None:
    assert said(octets) == []


def test_a_file_that_was_cut_in_its_first_word_has_no_lines() -> None:
    scan = Scan(io.BytesIO(b"Trans"), "lab.smtp")
    assert scan.torn
    assert list(scan) == []


@pytest.mark.parametrize(("limit", "fits"), [(24, True), (23, True), (22, False)])
def test_the_size_of_a_header_is_that_of_its_lines(limit: int, fits: bool) -> None:
    octets = b"Transcript: 1\nTitle: abc\n\nC: NOOP\nbad\n"
    limits = ReadLimits(header=limit)
    first = (5, "'bad' has no marker") if fits else (2, "the header is longer than 22 octets")
    # Where it is too long, nothing that follows is read.
    assert said(octets, limits) == [first]


@pytest.mark.parametrize(
    ("octets", "fits"),
    [
        (b"S: " + b"x" * 100, True), (b"S: " + b"x" * 101, False), (("S: " + "é" * 50).encode(), True),
        (("S: " + "é" * 51).encode(), False), (("S: " + "\N{GRINNING FACE}" * 25).encode(), True),
        (("S: " + "\N{GRINNING FACE}" * 26).encode(), False), (b"S: " + b"\x01" * 25, True), (b"S: " + b"\x01" * 26, False),
    ],
)  # fmt: skip
def test_the_limit_of_a_line_counts_octets_with_their_escapes(octets: bytes, fits: bool) -> None:
    found = said(octets + b"\n", ReadLimits(line=100))
    assert len(found) == (not fits)
    assert all("longer than 100 octets" in problem for _, problem in found)


LOG = b"Trying 192.0.2.1...\n220 mail.example.org ESMTP\nAUTH PLAIN AGFubgBzM2NyZXQ=\n235 2.7.0 Ok\nQUIT\n221 Bye\n"


def test_what_another_tool_wrote_is_read_unless_the_file_is_said_to_be_a_transcript(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    with open_transcript(path) as transcript:
        texts = [step.text for step in transcript]
        assert transcript.taken_for
    assert "QUIT" in texts
    assert not any("AGFubgBzM2NyZXQ=" in text for text in texts)
    with open_scan(path) as scan:
        shown = [step.text for block in scan for step in block.steps]
    assert shown == texts
    with open_transcript(path, keep_secrets=True) as transcript:
        assert any("AGFubgBzM2NyZXQ=" in step.text for step in transcript)
    with pytest.raises(TranscriptError), open_transcript(path, form="smtp") as transcript:
        list(transcript)


@pytest.mark.parametrize("octets", [b"Transcript: 1\n\nC: NOOP\nS: 250 ok\n", b"C: NOOP\nS: 250 ok\n"])
def test_a_transcript_is_taken_for_nothing_else_unless_a_form_is_named(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_bytes(octets)
    with open_transcript(path) as transcript:
        assert transcript.taken_for == ""
        assert [step.text for step in transcript] == ["NOOP", "250 ok"]
    assert TranscriptReader(io.BytesIO(octets), "a.smtp").taken_for == ""
    with pytest.raises(TranscriptError), open_transcript(path, form="swaks") as transcript:
        list(transcript)
