"""`python -m tests.mutants`: change the package in one place after the other, and see whether a unit or property test notices."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter, defaultdict
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants import equivalents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tests.mutants.modules import Module
    from tests.mutants.mutant import Mutant, Project
    from tests.mutants.under_pytest import Trial, Verdict

PACKAGES = ("protocol", "transcript", "matching", "replay", "lint")
UNIT = tuple(f"tests/unit/{package}" for package in PACKAGES)
FLOOR = 90.0


def main(words: Sequence[str] | None = None) -> int:
    """Run, print figures and survivors, and return the exit status: 1 below the floor."""
    options = _parser().parse_args(words)
    if not hasattr(os, "fork"):
        print("python -m tests.mutants needs fork(), which this platform does not have.", file=sys.stderr)  # noqa: T201
        return 2
    from tests.mutants.modules import Module
    from tests.mutants.mutant import Project, modules_of

    start = time.monotonic()
    try:
        project = Project(options.project.resolve()) if options.project else Project()
        reasons = equivalents.read(project)
        modules = {m.file: m for m in (Module(path, project) for path in modules_of(options.what or PACKAGES, project))}
        chosen = choose([m for module in modules.values() for m in module.mutants], options)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    sys.path.insert(0, str(project.root))
    rotten = equivalents.unmatched(reasons, (m for module in modules.values() for m in module.mutants), set(modules))
    for line in rotten:
        print(f"equivalent.toml names no mutant by: {line}")  # noqa: T201
    same = {m.id for m in chosen if str(m) in reasons} if not options.mutant else set()
    verdicts = try_all(project, [m for m in chosen if m.id not in same], modules, options)
    report = Report(verdicts, [m for m in chosen if m.id in same], modules)
    if options.survivors is not None:
        options.survivors.write_text(report.survivors(), encoding="utf-8")
    elif survivors := report.survivors():
        print(survivors)  # noqa: T201
    print(report.table())  # noqa: T201
    print(f"{len(chosen)} mutants, {report.percent:.1f} % noticed, {time.monotonic() - start:.0f} seconds")  # noqa: T201
    return 1 if rotten or report.percent < (100 if options.mutant else FLOOR) else 0


def choose(mutants: Sequence[Mutant], options: argparse.Namespace) -> list[Mutant]:
    """Return the mutants that are asked for: one, a sample that depends on content and seed alone, or all.

    Raises:
        ValueError: There is no such mutant.
    """
    if options.mutant:
        found = [m for m in mutants if m.id.startswith(options.mutant)]
        if not found:
            raise ValueError(
                f"No mutant has the id {options.mutant}: without arguments, all five packages are looked at."
            )
        return found
    if options.sample is None:
        return list(mutants)
    return sorted(mutants, key=lambda m: hashlib.sha256(f"{options.seed} {m.id}".encode()).digest())[: options.sample]


def try_all(
    project: Project, mutants: Sequence[Mutant], modules: dict[str, Module], options: argparse.Namespace
) -> list[Verdict]:
    """Return what became of each mutant."""
    from tests.mutants.under_pytest import Verdict, Warm, run_cold, warm_up
    from tests.mutants.witnesses import Witnesses, measure

    folders = [f for f in (*UNIT, *(() if options.unit else ("tests/property",))) if (project.root / f).is_dir()]
    progress = _Progress(len(mutants), modules, options.survivors)
    verdicts: list[Verdict] = []
    with closing(Warm(project, folders, modules, options.jobs)) as warm:
        witnesses = Witnesses(project, measure(project, warm), warm.at_import)
        progress.say(f"{len(warm.tests)} tests, of which {len(witnesses.unfit)} are too slow or fail here")
        trials = [witnesses.trial(m) for m in mutants]
        for trial in trials:
            if not trial.tests:
                verdicts.append(Verdict(trial.mutant, "survived", "no test runs it", 0))
                progress.count(verdicts[-1])
        cold = [t for t in trials if t.tests and witnesses.is_seen_at_import(t.mutant)]
        of_mutant = {t.mutant.id: t for t in trials}
        live = [t for t in trials if t.tests and not witnesses.is_seen_at_import(t.mutant)]
        for verdict in _twice(warm.run, live, witnesses.rest):
            if verdict.word == "elsewhere":
                cold.append(of_mutant[verdict.mutant.id])
            else:
                verdicts.append(verdict)
                progress.count(verdict)
        libraries = warm.libraries
    if cold:
        warm_up(libraries)
    for verdict in _twice(partial(run_cold, project, modules=modules, at_once=options.jobs), cold, witnesses.rest):
        verdicts.append(verdict)
        progress.count(verdict)
    return verdicts


def _twice(
    run: Callable[[Sequence[Trial]], Iterator[Verdict]], trials: Sequence[Trial], rest: Callable[[Trial], Trial]
) -> Iterator[Verdict]:
    """Yield what became of each mutant; one that has survived its trial has another one, with the rest of the tests."""
    of_mutant = {t.mutant.id: t for t in trials}
    again = []
    for verdict in run(trials):
        if verdict.word == "survived" and (more := rest(of_mutant[verdict.mutant.id])).tests:
            again.append(more)
        else:
            yield verdict
    yield from run(again)


class Report:
    """What is printed at the end."""

    def __init__(self, verdicts: Iterable[Verdict], same: Iterable[Mutant], modules: dict[str, Module]) -> None:
        self._modules = modules
        self._survived = sorted(
            (v for v in verdicts if v.word == "survived"), key=lambda v: (v.mutant.file, v.mutant.line, v.mutant.number)
        )
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        for word, mutant in [*((v.word, v.mutant) for v in verdicts), *(("equivalent", m) for m in same)]:
            self._counts[mutant.file.partition("/")[0]][word] += 1

    @property
    def percent(self) -> float:
        """How many in a hundred are noticed, of those that are another program."""
        total: Counter[str] = sum(self._counts.values(), Counter())
        return _percent(total)

    def table(self) -> str:
        """Return the figures of each package."""
        head = f"{'package':12}{'mutants':>9}{'killed':>9}{'timeout':>9}{'survived':>9}{'equivalent':>11}{'noticed':>9}"
        rows = [head]
        for package, n in self._counts.items():
            words = (n.total(), n["killed"], n["timeout"], n["survived"])
            rows.append(
                f"{package:12}" + "".join(f"{w:9}" for w in words) + f"{n['equivalent']:11}{_percent(n):7.1f} %"
            )
        return "\n".join(rows)

    def survivors(self) -> str:
        """Return each survivor with the command that repeats it, its place and its diff."""
        return "\n".join(described(verdict, self._modules) for verdict in self._survived)


def described(verdict: Verdict, modules: Mapping[str, Module]) -> str:
    """Return the line that names the mutant, its place, the command that repeats it, and its diff."""
    mutant = verdict.mutant
    why = f" ({verdict.test})" if verdict.test else ""
    return (
        f"{mutant}\n  {mutant.operator} in smtp_shell/{mutant.file}:{mutant.line}{why}\n"
        f"  python -m tests.mutants {mutant.file} --mutant {mutant.id}\n{modules[mutant.file].diff(mutant)}\n"
    )


class _Progress:
    """Counts the verdicts, and writes survivors as they are found: all mutants of a package take an hour on two slow processors."""

    def __init__(self, total: int, modules: Mapping[str, Module], survivors: Path | None) -> None:
        self._total = total
        self._modules = modules
        self._file = survivors
        self._done = self._survived = 0
        self._start = time.monotonic()
        if survivors is not None:
            survivors.write_text("", encoding="utf-8")

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._start:.0f} s: {text}", file=sys.stderr, flush=True)  # noqa: T201

    def count(self, verdict: Verdict) -> None:
        self._done += 1
        if verdict.word == "survived":
            self._survived += 1
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(described(verdict, self._modules) + "\n")
        if self._done % 100 == 0:
            self.say(f"{self._done} of {self._total}, {self._survived} survived")


def _percent(n: Counter[str]) -> float:
    different = n.total() - n["equivalent"]
    return 100 * (different - n["survived"]) / different if different else 100.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "what", nargs="*", metavar="PACKAGE_OR_FILE", help=f"below smtp_shell/ (default: {' '.join(PACKAGES)})"
    )
    parser.add_argument(
        "--sample", type=int, metavar="N", help="try N mutants only, the same ones as long as they are there"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another sample (default: 1)")
    parser.add_argument(
        "--survivors", type=Path, metavar="FILE", help="write the survivors into a file instead of printing them"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many at the same time (default: 2)")
    parser.add_argument("--unit", action="store_true", help="unit tests only, which is three times as fast to begin")
    parser.add_argument("--project", type=Path, metavar="FOLDER", help="another checkout, with smtp_shell/ and tests/")
    parser.add_argument("--mutant", metavar="ID", help="try this one, also if it is listed as equivalent")
    return parser


if __name__ == "__main__":
    sys.exit(main())
