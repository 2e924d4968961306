"""How long things took: percentiles of any number of durations in little memory."""

from __future__ import annotations

from math import ceil, exp, log

_PER_UNIT = 1 / log(1.01)
_SHORTEST = 1e-7


class Latencies:
    """Durations, counted in classes that are one per cent wide; memory grows with their spread, not with their number."""

    def __init__(self) -> None:
        self._classes: dict[int, int] = {}
        self._longest = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        number = round(log(seconds if seconds > _SHORTEST else _SHORTEST) * _PER_UNIT)
        self._classes[number] = self._classes.get(number, 0) + 1
        if seconds > self._longest:
            self._longest = seconds

    def merge(self, other: Latencies) -> None:
        """Count all that another one has counted."""
        for number, times in other._classes.items():
            self._classes[number] = self._classes.get(number, 0) + times
        self._longest = max(self._longest, other._longest)

    def __len__(self) -> int:
        return sum(self._classes.values())

    @property
    def longest(self) -> float:
        """The longest duration, in seconds."""
        return self._longest

    def percentile(self, percent: float) -> float:
        """Give the duration that this share of them did not exceed (nearest rank), within half a per cent.

        Args:
            percent: More than 0, at most 100.

        Returns:
            Seconds; 0 when nothing was counted.
        """
        rank = ceil(len(self) * percent / 100)
        for number in sorted(self._classes):
            rank -= self._classes[number]
            if rank <= 0:
                return min(exp(number / _PER_UNIT), self._longest)
        return 0.0
