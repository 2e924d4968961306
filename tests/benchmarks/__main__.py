"""Measure smtp-shell and its peers in the same run, and print the figures."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Findings, Verdict
from tests.benchmarks.plots import draw
from tests.benchmarks.processes import Failed, Launcher, Missing
from tests.benchmarks.registry import ALL_ROWS
from tests.benchmarks.report import Result, as_json, machine, markdown_table, text_table, with_figures
from tests.benchmarks.workload import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.rows import Row

ROUNDS, FEW_ROUNDS = 5, 2
README = Path(__file__).with_name("README.md")


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark.

    Args:
        words: The arguments; None for the process's own.

    Returns:
        Exit status: 1 if a program failed. No figure changes it.
    """
    options = _parser().parse_args(words)
    if options.list:
        _say(*(f"{row.name:20} {row.what}" for row in ALL_ROWS))
        return 0
    chosen = [row for row in ALL_ROWS if not options.only or row.name in options.only]
    rounds = options.rounds or (FEW_ROUNDS if options.small else ROUNDS)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="smtp-shell-benchmark-", ignore_cleanup_errors=True)
        )
        launcher = stack.enter_context(contextlib.closing(Launcher(Path(folder))))
        bench = Bench(Path(folder), rounds, options.small, launcher)
        # smtp-sink runs as nobody and writes here.
        bench.folder.chmod(0o755)
        for name in ("home", "temporary"):
            (bench.folder / name).mkdir()
        floor = launcher.floor()
        results = [_measure(bench, row, quiet=options.markdown) for row in chosen]
    if options.markdown:
        _say(f"{machine(bench)}.", "", *markdown_table(results))
    else:
        _print_summary(bench, results, floor)
    if options.write:
        README.write_text(with_figures(README.read_text("utf-8"), bench, results), encoding="utf-8")
    if options.json:
        options.json.write_text(as_json(results, bench, floor) + "\n", encoding="utf-8")
    if options.plots:
        options.plots.mkdir(parents=True, exist_ok=True)
        for plot in (plot for result in results for plot in result.findings.plots):
            (options.plots / f"{plot.name}.svg").write_text(draw(plot), encoding="utf-8")
    return int(any(result.error for result in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Measure smtp-shell and its peers in the same run."
    )
    parser.add_argument(
        "--small", action="store_true", help="tiny workloads: shows that every row runs; the figures mean little"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        choices=[row.name for row in ALL_ROWS],
        help="measure these rows (see --list)",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help=f"rounds of each comparison (default {ROUNDS})")
    parser.add_argument("--markdown", action="store_true", help="print one Markdown table")
    parser.add_argument(
        "--write", action="store_true", help=f"write the table and the plots of tests/benchmarks/{README.name}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement as JSON")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw cost and memory as SVG")
    parser.add_argument("--list", action="store_true", help="list the rows")
    return parser


def _measure(bench: Bench, row: Row, *, quiet: bool) -> Result:
    start = time.perf_counter()
    try:
        findings, error = row.run(bench), ""
    except Missing as problem:
        findings, error = Findings((Figure("all", None, missing=str(problem)),)), ""
    except Failed as problem:
        findings, error = Findings(()), str(problem)
    result = Result(row, findings, time.perf_counter() - start, error)
    lines = (*text_table(result), f"  ({result.seconds:.0f} s)", "")
    if quiet:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    else:
        _say(*lines)
    return result


def _print_summary(bench: Bench, results: Sequence[Result], floor: int | None) -> None:
    found = [what for result in results for _, what in result.verdicts()]
    counts = ", ".join(f"{found.count(each)} {each.value}" for each in Verdict if each.value and each in found)
    _say(
        f"{machine(bench)}.",
        "Figures are ratios to the peer in the same run: the median of the rounds, and the quartiles. Less memory than",
        f"{(floor or 0) / MIB:.0f} MiB, which the process that starts the others has, cannot be measured.",
        counts,
    )


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
