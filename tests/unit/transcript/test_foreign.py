"""Whether a file is a transcript: by its header, by its lines, or perhaps."""

from __future__ import annotations

import io

import pytest

from smtp_shell.transcript.foreign import AUTO, OWN_FORM, Restored, begins_as_transcript, is_marked, is_transcript
from smtp_shell.transcript.header import Header, with_secrets

LOOK = 32 * 1024
LOG = b"Nov 27 10:21:05 mx postfix/smtpd[1]: connect\n"


def test_the_forms_have_the_names_that_an_option_takes() -> None:
    assert (AUTO, OWN_FORM) == ("auto", "smtp")


@pytest.mark.parametrize(
    ("octets", "verdict"),
    [
        (b"", True),
        (b"\n \t\n", True),
        (b"Transcript: 1\n", True),
        (b"\xef\xbb\xbfTRANSCRIPT: 2\r\n", True),
        (b"  Transcript : 1\n", True),
        (b"Trans", True),
        (b"trans\nC: NOOP\n", True),
        (b"Transit\n", False),
        (b"Title: x\n", True),
        (b"TAGS: x\nfoo\n", True),
        (b"Secrets: x\n", True),
        (b"Var: x\n", True),
        (b"Server: x\n", False),
        (b"C: NOOP\nS: 250 ok\n", True),
        (b"C: NOOP\rS: 250 ok\r", True),
        (b"C: NOOP\r\n\r\n  0.1  S: 250 ok", True),
        (b"# note\n*: connect a:25\n", True),
        (b"C& A\nC| B\nC< c\nS| D\nS= E\nS~ F\n", True),
        (b"# note\n# another\n", None),
        (b"# note\nhello\nhello\n", False),
        (b"# note\n# note\nhello\n", None),
        (b"C: NOOP\nhello\nhello\nhello\n", None),
        (b"hello\nC: NOOP\nS: 250\nhello\n", None),
        (b"hello\nC: NOOP\nhello\n", False),
        (LOG, False),
        (b"S: 220 x\nC: EHLO a\nC: <starts TLS negotiation>\n", None),
        (b"S: 220 x\nC: EHLO a\nC: <ann@example.org>\n", True),
        (b"S: <wait for connection on TCP port 25>\nC: <open connection to server>\n", None),
        (b"C: NOOP\nhello", None),
        (b"Trans \n", True),
        (b"x" * (2 * LOOK), False),
        # Of a longer file the line is left out that is cut where it was looked at.
        (b"C: NOOP\n" * (LOOK // 8 - 1) + b"hellohel", None),
        (b"C: NOOP\n" * (LOOK // 8 - 1) + b"hellohello", True),
        (b"C: NOOP\n" + b"hello\n" * LOOK, None),
        (b"C: NOOP\n" * 5_000, True),
        (b"C: NOOP\n" * (LOOK // 8) + LOG, True),
        (b"C: " + b"x" * (2 * LOOK), True),
    ],
)
def test_a_file_is_known_by_its_lines(octets: bytes, verdict: bool | None) -> None:
    assert is_transcript(octets) is verdict


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("C: x", True),
        ("\t 0.1  S= x", True),
        ("1 # x", True),
        ("*: x", True),
        ("C; x", False),
        ("x C: y", False),
        ("0.1C: x", False),
        ("C: \udcff", True),
        ("", False),
    ],
)
def test_a_line_is_known_by_its_marker(line: str, verdict: bool) -> None:
    assert is_marked(line) is verdict


@pytest.mark.parametrize(
    ("octets", "verdict"),
    [
        (b"Transcript: 1\n", True),
        (b"\xef\xbb\xbftranscript:", True),
        (b"Transcript", False),
        (b" Transcript: 1", False),
        (b"C: NOOP\n", False),
    ],
)
def test_a_header_is_looked_at_without_taking_it(octets: bytes, verdict: bool) -> None:
    stream = io.BufferedReader(io.BytesIO(octets))
    assert begins_as_transcript(stream) is verdict
    assert stream.read() == octets


def test_a_stream_that_cannot_be_looked_at_has_no_header() -> None:
    assert not begins_as_transcript(io.BytesIO(b"Transcript: 1\n"))


class FailsOnce(io.BytesIO):
    """A stream that cannot be read at first."""

    def peek(self, size: int) -> bytes:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("octets", [b"Transcript: 1\n", LOG])
def test_a_stream_that_cannot_be_looked_at_now_is_judged_when_it_is_read(octets: bytes) -> None:
    stream = FailsOnce(octets)
    assert not begins_as_transcript(stream)
    assert Restored(stream).begins_as_transcript() is (octets is not LOG)


class Drops(io.BytesIO):
    """A stream that gives a few octets at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(3, size) if size is not None and size >= 0 else size)


def test_what_was_looked_at_is_read_again() -> None:
    restored = Restored(Drops(b"0123456789"))
    assert restored.look(4) == b"0123"
    assert restored.look(2) == b"0123"
    assert restored.look(20) == b"0123456789"
    assert restored.read(0) == b""
    assert [restored.read(3), restored.read(6), restored.read(5), restored.read(5)] == [b"012", b"345678", b"9", b""]
    restored = Restored(io.BytesIO(b"0123456789"))
    restored.look(4)
    assert [restored.read(), restored.read(), restored.read()] == [b"0123", b"456789", b""]


@pytest.mark.parametrize(
    ("octets", "verdict"),
    [(b"C: NOOP\n", True), (LOG, False), (b"# x\n", False), ("C: NOOP\n".encode("utf-16"), False)],
)
def test_a_stream_is_known_by_its_start(octets: bytes, verdict: bool) -> None:
    restored = Restored(io.BytesIO(octets))
    assert restored.begins_as_transcript() is verdict
    assert restored.read() == octets


def test_a_stream_that_cannot_be_read_is_left_to_its_reader() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    assert Restored(Broken()).begins_as_transcript()
    restored = Restored(Broken())
    for use in (restored.look, restored.read, restored.read):
        with pytest.raises(OSError, match="Input/output error"):
            use(4)


@pytest.mark.parametrize(
    ("fields", "included", "after"),
    [
        (None, False, None),
        (None, True, [("Transcript", "1"), ("Secrets", "included")]),
        ([("Transcript", "1"), ("Title", "x")], True, [("Transcript", "1"), ("Title", "x"), ("Secrets", "included")]),
        (
            [("Transcript", "1"), ("SECRETS", "redacted"), ("A", "b")],
            True,
            [("Transcript", "1"), ("A", "b"), ("Secrets", "included")],
        ),
        ([("Transcript", "1"), ("secrets", "included")], False, [("Transcript", "1")]),
        ([("Secrets", "included")], False, None),
    ],
)
def test_a_header_says_whether_credentials_are_in_the_file(
    fields: list[tuple[str, str]] | None, included: bool, after: list[tuple[str, str]] | None
) -> None:
    found = with_secrets(Header(tuple(fields)) if fields is not None else None, included=included)
    assert (list(found.fields) if found is not None else None) == after
