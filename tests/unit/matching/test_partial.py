"""What came and is no whole reply, and the corners of comparing one: mixed codes, the end after a pattern, columns inside characters."""

from __future__ import annotations

import pytest

from smtp_shell.matching import pattern as patterns
from smtp_shell.matching.compare import Verdict, match, match_octets
from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply, Strictness
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.transcript.step import Marker, Step
from tests.unit.matching.test_compare import reply

CODE, ENHANCED, KEYWORDS, TEXT, EXACT = Strictness


def expected(*lines: str) -> ExpectedReply:
    """Return what `S: …` lines expect, each given with its marker."""
    parsed = tuple(
        ExpectedLine.parse(Step(Marker(line[:2]), line[3:], line=number)) for number, line in enumerate(lines, 1)
    )
    return ExpectedReply(parsed)


@pytest.mark.parametrize(
    ("lines", "octets", "level", "ok"),
    [
        (["S| 25"], b"25", CODE, True),
        (["S| 25"], b"26", CODE, False),
        (["S| 250-a\\x0a", "S| 25"], b"250-a\n25", EXACT, True),
        (["S| 250-a\\x0a", "S| 25"], b"250-a\n", CODE, False),
        (["S| 250-a\\x0a"], b"250-a\n25", CODE, False),
        # Up to text, an S: line compares the code of a line that is whole.
        (["S: 250-a", "S| 25"], b"250-b\r\n25", TEXT, True),
        (["S: 250-a", "S| 25"], b"250-b\r\n25", EXACT, False),
        (["S: 250-a", "S| 25"], b"250-a\r\n25", EXACT, True),
        (["S: 250-a", "S| 25"], b"251-a\r\n25", CODE, False),
        (["S: 250-a"], b"250-a", CODE, False),
        (["S: 250-a"], b"ok\n", CODE, False),
        # Patterns and literal lines compare the whole line, without its end and with it.
        (["S~ 250-a+$", "S| 25"], b"250-aa\r\n25", CODE, True),
        (["S~ 250-a"], b"250-aa\n", CODE, True),
        (["S~ 250-a+$"], b"250-ab\n", CODE, False),
        (["S= 250-a"], b"250-a\r\n", CODE, True),
        (["S= 250-a"], b"250-a\n", CODE, False),
    ],
)
def test_what_is_no_whole_reply(lines: list[str], octets: bytes, level: Strictness, ok: bool) -> None:
    found = match_octets(expected(*lines), octets, level)
    assert (found.ok, found.used) == (ok, len(lines))
    if not ok:
        assert found.why == "what came is no whole reply"
        assert found.line == len(lines)
        assert found.expected == str(expected(*lines))
        assert found.received.startswith(octets[:3].decode().strip())
        assert found.at is None
    else:
        assert (found.why, found.line) == ("", 0)


def test_strictness_of_octets_is_the_code_by_default() -> None:
    assert match_octets(expected("S: 250-a", "S| 2"), b"250-b\r\n2").ok


MIXED = b"250-a\r\n550 b\r\n"


@pytest.mark.parametrize(
    ("lines", "ok"),
    [
        (["S: 250-a", "S: 550 b"], True),
        (["S: 250-a", "S: 250 b"], False),
        # More lines than came: those have the code of the reply, which is its last one.
        (["S: 250-a", "S: 550-b", "S: 550 c"], True),
        (["S: 250-a", "S: 550-b", "S: 250 c"], False),
    ],
)
def test_lines_with_different_codes_are_compared_one_by_one(lines: list[str], ok: bool) -> None:
    found = reply(MIXED)
    wanted = expected(*lines)
    verdict = match(wanted, found, CODE)
    if [line.octets[:3] for line in wanted.lines] != [b"250", b"550"]:
        # That a server mixes codes is against the protocol, where the transcript does not have just that.
        assert verdict.violation
        assert "the server broke the protocol" in verdict.why
    assert verdict.ok is (ok and not verdict.violation)


