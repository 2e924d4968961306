"""Write the results: a table for the terminal, one in Markdown, and JSON."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.benchmarks.figures import Verdict, in_words, verdict
from tests.benchmarks.processes import CLIENT_CORES, CORES
from tests.benchmarks.workload import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.bench import Bench
    from tests.benchmarks.figures import Figure, Findings, Goal
    from tests.benchmarks.rows import Row

FIGURES, END_OF_FIGURES = "<!-- figures -->", "<!-- end of figures -->"

_TITLES = ("against", "figure", "quartiles", "goal", "", "smtp-shell", "peer", "peak memory")


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a row.

    Args:
        row: The row.
        findings: Its figures and plots.
        seconds: Duration of the measurement.
        error: Why there are no findings; empty if there are.
    """

    row: Row
    findings: Findings
    seconds: float
    error: str = ""

    def verdicts(self) -> Iterator[tuple[Figure, Verdict]]:
        """Yield each figure with its verdict."""
        for figure in self.findings.figures:
            yield figure, verdict(figure, self.row.goals)


def machine(bench: Bench) -> str:
    """Return one line with date, machine and settings of the run."""
    how = f"{bench.rounds} rounds{', small' if bench.small else ''}"
    pinned = "clients run on one core, servers on the other" if CLIENT_CORES else "not pinned to a core"
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
    """Yield the lines of one row for the terminal."""
    yield f"{result.row.name}: {result.row.what}"
    if result.error:
        yield f"  not measured: {result.error}"
        return
    lines = [_TITLES, *(_cells(figure, what, result.row.goals.get(figure.name)) for figure, what in result.verdicts())]
    # The reason why a figure is missing is long, and must not widen its column.
    widths = [max(len(line[at]) for line in lines if at != 4 or line[1] != Verdict.MISSING.value) for at in range(8)]
    for line in lines:
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))).rstrip()


def markdown_table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of one Markdown table for all rows."""
    yield "| what | against | figure (quartiles) | goal | verdict | smtp-shell | peer | peak memory |"
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
    """Return all measurements as JSON."""
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


def with_figures(text: str, bench: Bench, results: Sequence[Result]) -> str:
    """Return a document with the table between its two markers replaced."""
    before, _, rest = text.partition(FIGURES)
    _, _, after = rest.partition(END_OF_FIGURES)
    table = "\n".join(markdown_table(results))
    return f"{before}{FIGURES}\n{machine(bench)}.\n\n{table}\n{END_OF_FIGURES}{after}"
