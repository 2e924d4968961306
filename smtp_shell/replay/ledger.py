"""What a replay comes to: its steps, their number, and the exit status."""

from __future__ import annotations

from smtp_shell.replay.results import MOST_STEPS_KEPT, Outcome, Progress, StepResult, no_counts
from smtp_shell.replay.stage import Stopped


class Ledger:
    """Keep account of a replay.

    Args:
        progress: Takes each step's result as it happens.
        keep_going: Whether the replay goes on after a difference.

    Attributes:
        status: The exit status so far: the highest that anything came to.
        failure: The first thing that went wrong, in a sentence; None when nothing did.
        counts: How many steps had which outcome.
    """

    def __init__(self, progress: Progress | None, *, keep_going: bool) -> None:
        self._progress = progress
        self._keep_going = keep_going
        self._kept: list[StepResult] = []
        self.counts = no_counts()
        self.status = 0
        self.failure: str | None = None

    @property
    def steps(self) -> tuple[StepResult, ...]:
        """The steps; of a long replay those that differ or were skipped, and as many of the others as are kept."""
        return tuple(self._kept)

    def report(self, result: StepResult, status: int, fatal: bool) -> None:
        """Take what came of a step.

        Args:
            result: The step.
            status: Exit status that it comes to; 0 when it matched.
            fatal: Whether the replay cannot go on when it differs.

        Raises:
            Stopped: The replay ends here.
        """
        self.counts[result.outcome] += 1
        if len(self._kept) < MOST_STEPS_KEPT:
            self._kept.append(result)
        elif status or result.outcome is Outcome.SKIPPED:
            self._make_room_for(result)
        if self._progress is not None:
            self._progress(result)
        if status:
            self.fail(status, _sentence(result))
            if fatal or not self._keep_going:
                raise Stopped

    def fail(self, status: int, sentence: str) -> None:
        """Note that something went wrong."""
        self.failure = self.failure or sentence
        self.status = max(self.status, status)

    def _make_room_for(self, result: StepResult) -> None:
        """Keep a step that differs or was skipped in place of one that did not."""
        matched = (at for at, kept in enumerate(self._kept) if kept.outcome in (Outcome.MATCHED, Outcome.SENT))
        at = next(matched, None)
        if at is not None:
            del self._kept[at]
            self._kept.append(result)


def _sentence(result: StepResult) -> str:
    where = f"{result.path}:{result.lines[0]}" if result.lines else result.path
    return f"{where}: {result.why}."
