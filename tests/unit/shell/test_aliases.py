"""Aliases: what they stand for, and what cannot be one."""

from __future__ import annotations

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell.aliases import parse_alias
from smtp_shell.shell.groups import split_lines


def lines(text: str, *words: str) -> list[str]:
    return parse_alias("to", text, split_lines(text)).filled(words)


@pytest.mark.parametrize(
    ("text", "words", "filled"),
    [
        ("ehlo; quit", (), ["ehlo", "quit"]),
        ("mail <>; rcpt $1", ("a@example.org",), ["mail <>", "rcpt a@example.org"]),
        ("$2 $1", ("a", "b"), ["b a"]),
        ("rcpt $*", ("a", "b"), ["rcpt a b"]),
        ("$1: $*", ("a", "b"), ["a: a b"]),
        ("/note costs $$5", (), ["/note costs $5"]),
        ("/note $x ${y}", (), ["/note $x ${y}"]),
        ("rcpt $1", ("a; quit",), ["rcpt a; quit"]),
        ("rcpt $1", ("$2",), ["rcpt $2"]),
    ],
)
def test_words_go_where_they_belong_and_stay_inside_their_line(
    text: str, words: tuple[str, ...], filled: list[str]
) -> None:
    assert lines(text, *words) == filled


@pytest.mark.parametrize(
    ("text", "words", "problem"),
    [
        ("ehlo", ("x",), "/to takes no words after it: it is ehlo"),
        ("rcpt $1", (), "/to takes one word after it"),
        ("rcpt $2", ("a",), "/to takes 2 words after it"),
        ("rcpt $1 $*", (), "/to takes one word or more after it"),
    ],
)
def test_too_few_and_too_many_words_are_refused(text: str, words: tuple[str, ...], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        lines(text, *words)


@pytest.mark.parametrize("name", ["", "1a", "A", "a b", "\x1b[2J", "a" * 33, "ü", "/"])
def test_a_name_that_cannot_be_one(name: str) -> None:
    with pytest.raises(UsageError, match="a name is at most 32 small letters") as caught:
        parse_alias(name, "ehlo", ["ehlo"])
    assert str(caught.value).isprintable()


def test_an_alias_has_lines_and_not_too_many() -> None:
    with pytest.raises(UsageError, match="stands for 0 lines"):
        parse_alias("a", "", [])
    with pytest.raises(UsageError, match="stands for 101 lines"):
        parse_alias("a", "x", ["x"] * 101)
    with pytest.raises(UsageError, match="holds CR, LF or NUL"):
        parse_alias("a", "x\ny", ["x\ny"])


def test_how_it_is_used_is_said() -> None:
    assert parse_alias("/to", "x", ["rcpt $2 $*"]).usage == "$1 $2 …"
    assert parse_alias("to", "x", ["ehlo"]).usage == ""
