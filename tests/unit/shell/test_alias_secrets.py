"""Credentials that an alias holds, or is given: neither is kept or shown, and none is repeated."""

from __future__ import annotations

import time

import pytest

from smtp_shell.shell.aliases import Aliases, parse_alias
from smtp_shell.shell.groups import split_lines
from smtp_shell.shell.typed_secrets import hold_credential, is_kept, mask_start

SECRET = "AGJvYgBodW50ZXIy"


def aliases(**texts: str) -> Aliases:
    made = Aliases()
    for name, text in texts.items():
        made.named[name] = parse_alias(name, text, split_lines(text))
    return made


@pytest.mark.parametrize(
    "lines",
    [
        (f"auth plain {SECRET}",),
        ("auth plain", SECRET),
        ("auth login", "Ym9i", "aHVudGVyMg=="),
        (rf"/raw AUTH PLAIN {SECRET}\r\n",),
        (rf"/watch 5 /raw AUTH\x20PLAIN\x20{SECRET}",),
    ],
)
def test_lines_of_an_alias_that_hold_a_credential(lines: tuple[str, ...]) -> None:
    assert hold_credential(lines)
    typed = f"/alias a = {'; '.join(lines)}"
    assert not is_kept(typed, None)
    start = mask_start(typed)
    assert start is not None
    assert lines[-1].rpartition(" ")[2] not in typed[:start]


def test_lines_of_an_alias_that_hold_none() -> None:
    typed = "/alias hello = ehlo; starttls; ehlo; auth; mail <>; rcpt $1"
    assert is_kept(typed, None)
    assert mask_start(typed) is None


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("auth plain $1", f"/a {SECRET}"),
        ("auth plain $1", f'/a "{SECRET}"'),
        ("auth plain; $1", f"/a {SECRET}"),
        ("auth login; $1; $2", "/a Ym9i aHVudGVyMg=="),
        ("ehlo; /b $*", f"/a plain {SECRET}"),
        (r"/raw AUTH PLAIN $1\r\n", f"  /a {SECRET}"),
        ("/connect $1", "/a smtp://bob:hunter2@mail.example.org"),
    ],
)
def test_words_of_an_alias_that_are_a_credential(text: str, typed: str) -> None:
    assert aliases(a=text, b="auth $*").holds_credential(typed)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("mail <>; rcpt $1", "/a bob@example.org"),
        ("ehlo; auth", "/a"),
        ("auth plain $1", f"/b {SECRET}"),
        ("auth plain $1", "ehlo"),
    ],
)
def test_words_of_an_alias_that_are_none(text: str, typed: str) -> None:
    assert not aliases(a=text).holds_credential(typed)


def test_aliases_that_multiply_or_run_themselves_are_looked_at_in_no_time() -> None:
    names = "abcdefghijklmnopqrst"
    many = {name: "; ".join([f"/{following} $*"] * 100) for name, following in zip(names, f"{names[1:]}a", strict=True)}
    begun = time.monotonic()
    made = aliases(**many)
    assert len(made.expanded("/a x")) <= 1_000
    assert made.holds_credential("/a x")  # it is not known, so it is not kept
    assert time.monotonic() - begun < 5
