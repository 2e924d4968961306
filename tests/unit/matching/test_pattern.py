"""Patterns of `S~` lines: what they match, what they say about the end of the reply, and how they are bounded."""

from __future__ import annotations

import time
from typing import Any, NoReturn

import pytest
import regex

from smtp_shell.matching import pattern as module
from smtp_shell.matching.pattern import Pattern, PatternTooSlow, compile_pattern, unfit_capture

SLOW = r"250 (a|b|ab)*c"  # of exponential time


@pytest.mark.parametrize(
    ("text", "anchored", "continues"),
    [
        ("250 ok", True, False), ("250-ok", True, True), ("250", True, None), ("250[- ]ok", True, None), ("250.*", True, None),
        (r"250\ ok", True, False), (r"250\-ok", True, True), (r"250\sok", True, False), (r"^250 ok", True, False),
        (r"\A250-ok", True, True), ("250 ?ok", True, None), ("250 *", True, None), ("250 +", True, None), ("250 {0,1}ok", True, None),
        ("250-?ok", True, None), ("250-*", True, None), ("250-{1}", True, None), ("250+ ok", False, None), ("250{2}", False, None),
        ("2500 ok", False, None), ("250? ok", False, None), ("250* ok", False, None),
        (r"2\d\d ok", True, False), (r"\d\d\d-", True, True), (r"\d{3} ", True, False), ("2.. ok", True, False), ("25. ok", True, False),
        ("2[0-5]0 ok", True, False), ("[2]50 ok", False, None), ("(250|251) ok", True, False), ("(?:250|251)-", True, True),
        ("(250) ok", True, False), ("(25) ok", False, None), ("050 ok", False, None), ("queued", False, None), (" 250 ok", False, None),
    ],
)  # fmt: skip
def test_what_a_pattern_says_about_the_code_and_the_end_of_the_reply(
    text: str, anchored: bool, continues: bool | None
) -> None:
    found = Pattern.parse(text)
    assert (found.anchored, found.continues) == (anchored, continues)
    assert found.text == text


@pytest.mark.parametrize(
    ("text", "start", "may"),
    [
        ("250 ok", "2", True), ("250 ok", "25", True), ("250 ok", "250", True), ("250 ok", "251", False), ("250 ok", "3", False),
        (r"2\d\d", "299", True), (r"2\d\d", "299 and more", True), ("250", "", True), ("ok", "9", True),
    ],
)  # fmt: skip
def test_whether_a_line_may_begin_so(text: str, start: str, may: bool) -> None:
    assert Pattern.parse(text).may_begin(start) is may


@pytest.mark.parametrize(
    ("text", "line", "met"),
    [
        # A brace that repeats, as in Python.
        ("^a{2}$", "aa", True), ("^a{2}$", "a{2}", False), ("^a{1,}$", "aaa", True), ("^a{,2}$", "aa", True), ("^a{,2}$", "aaa", False),
        # Any other is a brace, and not what is approximate in another library.
        ("^(?:foo){e<=1}$", "fob", False), ("^(?:foo){e<=1}$", "foo{e<=1}", True), ("^a{,}$", "aaa", True), ("^x{$", "x{", True),
        ("^{code}$", "{code}", True), (r"^\{2}$", "{2}", True), (r"^\\{2}$", r"\\", True), ("^\\\n{x$", "\n{x", True),
    ],
)  # fmt: skip
def test_a_brace_means_what_it_means_in_python(text: str, line: str, met: bool) -> None:
    assert (Pattern.parse(text).match(line) is not None) is met


def test_groups_that_took_part_are_captured() -> None:
    found = Pattern.parse("(?P<a>x)|(?P<b>y)")
    assert found.names == {"a", "b"}
    assert found.match("y") == {"b": "y"}
    assert found.match("z") is None
    assert Pattern.parse("y").match("xyz") == {}


def test_the_group_that_replay_computes_is_refused() -> None:
    with pytest.raises(ValueError, match="captures into sasl"):
        Pattern.parse("250 (?P<sasl>.*)")


def test_a_match_takes_a_second_at_most() -> None:
    start = time.process_time()
    with pytest.raises(PatternTooSlow):
        Pattern.parse(SLOW).match("250 " + "ab" * 3000)
    assert 0.7 < time.process_time() - start < 1.8


def test_a_beginning_that_takes_too_long_may_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.05)
    assert Pattern.parse(SLOW).may_begin("250 " + "ab" * 3000) is True


class Exhausted:
    """A compiled pattern for which there is no memory left, or no time."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def match(self, *_: object, **__: object) -> NoReturn:
        raise self._error


@pytest.mark.parametrize("error", [MemoryError(), TimeoutError()])
def test_no_memory_left_is_as_no_time_left(error: Exception) -> None:
    found = Pattern("250", True, None, Exhausted(error))
    with pytest.raises(PatternTooSlow):
        found.match("250 ok")
    assert found.may_begin("2") is True


@pytest.mark.parametrize("error", [regex.error("x"), RecursionError(), OverflowError(), MemoryError()])
def test_what_only_the_other_library_refuses_is_refused(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Any:
        raise error

    monkeypatch.setattr(regex, "compile", refuse)
    with pytest.raises(ValueError, match="too complicated"):
        compile_pattern("250")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x" * 4096, None), ("x" * 4097, "the group a captured more than 4,096 characters"), ("", None), (r"\\x0d", None),
        (r"\x0d", "would not stay inside one line"), (r"x\x0ay", "would not stay"), (r"\x00", "would not stay"), (r"\x01", None),
    ],
)  # fmt: skip
def test_what_a_group_may_hold(text: str, why: str | None) -> None:
    found = unfit_capture({"fine": "x", "a": text})
    if why is None:
        assert found is None
    else:
        assert found is not None
        assert found.startswith("the group a")
        assert why in found
