"""Budgets of a run."""

from __future__ import annotations

import re

import pytest

from smtp_shell.replay.budget import Budget
from smtp_shell.replay.stats import Latencies


def latencies(*seconds: float) -> Latencies:
    times = Latencies()
    for each in seconds:
        times.add(each)
    return times


TIMES = latencies(*[0.010] * 90, *[0.100] * 9, 1.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("p50=50ms", ""),
        ("p90=10.1ms", ""),
        ("p95=200ms", ""),
        ("P95 = 0.2 s", ""),
        ("\tp95=0.2s \n", ""),
        ("p95=50ms", "p95 of the steps took 100 ms, and --budget allows 50 ms (100 steps)"),
        ("p99=50000us", "p99 of the steps took 100 ms, and --budget allows 50 ms (100 steps)"),
        ("p99.5=0.5s", "p99.5 of the steps took 1000 ms, and --budget allows 500 ms (100 steps)"),
        ("max=1s", ""),
        ("max=999ms", "the slowest step took 1000 ms, and --budget allows 999 ms (100 steps)"),
        ("mean=28.1ms", ""),
        ("mean=27.9ms", "the mean of the steps took 28 ms, and --budget allows 27.9 ms (100 steps)"),
    ],
)
def test_a_budget_is_kept_or_exceeded(text: str, sentence: str) -> None:
    found = Budget.parse(text).exceeded_by(TIMES)
    # A percentile is exact within half a per cent, so its own figure is compared loosely.
    assert re.sub(r"took (?:99|100)(?:\.\S+)? ms", "took 100 ms", found) == sentence


@pytest.mark.parametrize("text", ["p95=1s", "max=1s", "mean=1s"])
def test_where_nothing_was_sent_nothing_is_exceeded(text: str) -> None:
    assert Budget.parse(text).exceeded_by(latencies()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p95",
        "p95=",
        "p95=50",
        "p0=1s",
        "p101=1s",
        "p95=0ms",
        "p95=-1ms",
        "p95=1min",
        "p95=1s or so",
        "avg=1s",
        "p95=1e3ms",
    ],
)
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(ValueError, match="is no budget; write p50, p95"):
        Budget.parse(text)


def test_merged_durations_have_one_mean() -> None:
    times = latencies(1.0)
    times.merge(latencies(3.0, 2.0))
    assert times.mean == pytest.approx(2.0)


def test_a_budget_is_shown_in_three_digits_with_how_many_steps_there_were() -> None:
    assert Budget.parse("max=1.2345ms").exceeded_by(latencies(0.98765)) == (
        "the slowest step took 988 ms, and --budget allows 1.23 ms (1 step)"
    )
    assert Budget.parse("max=1ms").exceeded_by(latencies(*[0.5] * 1000)).endswith("(1,000 steps)")
    assert Budget.parse("max=1s").exceeded_by(latencies(1.0)) == ""


def test_of_what_is_no_budget_an_excerpt_is_shown() -> None:
    with pytest.raises(ValueError, match=f"^'{'x' * 60}' is no budget; "):
        Budget.parse("x" * 61)
    with pytest.raises(ValueError, match=r"^'\\x0a1' is no budget; "):
        Budget.parse("\n1")
