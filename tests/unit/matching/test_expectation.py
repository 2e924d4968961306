"""What an `S` line expects of a line of a reply."""

from __future__ import annotations

import pytest

from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply
from smtp_shell.transcript.step import Marker, Step


def server(text: str) -> ExpectedLine:
    return ExpectedLine.parse(Step(Marker.SERVER, text, line=7))


@pytest.mark.parametrize(
    ("text", "codes", "continues", "words", "is_wild"),
    [
        ("250 ok", ("250",), False, b"ok", False), ("250-ok", ("250",), True, b"ok", False), ("250", ("250",), False, b"", False),
        ("2yz ok", ("2yy",), False, b"ok", True), ("2xx-ok", ("2yy",), True, b"ok", True), ("2YZ", ("2yy",), False, b"", True),
        ("55z", ("55y",), False, b"", True), ("250|251 a", ("250", "251"), False, b"a", True),
        ("250|5yz", ("250", "5yy"), False, b"", True),
        ("250 a\\x00b", ("250",), False, b"a\0b", False), ("250  two", ("250",), False, b" two", False),
    ],
)  # fmt: skip
def test_a_line_with_a_code(text: str, codes: tuple[str, ...], continues: bool, words: bytes, is_wild: bool) -> None:
    line = server(text)
    assert (line.marker, line.text, line.line) == (Marker.SERVER, text, 7)
    assert (line.codes, line.continues, line.words, line.is_wild) == (codes, continues, words, is_wild)
    assert line.pattern is None


@pytest.mark.parametrize("text", ["250x", "25", "0", "ok", "250|", "|250", "250_", "y50", "2y0z"])
def test_a_line_without_a_code_names_its_beginning(text: str) -> None:
    with pytest.raises(ValueError, match="does not begin with a reply code") as found:
        server(text)
    assert text in str(found.value)


def test_a_long_line_without_a_code_is_named_in_part() -> None:
    with pytest.raises(ValueError, match="reply code") as found:
        server("x" * 61)
    assert str(found.value).count("x") == 60 + "does not begin with a reply code such as 250, 2yz or 250|251".count("x")


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        ("250", [250], [251, 150, 550]), ("2yz", [200, 250, 299], [300, 199]), ("25z", [250, 259], [260, 350]),
        ("250|55z", [250, 550, 559], [251, 540]), ("2y0", [200, 290], [201, 300]),
    ],
)  # fmt: skip
def test_codes_that_are_accepted(text: str, accepted: list[int], refused: list[int]) -> None:
    line = server(text)
    assert all(line.accepts(code) and line.may_be_of(code) for code in accepted)
    assert not any(line.accepts(code) or line.may_be_of(code) for code in refused)


@pytest.mark.parametrize(
    ("text", "starts", "others"),
    [
        ("250 ok", ["", "2", "25", "250"], ["3", "26", "251"]), ("2yz", ["2", "29", "299"], ["5"]),
        ("250|421", ["2", "4", "42"], ["5", "24"]),
    ],
)  # fmt: skip
def test_what_a_line_may_begin_with(text: str, starts: list[str], others: list[str]) -> None:
    for line in (server(text),):
        assert all(line.may_begin(start) for start in starts)
        assert not any(line.may_begin(start) for start in others)


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("250", 350, 0), ("250", 260, 1), ("250", 251, 2), ("2y0", 231, 2), ("250|421", 252, 2), ("250|421", 430, 1), ("2yz", 50, 0),
    ],
)  # fmt: skip
def test_the_first_digit_that_differs(text: str, code: int, at: int) -> None:
    assert server(text).code_differs_at(code) == at


@pytest.mark.parametrize(
    ("marker", "text", "octets", "continues", "shown"),
    [
        (Marker.SERVER, "250 ok", b"250 ok\r\n", False, "250 ok"),
        (Marker.SERVER_EQUALS, "250-ok", b"250-ok\r\n", True, "250-ok"),
        (Marker.SERVER_EQUALS, "250 ok", b"250 ok\r\n", False, "250 ok"),
        (Marker.SERVER_EQUALS, "25", b"25\r\n", False, "25"),
        (Marker.SERVER_OCTETS, "250 ok\\x0a", b"250 ok\n", False, "S| 250 ok\\x0a"),
        (Marker.SERVER_OCTETS, "250-ok\\x0a", b"250-ok\n", True, "S| 250-ok\\x0a"),
        (Marker.SERVER_OCTETS, "25", b"25", True, "S| 25"),
        (Marker.SERVER_MATCHES, "250 .*", b"", False, "S~ 250 .*"),
        (Marker.SERVER_MATCHES, "queued", b"", None, "S~ queued"),
    ],
)
def test_each_marker(marker: Marker, text: str, octets: bytes, continues: bool | None, shown: str) -> None:
    line = ExpectedLine.parse(Step(marker, text, line=3))
    assert (line.octets, line.continues, line.line, str(line)) == (octets, continues, 3, shown)
    assert (line.pattern is not None) is (marker is Marker.SERVER_MATCHES)
    assert line.marker is marker
    assert not line.is_wild
    if marker is not Marker.SERVER:
        assert line.words == b""
    if octets:
        assert line.may_begin(octets[:2].decode())
        assert not line.may_begin("9")


def test_octets_are_expected_as_they_are() -> None:
    line = ExpectedLine.literal(b"250 \xff\r\n", 9)
    assert (line.marker, line.line, line.octets, line.continues) == (Marker.SERVER_OCTETS, 9, b"250 \xff\r\n", False)
    assert ExpectedLine.literal(b"250-x\r\n").continues is True
    assert ExpectedLine.literal(b"250 x").continues is True
    assert ExpectedLine.literal(b"250 x\n").line == 0


def test_a_pattern_may_begin_as_it_does() -> None:
    line = ExpectedLine.parse(Step(Marker.SERVER_MATCHES, "250 .*"))
    assert line.may_be_of(250)
    assert not line.may_be_of(251)
    assert not line.may_begin("5")


def test_a_reply() -> None:
    two = ExpectedReply((server("250-a"), server("250 b")))
    assert (two.octets, two.is_unfinished, str(two)) == (b"250-a\r\n250 b\r\n", False, "250-a\n250 b")
    assert two.allows(250)
    assert not two.accepts_354
    assert not two.is_open
    # The last line decides.
    assert ExpectedReply((server("250-a"), server("354 b"))).accepts_354
    assert ExpectedReply((server("250-a"), server("250-b"), server("354 c"))).accepts_354
    assert not ExpectedReply((server("354-a"), server("250 b"))).accepts_354
    assert ExpectedReply((server("250-a"),)).is_unfinished
    assert not ExpectedReply((ExpectedLine.parse(Step(Marker.SERVER_MATCHES, "ok")),)).is_unfinished
