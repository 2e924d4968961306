"""Texts that are made up for patterns."""

from __future__ import annotations

import re

import pytest

from smtp_shell.servers.mock.sampling import NoSample, sample


@pytest.mark.parametrize(
    "pattern",
    [
        "250 .*",
        "250 2.0.0 Ok: queued as (?P<id>[A-Z0-9]+)",
        r"220 (?P<host>[\w.-]+) ESMTP",
        r"^250-(SIZE|size) (\d{1,9})$",
        r"\d{3} [^<>]+ <(?P<a>\S+@\S+)>",
        r"(?i)250[ -]ok(?: really)?",
        r"25[01] (?P<x>a|b)(?P=x)\1",
        r"250 (?=ok)ok(?# remark)",
        r"250 \x41[\]x]{2,}",
        r"354 [^a-z]*?\.",
        "250 (a(b(c)d)e){2}",
    ],
)
def test_the_text_matches_its_pattern(pattern: str) -> None:
    assert re.search(pattern, sample(pattern))


@pytest.mark.parametrize("pattern", ["a{100000}", "(" * 60 + ")" * 60, "250 (?(1)a|b)"])
def test_what_is_not_known_is_said_so(pattern: str) -> None:
    with pytest.raises(NoSample):
        sample(pattern)
