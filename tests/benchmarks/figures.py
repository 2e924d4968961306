"""Figures: what was measured, how far it spreads, and whether it is as good as it should be."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Verdict(Enum):
    """What a figure came to; the value says it in words."""

    MET = "met"
    NOT_MET = "not met"
    NOISY = "too noisy to say"
    CONTEXT = ""
    MISSING = "not measured"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be.

    Args:
        bound: The last value that is good.
        at_least: Whether more is better; else less is.
    """

    bound: float
    at_least: bool = False

    def allows(self, value: float) -> bool:
        """Say whether a value is good."""
        return value >= self.bound if self.at_least else value <= self.bound


def at_most(bound: float) -> Goal:
    """Give the goal of staying at or under a bound."""
    return Goal(bound)


def at_least(bound: float) -> Goal:
    """Give the goal of reaching a bound."""
    return Goal(bound, at_least=True)


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of the same thing: their median, the quartiles around it, and all of them."""

    median: float
    low: float
    high: float
    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Sum up measurements.

        Args:
            samples: At least one; of three or fewer the quartiles are the smallest and the largest.
        """
        ordered = sorted(samples)
        low, high = ordered[0], ordered[-1]
        if len(ordered) > 3:
            low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
        return cls(statistics.median(ordered), low, high, tuple(samples))


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one side.

    Args:
        value: The measure, in the unit of its row.
        peak: The most memory the process had, in octets; None where it does not matter or nobody says.
    """

    value: float
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Args:
        name: What smtp-shell is compared with, or what was measured; the row's goals go by it.
        spread: The ratios, round by round, or the values; None if it could not be measured.
        unit: Of the spread: `x` for a ratio, else what the values are in.
        ours: The median of smtp-shell's own measure, in words.
        theirs: The same of the peer.
        peak: The most memory that smtp-shell had, in octets.
        peer_peak: The same of the peer.
        missing: Why it could not be measured, and what to do.
    """

    name: str
    spread: Spread | None
    unit: str = "x"
    ours: str = ""
    theirs: str = ""
    peak: int | None = None
    peer_peak: int | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot: points of (x, y)."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over one axis; both axes are logarithmic.

    Args:
        name: The name of its file, without a suffix.
        title: What it shows.
        x: What runs along the bottom, with its unit.
        y: What runs up the side, with its unit.
        lines: The lines.
    """

    name: str
    title: str
    x: str
    y: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of a row."""

    figures: tuple[Figure, ...]
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = field(default=())


def verdict(figure: Figure, goals: Mapping[str, Goal]) -> Verdict:
    """Judge a figure: it is met or not when the median and both quartiles say the same."""
    if figure.spread is None:
        return Verdict.MISSING
    goal = goals.get(figure.name)
    if goal is None:
        return Verdict.CONTEXT
    good = {goal.allows(value) for value in (figure.spread.low, figure.spread.median, figure.spread.high)}
    if len(good) > 1:
        return Verdict.NOISY
    return Verdict.MET if good == {True} else Verdict.NOT_MET


_SCALES = {
    "s": ((1.0, 1.0, "s"), (1e-3, 1e3, "ms"), (1e-6, 1e6, "µs"), (0.0, 1e9, "ns")),
}


def in_words(value: float, unit: str) -> str:
    """Write a value with its unit, as short as it can be read.

    Args:
        value: The value.
        unit: Its unit; seconds (`s`) become ms, µs or ns where these fit better.
    """
    for least, factor, name in _SCALES.get(unit, ()):
        if abs(value) >= least:
            return f"{_short(value * factor)} {name}"
    return f"{_short(value)} {unit}".rstrip()


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