def test_a_line_that_only_ends_the_reply_stands_for_no_line_after_a_pattern() -> None:
    for level in (TEXT, EXACT):
        assert verdict(["S: 250-a", "S~ b$", "S: 250"], b"250-a\r\n250 b\r\n", level).ok
        assert not verdict(["S: 250-a", "S~ b$", "S: 250 c"], b"250-a\r\n250 b\r\n", level).ok
        assert not verdict(["S: 250-a", "S~ b$", "S: 250"], b"250-a\r\n250-b\r\n250 c\r\n", level).ok
        # With a line for it, the line is compared.
        assert not verdict(["S: 250-a", "S~ b$", "S: 250"], b"250-x\r\n250 b\r\n", level).ok


def verdict(lines: list[str], octets: bytes, level: Strictness) -> Verdict:
    wanted = StepCursor(Step(Marker(line[:2]), line[3:]) for line in lines).take_expected()
    assert wanted is not None
    return match(wanted, reply(octets), level, owed=0)


@pytest.mark.parametrize(
    ("wanted", "came", "at"),
    [
        # The first octet of both characters is the same: the column is that of the character.
        ("250 x\N{LATIN SMALL LETTER E WITH ACUTE}", "250 x\N{LATIN SMALL LETTER E WITH GRAVE}", 5),
        ("250 x\N{EURO SIGN}", "250 x\N{INDIAN RUPEE SIGN}", 5),
        ("250 \N{EURO SIGN}x", "250 \N{EURO SIGN}y", 5),
        ("250 ab", "250 a", 5),
        ("250 a", "250 ab", 5),
    ],
)
def test_a_column_counts_characters(wanted: str, came: str, at: int) -> None:
    found = verdict([f"S: {wanted}"], came.encode() + b"\r\n", EXACT)
    assert (found.ok, found.at) == (False, at)


def test_a_pattern_that_takes_too_long_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.02)
    found = verdict(["S: 250-x", "S~ 250 (a|b|ab)*c"], b"250-x\r\n250 " + b"ab" * 3000 + b"\r\n", CODE)
    assert not found.ok
    assert found.why == "the pattern takes too long to match this line; write a simpler one"
    assert found.expected == "S~ 250 (a|b|ab)*c"
    assert found.used == 2


@pytest.mark.parametrize(
    ("code", "verb", "greeting", "greets"),
    [
        (220, "", True, True), (200, "", True, True), (299, "", True, True), (300, "", True, False), (302, "", True, False),
        (554, "", True, False), (250, "EHLO", False, True), (250, "LHLO", False, True), (250, "HELO", False, True),
        (550, "EHLO", False, False), (250, "NOOP", False, False), (250, "", False, False),
    ],
)  # fmt: skip
def test_the_first_word_of_a_greeting_is_the_server_s_name(code: int, verb: str, greeting: bool, greets: bool) -> None:
    wanted = expected(f"S: {code}-one x", f"S: {code} one")
    for came, same in (
        (b"%d-two x\r\n%d one\r\n", greets),
        (b"%d-one x\r\n%d two\r\n", False),
        (b"%d-one y\r\n%d one\r\n", False),
    ):
        found = match(wanted, reply(came % (code, code)), TEXT, verb=verb, greeting=greeting)
        assert found.ok is same, came


@pytest.mark.parametrize("came", ["2500 x\n", "25 x\n", "2x0 y\n", "25x y\n", "25\n"])
def test_a_line_begins_with_three_digits_or_has_no_code(came: str) -> None:
    assert match_octets(expected("S: 250-a"), came.encode()).ok is came.startswith("250")


def test_more_than_is_owed_is_expected_of_several_patterns() -> None:
    """Lines that say that they go on end no reply: they are not counted as replies that are owed."""
    lines = ["S~ SIZE", "S~ AUTH", "S: 250-a", "S: 250 b"]
    octets = b"250-mx\r\n250-SIZE 1\r\n250 AUTH x\r\n"
    assert StepCursor(Step(Marker(line[:2]), line[3:]) for line in lines).take_expected() is not None
    wanted = StepCursor(Step(Marker(line[:2]), line[3:]) for line in lines).take_expected()
    assert wanted is not None
    assert [match(wanted, reply(octets), CODE, owed=owed).used for owed in (1, 2)] == [2, 1]


