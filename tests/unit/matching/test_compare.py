"""Comparing replies with expected lines: strictness, patterns, normalised text."""

import io
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from smtp_shell.matching.compare import Verdict, match
from smtp_shell.matching.expectation import ExpectedLine, Strictness
from smtp_shell.matching.normalise import normalise
from smtp_shell.matching.pattern import Pattern, PatternTooSlow, unfit_capture
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import Marker, Step

CODE, ENHANCED, KEYWORDS, TEXT, EXACT = Strictness

EHLO = b"250-mx.example Hello [192.0.2.1]\r\n250-SIZE 1000\r\n250-DSN\r\n250 AUTH PLAIN LOGIN\r\n"


def reply(octets: bytes) -> Reply:
    (found,) = ReplyParser().receive(octets)
    assert isinstance(found, Reply)
    return found


def verdict(expected: str, octets: bytes, strictness: Strictness = CODE, verb: str = "") -> Verdict:
    cursor = StepCursor(TranscriptReader(io.BytesIO(expected.encode()), "test.smtp"))
    expected_reply = cursor.take_expected()
    assert expected_reply is not None
    return match(expected_reply, reply(octets), strictness, verb=verb)


@pytest.mark.parametrize(
    ("expected", "octets", "strictness", "ok"),
    [
        # reply code
        ("S: 250", b"250 ok\r\n", CODE, True),
        ("S: 250 something else", b"250 ok\r\n", CODE, True),
        ("S: 250-two\nS: 250 lines", b"250 one\r\n", CODE, True),
        ("S: 250", b"250-two\r\n250 lines\r\n", CODE, True),
        ("S: 250", b"251 ok\r\n", CODE, False),
        ("S: 2yz", b"251 ok\r\n", CODE, True),
        ("S: 55z", b"553 no\r\n", CODE, True),
        ("S: 55z", b"540 no\r\n", CODE, False),
        ("S: 5xx", b"540 no\r\n", CODE, True),
        ("S: 250|251", b"251 ok\r\n", CODE, True),
        ("S: 250|55z", b"252 ok\r\n", CODE, False),
        ("S: 250-a\nS: 251 b", b"250-a\r\n251 b\r\n", CODE, True),
        ("S: 250-a\nS: 250 b", b"250-a\r\n251 b\r\n", CODE, False),
        # enhanced status code
        ("S: 250 2.1.0 Ok", b"250 2.1.5 Ok\r\n", CODE, True),
        ("S: 250 2.1.0 Ok", b"250 2.1.5 Ok\r\n", ENHANCED, False),
        ("S: 250 2.1.0 Ok", b"250 Ok\r\n", ENHANCED, False),
        ("S: 250 Ok", b"250 2.1.0 Ok\r\n", ENHANCED, True),
        ("S: 5yz 5.7.1", b"550 5.7.1 no\r\n", ENHANCED, True),
        # text
        ("S: 250 Ok", b"250 ok\r\n", TEXT, False),
        ("S: 250 Ok", b"250-Ok\r\n250 Ok\r\n", TEXT, False),
        ("S: 2yz", b"250 anything\r\n", TEXT, True),
        ("S: 2yz", b"250-any\r\n250 lines\r\n", TEXT, True),
        ("S: 2yz Ok", b"250-Ok\r\n250 and more\r\n", TEXT, True),
        ("S: 2yz Ok", b"250-No\r\n250 Ok\r\n", TEXT, False),
        ("S: 2yz Ok", b"250 Ok\r\n", EXACT, True),
        ("S: 220 a.example ESMTP", b"220 b.example ESMTP\r\n", TEXT, True),
        ("S: 250 Ok", b"250 Ok\n", TEXT, True),
        ("S: 250 Ok", b"250 Ok\n", EXACT, False),
        ("S: 250 Ok", b"250 Ok\r\n", EXACT, True),
        ("S: 250", b"250 \r\n", EXACT, False),
        # literal lines, in order
        ("S= 250 Ok", b"250 Ok\r\n", CODE, True),
        ("S= 250 Ok", b"250 OK\r\n", CODE, False),
        ("S= 250 Ok", b"250 Ok\n", CODE, True),
        ("S= 250-DSN", EHLO, CODE, True),
        ("S= 250-DSN\nS= 250-SIZE 1000", EHLO, CODE, False),
        ("S| 250 Ok\\n", b"250 Ok\n", CODE, True),
        ("S| 250 Ok\\n", b"250 Ok\r\n", CODE, False),
        ("S| 25\nS| 0-a\\r\\n250 b\\r\\n", b"250-a\r\n250 b\r\n", CODE, True),
        # patterns
        ("S~ 250 .*k$", b"250 Ok\r\n", CODE, True),
        ("S~ 250", b"550 250 is no code here\r\n", CODE, False),
        ("S~ queued as", b"250 2.0.0 Ok: queued as 1\r\n", CODE, True),
        ("S~ ^queued", b"250 2.0.0 Ok: queued as 1\r\n", CODE, False),
        ("S~ 250[- ]SIZE \\d+$", EHLO, CODE, True),
        ("S~ {code}", b"250 {code}\r\n", CODE, True),
        ("S~ \\\\xff", b"250 \xff\r\n", CODE, True),
        ("S~ \N{LATIN SMALL LETTER E WITH ACUTE}$", "250 \N{LATIN SMALL LETTER E WITH ACUTE}\r\n".encode(), CODE, True),
    ],
)
def test_a_reply_meets_an_expectation(expected: str, octets: bytes, strictness: Strictness, ok: bool) -> None:
    found = verdict(expected, octets, strictness)
    assert (found.ok, bool(found.why)) == (ok, not ok)
    if ok:
        assert (found.expected, found.received, found.at, found.line, found.violation) == ("", "", None, 0, False)


