"""Patterns of a transcript: what is one, and what is said of the others."""

from __future__ import annotations

import re
import warnings

import pytest

from smtp_shell.transcript.pattern_syntax import LONGEST_PATTERN, check_pattern


@pytest.mark.parametrize("text", ["", "a", r"250 (?P<id>\w+)", r"[\[]", "x" * LONGEST_PATTERN])
def test_a_pattern(text: str) -> None:
    check_pattern(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(", "the pattern is no regular expression: missing ), unterminated subpattern at character 1"),
        ("ab)", "the pattern is no regular expression: unbalanced parenthesis at character 3"),
        (r"\8", "the pattern is no regular expression: invalid group reference 8 at character 2"),
        (
            "x[[a]",
            "the pattern may not mean the same everywhere: Possible nested set at position 2; put a backslash before the bracket or sign",
        ),
        ("x" * (LONGEST_PATTERN + 1), "the pattern is longer than 4,096 characters"),
        ("a{99999999999999999999}", "the pattern is too complicated"),
    ],
)
def test_what_is_no_pattern_is_told(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="the pattern ") as raised:
        check_pattern(text)
    assert str(raised.value) == problem


def test_a_fault_without_a_place_is_told_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> None:
        raise re.error("odd\x1b")

    monkeypatch.setattr(re, "compile", refuse)
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # match would compile a pattern
        check_pattern("x")
    assert str(raised.value) == r"the pattern is no regular expression: odd\x1b"


@pytest.mark.parametrize("error", [RecursionError(), OverflowError(), MemoryError()])
def test_a_pattern_that_exhausts_something_is_too_complicated(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str) -> None:
        raise error

    monkeypatch.setattr(re, "compile", refuse)
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # match would compile a pattern
        check_pattern("x")
    assert str(raised.value) == "the pattern is too complicated"


@pytest.mark.filterwarnings("ignore")
def test_what_is_warned_of_is_refused_whatever_the_filters_are() -> None:
    with pytest.raises(ValueError, match="may not mean the same"):
        check_pattern("y[[a]")


def test_the_filters_of_warnings_stay_as_they_are() -> None:
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="may not mean the same"):
        check_pattern("[[a]")
    assert list(warnings.filters) == before