@pytest.mark.parametrize(
    ("lines", "octets", "why"),
    [
        # A wild line without words says nothing about the text, and the next one does.
        (["S: 2yz-", "S: 250 b"], b"250-any\r\n250 c\r\n", "the text differs"),
        (["S: 2yz-", "S: 250 b"], b"250-any\r\n250 b\r\n", ""),
        # The line that only ends a reply counts where no pattern has met the last line.
        (["S: 250-a", "S~ b", "S: 250-x", "S: 250"], b"250-a\r\n250-b\r\n250 c\r\n",
            "the reply has 2 lines, and 3 expected; missing: 250-x, 250; not expected: 250 c"),
        # Octets have their text after the code, as lines have.
        (["S| 250-a\\x0a", "S: 250 b"], b"250-a\n250-b\r\n250 c\r\n", "the reply has 3 lines, and 2 expected; not expected: 250 c"),
        (["S| 250-x\\x0a"], b"250 y\r\n", "no line of the reply is equal"),
        # A line that only ends the reply is compared where the reply has a line for it.
        (["S: 250-a", "S~ b$", "S: 250"], b"250-a\r\n250-x\r\n250 b\r\n", "the text differs"),
        (["S: 250-a", "S: 250-c", "S~ b$", "S: 250"], b"250-a\r\n250-c\r\n250 b\r\n", ""),
        (["S~ b$", "S: 250"], b"250 b\r\n", ""),
        (["S: 250-a", "S: 250-c", "S| 250-d\\r\\n", "S~ b$"], b"250-a\r\n250-d\r\n250 b\r\n",
            "the reply has 2 lines, and 3 expected; missing: 250-c"),
        # One wild line alone stands for any number of lines.
        (["S: 2yz-", "S: 250 b"], b"250-a\r\n250-x\r\n250 b\r\n",
            "the reply has 3 lines, and 2 expected; missing: 2yz-; not expected: 250-a, 250-x"),
    ],
)  # fmt: skip
def test_what_is_said_of_lines(lines: list[str], octets: bytes, why: str) -> None:
    found = verdict(lines, octets, TEXT)
    assert (found.ok, found.why) == (not why, why)


def test_four_lines_are_named_as_three_and_one_more() -> None:
    came = b"".join(b"250-%b\r\n" % name for name in (b"a", b"b", b"c", b"d")) + b"250 x\r\n"
    found = verdict(["S: 250 x"], came, TEXT)
    assert found.why == "the reply has 5 lines, and 1 expected; not expected: 250-a, 250-b, 250-c and 1 more"
    three = verdict(["S: 250 x"], came.replace(b"250-d\r\n", b""), TEXT)
    assert three.why == "the reply has 4 lines, and 1 expected; not expected: 250-a, 250-b, 250-c"


@pytest.mark.parametrize(("verb", "same"), [("AUTH", True), ("", False), ("EHLO", False)])
def test_a_challenge_is_one_after_auth_alone(verb: str, same: bool) -> None:
    wanted = expected("S: 334 PDEuMkBleGFtcGxlLm9yZz4=")
    came = reply(b"334 PDMuNEBleGFtcGxlLm9yZz4=\r\n")
    assert match(wanted, came, EXACT, verb=verb).ok is same


@pytest.mark.parametrize(
    ("lines", "octets", "used"),
    [
        (["S~ 250.a", "S: 250"], b"251 b\r\n", 2),  # the last line says that it ends
        (["S~ a", "S~ b"], b"250 x\r\n", 1),  # a reply of one line: the next pattern may expect the next reply
        (["S~ a", "S~ b"], b"250-x\r\n250 y\r\n", 2),
        (["S~ a", "S~ b"], b"250-x\r\n250-y\r\n250 z\r\n", 2),
    ],
)
def test_how_many_lines_a_reply_uses_that_differs(lines: list[str], octets: bytes, used: int) -> None:
    wanted = expected(*lines)
    found = match(wanted, reply(octets), CODE)
    assert (found.ok, found.used) == (False, used)
