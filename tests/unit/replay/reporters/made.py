"""Results of replays for tests of reports, made by hand."""

from __future__ import annotations

import io

from msgspec.structs import replace

from smtp_shell.replay.reporters import ReportSettings
from smtp_shell.replay.results import Difference, Outcome, ReplayResult, StepResult, no_counts

PLAIN = ReportSettings()
NOOP = StepResult("a.smtp", (2,), "NOOP", Outcome.MATCHED, seconds=0.25, code=250, replies=(b"250 ok\r\n",))
MANY = "\n".join(str(number) for number in range(150))


class Screen(io.StringIO):
    """Keeps what was there when it was flushed for the last time."""

    seen = ""

    def flush(self) -> None:
        self.seen = self.getvalue()


def failing(expected: str = "250 ok", received: str = "550 no", at: int | None = 0, **more: object) -> StepResult:
    difference = Difference(expected, received, at, 3, 1)
    step = StepResult("a.smtp", (2,), "NOOP", Outcome.MISMATCHED, "the reply code differs", difference=difference)
    return replace(step, **more)


def ended(*steps: StepResult, status: int = 0, failure: str | None = None, **more: object) -> ReplayResult:
    counts = no_counts()
    for step in steps:
        counts[step.outcome] += 1
    return replace(ReplayResult("a.smtp", "mx:25", steps, counts, status, failure, 0.5), **more)
