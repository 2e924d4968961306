"""What is passed without being sent once a dialogue has ended, step by step, and how it may be shown."""

from __future__ import annotations

import pytest

from smtp_shell.replay.skipping import PassedStep, pass_chunk, pass_dialogue, pass_octets
from tests.unit.replay.fake import cursor_over, steps_of
from tests.unit.replay.test_client import Bench


@pytest.mark.parametrize(
    ("lines", "passed", "following"),
    [
        ([], [], None),
        (["C: NOOP", "S: 250", "C: QUIT", "S: 221"], [((1,), "NOOP"), ((3,), "QUIT")], None),
        (["S: 220-a", "S: 220 b", "C: NOOP"], [((1,), "(a reply)"), ((3,), "NOOP")], None),
        (["C& NOOP", "C: RSET", "S: 250", "S: 250"], [((1, 2), "NOOP\nRSET")], None),
        (["C& NOOP"] * 149 + ["C: RSET"], [(tuple(range(1, 151)), "\n".join(["NOOP"] * 100))], None),
        (["C| NOOP\\r\\n", "C: "], [((1,), "NOOP\\x0d\\x0a"), ((2,), "(an empty line)")], None),
        # Up to the next connection, or what is done in any case.
        (["C: NOOP", "*: connect mx:25", "C: QUIT"], [((1,), "NOOP")], "connect mx:25"),
        (["C: NOOP", "*: finally", "C: QUIT"], [((1,), "NOOP")], "finally"),
        # Events, of which those are told that were to be done.
        (["*: wait 1", "*: close", "*: timeout 1", "C: NOOP"], [((4,), "NOOP")], None),
        (["*: error finally", "C: NOOP"], [((2,), "NOOP")], None),
        (["*: close server", "*: close server at once"], [((1,), "*: close server"), ((2,), "*: close server")], None),
        (["*: authenticate PLAIN", "S: 235", "C: NOOP"], [((1,), "*: authenticate"), ((3,), "NOOP")], None),
        # Mail data and chunks, which are no commands.
        (["C: DATA", "S: 354", "C: QUIT", "C: .", "S: 250", "C: NOOP"], [((1,), "DATA"), ((3, 4), "(mail data)"), ((6,), "NOOP")], None),
        (["C& NOOP", "C: DATA", "S: 250", "S: 354", "C: x", "C: ."], [((1, 2), "NOOP\nDATA"), ((5, 6), "(mail data)")], None),
        (["C: DATA", "C: x", "C: ."], [((1,), "DATA"), ((2, 3), "(mail data)")], None),
        (["C: DATA", "S: 503", "C: NOOP", "C: ."], [((1,), "DATA"), ((3,), "NOOP"), ((4,), ".")], None),
        (["C: DATA", "S: 354", "C: NOOP"], [((1,), "DATA"), ((3,), "NOOP")], None),
        (["C& DATA", "C: NOOP", "S: 354", "S: 250", "C: x", "C: ."], [((1, 2), "DATA\nNOOP"), ((5,), "x"), ((6,), ".")], None),
        (["C< letter.eml", "S: 250", "C: NOOP"], [((1, 1), "(mail data)"), ((3,), "NOOP")], None),
        (["C: BDAT 3 LAST", "C| QUIT", "S: 250", "C: NOOP"], [((1,), "BDAT 3 LAST"), ((4,), "NOOP")], None),
        (["C& NOOP", "C: BDAT 3 LAST", "C: abc", "C: RSET"], [((1, 2), "NOOP\nBDAT 3 LAST"), ((4,), "RSET")], None),
        # What may be a secret is not shown.
        (["C: AUTH LOGIN", "S: 334", "C: YW5u", "S: 235", "C: NOOP"], [((1,), "AUTH LOGIN"), ((3,), "${sasl}"), ((5,), "NOOP")], None),
        (["C: AUTH LOGIN", "S: 503", "C: YW5u"], [((1,), "AUTH LOGIN"), ((3,), "YW5u")], None),
        (["C: YW5u", "S: 235", "C: HELP"], [((1,), "${sasl}"), ((3,), "HELP")], None),
    ],
)  # fmt: skip
def test_what_is_passed_of_a_dialogue(
    lines: list[str], passed: list[tuple[tuple[int, ...], str]], following: str | None
) -> None:
    bench = Bench(*lines)
    found = list(pass_dialogue(bench.cursor, bench.client))
    assert found == [PassedStep(*each) for each in passed]
    assert (bench.cursor.step.text if bench.cursor.step else None) == following


def test_to_the_end_the_following_connections_are_passed_too() -> None:
    bench = Bench("C: NOOP", "*: connect mx:25 tls", "C: QUIT", "*: finally", "C: RSET")
    found = list(pass_dialogue(bench.cursor, bench.client, to_the_end=True))
    assert [each.shown for each in found] == ["NOOP", "*: connect mx:25", "QUIT"]
    assert bench.cursor.next_event() == "finally"


@pytest.mark.parametrize(
    ("lines", "left", "following"),
    [
        (["C| abc", "C: NOOP"], 3, "NOOP"),
        (["C| abc", "C| more", "C: NOOP"], 3, "NOOP"),
        (["C| abc", "C: x", "C: NOOP"], 4, "NOOP"),
        (["C: abc", "C: NOOP"], 5, "NOOP"),
        (["C: abc", "C: NOOP"], 3, "NOOP"),
        (["C: abc", "C: de", "C: NOOP"], 6, "NOOP"),
        (["C: abc", "C: NOOP", "C: RSET"], 5, "NOOP"),
        (["C: NOOP"], 0, "NOOP"),
        (["C| x", "C: NOOP"], 0, "NOOP"),
        (["C: abc", "S: 250"], 99, "250"),
        (["C: abc"], 99, None),
    ],
)
def test_how_much_of_a_chunk_is_passed(lines: list[str], left: int, following: str | None) -> None:
    cursor = cursor_over(*lines)
    pass_octets(cursor, left)
    assert (cursor.step.text if cursor.step else None) == following


@pytest.mark.parametrize(
    ("group", "following"),
    [
        (["C: BDAT 3 LAST"], "RSET"),
        (["C& NOOP", "C: BDAT 3"], "RSET"),
        (["C& BDAT 3", "C: NOOP"], "abc"),
        (["C| BDAT 3 LAST\\r\\n"], "abc"),
        (["C: BDAT 0 LAST"], "abc"),
        (["C: NOOP"], "abc"),
    ],
)
def test_a_chunk_follows_the_last_line_of_a_group(group: list[str], following: str) -> None:
    cursor = cursor_over("C: abc", "C: RSET")
    pass_chunk(cursor, steps_of(*group))
    assert cursor.step is not None
    assert cursor.step.text == following
