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
        (b"mx Hello 42", 250, "EHLO", False, b"mx Hello 42"),
    ],
)
def test_which_lines_are_normalised_how(text: bytes, code: int, verb: str, greets: bool, found: bytes) -> None:
    assert normalise(text, code=code, verb=verb, greets=greets) == found


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
