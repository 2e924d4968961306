"""Reading: transcripts from a file, replies from the wire; and reports of replays. Measured within one process by pyperf."""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tests.benchmarks.bench import OURS, Command, Compared, peer
from tests.benchmarks.environments import ROOT
from tests.benchmarks.figures import Figure, Findings, Line, Plot, Sample, Spread, at_least, at_most
from tests.benchmarks.in_process import ADDRESSES, REPLIES, STEPS
from tests.benchmarks.processes import Missing
from tests.benchmarks.rows import Row
from tests.benchmarks.workload import MIB, recording, recording_of_size

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.bench import Bench

_LABELS = {"read_steps": "text to steps", "check_steps": "to checked steps", "read_lines": "bare loop"}


def measured(
    bench: Bench, names: tuple[str, ...], path: Path | None = None, *, values: int = 5
) -> dict[str, list[float]]:
    """Measure functions of `in_process` by pyperf, each in turn, round by round.

    Args:
        bench: The run.
        names: The functions.
        path: Transcript that they read.
        values: Measurements of each function in a round.

    Returns:
        Name -> seconds of one call, the median of each round.

    Raises:
        Missing: pyperf is not installed.
    """
    if find_spec("pyperf") is None:
        raise Missing("pyperf is not installed (pip install -e '.[bench]')")
    import pyperf

    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(bench.rounds):
        out = bench.folder / f"in-process-{number}.json"
        out.unlink(missing_ok=True)
        options = [
            "--processes",
            "1",
            "--values",
            str(bench.size(values, 1)),
            "--warmups",
            "1",
            "--loops",
            "1",
            "--quiet",
        ]
        options += ["--inherit-environ", "PYTHONPATH,LC_ALL", "-o", str(out)]
        what = ["--only", *names, *(["--file", str(path)] if path else [])]
        command = (sys.executable, "-m", "tests.benchmarks.in_process", *options, *what)
        bench.run(Command(command, {"PYTHONPATH": str(ROOT)}))
        suite = pyperf.BenchmarkSuite.load(str(out))
        for name in names:
            found[name].append(statistics.median(suite.get_benchmark(name).get_values()))
    return found


def _against(found: dict[str, list[float]], ours: str, theirs: str, amount: int, unit: str, label: str) -> Figure:
    samples = {
        OURS: [Sample(amount / seconds) for seconds in found[ours]],
        label: [Sample(amount / seconds) for seconds in found[theirs]],
    }
    (figure,) = Compared(samples, {}).figures(unit)
    return figure


def _speed(bench: Bench) -> Findings:
    lines = bench.size(200_000, 10_000)
    path = recording(bench.folder, lines)
    found = measured(bench, ("read_steps", "check_steps", "read_lines"), path)
    per_second = {name: Spread.of([lines / seconds for seconds in found[name]]) for name in found}
    return Findings(
        (
            Figure("lines to steps", per_second["read_steps"], "lines/s"),
            Figure("lines to checked steps", per_second["check_steps"], "lines/s"),
            _against(found, "read_steps", "read_lines", lines, "lines/s", "steps: bare loop that decodes"),
            _against(found, "check_steps", "read_lines", lines, "lines/s", "checked: bare loop that decodes"),
        )
    )


def _replies(bench: Bench) -> Findings:
    ours = ("replies_by_parser", "events_of_commands", "escape_lines")
    found = measured(bench, (*ours, "replies_by_readline", "decode_lines"))
    return Findings(
        (
            _against(
                found, ours[0], "replies_by_readline", REPLIES, "replies/s", "octets to replies: bare readline loop"
            ),
            _against(
                found, ours[1], "replies_by_readline", REPLIES, "replies/s", "command and events: bare readline loop"
            ),
            _against(found, ours[2], "decode_lines", REPLIES, "lines/s", "escape: bare decode"),
        )
    )


def _reports(bench: Bench) -> Findings:
    names = ("report_junit", "report_tap", "report_html")
    found = measured(bench, (*names, "report_by_element_tree"), bench.folder / "steps")
    others = (
        Figure(name.removeprefix("report_"), Spread.of([STEPS / each for each in found[name]]), "steps/s")
        for name in names[1:]
    )
    against = _against(found, names[0], "report_by_element_tree", STEPS, "steps/s", "junit: bare ElementTree")
    return Findings((against, *others))