@pytest.mark.parametrize(
    ("announced", "strictness", "verb", "missing"),
    [
        ("S: 250-x\nS: 250-DSN\nS: 250 SIZE 5", KEYWORDS, "EHLO", ""),
        ("S: 250-x\nS: 250-FOO\nS: 250 SIZE 5", KEYWORDS, "EHLO", "FOO"),
        ("S: 250-x\nS: 250-FOO\nS: 250 SIZE 5", KEYWORDS, "NOOP", ""),
        ("S: 250-x\nS: 250-FOO\nS: 250 SIZE 5", ENHANCED, "EHLO", ""),
    ],
)
def test_ehlo_must_still_announce_every_expected_keyword(
    announced: str, strictness: Strictness, verb: str, missing: str
) -> None:
    found = verdict(announced, EHLO, strictness, verb)
    assert found.ok == (not missing)
    assert missing in found.why


@pytest.mark.parametrize(("code", "announces"), [(200, True), (250, True), (299, True), (300, False), (199, False)])
@pytest.mark.parametrize("verb", ["EHLO", "LHLO"])
def test_only_a_positive_reply_announces(code: int, announces: bool, verb: str) -> None:
    lines = f"S: {code}-x\nS: {code}-FOO\nS: {code}-DSN\nS: {code} BAR"
    came = Reply(code, (b"x", b"DSN"), b"%d-x\r\n%d DSN\r\n" % (code, code))
    wanted = StepCursor(TranscriptReader(io.BytesIO(lines.encode()), "test.smtp")).take_expected()
    assert wanted is not None
    found = match(wanted, came, KEYWORDS, verb=verb)
    assert (found.why, found.line) == (("not announced any more: FOO, BAR", 2) if announces else ("", 0))


@pytest.mark.parametrize("level", [KEYWORDS, CODE])
def test_the_text_of_a_refused_ehlo_holds_no_keywords(level: Strictness) -> None:
    refusal = "S: 554-mx.example blocked\nS: 554 see mx.example"
    assert verdict(refusal, b"554-mx.example blocked\r\n554 ask postmaster\r\n", level, "EHLO").ok
    assert not verdict(refusal, b"554-mx.example blocked\r\n554 ask postmaster\r\n", TEXT, "EHLO").ok


def test_named_groups_capture_escaped_text() -> None:
    found = verdict("S~ id=(?P<id>\\S+) (?P<rest>.*)", b"250 id=1a2b \x1b[0m\r\n")
    assert dict(found.captures) == {"id": "1a2b", "rest": "\\x1b[0m"}


def test_a_capture_that_is_too_long_or_breaks_a_line_is_refused() -> None:
    assert unfit_capture({"a": "x" * 5000})
    assert unfit_capture({"a": "x\\x0dy"})
    assert not unfit_capture({"a": "x\\\\x0dy"})
    assert not verdict("S~ (?P<a>o.*)", b"250 o\rk\r\n").ok


@pytest.mark.parametrize(
    ("lines", "sizes"),
    [
        ("S: 250\nS: 250\nS: 354", [1, 1, 1]),
        ("S: 250-a\nS: 250 b\nS: 354", [2, 1]),
        ("S: 250-a\nS= 250-b\nS~ 250-.*\nS: 250 c\nS: 250", [4, 1]),
        ("S~ 250 .*\nS: 250", [1, 1]),
        ("S~ 2\\d\\d\\ .*\nS: 250", [1, 1]),
        ("S~ (250|251) x\nS: 250", [1, 1]),
        ("S| 250-a\\r\\n250 b\\r\\n220 c\\r\\n", [2, 1]),
        ("S| 250-cut", [1]),
    ],
)
def test_expected_lines_are_grouped_into_replies(lines: str, sizes: list[int]) -> None:
    cursor = StepCursor(TranscriptReader(io.BytesIO(lines.encode()), "test.smtp"))
    found: list[int] = []
    while (expected_reply := cursor.take_expected()) is not None:
        found.append(len(expected_reply.lines))
    assert found == sizes


