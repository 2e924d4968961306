"""The options of reports, and the reports that they stand for: shared by `smtp-shell replay` and the shell's `/replay`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field

from smtp_shell.arguments import file_path
from smtp_shell.errors import SmtpShellError, UsageError
from smtp_shell.replay.reporters import FORMATS, ReportSettings, make_file_reporter, make_reporter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from smtp_shell.client.credentials import Ask
    from smtp_shell.replay.reporters import Reporter
    from smtp_shell.replay.reporters.files import FileReporter
    from smtp_shell.replay.reporters.progress import ProgressReporter
    from smtp_shell.replay.workers import Writer

_STDOUT = "-"


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of reports to a parser."""
    group = parser.add_argument_group("reports")
    for name, what in (("junit", "JUnit XML"), ("tap", "TAP 14"), ("html", "one HTML page")):
        group.add_argument(
            f"--{name}", type=file_path, metavar="FILE", help=f"also write a report in {what}; - is standard output"
        )
    group.add_argument("--times", action="store_true", help="show how long each step took")
    group.add_argument("--only-failures", action="store_true", help="leave out what matched, in text, JSON and HTML")
    group.add_argument("--failures-first", action="store_true", help="in text, show the transcripts that failed first")
    group.add_argument(
        "--print",
        dest="print_names",
        action="append",
        default=[],
        metavar="NAME",
        help="print what an S~ pattern captured as NAME on standard output, and the report on standard error; may be repeated",
    )


class Reports(Struct, frozen=True):
    """The open reports of a batch.

    Args:
        reporters: All of them.
        out: Where reports that are no files write.
        reports_times: Whether one of them has the time of each step.
        ask: Asks the user, while no progress bar stands in the way; None where nobody can be asked.
        failures: Known at the end: why a report is not complete, in sentences.
    """

    reporters: list[Reporter]
    out: Writer
    reports_times: bool
    ask: Ask | None = None
    failures: list[str] = field(default_factory=list)


@contextmanager
def open_reports(
    options: argparse.Namespace,
    settings: ReportSettings,
    out: Writer | None = None,
    *,
    names: Sequence[str] = ("text",),
    ask: Ask | None = None,
) -> Iterator[Reports]:
    """Open the reports that options ask for; their files are whole afterwards, whatever ended the batch.

    Args:
        options: The parsed options, those of `add_report_options` among them.
        settings: What reporters need to know of the batch.
        out: Where the text or JSON report goes; None for standard output, or standard error where that is taken.
        names: The reports on the screen, keys of `REPORTERS`.
        ask: Asks the user; None where nobody can be asked.

    Yields:
        The reports.

    Raises:
        UsageError: A file is there and is no such report, or cannot be created, or two things are to go to standard output.
    """
    taken = _of_standard_output(options, names, in_shell=out is not None)
    files: list[FileReporter] = []
    failures: list[str] = []
    progress = None
    try:
        for each in FORMATS:
            path: Path | None = getattr(options, each)
            if path is not None:
                force = bool(getattr(options, "force", False))
                files.append(make_file_reporter(each, settings, path, overwrite=force))
        if out is None and "json" not in names:
            progress = _progress(options, taken=taken)
        lines: Writer = out or progress or (sys.stderr if taken else sys.stdout)
        reporters: list[Reporter] = [*(make_reporter(each, settings) for each in names), *files]
        if options.print_names:
            from smtp_shell.replay.reporters.captured import CaptureReporter

            reporters.append(CaptureReporter(options.print_names, sys.stdout))
        if progress is not None:
            reporters.insert(0, progress)  # the summary stands where the bar was
            ask = progress.asking(ask) if ask is not None else None
        yield Reports(reporters, lines, bool(files) or options.times or "json" in names, ask, failures)
    except SmtpShellError as error:
        for report in files:
            report.abort(error.message)
        raise
    except BaseException as error:
        for report in files:
            report.abort("interrupted" if isinstance(error, KeyboardInterrupt) else "the program failed")
        raise
    finally:
        if progress is not None:
            progress.close()
        for report in files:
            report.close()
        failures += [report.failure for report in files if report.failure]


def _of_standard_output(options: argparse.Namespace, names: Sequence[str], *, in_shell: bool) -> bool:
    """Return whether something other than the text report goes to standard output.

    Raises:
        UsageError: More than one thing does.
    """
    if options.failures_first and "json" in names:
        raise UsageError("--failures-first is about the order of text; leave it out, or leave out --json.")
    taken = [f"--{each} -" for each in FORMATS if str(getattr(options, each)) == _STDOUT]
    taken += ["--print"] if options.print_names else []
    taken += ["--json"] if "json" in names else []
    if in_shell and taken:
        raise UsageError(f"{taken[0]} writes to standard output, which is the shell's screen; name a file.")
    if len(taken) > 1:
        raise UsageError(f"{' and '.join(taken)} would all write to standard output; name a file for one of them.")
    return bool(taken) and "json" not in names


def _progress(options: argparse.Namespace, *, taken: bool) -> ProgressReporter | None:
    """Return the progress bar; None where there is no terminal for it, or a user goes step by step."""
    if options.step or not sys.stderr.isatty():
        return None
    from smtp_shell.display.late_progress import stands_on_a_terminal
    from smtp_shell.replay.reporters.progress import ProgressReporter

    if not stands_on_a_terminal():
        return None
    lines = sys.stderr if taken else sys.stdout
    return ProgressReporter(lines, sys.stderr, above=lines.isatty())
