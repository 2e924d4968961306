"""Statistics of replays: how many steps had which outcome, and how long they took."""

from __future__ import annotations

from _thread import allocate_lock  # threading.Lock itself; importing threading takes 2 ms
from math import ceil, exp, log
from typing import TYPE_CHECKING

from smtp_shell.errors import Interrupted
from smtp_shell.replay.results import Outcome, no_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.replay.results import ReplayResult, StepResult

_CLASSES_PER_E = 1 / log(1.01)
_SHORTEST = 1e-7
_MOST_FAILURES = 100


class Latencies:
    """Durations, counted in classes that are one per cent wide. Memory grows with their spread, not with their number."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._total = 0.0
        self._classes: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count a duration."""
        number = round(log(max(seconds, _SHORTEST)) * _CLASSES_PER_E)
        self._classes[number] = self._classes.get(number, 0) + 1
        self._total += seconds
        self.longest = max(self.longest, seconds)

    def merge(self, other: Latencies) -> None:
        """Count all that another one has counted."""
        for number, times in other._classes.items():
            self._classes[number] = self._classes.get(number, 0) + times
        self._total += other._total
        self.longest = max(self.longest, other.longest)

    def __len__(self) -> int:
        return sum(self._classes.values())

    @property
    def mean(self) -> float:
        """Their mean, in seconds; 0 when nothing was counted."""
        return self._total / len(self) if self._classes else 0.0

    def percentile(self, percent: float) -> float:
        """Return the duration that this share of them did not exceed (nearest rank), within half a per cent.

        Args:
            percent: More than 0, at most 100.

        Returns:
            Seconds; 0 when nothing was counted.
        """
        rank = ceil(len(self) * percent / 100)
        for number in sorted(self._classes):
            rank -= self._classes[number]
            if rank <= 0:
                return min(exp(number / _CLASSES_PER_E), self.longest)
        return 0.0


class Failures:
    """The first failure of each replay that failed, in the order in which they ended. The same one is kept once."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}  # sentence -> in how many replays
        self._more = 0  # replays whose failure is not kept

    def add(self, sentence: str, times: int = 1) -> None:
        """Add a failure.

        Args:
            sentence: It, with the file and the line.
            times: How many replays had it.
        """
        if sentence in self._times or len(self._times) < _MOST_FAILURES:
            self._times[sentence] = self._times.get(sentence, 0) + times
        else:
            self._more += times

    def merge(self, other: Failures) -> None:
        """Add all that another one has."""
        for sentence, times in other._times.items():
            self.add(sentence, times)
        self._more += other._more

    def shown(self) -> Iterator[str]:
        """Yield each failure once, and how often it happened."""
        for sentence, times in self._times.items():
            yield sentence if times == 1 else f"{sentence} ({times:,} replays)"
        if self._more:
            yield f"{self._more:,} more"


class RunStats:
    """The numbers of any number of replays.

    Attributes:
        replays: How many replays there were.
        failed: How many of them had another exit status than 0.
        counts: How many steps had which outcome.
        exit_status: The highest exit status.
        seconds: How long all of it took.
        interrupted: Whether Ctrl-C ended it.
        failures: What went wrong first in each replay that failed.
        replay_seconds: How long each replay took.
        step_seconds: How long each step took, from its first octet to the verdict on the last reply to it.
        not_selected: How many transcripts `--tag` left out.
        not_run: How many replays were not begun, because as many as `--max-failures` allows had failed.
        first_not_run: The titles of the first of them.
        seed: The seed of the order; None where that is the order of the files.
        over_budget: By what the steps exceed a `--budget`, in sentences without full stops.
    """

    def __init__(self) -> None:
        self.replays = 0
        self.failed = 0
        self.counts = no_counts()
        self.failures = Failures()
        self.exit_status = 0
        self.seconds = 0.0
        self.interrupted = False
        self.replay_seconds = Latencies()
        self.step_seconds = Latencies()
        self.not_selected = 0
        self.not_run = 0
        self.first_not_run: list[str] = []
        self.seed: int | None = None
        self.over_budget: list[str] = []
        self._lock = allocate_lock()

    @property
    def steps(self) -> int:
        """How many steps there were."""
        return sum(self.counts.values())

    def add_step(self, result: StepResult) -> None:
        """Count how long a step took."""
        if result.outcome is not Outcome.SKIPPED:
            self.step_seconds.add(result.seconds)

    def add_replay(self, result: ReplayResult, server: str = "") -> None:
        """Count a replay whose steps were counted as they happened.

        Args:
            result: Its result.
            server: Which of several servers it was against; empty for the only one.
        """
        self.replays += 1
        self.failed += result.exit_status != 0
        for outcome, number in result.counts.items():
            self.counts[outcome] += number
        if result.failure is not None and result.exit_status != Interrupted.exit_status:
            named = result.failure.startswith(f"{result.path}:")
            more = result.counts[Outcome.MISMATCHED] - 1
            also = f" {more} more {'step' if more == 1 else 'steps'} differed." if more > 0 else ""
            against = f"{server}: " if server else ""
            self.failures.add(f"{against}{'' if named else f'{result.path}: '}{result.failure}{also}")
        self.exit_status = max(self.exit_status, result.exit_status)
        self.replay_seconds.add(result.seconds)

    def merge(self, other: RunStats) -> None:
        """Count all that another one has counted. Safe to call from any thread."""
        with self._lock:
            self.replays += other.replays
            self.failed += other.failed
            for outcome, number in other.counts.items():
                self.counts[outcome] += number
            self.failures.merge(other.failures)
            self.exit_status = max(self.exit_status, other.exit_status)
            self.replay_seconds.merge(other.replay_seconds)
            self.step_seconds.merge(other.step_seconds)