def _completion(bench: Bench) -> Findings:
    found = measured(bench, ("completion",))
    spread = Spread.of([seconds * 1e3 for seconds in found["completion"]])
    return Findings((Figure("look through all", spread, "ms", ours=f"{ADDRESSES:,} addresses"),))


def _large(bench: Bench) -> Findings:
    """Measure peak memory by the size of the file."""
    sizes = [MIB, 4 * MIB] if bench.small else [MIB, 10 * MIB, 100 * MIB, 1000 * MIB]
    memory: dict[str, list[tuple[float, float]]] = {}
    for octets in sizes:
        path = recording_of_size(bench.folder, octets)
        for name in ("read_steps", "check_steps"):
            done = bench.run(peer("reading.py", name, str(path), says="read"))
            if done.peak is not None:
                memory.setdefault(name, []).append((octets / MIB, done.peak / MIB))
        path.unlink()
    figures = []
    for name, label in (("read_steps", "steps"), ("check_steps", "checked")):
        peaks = [y for _, y in memory.get(name, [])]
        if not peaks:
            figures.append(Figure(f"{label}: most", None, missing="this system does not report peak memory"))
            continue
        span = f"1 MiB to {sizes[-1] // MIB:,} MiB"
        figures.append(Figure(f"{label}: most", Spread.of([max(peaks)]), "MiB", ours=span))
        figures.append(Figure(f"{label}: growth", Spread.of([max(peaks) - min(peaks)]), "MiB", ours=span))
    plot = Plot(
        "memory-by-file",
        "Peak memory while a transcript is read",
        "file, MiB",
        "peak memory, MiB",
        tuple(Line(_LABELS[name], tuple(points)) for name, points in memory.items()),
    )
    return Findings(tuple(figures), (plot,))


def _cost_per_step(bench: Bench) -> Findings:
    counts = [10, 100, 1_000] if bench.small else [10, 100, 1_000, 10_000, 100_000, 1_000_000]
    points: dict[str, list[tuple[float, float]]] = {}
    bench = replace(bench, rounds=min(bench.rounds, 3))
    for count in counts:
        path = recording(bench.folder, count)
        values = max(1, min(5, 50_000 // count))
        found = measured(bench, ("read_steps", "check_steps", "read_lines"), path, values=values)
        for name, seconds in found.items():
            points.setdefault(name, []).append((float(count), statistics.median(seconds) / count * 1e6))
    # From 1,000 lines on. With fewer, the cost of opening the file dominates.
    figures = []
    for name, label in (("read_steps", "steps"), ("check_steps", "checked")):
        costs = [y for x, y in points[name] if x >= 1_000] or [points[name][-1][1]]
        ratio = Spread.of([costs[-1] / costs[0]])
        figures.append(
            Figure(f"{label}: most lines / 1,000", ratio, ours=f"{costs[-1]:.2f} µs", theirs=f"{costs[0]:.2f} µs")
        )
    plot = Plot(
        "reading-by-steps",
        "Cost of a line when a transcript is read",
        "lines in the file",
        "µs a line",
        tuple(Line(_LABELS[name], tuple(line)) for name, line in points.items()),
    )
    return Findings(tuple(figures), (plot,))


ROWS = (
    Row(
        "reading", "reading a transcript: text to steps; lines a second", {"lines to steps": at_least(300_000)}, _speed
    ),
    Row(
        "reading-memory",
        "peak memory while a transcript of 1 MiB to 1,000 MiB is read",
        {f"{way}: most": at_most(100.0) for way in ("steps", "checked")}
        | {f"{way}: growth": at_most(4.0) for way in ("steps", "checked")},
        _large,
    ),
    Row(
        "reading-scale",
        "cost of a line, from 10 lines to 1,000,000",
        {f"{way}: most lines / 1,000": at_most(1.25) for way in ("steps", "checked")},
        _cost_per_step,
    ),
    Row("replies", "octets to replies and events, and escaping for the screen; how many a second", {}, _replies),
    Row(
        "junit",
        "reports of 10,000 steps, of which each tenth differs: JUnit, TAP and HTML",
        {"junit: bare ElementTree": at_least(0.25), "tap": at_least(20_000), "html": at_least(20_000)},
        _reports,
    ),
    Row(
        "suggesting",
        "suggestions from 10,000 addresses in the history, within the process",
        {"look through all": at_most(10.0)},
        _completion,
    ),
)
