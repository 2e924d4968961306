"""What many replays come to: how many steps had which outcome, and how long they took."""

from __future__ import annotations

from _thread import allocate_lock  # what threading.Lock is; threading takes long to load

from smtp_shell.replay.latency import Latencies
from smtp_shell.replay.results import Outcome, ReplayResult, StepResult, no_counts

_SKIPPED = Outcome.SKIPPED


class Tally:
    """The numbers of any number of replays.

    Attributes:
        replays: How many replays there were.
        failed: How many of them came to another exit status than 0.
        counts: How many steps had which outcome.
        exit_status: The highest exit status.
        seconds: How long all of it took.
        replay_seconds: How long each replay took.
        step_seconds: How long each step took, from its first octet to the judgement of the last reply to it.
    """

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._showings = 0
        self.replays = 0
        self.failed = 0
        self.counts = no_counts()
        self.exit_status = 0
        self.seconds = 0.0
        self.replay_seconds = Latencies()
        self.step_seconds = Latencies()

    @property
    def steps(self) -> int:
        """How many steps there were."""
        return sum(self.counts.values())

    def count_step(self, step: StepResult) -> None:
        """Count how long a step took."""
        if step.outcome is not _SKIPPED:
            self.step_seconds.add(step.seconds)

    def count(self, result: ReplayResult) -> None:
        """Count a replay whose steps were counted as they happened."""
        self.replays += 1
        self.failed += result.exit_status != 0
        for outcome, number in result.counts.items():
            self.counts[outcome] += number
        self.exit_status = max(self.exit_status, result.exit_status)
        self.replay_seconds.add(result.seconds)

    def add(self, other: Tally) -> None:
        """Count all that another one has counted; any thread may."""
        with self._lock:
            self.replays += other.replays
            self.failed += other.failed
            for outcome, number in other.counts.items():
                self.counts[outcome] += number
            self.exit_status = max(self.exit_status, other.exit_status)
            self.replay_seconds.merge(other.replay_seconds)
            self.step_seconds.merge(other.step_seconds)

    def claim_showing(self, most: int) -> bool:
        """Say whether one more replay may show its differences; any thread may ask, once for each replay.

        Args:
            most: How many may.
        """
        with self._lock:
            self._showings += 1
            return self._showings <= most
