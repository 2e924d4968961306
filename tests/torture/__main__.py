"""Make each fallible call of the package fail in turn, and judge each run. POSIX only."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.torture.faults import CALLS, MODES
from tests.torture.plan import BadAddress, Plan

if TYPE_CHECKING:
    from tests.torture.driver import Bench


def main(arguments: list[str] | None = None) -> int:
    """Run the torture.

    Returns:
        0 if nothing was found, 1 if something was, 2 for bad arguments.
    """
    if os.name != "posix":
        sys.stderr.write("tests.torture runs on POSIX only: it forks, and sends SIGKILL.\n")
        return 2
    from tests.torture.driver import NotGood
    from tests.torture.jobs import JOBS

    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--job", nargs="+", default=list(JOBS), metavar="NAME", help=f"of {', '.join(JOBS)}")
    parser.add_argument("--kind", default="", metavar="K,K", help=f"kinds or calls; kinds: {', '.join(CALLS)}")
    parser.add_argument(
        "--point", metavar="ADDRESS", help="one fault, such as recv:3:ECONNRESET; recv:3 for each of its faults"
    )
    parser.add_argument("--always", action="store_true", help="also make all calls from each point on fail")
    parser.add_argument("--mode", choices=MODES, action="append", default=[], help="do this at each point instead")
    parser.add_argument("--deep", action="store_true", help="every call, not the first three of each place")
    parser.add_argument("--cold", action="store_true", help="a new process for each run: the import is tried as well")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="draw N runs of each job")
    parser.add_argument("--seed", type=int, default=1, help="for the draw (default: 1)")
    parser.add_argument("--list", action="store_true", help="list the points and where they stand; run nothing else")
    parser.add_argument("--each", action="store_true", help="print a line for each run: its status and what it said")
    parser.add_argument("--verbose", action="store_true", help="print what each failed run has printed")
    chosen = parser.parse_args(arguments)
    kinds = frozenset(filter(None, chosen.kind.split(",")))
    known = frozenset(CALLS) | {call for calls in CALLS.values() for call in calls}
    for what, unknown in (("job", set(chosen.job) - set(JOBS)), ("kind", kinds - known)):
        if unknown:
            sys.stderr.write(f"python -m tests.torture: there is no {what} {sorted(unknown)[0]!r}; see --help.\n")
            return 2
    began, total = time.monotonic(), Counter[str]()
    try:
        for name in chosen.job:
            total += _run_job(name, chosen, kinds)
    except (BadAddress, NotGood) as error:
        sys.stderr.write(f"python -m tests.torture: {error}\n")
        return 2
    if not chosen.list:
        print(  # noqa: T201
            f"{total['runs']} runs, {total['missed']} in which the fault did not happen, {total['found']} found, "
            f"{time.monotonic() - began:.0f} s"
        )
    return 1 if total["found"] else 0


def _run_job(name: str, chosen: argparse.Namespace, kinds: frozenset[str]) -> Counter[str]:
    from tests.torture.driver import Bench, plans, serving
    from tests.torture.jobs import JOBS

    addressed = _addressed(chosen.point) if chosen.point else []
    with tempfile.TemporaryDirectory(prefix="smtp-shell-torture-") as folder, serving(Path(folder)) as place:
        bench = Bench(JOBS[name], place, cold=chosen.cold)
        try:
            points = bench.points(deep=chosen.deep)
            if chosen.list:
                for call, number, site in points:
                    print(f"{name:10} {call}:{number:<5} {site}")  # noqa: T201
                return Counter()
            if addressed:
                todo = addressed
            else:
                todo = plans(
                    points,
                    kinds=kinds,
                    always=chosen.always,
                    modes=tuple(chosen.mode),
                    sample=chosen.sample,
                    seed=chosen.seed,
                )
            return _try_all(bench, todo, chosen)
        finally:
            bench.close()


def _addressed(address: str) -> list[tuple[Plan, str]]:
    from tests.torture.faults import faults_of

    if address.count(":") == 1:
        call = address.partition(":")[0]
        if call in {each for calls in CALLS.values() for each in calls}:
            return [(Plan.parse(f"{address}:{fault}"), "") for fault in faults_of(call)]
    return [(Plan.parse(address), "")]


def _try_all(bench: Bench, todo: list[tuple[Plan, str]], chosen: argparse.Namespace) -> Counter[str]:
    found = 0
    began = time.monotonic()
    for plan, site in todo:
        finding = bench.try_one(plan, site)
        if chosen.each and bench.last is not None:
            said = (bench.last.errors.strip() or bench.last.output.strip()).decode(errors="replace").rpartition("\n")[2]
            print(f"{plan.address:32} {bench.last.ended.status:4} {said[:200]}")  # noqa: T201
        if finding is None:
            continue
        found += 1
        cold = " --cold" if chosen.cold else ""
        print(f"python -m tests.torture --job {finding.job}{cold} --point {finding.address}")  # noqa: T201
        print(f"    at {finding.site}")  # noqa: T201
        for complaint in finding.complaints:
            print(f"    {complaint}")  # noqa: T201
        if chosen.verbose:
            for octets in (finding.run.output[-1500:], finding.run.errors[-3000:]):
                print("        " + octets.decode(errors="replace").replace("\n", "\n        "))  # noqa: T201
        sys.stdout.flush()
    minutes = (time.monotonic() - began) / 60
    print(  # noqa: T201
        f"{bench.job.name}: {bench.runs} runs, {bench.missed} in which the fault did not happen, {found} found, "
        f"{bench.runs / max(minutes, 1e-9):.0f} a minute"
    )
    return Counter(runs=bench.runs, missed=bench.missed, found=found)


if __name__ == "__main__":
    sys.exit(main())
