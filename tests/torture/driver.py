"""The runs: a counting run that lists the points of a job, then one run for each point and each way it can fail."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.torture.faults import faults_of, kind_of
from tests.torture.forking import Ended, Starter
from tests.torture.jobs import PASSWORD, USER, Job, Place
from tests.torture.judge import Outcome, complaints
from tests.torture.launch import command
from tests.torture.plan import Plan
from tests.torture.report import Report

_ROOT = Path(__file__).parents[2]
_PER_SITE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """A run that did what it must not do.

    Args:
        job: The job's name.
        address: The fault.
        site: Where it happened.
        complaints: What was wrong, a sentence each.
        run: The run.
    """

    job: str
    address: str
    site: str
    complaints: tuple[str, ...]
    run: Outcome


class NotGood(Exception):
    """A job fails although no call is made to fail."""


class Bench:
    """Runs one job again and again.

    Args:
        job: The job.
        place: Where; its folder is made anew for each run.
        cold: Whether each run starts a process of its own, so that the import of the package is tried as well.

    Attributes:
        good: The run in which nothing failed, with the list of its points.
        runs: How many runs there were.
        last: The last of them; None before the first.
        missed: In how many of them the fault did not happen, since the run took another course.
    """

    def __init__(self, job: Job, place: Place, *, cold: bool = False) -> None:
        self.job, self._place, self._cold = job, place, cold
        self.runs = self.missed = 0
        self.last: Outcome | None = None
        self._aside = place.folder.parent
        self._starter: Starter | None = None
        first = self._checked(cold=True)
        assert first.report is not None
        if not cold:
            self._starter = Starter(first.report.modules)
        try:
            self.good = first if cold else self._checked(cold=False)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process that forks."""
        if self._starter is not None:
            self._starter.__exit__(None, None, None)

    def points(self, *, deep: bool = False) -> list[tuple[str, int, str]]:
        """Return the calls to fail and where they stand: of each place that makes a call the first three, or all."""
        assert self.good.report is not None
        seen: dict[tuple[str, str], int] = {}
        found = []
        for call, number, site in self.good.report.sites:
            seen[call, site] = seen.get((call, site), 0) + 1
            if deep or seen[call, site] <= _PER_SITE:
                found.append((call, number, site))
        return found

    def try_one(self, plan: Plan, site: str = "") -> Finding | None:
        """Run the job with one fault, and judge the run."""
        run = self._run(plan, cold=self._cold)
        self.runs, self.last = self.runs + 1, run
        if run.report is not None and not run.report.fired:
            self.missed += 1
        found = complaints(self.job, plan, run, self.good)
        if not found:
            return None
        where = run.report.fired if run.report is not None and run.report.fired else site
        return Finding(self.job.name, plan.address, where, tuple(found), run)

    def _checked(self, *, cold: bool) -> Outcome:
        good = self._run(Plan(lists=True), cold=cold)
        if good.ended.status != self.job.status or good.ended.hung or good.report is None:
            raise NotGood(
                f"{self.job.name} ended with {good.ended.status}: {(good.errors or good.output)[-2000:].decode(errors='replace')}"
            )
        return good

    def _run(self, plan: Plan, *, cold: bool) -> Outcome:
        folder = self._place.folder
        shutil.rmtree(folder, ignore_errors=True)
        for each in (folder, folder / "home", folder / "tmp"):
            each.mkdir(mode=0o700)
        self.job.prepare(self._place)
        before = _files(folder)
        output, errors, report = (self._aside / name for name in ("output", "errors", "report"))
        report.unlink(missing_ok=True)
        plan = Plan(plan.call, plan.number, plan.fault, plan.always, str(report), plan.lists)
        words, environment = self.job.words(self._place), self._environment()
        if cold or self._starter is None:
            ended = _start(words, plan, folder, environment, output, errors, self.job.seconds)
        else:
            ended = self._starter.run(
                words,
                plan,
                folder=folder,
                environment=environment,
                output=output,
                errors=errors,
                seconds=self.job.seconds,
            )
        return Outcome(
            ended, output.read_bytes(), errors.read_bytes(), Report.read(str(report)), _files(folder), before
        )

    def _environment(self) -> dict[str, str]:
        folder = str(self._place.folder)
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(_ROOT),
            "LANG": "C.UTF-8",
            "HOME": f"{folder}/home",
            "TMPDIR": f"{folder}/tmp",
            "SMTP_SHELL_STATE_DIR": f"{folder}/state",
            "SMTP_SHELL_CONFIG_DIR": f"{folder}/config",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            **self.job.environment,
        }


@contextmanager
def serving(folder: Path) -> Iterator[Place]:
    """Run the server of the jobs until the block ends. It is in this process, where nothing fails."""
    with PracticeServer(PracticeSettings(user=USER, password=Secret(PASSWORD))) as server:
        authority = folder / "ca.pem"
        shutil.copy(server.ca_file, authority)
        yield Place(folder / "run", f"{server.host}:{server.port}", authority)


def plans(
    points: Iterable[tuple[str, int, str]],
    *,
    kinds: frozenset[str] = frozenset(),
    always: bool = False,
    modes: tuple[str, ...] = (),
    never: frozenset[str] = frozenset(),
    sample: int = 0,
    seed: int = 1,
) -> list[tuple[Plan, str]]:
    """Return the runs to make, and where each fault stands.

    Args:
        points: The calls.
        kinds: Kinds or names of calls; empty for all.
        always: Whether to make all calls from each point on fail as well.
        modes: What else to do at each point: kills, Ctrl-C. Empty: its failures.
        never: Failures to leave out, of one call (`send:MemoryError`) or of all.
        sample: How many of the runs to draw; 0 for all.
        seed: For the draw.
    """
    found = []
    for call, number, site in points:
        if kinds and call not in kinds and kind_of(call) not in kinds:
            continue
        for fault in (each for each in modes or faults_of(call) if not {each, f"{call}:{each}"} & never):
            found.append((Plan(call, number, fault), site))
            if always and fault not in ("short", "idle", "back", "forward"):
                found.append((Plan(call, number, fault, always=True), site))
    if sample and sample < len(found):
        drawn = sorted(random.Random(seed).sample(range(len(found)), sample))
        return [found[place] for place in drawn]
    return found


def _start(
    words: list[str], plan: Plan, folder: Path, environment: dict[str, str], output: Path, errors: Path, seconds: float
) -> Ended:
    """Run smtp-shell in a process that begins from nothing."""
    file = folder.parent / "plan.json"
    plan.write(file)
    began = time.monotonic()
    with output.open("wb") as out, errors.open("wb") as err:
        child = subprocess.Popen(
            command(file, words),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            return Ended(child.wait(), True, time.monotonic() - began)
    return Ended(status, False, time.monotonic() - began)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
