"""Whatever a client of the mock server sends, and however it is cut, the server answers, ends, and says the same."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.servers.faults import HangUp
from smtp_shell.servers.mock import ClientMatch, Extra, MockSettings
from smtp_shell.servers.mock.sampling import NoSample, sample
from tests.unit.servers.mock.player import Player, compiled

SCRIPT = """\
S: 220 mail.example.com ESMTP
C: EHLO client.example
S: 250-mail.example.com
S: 250 AUTH PLAIN
C: AUTH PLAIN ${sasl}
S: 235 2.7.0 ok
C: MAIL FROM:<ann@example.org>
S: 250 2.1.0 ok
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 ok
C: DATA
S: 354 go on
C: Subject: x
C: .
S: 250 2.0.0 queued
C| NOOP\\n
S| 250 odd\\n
C: BDAT 5 LAST
C| hello
S: 250 2.0.0 queued
C: QUIT
S: 221 2.0.0 bye
"""
WORDS = (
    b"EHLO x\r\n", b"AUTH PLAIN\r\n", b"AUTH PLAIN AGFAYg==\r\n", b"AGFAYg==\r\n", b"*\r\n", b"MAIL FROM:<ann@example.org>\r\n",
    b"RCPT TO:<bob@example.org>\r\n", b"DATA\r\n", b".\r\n", b"..\r\n", b"NOOP\n", b"BDAT 5 LAST\r\n", b"BDAT 5\r\n", b"hello", b"RSET\r\n",
    b"QUIT\r\n", b"\r\n", b"\0\xff\r", b"LHLO x\r\n", b"BDAT 99999999999999999999\r\n",
)  # fmt: skip
TYPED = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=20)), max_size=30).map(b"".join)
SETTINGS = st.fixed_dictionaries(
    {
        "extra": st.sampled_from(Extra),
        "match": st.sampled_from(ClientMatch),
        "reuse": st.booleans(),
        "by_content": st.booleans(),
        "data_exact": st.booleans(),
    }
).map(lambda each: MockSettings(**each))

with TemporaryDirectory() as directory:
    COMPILED = compiled(Path(directory), SCRIPT, keeps_data=True)


def heard(octets: bytes, settings: MockSettings, cuts: list[int]) -> tuple[bytes, HangUp | None, list[tuple[int, str]]]:
    """Return all that the server said, how it hung up, and what differed."""
    player = Player(COMPILED, settings)
    said = player.greeting
    places = sorted({cut % (len(octets) + 1) for cut in cuts} | {0, len(octets)})
    for start, end in pairwise(places):
        said += player.send(octets[start:end])
    found = player.end()
    return said + player.wire.take(), player.wire.hang_up, found


@given(TYPED, SETTINGS, st.lists(st.integers(0, 1000), max_size=8))
def test_octets_in_any_pieces_have_the_same_answer(octets: bytes, settings: MockSettings, cuts: list[int]) -> None:
    whole = heard(octets, settings, [])
    assert heard(octets, settings, cuts) == whole
    assert whole[1] is not None


@given(TYPED, SETTINGS)
def test_a_report_holds_nothing_that_a_terminal_acts_on(octets: bytes, settings: MockSettings) -> None:
    player = Player(COMPILED, settings)
    player.send(octets)
    player.end()
    assert all(each.isprintable() for each in player.noted)


@given(st.from_regex(r"250[ -][a-z.*+?()\[\]|\\dws^$]{0,20}", fullmatch=True))
def test_a_sample_of_any_pattern_ends(pattern: str) -> None:
    try:
        assert len(sample(pattern)) < 10_000
    except NoSample:
        pass
    except Exception as error:
        try:
            re.compile(pattern)
        except re.error:
            return  # patterns are compiled before a sample is made
        raise AssertionError(pattern) from error
