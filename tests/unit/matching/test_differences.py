"""Where a difference is: which expected line, which line of the reply, and which column; and where an expectation ends."""

from __future__ import annotations

import io

import pytest

from smtp_shell.matching.compare import Verdict, match
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.transcript.reader import TranscriptReader

CODE, ENHANCED, KEYWORDS, TEXT, EXACT = Strictness
EHLO = b"250-mx.example\r\n250-SIZE 1000\r\n250-DSN\r\n250 AUTH PLAIN LOGIN\r\n"
NO_LINE = ""
TWO_OF_THREE = "the reply has 2 lines, and 3 expected"


def verdict(
    expected: str,
    octets: bytes,
    level: Strictness,
    verb: str = "",
    owed: int | None = None,
    *,
    greeting: bool = False,
) -> Verdict:
    wanted = StepCursor(TranscriptReader(io.BytesIO(expected.encode()), "test.smtp")).take_expected()
    (reply,) = ReplyParser().receive(octets)
    assert wanted is not None
    assert isinstance(reply, Reply)
    return match(wanted, reply, level, verb=verb, greeting=greeting, owed=owed)


@pytest.mark.parametrize(
    ("expected", "octets", "level", "verb", "line", "received", "at"),
    [
        # The code: the first digit that is not accepted; a wild digit never counts.
        ("S: 250 fine", b"550 no\r\n", CODE, "", 1, "550 no", 0),
        ("S: 250", b"251 ok\r\n", CODE, "", 1, "251 ok", 2),
        ("S: 2y0", b"251 ok\r\n", CODE, "", 1, "251 ok", 2),
        ("S: 250|251", b"252 ok\r\n", CODE, "", 1, "252 ok", 2),
        ("S: 25z", b"550 ok\r\n", CODE, "", 1, "550 ok", 0),
        # The enhanced code, although the text before and after it differs too.
        ("S: 250 2.1.5 Ok", b"250 2.1.0 Fine\r\n", ENHANCED, "", 1, "250 2.1.0 Fine", 8),
        ("S: 250 2.1.5 Ok", b"250 Ok\r\n", ENHANCED, "", 1, "250 Ok", 4),
        ("S~ x\nS: 250 2.1.5 Ok", b"250-x\r\n250 2.1.5\r\n", ENHANCED, "", 2, "250-x", 4),
        # A keyword that is gone stands in an expected line, and in no line of the reply.
        ("S: 250-a\nS: 250-FOO\nS: 250 DSN", EHLO, KEYWORDS, "EHLO", 2, NO_LINE, None),
        ("S: 250-a\nS: 250-DSN\nS: 250 AUTH PLAIN CRAM-MD5", EHLO, KEYWORDS, "EHLO", 3, NO_LINE, None),
        ("S~ mx\nS: 250-FOO\nS: 250 DSN", EHLO, KEYWORDS, "EHLO", 2, NO_LINE, None),
        # Text: host, date and id come first and differ, and the mark stands at what counts.
        ("S: 250 mx.example Ok", b"250 relay.example.net No\r\n", TEXT, "", 1, "250 relay.example.net No", 22),
        ("S: 250 Ok 1234567 done", b"250 Ok 1 gone\r\n", TEXT, "", 1, "250 Ok 1 gone", 9),
        ("S: 250 id=4bXyz12345 in", b"250 id=9F at\r\n", TEXT, "", 1, "250 id=9F at", 10),
        ("S: 250 Ok", b"250 \xc3\xa9\r\n", TEXT, "", 1, "250 \N{LATIN SMALL LETTER E WITH ACUTE}", 4),
        ("S: 250 Ok", b"250 \x1bk\r\n", EXACT, "", 1, "250 \\x1bk", 4),
        ("S: 250 Ok", b"250 OK\r\n", EXACT, "", 1, "250 OK", 5),
        # A line that is a code alone ends there, whatever its line end.
        ("S: 250 Ok", b"250\r\n", TEXT, "", 1, "250", 3),
        ("S: 250 Ok", b"250\n", TEXT, "", 1, "250", 3),
        ("S: 250 Ok", b"250\n", EXACT, "", 1, "250", 3),
        ("S: 250 2.1.5 Ok", b"250\r\n", ENHANCED, "", 1, "250", 3),
        # A line beyond the end of the reply stands against its last one.
        ("S: 250-a\nS: 250-b\nS: 251 c", b"250-a\r\n250 b\r\n", CODE, "", 3, "250 b", 2),
        # The first of several lines that are missing, or too many.
        ("S: 250-a\nS: 250-b\nS: 250-c\nS: 250 d", b"250-a\r\n250 d\r\n", TEXT, "", 2, NO_LINE, None),
        ("S: 250-a\nS: 250 d", b"250-a\r\n250-b\r\n250-c\r\n250 d\r\n", TEXT, "", 2, "250-b", None),
        # Lines that are missing, or too many.
        ("S: 250-mx.example\nS: 250-SIZE 1000\nS: 250-X\nS: 250-DSN\nS: 250 AUTH PLAIN LOGIN", EHLO, TEXT, "NOOP", 3, NO_LINE, None),
        ("S: 250-mx\nS: 250-SIZE 1000\nS: 250 AUTH PLAIN LOGIN", EHLO, TEXT, "EHLO", 3, "250-DSN", None),
        # S= and S~ look through the whole reply: only where it has one line is there a line to show.
        ("S= 250 Ok", b"250 OK\r\n", CODE, "", 1, "250 OK", 5),
        ("S| 250 Ok\\x0a", b"250 OK\r\n", CODE, "", 1, "250 OK", None),
        ("S= 250-FOO", EHLO, CODE, "", 1, NO_LINE, None),
        ("S~ FOO", b"250 ok\r\n", CODE, "", 1, "250 ok", None),
        ("S~ FOO", EHLO, CODE, "", 1, NO_LINE, None),
        ("S~ FOO", b"250-a\r\n250 b\r\n", CODE, "", 1, NO_LINE, None),
    ],
)  # fmt: skip
def test_a_difference_has_its_place(
    expected: str, octets: bytes, level: Strictness, verb: str, line: int, received: str, at: int | None
) -> None:
    found = verdict(expected, octets, level, verb)
    assert not found.ok
    assert (found.line, found.received, found.at) == (line, received, at)


