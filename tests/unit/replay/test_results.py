"""What a result says of a step, and what its values are where nobody gives one."""

from __future__ import annotations

import pytest

from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply, Strictness
from smtp_shell.replay.results import (
    LONGEST_SHOWN,
    MOST_STEPS_KEPT,
    Act,
    Answer,
    Decision,
    Difference,
    Outcome,
    PendingStep,
    ReplayResult,
    StepResult,
    excerpt,
    no_counts,
    shown_reply,
)
from tests.unit.replay.fake import steps_of

GROUP = (3, 4, 5)


def step(lines: tuple[int, ...], sent: str, difference: Difference | None = None) -> StepResult:
    return StepResult("a.smtp", lines, sent, Outcome.MISMATCHED, difference=difference)


@pytest.mark.parametrize(
    ("lines", "sent", "reply", "line", "command"),
    [
        ((), "", 0, 0, None),
        ((), "", 1, 0, None),
        ((3,), "NOOP", 1, 3, None),
        (GROUP, "NOOP\nRSET\nHELP", 0, 3, None),
        (GROUP, "NOOP\nRSET\nHELP", 1, 3, 0),
        (GROUP, "NOOP\nRSET\nHELP", 2, 4, 1),
        (GROUP, "NOOP\nRSET\nHELP", 3, 5, 2),
        (GROUP, "NOOP\nRSET\nHELP", 4, 3, None),
        ((3, 9), "(mail data)", 1, 3, None),
    ],
)
def test_a_difference_in_a_group_is_about_one_command(
    lines: tuple[int, ...], sent: str, reply: int, line: int, command: int | None
) -> None:
    found = step(lines, sent, Difference("250", "550", reply=reply))
    assert (found.line, found.command) == (line, command)


@pytest.mark.parametrize(
    ("lines", "sent", "difference", "place", "names"),
    [
        ((), "", None, "a.smtp", False),
        ((3,), "NOOP", None, "a.smtp:3", False),
        ((3,), "NOOP", Difference(), "a.smtp:3", False),
        ((3,), "NOOP", Difference(line=4), "a.smtp:4", False),
        ((3,), "NOOP", Difference(line=5), "a.smtp:5", True),
        ((3,), "NOOP", Difference(line=4, file="b.smtp"), "b.smtp:4", True),
        ((3, 9), "(mail data)", Difference(line=10), "a.smtp:10", False),
        ((3, 9), "(mail data)", Difference(line=4), "a.smtp:4", True),
        (GROUP, "NOOP\nRSET\nHELP", Difference(line=6, reply=1), "a.smtp:6", True),
        ((3,), "", Difference(line=5), "a.smtp:5", False),
        ((), "NOOP", Difference(line=5), "a.smtp:5", False),
    ],
)
def test_the_place_is_that_of_the_line_that_was_not_met(
    lines: tuple[int, ...], sent: str, difference: Difference | None, place: str, names: bool
) -> None:
    found = step(lines, sent, difference)
    assert (found.place, found.names_expectation) == (place, names)


def test_what_was_expected_and_received_is_all_of_it_or_the_lines_that_differ() -> None:
    expected = tuple(ExpectedReply((ExpectedLine.parse(each),)) for each in steps_of("S: 250 a", "S: 251 b"))
    whole = StepResult("a", (1,), "", Outcome.MATCHED, expectations=expected, replies=(b"250-a\r\n250 b\r\n", "251"))
    assert (whole.expected, whole.received) == ("250 a\n251 b", "250-a\n250 b\n251")
    assert (StepResult("a", (1,), "", Outcome.SENT).expected, StepResult("a", (1,), "", Outcome.SENT).received) == (
        "",
        "",
    )
    differing = StepResult(
        "a", (1,), "", Outcome.MISMATCHED, difference=Difference("x", "y"), expectations=expected, replies=("z",)
    )
    assert (differing.expected, differing.received) == ("x", "y")


def test_what_is_long_is_cut() -> None:
    assert excerpt("x" * LONGEST_SHOWN) == "x" * LONGEST_SHOWN
    assert excerpt("x" * (LONGEST_SHOWN + 1)) == "x" * LONGEST_SHOWN + "…"
    assert shown_reply(b"250-" + b"y" * LONGEST_SHOWN + b"\r\n250 \xff\r\n") == (
        "250-" + "y" * (LONGEST_SHOWN - 4) + "\n250 \\xff"
    )
    long = StepResult("a", (1,), "", Outcome.SENT, replies=("z" * (LONGEST_SHOWN + 5),))
    assert long.received == "z" * LONGEST_SHOWN + "…"


def test_how_much_is_kept_is_a_promise_to_callers() -> None:
    assert (LONGEST_SHOWN, MOST_STEPS_KEPT) == (2_000, 1_000)
    shown = shown_reply(b"".join(b"250-%d\r\n" % number for number in range(150)))
    assert shown.split("\n") == [f"250-{number}" for number in range(100)]


def test_the_words_for_outcomes_and_acts() -> None:
    assert [each.value for each in Outcome] == ["matched", "mismatched", "skipped", "sent"]
    assert [each.value for each in Act] == ["send", "skip", "edit", "hand over", "quit"]


def test_a_group_without_a_difference_is_about_no_command() -> None:
    assert step(GROUP, "NOOP\nRSET\nHELP").command is None


def test_what_a_value_is_where_nothing_is_said() -> None:
    assert Difference() == Difference("", "", 0, 0, 0, "")
    assert StepResult("a", (), "", Outcome.SENT) == StepResult(
        "a", (), "", Outcome.SENT, "", 0.0, 0, False, None, (), (), {}, False
    )
    assert Answer("a", (), None, Strictness.CODE, True) == Answer(
        "a", (), None, Strictness.CODE, True, "", False, False, 0
    )
    assert Decision() == Decision(Act.SEND, "")
    assert PendingStep(1, "a") == PendingStep(1, "a", False, "", (), "", (), "", False)
    assert ReplayResult("a", "", (), {}, 0, None, 0.0) == ReplayResult("a", "", (), {}, 0, None, 0.0, False, "", None)


def test_a_result_is_well_when_its_status_is_0_and_knows_what_differs() -> None:
    steps = (step((1,), ""), StepResult("a", (2,), "", Outcome.SKIPPED), step((3,), ""))
    for status in (0, 1, 3):
        result = ReplayResult("a", "", steps, no_counts(), status, None, 0.0)
        assert result.ok is (status == 0)
        assert [each.line for each in result.mismatches] == [1, 3]
