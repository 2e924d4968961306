"""`Ignore:` patterns: what the level `text` does not compare."""

from __future__ import annotations

import time
from typing import NoReturn

import pytest

from smtp_shell.matching import ignored
from smtp_shell.matching.compare import Verdict, match
from smtp_shell.matching.expectation import Strictness
from smtp_shell.matching.ignored import IgnoredText
from smtp_shell.matching.pattern import PatternTooSlow
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.transcript.step import Marker, Step
from tests.unit.matching.test_compare import reply


@pytest.mark.parametrize(
    ("patterns", "text", "masked"),
    [
        (["node[a-z]+"], b"hello from nodeab", b"hello from <ignored>"),
        (["a+", "b+"], b"xaabbx aab", b"x<ignored>x <ignored>"),
        (["aa", "ab"], b"aab", b"<ignored>"),
        (["abcd", "bc", "de"], b"abcdefa", b"<ignored>fa"),
        (["ab", "c"], b"abc c", b"<ignored> <ignored>"),
        (["x"], b"nothing", b"nothing"),
        (["^ok"], b"ok ok", b"<ignored> ok"),
        ([r"\\xff"], b"a\xffb", b"a<ignored>b"),
        (["b*"], b"abc", b"a<ignored>c"),
        (["é+"], "caféé!".encode(), b"caf<ignored>!"),
    ],
)
def test_matches_are_masked(patterns: list[str], text: bytes, masked: bytes) -> None:
    assert IgnoredText(patterns).mask(text) == masked


@pytest.mark.parametrize(("offset", "column"), [(0, 0), (3, 3), (4, 4), (13, 14), (14, 15)])
def test_a_column_of_the_masked_text_is_one_of_the_text(offset: int, column: int) -> None:
    #                                 0123456789
    text = b"one nodeabcdef two"  # one <ignored> two
    assert IgnoredText(["node[a-z]+"]).column(text, offset) == column


def verdict(expected: str, octets: bytes, *patterns: str, level: Strictness = Strictness.TEXT) -> Verdict:
    steps = (Step(Marker.SERVER, line, None, number) for number, line in enumerate(expected.split("\n"), 1))
    wanted = StepCursor(steps).take_expected()
    assert wanted is not None
    return match(wanted, reply(octets), level, ignored=IgnoredText(patterns))


@pytest.mark.parametrize(
    ("expected", "octets", "patterns", "level", "ok"),
    [
        ("250 served by alpha", b"250 served by beta\r\n", ["by [a-z]+"], Strictness.TEXT, True),
        ("250 served by alpha", b"250 served by beta\r\n", [], Strictness.TEXT, False),
        ("250 served by alpha", b"250 served by beta\r\n", ["by [a-z]+"], Strictness.EXACT, False),
        ("250 served by alpha", b"251 served by beta\r\n", ["by [a-z]+"], Strictness.TEXT, False),
        ("250 served by alpha now", b"250 served by beta later\r\n", ["by [a-z]+"], Strictness.TEXT, False),
        ("250-a1\n250 b", b"250-a2\r\n250 c\r\n", ["a[0-9]", "^[bc]$"], Strictness.TEXT, True),
    ],
)
def test_what_is_ignored_counts_for_text_alone(
    expected: str, octets: bytes, patterns: list[str], level: Strictness, ok: bool
) -> None:
    assert verdict(expected, octets, *patterns, level=level).ok is ok


def test_the_place_of_a_difference_is_a_column_of_what_came() -> None:
    found = verdict("250 by alpha now", b"250 by gamma-ray later\r\n", "by [a-z-]+")
    assert found.received == "250 by gamma-ray later"
    assert found.at == len("250 by gamma-ray ")


def test_a_pattern_that_takes_too_long_is_a_difference() -> None:
    slow = r"(a+)+\1b{9}$"
    start = time.process_time()
    with pytest.raises(PatternTooSlow):
        IgnoredText([slow]).mask(b"a" * 5000)
    assert 0.7 < time.process_time() - start < 1.8
    found = verdict("250-x\n250 " + "a" * 4999, b"250-x\r\n250 " + b"a" * 5000 + b"\r\n", slow)
    assert not found.ok
    assert found.why == "a pattern of Ignore takes too long to match this reply; write a simpler one"
    assert (found.line, found.expected, found.received) == (1, "250-x", "250-x")


def test_no_memory_left_is_as_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Exhausted:
        def finditer(self, *_: object, **__: object) -> NoReturn:
            raise MemoryError

    monkeypatch.setattr(ignored, "compile_pattern", lambda _: Exhausted())
    with pytest.raises(PatternTooSlow):
        IgnoredText(["x"]).mask(b"x")


def test_an_offset_inside_a_character_is_its_column() -> None:
    text = "xéa".encode()
    assert [IgnoredText(["x"]).column(text, offset) for offset in (9, 10, 11, 12)] == [1, 1, 2, 3]
