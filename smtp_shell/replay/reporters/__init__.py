"""Reporters: peers over the stream of results, several of which can run at once.

A reporter is a module with a class that has `for_run` and `summary`, and one line in `REPORTERS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats
    from smtp_shell.replay.workers import Writer


class ReportSettings(Struct, frozen=True):
    """What a reporter needs to know of the whole batch.

    Args:
        color: Whether text has colours.
        repeat: How many times each transcript is replayed.
        jobs: How many replays run at a time.
        whole_replies: Whether each reply is shown with all of its lines, as for a user who goes step by step.
    """

    color: bool = False
    repeat: int = 1
    jobs: int = 1
    whole_replies: bool = False


class RunInfo(Struct, frozen=True):
    """One run of one transcript.

    Args:
        name: The transcript's name, escaped.
        server: What it is replayed against, or the name of its profile, escaped; empty where the transcript says that.
        number: Which run it is, from 1.
        of: How many runs of it there are.
        insecure: Whether certificates are not verified.
        servers: Against how many servers that the user named each transcript is replayed.
    """

    name: str
    server: str = ""
    number: int = 1
    of: int = 1
    insecure: bool = False
    servers: int = 0


class RunReport(Protocol):
    """The report of one run; called by the thread that runs it."""

    def start(self) -> None:
        """Report that the run begins."""

    def step(self, result: StepResult) -> None:
        """Report a step."""

    def finish(self, result: ReplayResult) -> None:
        """Report the end of the run."""


class Reporter(Protocol):
    """The report of a batch. `for_run` may be called from several threads."""

    def for_run(self, run: RunInfo, out: Writer) -> RunReport:
        """Return the report of a run.

        Args:
            run: The run.
            out: Takes lines in the order of the runs.
        """

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Report the end of the batch."""


REPORTERS: Final[Mapping[str, str]] = {
    "text": "smtp_shell.replay.reporters.text:TextReporter",
    "json": "smtp_shell.replay.reporters.json:JsonReporter",
    "table": "smtp_shell.replay.reporters.table:TableReporter",
}
"""Name -> class; imported when used."""


def make_reporter(name: str, settings: ReportSettings) -> Reporter:
    """Return a reporter by its name, a key of `REPORTERS`."""
    module, _, attribute = REPORTERS[name].partition(":")
    reporter: Reporter = getattr(import_module(module), attribute)(settings)
    return reporter
