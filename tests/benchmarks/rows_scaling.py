"""Scaling: the cost of a step by the length of a replay, and of a dialogue by the number of concurrent ones."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.bench import OURS, peer, replay, smtp_shell
from tests.benchmarks.figures import Figure, Findings, Line, Plot, Spread, at_most, in_words
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import HOST, sink
from tests.benchmarks.workload import MIB, noops, repeated_message, spool

if TYPE_CHECKING:
    from tests.benchmarks.bench import Bench

MESSAGE = 700


def _steps(bench: Bench) -> Findings:
    sizes = [10, 100, 1_000, 3_000] if bench.small else [10, 100, 1_000, 10_000, 100_000, 1_000_000]
    walls: dict[str, list[list[float]]] = {OURS: [], "raw socket": []}
    cpus: list[list[float]] = []
    peaks: list[tuple[float, float]] = []
    with sink(bench) as port:
        server = ("--server", f"smtp://{HOST}:{port}", "--overall", "3600")
        for _ in range(min(bench.rounds, 2)):
            ours, raw, cpu = [], [], []
            for steps in sizes:
                path = str(noops(bench.folder, steps))
                done = bench.run(smtp_shell("replay", path, *server, says="matched"))
                ours.append(done.wall)
                cpu.append(done.cpu)
                raw.append(bench.run(peer("raw_noops.py", port, steps, says=f"{steps} done")).wall)
                if done.peak is not None and len(peaks) < len(sizes):
                    peaks.append((float(steps), done.peak / MIB))
            walls[OURS].append(ours)
            walls["raw socket"].append(raw)
            cpus.append(cpu)
    # Cost of one more step, from each size to the next.
    lines = {
        name: [
            (
                float(sizes[at]),
                statistics.median((run[at] - run[at - 1]) / (sizes[at] - sizes[at - 1]) for run in runs) * 1e6,
            )
            for at in range(1, len(sizes))
        ]
        for name, runs in walls.items()
    }
    last, before = len(sizes) - 1, 2 if bench.small else 3
    # In processor time, because other load on the machine changes wall time over minutes.
    costs = [(_more(run, sizes, last), _more(run, sizes, before)) for run in cpus]
    found = [
        Figure(
            f"a step, up to {sizes[last]:,} / {sizes[before]:,}",
            Spread.of([many / few for many, few in costs]),
            ours=f"{in_words(statistics.median(many for many, _ in costs), 's')} CPU",
            theirs=f"{in_words(statistics.median(few for _, few in costs), 's')} CPU",
        ),
        Figure(
            "a step: raw socket",
            Spread.of([_more(a, sizes, last) / _more(b, sizes, last) for a, b in zip(*walls.values(), strict=True)]),
            ours=in_words(lines[OURS][-1][1] / 1e6, "s"),
            theirs=in_words(lines["raw socket"][-1][1] / 1e6, "s"),
        ),
    ]
    if peaks:
        grown = peaks[-1][1] - peaks[0][1]
        found.append(Figure("memory: growth", Spread.of([grown]), "MiB", ours=f"up to {sizes[last]:,} steps"))
    cost = Plot(
        "cost-by-steps",
        "Cost of one more step of a replay",
        "steps",
        "µs a step",
        tuple(Line(name, tuple(points)) for name, points in lines.items()),
    )
    memory = Plot(
        "memory-by-steps", "Peak memory of a replay", "steps", "peak memory, MiB", (Line(OURS, tuple(peaks)),)
    )
    return Findings(tuple(found), (cost, memory))


def _more(seconds: list[float], sizes: list[int], at: int) -> float:
    return max((seconds[at] - seconds[at - 1]) / (sizes[at] - sizes[at - 1]), 1e-9)


def _parallel(bench: Bench) -> Findings:
    together = [1, 10, 50] if bench.small else [1, 10, 100, 500]
    count = bench.size(3_000, 150)
    transcript, spooled = str(repeated_message(bench.folder, MESSAGE)), str(spool(bench.folder, count, MESSAGE))
    costs: dict[str, list[list[float]]] = {OURS: [], "aiosmtplib": []}
    peaks: list[tuple[float, float]] = []
    with sink(bench) as port:
        for _ in range(min(bench.rounds, 3)):
            ours, others = [], []
            for jobs in together:
                options = ("--repeat", str(count), "--jobs", str(jobs))
                command = smtp_shell("replay", transcript, "--server", f"smtp://{HOST}:{port}", *options)
                done = replay(bench, command, count)
                ours.append(done.seconds / count)
                if done.peak is not None and len(peaks) < len(together):
                    peaks.append((float(jobs), done.peak / MIB))
                other = peer("aiosmtplib_messages.py", port, spooled, jobs, says=f"{count} done")
                others.append(bench.run(other).wall / count)
            costs[OURS].append(ours)
            costs["aiosmtplib"].append(others)
    lines = {
        name: [(float(jobs), statistics.median(run[at] for run in runs) * 1e6) for at, jobs in enumerate(together)]
        for name, runs in costs.items()
    }
    found = [
        Figure(
            f"a dialogue, {together[-1]} at a time / {together[at]}",
            Spread.of([run[-1] / run[at] for run in costs[OURS]]),
            ours=in_words(lines[OURS][-1][1] / 1e6, "s"),
            theirs=in_words(lines[OURS][at][1] / 1e6, "s"),
        )
        for at in (0, 1)
    ]
    if peaks:
        each = (peaks[-1][1] - peaks[0][1]) * 1024 / (together[-1] - together[0])
        found.append(
            Figure("memory of one more dialogue", Spread.of([each]), "KiB", ours=in_words(peaks[-1][1], "MiB"))
        )
    cost = Plot(
        "cost-by-jobs",
        "Cost of a dialogue by the number of concurrent ones",
        "dialogues at a time",
        "µs a dialogue",
        tuple(Line(name, tuple(points)) for name, points in lines.items()),
    )
    return Findings(tuple(found), (cost,))


ROWS = (
    Row(
        "scale-steps",
        "a step of a replay, from 10 to 1,000,000 steps in a file",
        {"a step, up to 1,000,000 / 10,000": at_most(1.25), "memory: growth": at_most(4.0)},
        _steps,
    ),
    Row(
        "scale-jobs",
        "a dialogue with one message, from 1 to 500 at a time",
        {
            **{f"a dialogue, 500 at a time / {few}": at_most(1.25) for few in (1, 10)},
            "memory of one more dialogue": at_most(64.0),
        },
        _parallel,
    ),
)
