"""The JUnit report: a test suite for each run, a test case for each step.

It is valid by the two schemas in use: junit-10.xsd of Jenkins, and JUnit.xsd of Ant. So a test case has a name, a class and a time only,
its place stands in the message of the failure, and the dialogue in the `system-out` of its suite.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Final

from smtp_shell.figures import counted
from smtp_shell.replay.reporters.files import Spool
from smtp_shell.replay.reporters.inert import inert_xml
from smtp_shell.replay.reporters.wording import (
    NOT_RUN,
    Parts,
    dialogue_lines,
    difference_lines,
    place_title,
    run_title,
    untold_ending,
)
from smtp_shell.replay.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.replay.reporters import ReportSettings, RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats

_BEFORE: Final = 12
"""How many lines of the dialogue before it a failure shows."""


class JUnitFormat:
    """The JUnit XML of CI systems.

    Args:
        settings: What it needs to know of the batch.
    """

    signature = "<!-- smtp-shell replay -->"

    def __init__(self, settings: ReportSettings) -> None:
        self._suites = 0

    def head(self) -> str:
        """Return the start of the document."""
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{self.signature}\n<testsuites>\n'

    def run(self, info: RunInfo) -> JUnitRun:
        """Return an empty suite."""
        return JUnitRun(self, info)

    def tail(self, stats: RunStats, problem: str) -> str:
        """Return the end of the document.

        What the batch as a whole came to is a suite of its own: an error for what ended it early, a failure for each budget that is
        exceeded, and a skipped case for each run that was not begun.
        """
        errors = [problem] if problem else []
        skipped = stats.first_not_run
        cases = [
            *(_batch_case("the batch", f'<error type="ended" message="{_attribute(each)}">', each) for each in errors),
            *(
                _batch_case("--budget", f'<failure type="budget" message="{_attribute(each)}">', each)
                for each in stats.over_budget
            ),
            *(_batch_case(each, f'<skipped message="{NOT_RUN}"/>') for each in skipped),
        ]
        if stats.not_run > len(skipped):
            more = counted(stats.not_run - len(skipped), "more run")
            cases.append(_batch_case(more, f'<skipped message="{NOT_RUN}"/>'))
        if not cases:
            return "</testsuites>\n"
        failures = len(stats.over_budget)
        counts = (
            f'tests="{len(cases)}" failures="{failures}" errors="{len(errors)}" '
            f'skipped="{len(cases) - failures - len(errors)}"'
        )
        start = self.suite("smtp-shell", counts, 0.0, datetime.now().strftime("%Y-%m-%dT%H:%M:%S"))
        return f"{start}<properties/>\n{''.join(cases)}<system-out/>\n<system-err/>\n</testsuite>\n</testsuites>\n"

    def suite(self, name: str, counts: str, seconds: float, timestamp: str) -> str:
        """Return the start tag of a suite.

        Args:
            name: Its name.
            counts: The attributes with its counts.
            seconds: How long it took.
            timestamp: When it began, in local time.
        """
        return (
            f'<testsuite name="{_attribute(name)}" package="smtp-shell" id="{self._suites}" {counts} '
            f'time="{seconds:.3f}" timestamp="{timestamp}" hostname="localhost">\n'
        )

    def count_suite(self) -> None:
        """Note that a suite is written: the next one has the following number. Suites are written one after the other."""
        self._suites += 1


class JUnitRun:
    """One suite."""

    def __init__(self, form: JUnitFormat, info: RunInfo) -> None:
        self._form = form
        self._info = info
        self._class = _attribute(_class_name(info))
        self._parts = Parts(info.name)
        self._began = datetime.now().strftime("%Y-%m-%dT%H:%M:%S")
        self._cases = Spool()
        self._dialogue = Spool()
        self._last: deque[str] = deque(maxlen=_BEFORE)
        self._number = 0

    def step(self, result: StepResult) -> None:
        """Add a test case."""
        self._number += 1
        before = "\n".join(self._last)
        for line in (*self._parts.headings(result), *dialogue_lines(result)):
            self._last.append(line)
            self._dialogue.write(f"{inert_xml(line)}\n")
        name = _attribute(place_title(result, self._info))
        opened = f'<testcase name="{name}" classname="{self._class}" time="{result.seconds:.6f}"'
        match result.outcome:
            case Outcome.MISMATCHED:
                first, *rest = difference_lines(result)
                message = _attribute("; ".join([first, *rest]))
                text = inert_xml("\n".join([first, *rest, "", *(("before it:", before) if before else ())]))
                self._cases.write(
                    f'{opened}><failure type="difference" message="{message}">{text}</failure></testcase>\n'
                )
            case Outcome.SKIPPED:
                self._cases.write(f'{opened}><skipped message="{_attribute(result.why)}"/></testcase>\n')
            case _:
                self._cases.write(f"{opened}/>\n")

    def parts(self, result: ReplayResult) -> Iterator[str]:
        """Return the suite."""
        counts = result.counts
        ending = untold_ending(result)
        failures, skipped = counts[Outcome.MISMATCHED], counts[Outcome.SKIPPED]
        numbers = f'tests="{self._number + bool(ending)}" failures="{failures}" errors="{int(bool(ending))}" skipped="{skipped}"'
        yield self._form.suite(run_title(self._info), numbers, result.seconds, self._began)
        seed = self._info.seed
        properties = {
            "file": self._info.name,
            "server": result.server or self._info.server,
            "exit status": str(result.exit_status),
            "seed": str(seed) if seed is not None else "",
        }
        shown = "".join(
            f'<property name="{name}" value="{_attribute(value)}"/>' for name, value in properties.items() if value
        )
        yield f"<properties>{shown}</properties>\n"
        yield from self._cases.read()
        if ending:
            yield (
                f'<testcase name="the dialogue" classname="{self._class}" time="0"><error type="ended" '
                f'message="{_attribute(ending)}">{inert_xml(ending)}</error></testcase>\n'
            )
        yield "<system-out>"
        yield from self._dialogue.read()
        yield "</system-out>\n<system-err/>\n</testsuite>\n"
        self._form.count_suite()


def _attribute(text: str) -> str:
    return inert_xml(" ".join(text.split()))


def _batch_case(name: str, start: str, text: str = "") -> str:
    """Return a case of the suite of the batch, with what is in it: an element that is closed here, unless it is empty."""
    kind = start[1:].partition(" ")[0]
    inner = start if start.endswith("/>") else f"{start}{inert_xml(text)}</{kind}>"
    return f'<testcase name="{_attribute(name)}" classname="smtp-shell" time="0">{inner}</testcase>\n'


def _class_name(run: RunInfo) -> str:
    """Return the class of a run's test cases: viewers take what precedes the last full stop for a package.

    They also take cases with the same class and name for the same test, so of several servers each has its own.
    """
    name = run.name.removesuffix(".smtp").replace("\\", "/").strip("./").replace("/", ".") or run.name
    return f"{name}@{run.server.replace('.', '_')}" if run.servers > 1 else name
