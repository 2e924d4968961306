"""The table for a terminal, the same in Markdown, and JSON."""

import json
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Findings, Goal, Verdict, in_words, verdict
from tests.benchmarks.material import MIB
from tests.benchmarks.processes import CLIENT_CORES, CORES
from tests.benchmarks.rows import Row

_TITLES = ("against", "figure", "quartiles", "goal", "", "smtp-shell", "the other", "most memory")


@dataclass(frozen=True, slots=True)
class Result:
    """A row and what came of it.

    Args:
        row: The row.
        findings: Its figures and plots.
        seconds: How long it took.
        error: Why there are none; empty when there are.
    """

    row: Row
    findings: Findings
    seconds: float
    error: str = ""

    def verdicts(self) -> Iterator[tuple[Figure, Verdict]]:
        """Give each figure with what it came to."""
        for figure in self.findings.figures:
            yield figure, verdict(figure, self.row.goals)


def machine(bench: Bench) -> str:
    """Say in a line where, when and how this was measured."""
    how = f"{bench.rounds} rounds{', small' if bench.small else ''}"
    pinned = "what is measured runs on one core" if CLIENT_CORES else "not pinned to a core"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{len(CORES) or 'unknown'} cores; {pinned}; {how}"
    )


def _goal_in_words(goal: Goal | None, unit: str) -> str:
    if goal is None:
        return ""
    return f"{'at least' if goal.at_least else 'at most'} {in_words(goal.bound, unit)}"


def _memory(figure: Figure) -> str:
    both = [f"{peak / MIB:.0f}" if peak else "-" for peak in (figure.peak, figure.peer_peak)]
    return "" if both == ["-", "-"] else f"{' / '.join(both)} MiB"


def _cells(figure: Figure, what: Verdict, goal: Goal | None) -> tuple[str, ...]:
    if figure.spread is None:
        return figure.name, what.value, "", _goal_in_words(goal, figure.unit), figure.missing, "", "", ""
    spread, unit = figure.spread, figure.unit
    single = len(spread.samples) == 1
    quartiles = "" if single else f"{in_words(spread.low, '')} - {in_words(spread.high, '')}"
    return (
        *(figure.name, in_words(spread.median, unit), quartiles, _goal_in_words(goal, unit), what.value),
        *(figure.ours, figure.theirs, _memory(figure)),
    )


def text_table(result: Result) -> Iterator[str]:
    """Give the lines of one row of the report for a terminal."""
    yield f"{result.row.name}: {result.row.what}"
    if result.error:
        yield f"  not measured: {result.error}"
        return
    lines = [_TITLES, *(_cells(figure, what, result.row.goals.get(figure.name)) for figure, what in result.verdicts())]
    # What is missing is told behind the rest, and makes no column wide.
    widths = [max(len(line[at]) for line in lines if at != 4 or line[1] != Verdict.MISSING.value) for at in range(8)]
    for line in lines:
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))).rstrip()


def markdown_table(results: Sequence[Result]) -> Iterator[str]:
    """Give the lines of one Markdown table for all rows."""
    yield "| what | against | figure (quartiles) | goal | verdict | smtp-shell | the other | most memory |"
    yield "|---|---|---|---|---|---|---|---|"
    for result in results:
        what = result.row.what
        if result.error:
            yield f"| {what} | | | | not measured: {result.error} | | | |"
        for figure, found in result.verdicts():
            name, value, quartiles, goal, said, ours, theirs, memory = _cells(
                figure, found, result.row.goals.get(figure.name)
            )
            shown = f"{value} ({quartiles})" if quartiles else value
            cells = (what, name, shown, goal, said, ours, theirs, memory)
            yield "| " + " | ".join(cell.replace("|", r"\|").replace("<", "&lt;") for cell in cells) + " |"
            what = ""


def as_json(results: Sequence[Result], bench: Bench, floor: int | None) -> str:
    """Write everything that was measured."""
    return json.dumps(
        {
            "machine": machine(bench),
            "small": bench.small,
            "rounds": bench.rounds,
            "floor_of_memory": floor,
            "argv": sys.argv[1:],
            "rows": [
                {
                    "name": result.row.name,
                    "what": result.row.what,
                    "seconds": round(result.seconds, 1),
                    "error": result.error,
                    "figures": [
                        {
                            **asdict(figure),
                            "goal": asdict(goal) if (goal := result.row.goals.get(figure.name)) else None,
                            "verdict": found.value,
                        }
                        for figure, found in result.verdicts()
                    ],
                    "plots": [asdict(plot) for plot in result.findings.plots],
                }
                for result in results
            ],
        },
        indent=1,
    )
