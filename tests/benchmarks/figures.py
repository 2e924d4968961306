"""Figures: measurements, their spread, and their goals."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Verdict(Enum):
    """Whether a figure meets its goal; the value is the word in the table."""

    MET = "met"
    NOT_MET = "not met"
    NOISY = "too noisy to say"
    CONTEXT = ""
    MISSING = "not measured"


@dataclass(frozen=True, slots=True)
class Goal:
    """Bound of a figure.

    Args:
        bound: The bound, which itself is allowed.
        at_least: Whether it is a lower bound.
    """

    bound: float
    at_least: bool = False

    def allows(self, value: float) -> bool:
        """Return True if a value meets the goal."""
        return value >= self.bound if self.at_least else value <= self.bound


def at_most(bound: float) -> Goal:
    """Return an upper bound."""
    return Goal(bound)


def at_least(bound: float) -> Goal:
    """Return a lower bound."""
    return Goal(bound, at_least=True)


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated measurements: their median, the quartiles, and all of them in order of time."""

    median: float
    low: float
    high: float
    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Build the spread of measurements.

        Args:
            samples: At least one. The quartiles of three or fewer are the smallest and the largest.
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
        value: Measured value, in the unit of its row.
        peak: Peak memory of the process in octets; None if not measured.
    """

    value: float
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Args:
        name: Peer, or what was measured; key of the row's goals.
        spread: Ratios to the peer, or values; None if not measured.
        unit: Unit of the spread; `x` for a ratio.
        ours: Median of smtp-shell's measure, with its unit.
        theirs: Median of the peer's measure, with its unit.
        peak: Peak memory of smtp-shell in octets.
        peer_peak: Peak memory of the peer in octets.
        missing: Why it was not measured, and what to do.
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
        name: Name of its file, without a suffix.
        title: Title.
        x: Label of the horizontal axis, with the unit.
        y: Label of the vertical axis, with the unit.
        lines: The lines.
    """

    name: str
    title: str
    x: str
    y: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """Figures and plots of a row."""

    figures: tuple[Figure, ...]
    plots: tuple[Plot, ...] = ()


def verdict(figure: Figure, goals: Mapping[str, Goal]) -> Verdict:
    """Return whether a figure meets its goal; NOISY if the median and the quartiles disagree."""
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
    """Format a value with its unit.

    Args:
        value: The value.
        unit: Its unit; seconds (`s`) are shown in ms, µs or ns if they are small.
    """
    for least, factor, name in _SCALES.get(unit, ()):
        if abs(value) >= least:
            return f"{_short(value * factor)} {name}"
    return f"{_short(value)} {unit}".rstrip()


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
