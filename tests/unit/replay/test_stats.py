"""The numbers of replays: latencies, the first failures, and sums of several runs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from smtp_shell.replay.results import Outcome
from smtp_shell.replay.stats import Failures, Latencies, RunStats
from tests.unit.replay.reporters.made import NOOP, ended, failing


def latencies(*seconds: float) -> Latencies:
    times = Latencies()
    for each in seconds:
        times.add(each)
    return times


FOUR = (0.4, 0.1, 0.3, 0.2)


@pytest.mark.parametrize(
    ("seconds", "percent", "found"),
    [
        ((), 50, 0.0),
        ((0.1,), 1, 0.1),
        ((0.1,), 100, 0.1),
        (FOUR, 25, 0.1),
        (FOUR, 26, 0.2),
        (FOUR, 50, 0.2),
        (FOUR, 51, 0.3),
        (FOUR, 75, 0.3),
        (FOUR, 76, 0.4),
        (FOUR, 100, 0.4),
        ((0.1, 0.1, 0.1, 7.0), 75, 0.1),
        ((0.1, 0.1, 0.1, 7.0), 76, 7.0),
        ((0.0, 0.0, 1.0), 50, 1e-7),  # a clock tells no less
        ((0.0,), 50, 0.0),
        ((1e-6, 1.0), 50, 1e-6),
        ((1000.0, 2000.0), 50, 1000.0),
    ],
)
def test_a_percentile_is_what_so_many_did_not_exceed_within_half_a_per_cent(
    seconds: tuple[float, ...], percent: float, found: float
) -> None:
    assert latencies(*seconds).percentile(percent) == pytest.approx(found, rel=0.005)


@pytest.mark.parametrize("seconds", [0.3, 0.30099, 0.302, 0.3031, 0.304])
def test_no_percentile_is_more_than_the_longest(seconds: float) -> None:
    assert latencies(seconds).percentile(50) <= seconds == latencies(seconds).longest


@pytest.mark.parametrize(
    ("seconds", "number", "mean", "longest"), [((), 0, 0.0, 0.0), ((0.5,), 1, 0.5, 0.5), ((1.0, 2.0, 6.0), 3, 3.0, 6.0)]
)
def test_durations_are_counted(seconds: tuple[float, ...], number: int, mean: float, longest: float) -> None:
    for times in (latencies(*seconds), latencies(*reversed(seconds))):
        assert (len(times), times.mean, times.longest) == (number, mean, longest)


def test_durations_that_are_counted_apart_and_together_are_the_same() -> None:
    first, second = latencies(0.1, 0.2, 5.0), latencies(0.1, 0.1, 3.0)
    whole = latencies(0.1, 0.2, 5.0, 0.1, 0.1, 3.0)
    for merged, other in ((latencies(), first), (second, first)):
        before = len(merged)
        merged.merge(other)
        assert len(merged) == before + 3
    assert (len(second), second.longest) == (6, 5.0)
    assert second.mean == pytest.approx(whole.mean)
    assert [second.percentile(each) for each in (1, 50, 51, 67, 84, 100)] == [
        whole.percentile(each) for each in (1, 50, 51, 67, 84, 100)
    ]


def failures(*sentences: str) -> Failures:
    found = Failures()
    for each in sentences:
        found.add(each)
    return found


def test_the_same_failure_is_shown_once() -> None:
    assert list(failures("a.", "b.", "a.").shown()) == ["a. (2 replays)", "b."]
    assert list(failures().shown()) == []
    assert list(failures(*["a."] * 1_000).shown()) == ["a. (1,000 replays)"]


def test_so_many_failures_are_kept_and_the_others_are_counted() -> None:
    hundred = [f"{number}." for number in range(100)]
    assert list(failures(*hundred).shown()) == hundred
    found = failures(*hundred, "x.", "0.")
    assert list(found.shown()) == ["0. (2 replays)", *hundred[1:], "1 more"]
    found.add("y.", 1_000)
    assert list(found.shown())[-1] == "1,001 more"


def test_failures_that_are_kept_apart_come_together() -> None:
    first, second = failures("a.", "b."), failures("b.", "b.", "c.")
    first.merge(second)
    assert list(first.shown()) == ["a.", "b. (3 replays)", "c."]
    full, other = (failures(*(f"{name}{number}." for number in range(101))) for name in "xy")
    full.merge(other)
    assert list(full.shown())[-1] == "102 more"


@pytest.mark.parametrize(
    ("differing", "failure", "server", "shown"),
    [
        (1, "a.smtp:2: x.", "", ["a.smtp:2: x."]),
        (2, "a.smtp:2: x.", "", ["a.smtp:2: x. 1 more step differed."]),
        (3, "a.smtp:2: x.", "", ["a.smtp:2: x. 2 more steps differed."]),
        (0, "no connection.", "", ["a.smtp: no connection."]),
        (0, "no connection.", "lab", ["lab: a.smtp: no connection."]),
        (0, None, "lab", []),
    ],
)
def test_a_failure_has_its_file_its_server_and_how_many_more_steps_differed(
    differing: int, failure: str | None, server: str, shown: list[str]
) -> None:
    stats = RunStats()
    stats.add_replay(ended(*[failing()] * differing, status=1, failure=failure), server)
    assert list(stats.failures.shown()) == shown


def test_an_interrupted_replay_failed_without_a_failure() -> None:
    stats = RunStats()
    stats.add_replay(ended(status=130, failure="interrupted"))
    assert (stats.failed, stats.exit_status, list(stats.failures.shown())) == (1, 130, [])


def one() -> RunStats:
    """Return the numbers of two replays, of which one failed."""
    stats = RunStats()
    skipped = replace(NOOP, outcome=Outcome.SKIPPED, seconds=9.0)
    for step in (NOOP, failing(seconds=1.0), skipped):
        stats.add_step(step)
    stats.add_replay(ended(NOOP, seconds=2.0))
    stats.add_replay(ended(failing(), skipped, status=3, failure="x.", seconds=4.0))
    return stats


def other() -> RunStats:
    """Return the numbers of one replay that passed."""
    stats = RunStats()
    stats.add_step(replace(NOOP, outcome=Outcome.SENT, seconds=5.0))
    stats.add_replay(ended(replace(NOOP, outcome=Outcome.SENT), seconds=6.0))
    return stats


@pytest.mark.parametrize("turned", [False, True])
def test_the_numbers_of_several_batches_are_added(turned: bool) -> None:
    assert (one().replays, one().failed, one().steps, one().exit_status) == (2, 1, 3, 3)
    whole, more = (other(), one()) if turned else (one(), other())
    whole.merge(more)
    assert (whole.replays, whole.failed, whole.steps, whole.exit_status) == (3, 1, 4, 3)
    assert whole.counts == dict.fromkeys(Outcome, 1)
    assert list(whole.failures.shown()) == ["a.smtp: x."]
    assert (len(whole.step_seconds), whole.step_seconds.longest) == (3, 5.0)  # without what was not sent
    assert (len(whole.replay_seconds), whole.replay_seconds.longest) == (3, 6.0)


def test_there_is_nothing_before_the_first_replay() -> None:
    stats = RunStats()
    assert (stats.replays, stats.failed, stats.steps, stats.exit_status, stats.seconds) == (0, 0, 0, 0, 0.0)
    assert (stats.interrupted, stats.not_selected, stats.not_run, stats.first_not_run) == (False, 0, 0, [])
    assert (stats.seed, stats.over_budget) == (None, [])
