"""Which lines after a DATA are mail data, and where their final dot is missing."""

from __future__ import annotations

import pytest

from tests.unit.replay.test_step_checker import checked

NO_DOT = "the mail data after this DATA has no final dot"


@pytest.mark.parametrize(
    "lines",
    [
        ["C: DATA", "S: 354", "C: hello there", "C: .", "S: 250"],
        ["C: DATA", "S: 354", "C: hello there", r"C: \x2e", "S: 250"],
        ["C: DATA", "S: 354", "C: hello there", "C: ${dot}", "S: 250"],
        ["C: DATA", "S: 354", r"C| hello\r\n.\r\n", "S: 250"],
        ["C: DATA", "S: 354", "C: hello there", "*: wait 1", "C: .", "S: 250"],
        ["C: DATA", "S: 354", "C: hello there", "S: 451"],
        ["C: DATA", "S: 354", "C: hello there", "*: close"],
        ["C: DATA", "S: 354", "C: hello there", "*: timeout"],
        ["C: DATA", "S: 354", "C: hello there", "*: error the connection was reset"],
        ["C: DATA", "S: 503", "C: QUIT"],
        ["C: DATA", "C: QUIT"],
        # Nothing is left of the mail data before.
        ["C: DATA", "S: 354", "C: hello there", "C: .", "S: 250", "C: DATA", "S: 503", "C: QUIT"],
        ["C: DATA", "C: hello there", "C: .", "C: DATA", "C: QUIT"],
    ],
    ids=" ".join,
)
def test_nothing_is_missing(lines: list[str]) -> None:
    assert checked(*lines, dot=".")[1] == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["C: DATA", "S: 354", "C: hello there"], f"1: {NO_DOT}"),
        (["C: DATA", "S: 354", "C: QUIT"], f"1: {NO_DOT}"),
        (["C: DATA", "S~ 354.*", "S: 250 x", "C: hello there"], f"1: {NO_DOT}"),
        (["C: DATA", "C: hello there", "C: QUIT"], f"1: {NO_DOT}"),
        (["C: DATA", "C: hello there", r"C: \x51UIT"], f"1: {NO_DOT}"),
        (["C: DATA", "C: NOOP", "C: hello there", "C: QUIT"], f"1: {NO_DOT}"),
        (["C: DATA", "S: 354", "C: ${dot} there"], f"1: {NO_DOT}"),
        (["C: DATA", "S: 354", "C: hello there", "*: connect mx.example"], f"1: {NO_DOT}"),
        (["C: DATA", "S: 354", "C: hello there", "*: authenticate"], f"1: {NO_DOT}"),
        *[
            (
                ["C: DATA", "S: 354", "C: hello there", f"S: {code}", "C: NOOP"],
                "4: the mail data after the DATA in line 1 has no final dot",
            )
            for code in (250, 354)
        ],
    ],
    ids=str,
)
def test_the_final_dot_is_missing(lines: list[str], problem: str) -> None:
    assert checked(*lines, dot=".")[1] == [problem]
