"""Torture jobs that somebody attends: servers with clients, and programs at a terminal. Each call fails in turn. POSIX only."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.torture.faults import CALLS
from tests.torture.plan import BadAddress, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.servers.practice import PracticeServer
    from tests.torture.jobs_servers import ServerJob
    from tests.torture.jobs_terminal import TerminalJob, Typed
    from tests.torture.tortured_server import Served

_COMMAND: Final = "python -m tests.torture.attended"


@dataclass(frozen=True)
class Found:
    """A run that did what it must not do.

    Attributes:
        address: The fault.
        site: Where it happened.
        problems: What was wrong, a sentence each.
        printed: What was printed.
    """

    address: str
    site: str
    problems: tuple[str, ...]
    printed: bytes


class NotGood(Exception):
    """A job fails although no call is made to fail."""


class AttendedBench:
    """Runs one job again and again.

    Args:
        job: The job.
        folder: A folder of its own.
        upstream: The server that relays lead to, and that terminals talk to.

    Attributes:
        counts: How many runs there were of each kind of call, in how many the fault did not happen, and how many were found.
    """

    def __init__(self, job: ServerJob | TerminalJob, folder: Path, upstream: PracticeServer) -> None:
        from tests.torture.forking import Starter

        self.job, self._folder, self._upstream = job, folder, upstream
        self._report = folder / "report.json"
        self.counts: Counter[str] = Counter()
        self._expected: Served | Typed | None = None
        self._starter = Starter()
        try:
            modules = self._good()[1]
            self._starter.__exit__(None, None, None)
            self._starter = Starter(modules)
            self._expected, _, self._sites = self._good_with_sites()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process that forks."""
        self._starter.__exit__(None, None, None)

    def points(self, each: int) -> list[tuple[str, int, str]]:
        """Return the calls to fail and where they stand: the first so many of each place that makes a call; all for 0."""
        seen: Counter[tuple[str, str]] = Counter()
        found = []
        for call, number, site in self._sites:
            seen[call, site] += 1
            if not each or seen[call, site] <= each:
                found.append((call, number, site))
        return found

    def try_one(self, plan: Plan, site: str = "") -> Found | None:
        """Run the job with one fault, and judge the run."""
        from tests.torture.faults import kind_of
        from tests.torture.report import Report

        run = self._run(plan)
        report = Report.read(str(self._report))
        self.counts[kind_of(plan.call)] += 1
        if report is not None and not report.fired:
            self.counts["missed"] += 1
        if not run.problems:
            return None
        self.counts["found"] += 1
        return Found(plan.address, report.fired if report and report.fired else site, tuple(run.problems), run.printed)

    def _good(self) -> tuple[Served | Typed, list[str]]:
        good, modules, _ = self._good_with_sites()
        return good, modules

    def _good_with_sites(self) -> tuple[Served | Typed, list[str], list[tuple[str, int, str]]]:
        from tests.torture.report import Report

        good = self._run(Plan(lists=True))
        report = Report.read(str(self._report))
        if good.problems or report is None:
            said = good.printed[-2000:].decode(errors="replace")
            raise NotGood(f"{self.job.name} fails by itself: {'; '.join(good.problems) or 'it has no report'}\n{said}")
        return good, report.modules, report.sites

    def _run(self, plan: Plan) -> Served | Typed:
        from tests.torture.jobs_servers import Place

        place = Place(self._folder / "run", self._upstream)
        shutil.rmtree(place.folder, ignore_errors=True)
        for each in (place.folder, place.folder / "home", place.folder / "tmp"):
            each.mkdir(mode=0o700)
        for path in (self._upstream.maildir / "new").iterdir():
            path.unlink()
        self._report.unlink(missing_ok=True)
        plan = replace(plan, report=str(self._report))
        return self.job.run(self._starter, plan, place, self._expected)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the torture.

    Returns:
        0 if nothing was found, 1 if something was, 2 for bad arguments.
    """
    if os.name != "posix":
        sys.stderr.write(f"{_COMMAND} runs on POSIX only: it forks, and needs pseudo-terminals.\n")
        return 2
    from tests.torture.jobs_servers import SERVER_JOBS
    from tests.torture.jobs_terminal import TERMINAL_JOBS

    jobs = {job.name: job for job in (*SERVER_JOBS, *TERMINAL_JOBS)}
    chosen = _parsed(arguments, list(jobs))
    known = frozenset(CALLS) | {call for calls in CALLS.values() for call in calls}
    kinds = frozenset(filter(None, chosen.kind.split(",")))
    for what, unknown in (("job", set(chosen.job) - set(jobs)), ("kind", kinds - known)):
        if unknown:
            sys.stderr.write(f"{_COMMAND}: there is no {what} {sorted(unknown)[0]!r}; see --help.\n")
            return 2
    began, found, runs = time.monotonic(), 0, 0
    try:
        for name in chosen.job:
            counts = _run_job(jobs[name], chosen, kinds)
            found += counts["found"]
            runs += sum(counts[kind] for kind in CALLS)
    except (BadAddress, NotGood) as error:
        sys.stderr.write(f"{_COMMAND}: {error}\n")
        return 2
    if not chosen.list:
        print(f"{runs} runs, {found} found, {time.monotonic() - began:.0f} s")  # noqa: T201
    return 1 if found else 0


def _parsed(arguments: Sequence[str] | None, names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_COMMAND, description=__doc__)
    parser.add_argument("--job", nargs="+", default=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--kind", default="", metavar="K,K", help=f"kinds or calls; kinds: {', '.join(CALLS)}")
    parser.add_argument("--point", nargs="+", metavar="ADDRESS", help="these faults, such as recv:3:ECONNRESET")
    parser.add_argument(
        "--each", type=int, default=3, metavar="N", help="the first N calls of each place (default: 3); 0 for all"
    )
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="draw N runs of each job")
    parser.add_argument("--seed", type=int, default=1, help="for the draw (default: 1)")
    parser.add_argument("--list", action="store_true", help="list the points and where they stand; run nothing else")
    parser.add_argument("--verbose", action="store_true", help="print what each failed run has printed")
    return parser.parse_args(arguments)


def _run_job(job: ServerJob | TerminalJob, chosen: argparse.Namespace, kinds: frozenset[str]) -> Counter[str]:
    from tests.torture.driver import plans
    from tests.torture.jobs_servers import upstream

    with tempfile.TemporaryDirectory(prefix="smtp-shell-torture-") as name:
        folder = Path(name)
        for each in ("run", "upstream"):
            (folder / each).mkdir()
        with upstream(folder / "upstream") as server:
            bench = AttendedBench(job, folder, server)
            try:
                points = bench.points(chosen.each)
                if chosen.list:
                    for call, number, site in points:
                        print(f"{job.name:10} {call}:{number:<5} {site}")  # noqa: T201
                    return Counter()
                todo = plans(points, kinds=kinds, never=job.never, sample=chosen.sample, seed=chosen.seed)
                if chosen.point:
                    todo = [(Plan.parse(address), "") for address in chosen.point]
                return _try_all(bench, todo, verbose=chosen.verbose)
            finally:
                bench.close()


def _try_all(bench: AttendedBench, todo: Sequence[tuple[Plan, str]], *, verbose: bool) -> Counter[str]:
    began = time.monotonic()
    for found in _findings(bench, todo):
        print(f"{_COMMAND} --job {bench.job.name} --point {found.address}\n    at {found.site}")  # noqa: T201
        for problem in found.problems:
            print(f"    {problem}")  # noqa: T201
        if verbose:
            print("        " + found.printed.decode(errors="replace").replace("\n", "\n        "))  # noqa: T201
        sys.stdout.flush()
    kinds = ", ".join(f"{kind} {bench.counts[kind]}" for kind in CALLS if bench.counts[kind])
    print(  # noqa: T201
        f"{bench.job.name}: {len(todo)} runs ({kinds}), {bench.counts['missed']} in which the fault did not happen, "
        f"{bench.counts['found']} found, {time.monotonic() - began:.0f} s"
    )
    return bench.counts


def _findings(bench: AttendedBench, todo: Sequence[tuple[Plan, str]]) -> Iterator[Found]:
    for plan, site in todo:
        found = bench.try_one(plan, site)
        if found is not None:
            yield found


if __name__ == "__main__":
    sys.exit(main())