@pytest.mark.parametrize(
    ("expected", "octets", "why"),
    [
        ("S: 250-mx\nS: 250-DSN\nS: 250 HELP", b"250-mx\r\n250 HELP\r\n", "the reply has 2 lines, and 3 expected; missing: 250-DSN"),
        ("S: 250-mx\nS: 250 HELP", b"250-mx\r\n250-DSN\r\n250 HELP\r\n", "the reply has 3 lines, and 2 expected; not expected: 250-DSN"),
        ("S: 250-m\nS: 250-A\nS: 250 C", b"250-m\r\n250 B\r\n", f"{TWO_OF_THREE}; missing: 250-A, 250 C; not expected: 250 B"),
        ("S: 250-mx\nS: 250 A", b"250-mx\r\n250-A\r\n250 A\r\n", "the reply has 3 lines, and 2 expected; not expected: 250 A"),
        ("S: 250-mx\nS: 250 A", b"250 mx\r\n", "the reply has 1 line, and 2 expected; missing: 250 A"),
    ],
)  # fmt: skip
def test_missing_and_extra_lines_are_named(expected: str, octets: bytes, why: str) -> None:
    for level in (TEXT, EXACT):
        found = verdict(expected, octets, level)
        assert found.why == why
        # Where a line is too many, no expected line stands against it.
        assert bool(found.expected) is ("missing" in why)


@pytest.mark.parametrize("group", ["o.*", "x+"])
def test_a_capture_that_is_unfit_is_shown_with_its_pattern(group: str) -> None:
    came = "o\rk" if group == "o.*" else "x" * 4097
    found = verdict(
        f"S~ 250-a\nS~ 250-(?P<a>{group})\nS: 250", f"250-a\r\n250-b\r\n250-{came}\r\n250 c\r\n".encode(), CODE
    )
    assert not found.ok
    assert found.why.startswith("the group a captured ")
    assert (found.line, found.expected, found.used) == (2, f"S~ 250-(?P<a>{group})", 3)
    assert found.received == ("250-o\\x0dk" if group == "o.*" else f"250-{came}")
    assert found.captures == {}


@pytest.mark.parametrize("verb", ["", "AUTH"])
def test_a_line_that_ends_otherwise_is_named(verb: str) -> None:
    assert verdict("S: 250 Ok", b"250 Ok\n", EXACT, verb).why == "the line end differs"
    assert verdict("S: 235", b"235 \r\n", EXACT, verb).why == "the text differs"


def test_an_enhanced_code_that_differs_is_named() -> None:
    why = "the enhanced status code is {}, and 2.1.5 expected"
    assert verdict("S: 250 2.1.5 Ok", b"250 2.1.0 Ok\r\n", ENHANCED).why == why.format("2.1.0")
    assert verdict("S: 250 2.1.5 Ok", b"250 Ok\r\n", ENHANCED).why == why.format("missing")


def test_all_that_breaks_the_protocol_is_named() -> None:
    found = verdict("S: 250", b"699-a\r\n000 b\r\n", CODE)
    assert found.violation
    assert found.why == (
        "the server broke the protocol: the reply code is outside 200-599; the lines of one reply have different codes"
    )


