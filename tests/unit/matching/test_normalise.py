"""Where two texts begin to differ in what counts, and which lines keep their words and numbers."""

from __future__ import annotations

import pytest

from smtp_shell.matching.normalise import difference_at, normalise


@pytest.mark.parametrize(
    ("expected", "received", "code", "verb", "greets", "at"),
    [
        (b"abc", b"abd", 250, "", False, 2), (b"abc", b"ab", 250, "", False, 2), (b"ab", b"abc", 250, "", False, 2),
        (b"", b"x", 250, "", False, 0),
        (b"at mx1.example bad", b"at mail-2.example.org worse", 250, "", False, 22),
        (b"at mx1.example", b"at mail-2.example.org", 250, "", False, 21),
        # The server's name does not count, with and without words after it.
        (b"one ESMTP a", b"three ESMTP b", 220, "", True, 12), (b"one", b"three", 220, "", True, 5), (b"one x", b"three", 220, "", True, 5),
        (b"one", b"three x", 220, "", True, 5), (b"one two.example", b"x six.example a", 220, "", True, 13),
        # What differs stands before a name, in its place, or is another kind of thing.
        (b"go at mx1.example", b"go in mx2.example", 250, "", False, 3), (b"a mx1.example b", b"a  b", 250, "", False, 2),
        (b"at mx1.example", b"at 12:30:05", 250, "", False, 3),
        # A challenge is one piece.
        (b"VXNlcm5hbWU6", b"PDEuMkBleGFtcGxlLm9yZz4=", 334, "AUTH", False, 0),
        (b"go on", b"go off", 334, "AUTH", False, 4),
        # Without AUTH, or with another code, it is text like any other.
        (b"at mx1.example bad", b"at mx2.example worse", 535, "AUTH", False, 15),
        (b"at mx1.example bad", b"at mx2.example worse", 334, "", False, 15),
        # What is kept in front of an id counts.
        (b"queued as 1A2B3C", b"queued as 9", 250, "", False, 11), (b"queued as 1A2B3C", b"saved as 9", 250, "", False, 0),
    ],
)  # fmt: skip
def test_where_texts_differ(expected: bytes, received: bytes, code: int, verb: str, greets: bool, at: int) -> None:
    assert difference_at(expected, received, code=code, verb=verb, greets=greets) == at


@pytest.mark.parametrize(
    ("text", "code", "verb", "greets", "found"),
    [
        # Only a 334 and a 235 reply to AUTH hold challenges.
        (b"at mx1.example", 535, "AUTH", False, b"at <name>"),
        (b"at mx1.example", 334, "", False, b"at <name>"),
        (b"PDEuMkBleGFtcGxlLm9yZz4=", 334, "AUTH", False, b"<challenge>"),
        # After the server's name, the first line of a reply to EHLO is text like any other.
        (b"mx Hello 42", 250, "EHLO", True, b"<name> Hello <name>"),
        (b"X mx.example.org [192.0.2.1] 42", 250, "EHLO", False, b"X <name> <name> 42"),
        (b"mx Hello 42", 250, "EHLO", False, b"mx Hello 42"),
    ],
)
def test_which_lines_are_normalised_how(text: bytes, code: int, verb: str, greets: bool, found: bytes) -> None:
    assert normalise(text, code=code, verb=verb, greets=greets) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"a 123e4567-e89b-12d3-a456-426614174000 b", b"a <name> b"),
        # Of digits or letters alone it is no other id.
        (b"a 12345678-1234-1234-1234-123456789012 b", b"a <name> b"),
        (b"a abcdefab-abcd-abcd-abcd-abcdefabcdef/x b", b"a <name> b"),
        (b"a [deadbeefcafe] b", b"a [<name>] b"),
        (b"abcdefghijklmnopqrstuv Saved", b"<name> Saved"),
        (b"abcdefghijklmnopqrstuv saved", b"abcdefghijklmnopqrstuv saved"),
        (b"at Tue, 15 Aug 2017 14:11:08 -0700 (PDT) ok", b"at <date> ok"),
        (b"at 2026-11-22T10:21:05Z, ok", b"at <date>, ok"),
        (b"at 11/22/2026 1:02 PM ok", b"at <date> ok"),
        (b"<1@mx.example> queued", b"<name> queued"),
        (b"queued as 4F12.a, ok", b"queued as <name>, ok"),
        (b"from [192.0.2.1] ok", b"from <name> ok"),
        (b"from mx.example.org ok", b"from <name> ok"),
        (b"done [4Fa.1] ok", b"done [<name>] ok"),
        (b"took 12 ms ok", b"took <duration> ok"),
        (b"took 1h2m ok", b"took <duration> ok"),
        (b"of 1024 bytes ok", b"of <size> ok"),
        (b"at 50% ok", b"at <size> ok"),
        (b"in 0.25 ok", b"in <duration> ok"),
        (b"ok 1a2b3c4d5e ok", b"ok <name> ok"),
        (b"ok a.4Fa1bc ok", b"ok <name> ok"),
        (b"ok GHgPAYmiCWsedQAAgxzDdQ ok", b"ok <name> ok"),
        (b"ok 42 ok", b"ok <name> ok"),
    ],
)
def test_what_stands_for_what_differs_from_run_to_run(text: bytes, found: bytes) -> None:
    assert normalise(text) == found


def test_without_a_code_and_a_verb_a_line_is_text() -> None:
    assert difference_at(b"one mx1.example b", b"two mx1.example b") == 0
    assert difference_at(b"a mx1.example b", b"a relay.example.org c") == 20
    assert normalise(b"v=rmF9 dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9", code=235, verb="AUTH") == b"v=rmF9 <challenge>"


@pytest.mark.parametrize(
    ("verb", "code", "counts"),
    [
        ("EHLO", 250, True),
        ("LHLO", 250, True),
        ("HELO", 250, False),
        ("EHLO", 400, False),
        ("EHLO", 399, True),
        ("", 250, False),
    ],
)
def test_a_number_counts_where_extensions_are_announced(verb: str, code: int, counts: bool) -> None:
    assert (normalise(b"SIZE 1000", code=code, verb=verb) == b"SIZE 1000") is counts
