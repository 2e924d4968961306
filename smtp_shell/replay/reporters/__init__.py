"""Reporters: peers over the stream of results, several of which can run at once.

A reporter is a module with a class that has `for_run` and `summary`, and one line in `REPORTERS`. A report in a file is a class with
`head`, `run` and `tail` (`files.ReportFormat`), and one line in `FORMATS`, which makes it an option of `replay` too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from smtp_shell.replay.reporters.files import FileReporter
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
        times: Whether each line of text has the time that its step took.
        only_failures: Whether what passed is left out of text, JSON and HTML.
        failures_first: Whether text has the runs that failed before the others.
    """

    color: bool = False
    repeat: int = 1
    jobs: int = 1
    whole_replies: bool = False
    times: bool = False
    only_failures: bool = False
    failures_first: bool = False


class RunInfo(Struct, frozen=True):
    """One run of one transcript.

    Args:
        name: The transcript's name, escaped.
        server: What it is replayed against, or the name of its profile, escaped; empty where the transcript says that.
        number: Which run it is, from 1.
        of: How many runs of it there are.
        insecure: Whether certificates are not verified.
        servers: Against how many servers that the user named each transcript is replayed.
        order: The run's place in the batch, from 0: the order in which reports have their runs.
        total: How many runs the batch has.
        seed: The seed of their order; None where that is the order of the files.
    """

    name: str
    server: str = ""
    number: int = 1
    of: int = 1
    insecure: bool = False
    servers: int = 0
    order: int = 0
    total: int = 1
    seed: int | None = None


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


FORMATS: Final[Mapping[str, str]] = {
    "junit": "smtp_shell.replay.reporters.junit:JUnitFormat",
    "tap": "smtp_shell.replay.reporters.tap:TapFormat",
    "html": "smtp_shell.replay.reporters.html:HtmlFormat",
}
"""Name of a report in a file, which is its option too -> class; imported when used."""


def make_reporter(name: str, settings: ReportSettings) -> Reporter:
    """Return a reporter by its name, a key of `REPORTERS`."""
    module, _, attribute = REPORTERS[name].partition(":")
    reporter: Reporter = getattr(import_module(module), attribute)(settings)
    return reporter


def make_file_reporter(name: str, settings: ReportSettings, path: Path, *, overwrite: bool = False) -> FileReporter:
    """Return a reporter that writes into a file, by the name of its format, a key of `FORMATS`.

    Args:
        name: The format.
        settings: What it needs to know of the batch.
        path: The file; `-` for standard output.
        overwrite: Whether to replace a file that is no such report.

    Raises:
        UsageError: There is another file of that name, or it cannot be created.
    """
    from smtp_shell.replay.reporters.files import FileReporter

    module, _, attribute = FORMATS[name].partition(":")
    return FileReporter(getattr(import_module(module), attribute)(settings), path, overwrite=overwrite)