@pytest.mark.parametrize(
    ("expected", "octets", "owed", "used"),
    [
        # Nothing else is owed: what follows belongs to the same reply, wherever the pattern is met.
        ("S~ AUTH\nS: 250", EHLO, 0, 2),
        ("S~ SIZE\nS: 250", EHLO, 0, 2),
        ("S: 250-mx\nS~ AUTH\nS: 250", EHLO, 0, 3),
        ("S~ SIZE\nS~ AUTH\nS= 250 AUTH PLAIN LOGIN", EHLO, 0, None),
        ("S~ 250[- ]AUTH\nS: 250", EHLO, 0, 2),
        # ... but a line with another code expects one more reply.
        ("S~ AUTH\nS: 421", EHLO, 0, 1),
        ("S~ AUTH\nS= 421 bye", EHLO, 0, 1),
        ("S~ AUTH\nS~ 421[- ]bye", EHLO, 0, 1),
        # ... wherever in the reply the pattern is met.
        ("S~ SIZE\nS: 421", EHLO, 0, 1),
        ("S~ mx\nS= 421 bye", EHLO, -1, 1),
        # Another reply is owed, and nothing else expects it.
        ("S: 250-mx\nS: 250", EHLO, 1, 2),
        ("S~ AUTH\nS: 250", EHLO, 1, 1),
        ("S~ SIZE\nS: 250", EHLO, 1, 1),
        ("S~ ok\nS~ ok", b"250 ok\r\n", 1, 1),
        ("S~ SIZE\nS~ AUTH\nS~ ok", EHLO, 1, 2),
        ("S~ 250\nS~ 250", EHLO, 1, 1),
        # Only a pattern that a further line meets is taken for more of the same reply.
        ("S~ SIZE\nS~ AUTH\nS: 250 b", EHLO, 1, 2),
        ("S~ SIZE\nS= 250 AUTH PLAIN LOGIN\nS: 250", EHLO, 1, 1),
        ("S~ SIZE\nS~ nothing\nS: 250", EHLO, 1, 1),
        ("S~ AUTH\nS~ AUTH\nS: 250", EHLO, 1, 1),
        ("S~ SIZE\nS= 250-DSN\nS: 250", EHLO, 1, 1),
        ("S~ AUTH", EHLO, 1, 1),
        ("S~ SIZE\nS~ AUTH\nS: 250-a\nS: 250 b", EHLO, 2, 1),
        # More is expected than is owed.
        ("S~ AUTH\nS: 250", EHLO, -1, 2),
        # Not known: the last line that came decides.
        ("S~ AUTH\nS: 250", EHLO, None, 1),
        ("S~ SIZE\nS: 250", EHLO, None, 2),
    ],
)
def test_an_open_pattern_ends_a_reply_where_the_rest_is_needed(
    expected: str, octets: bytes, owed: int | None, used: int | None
) -> None:
    found = verdict(expected, octets, CODE, owed=owed)
    assert (found.used if found.ok else None) == used


@pytest.mark.parametrize("level", Strictness)
def test_patterns_and_literal_lines_mean_the_same_at_every_level(level: Strictness) -> None:
    for expected in ("S~ SIZE", "S= 250-DSN", "S~ SIZE\nS= 250-DSN"):
        assert verdict(expected, EHLO, level, "EHLO").ok, expected


def test_an_enhanced_code_counts_with_text_and_not_with_keywords() -> None:
    same = [verdict("S: 250 2.1.5 Ok", b"250 2.1.0 Ok\r\n", level).ok for level in Strictness]
    assert same == [True, False, True, False, False]


@pytest.mark.parametrize("name", [b"AUTH", b"XCLIENT", b"XFORWARD"])
def test_a_name_that_a_keyword_does_not_offer_any_more_shows(name: bytes) -> None:
    expected = f"S: 250-a\nS: 250 {name.decode()} ONE two"
    found = verdict(expected, b"250-a\r\n250 %b TWO\r\n" % name, KEYWORDS, "EHLO")
    assert found.why == f"not announced any more: {name.decode()} ONE"
    assert verdict(expected, b"250-a\r\n250-%b Two three\r\n250 %b=one\r\n" % (name, name), KEYWORDS, "EHLO").ok == (
        name == b"AUTH"
    )


@pytest.mark.parametrize("level", list(Strictness))
def test_a_reply_whose_first_line_is_octets_is_equal_to_itself(level: Strictness) -> None:
    """Its enhanced status code is that of its first line, which octets do not have."""
    assert verdict("S| 353-x\\x0a\nS: 353 4.7.0 y", b"353-x\n353 4.7.0 y\r\n", level).ok