@pytest.mark.parametrize(
    ("text", "anchored"),
    [
        ("250", True), ("^25[0-3] x", True), ("2..", True), ("25.", True), ("\\d{3}-", True), ("(250|251) ok", True), ("2\\d\\d", True),
        ("2.0.0 Ok", False), ("1000", False), ("10485760", False), ("queued", False), (".*250", False), ("2+50", False),
    ],
)  # fmt: skip
def test_a_pattern_that_begins_with_a_reply_code_is_anchored(text: str, anchored: bool) -> None:
    assert Pattern.parse(text).anchored == anchored


@pytest.mark.parametrize(("octets", "used"), [(b"250 ok\r\n", 1), (b"250-ok\r\n250 x\r\n", 2)])
def test_a_pattern_that_allows_both_separators_ends_with_the_reply(octets: bytes, used: int) -> None:
    assert verdict("S~ 250[- ]ok\nS: 250 x", octets).used == used


@pytest.mark.parametrize("text", ["hello", "", "25", "25a x", "250text", "2503", "6 0"])
def test_an_expected_line_without_a_reply_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="reply code"):
        ExpectedLine.parse(Step(Marker.SERVER, text))


@pytest.mark.parametrize("text", ["(", "[", "a{2,1}", "(?P<1>x)", "*", "(?P<sasl>x)", "x" * 5000, "[[a]--b]", "\\p{L}"])
def test_a_bad_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Pattern.parse(text)


def test_parsing_patterns_in_threads_leaves_the_warning_filters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    interval = sys.getswitchinterval()
    # Restores the filters after the test, even if it fails.
    monkeypatch.setattr(warnings, "filters", before := list(warnings.filters))
    expected = list(before)
    try:
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Pattern.parse, [f"250 parsed {number}" for number in range(1000)]))
    finally:
        sys.setswitchinterval(interval)
    assert warnings.filters == expected


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){25}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_pattern_is_bounded_in_time(text: str) -> None:
    started = time.process_time()
    with suppress(PatternTooSlow):
        assert Pattern.parse(text).match("a" * 60_000 + "!") is None
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"mx1.example ESMTP Postfix", b"mail-2.example.org ESMTP Postfix"),
        (b"2.0.0 Ok: queued as 4bXyz12345", b"2.0.0 Ok: queued as 9F"),
        (b"OK id=1qZ3hT-0000Xy-2c", b"OK id=1qZ9aa-0001Ab-7f"),
        (b"2.0.0 v7FLB8Dn031567 Message accepted for delivery", b"2.0.0 w8AAB9Xx031568 Message accepted for delivery"),
        (b"x at Tue, 15 Aug 2017 14:11:08 -0700", b"x at Sun, 22 Nov 2026 1:02:03 +0000 (UTC)"),
        (b"at 2026-11-22T10:21:05Z", b"at 2027-01-02 11:21:05.123+01:00"),
        (b"Hello [192.0.2.1], 1234 octets", b"Hello [IPv6:2001:db8::1], 99 octets"),
    ],
)
def test_what_differs_between_runs_is_normalised(one: bytes, other: bytes) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other", "verb"),
    [
        (b"2.1.0 Ok", b"2.1.5 Ok", ""),
        (b"Sender ok", b"Recipient ok", ""),
        (b"8BITMIME", b"SMTPUTF8", "EHLO"),
        (b"AUTH CRAM-MD5", b"AUTH SCRAM-SHA-1", "EHLO"),
    ],
)
def test_what_carries_meaning_is_kept(one: bytes, other: bytes, verb: str) -> None:
    assert normalise(one, verb=verb) != normalise(other, verb=verb)


def test_normalising_takes_linear_time() -> None:
    for piece in (b"a", b"a.", b"1.", b"a1", b"<a@", b"12:", b"Mon, ", b"-", b"id=", b"2026-"):
        started = time.monotonic()
        normalise(piece * (60_000 // len(piece)))
        assert time.monotonic() - started < 2, piece


@pytest.mark.parametrize("word", ["code", "Enhanced", "KEYWORDS", "text", "exact"])
def test_strictness_is_parsed_in_any_case(word: str) -> None:
    assert Strictness.parse(word).name.lower() == word.lower()


def test_the_error_for_an_unknown_strictness_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="code, enhanced, keywords, text, exact"):
        Strictness.parse("loose")
