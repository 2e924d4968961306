"""Run the targets under atheris, which looks for inputs that reach new code: `python -m tests.fuzz.run`.

Each target has a process of its own, with its share of the time. What is found is kept, and goes into `corpus/` once it is mended.
The processes are forks of one that has imported what they test: with atheris that takes seconds, which 26 targets would each spend.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

SEEDS = Path(__file__).parent / "corpus"
# Not from `targets`: what they test is imported where atheris can watch it. Each target has seeds, a test says so.
NAMES = sorted(path.name for path in SEEDS.iterdir() if path.is_dir())
# Each input is a dialogue of the whole program, of which an instrumented process plays few in its share of the time: it has a command
# of its own, `python -m tests.fuzz.whole`, and is run here when it is asked for by name.
BY_NAME = frozenset({"whole"})
MISSING = "atheris is not installed: pip install -e '.[test,fuzz]' (it exists for Linux on x86-64 only)."
SECONDS_PER_INPUT = 10
PATIENCE = 120  # seconds that a target may take longer than its share
MEGABYTES = 512
LONGEST = 2048

_EXECUTIONS = re.compile(r"stat::number_of_executed_units: *([0-9]+)")
_FOUND = re.compile(r"Test unit written to (.+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target.

    Args:
        executions: How many inputs it was given.
        found: The input that it failed on; None when all held.
        log: What atheris said.
    """

    executions: int
    found: Path | None
    log: str
    failed: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; give the exit status: 1 when something was found, 2 when atheris is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description="Fuzz the parsers of smtp-shell.")
    parser.add_argument("--seconds", type=float, default=60, help="seconds in all (default: 60)")
    parser.add_argument(
        "--target", action="append", choices=NAMES, help="a target; may be given again (default: all but whole)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="makes a run repeatable (default: 0, another one each time)"
    )
    parser.add_argument("--corpus", type=Path, help="a folder that keeps inputs from one run to the next")
    options = parser.parse_args(arguments)
    if find_spec("atheris") is None:
        sys.stderr.write(f"{MISSING}\n")
        return 2
    deadline = time.monotonic() + options.seconds
    names = options.target or [name for name in NAMES if name not in BY_NAME]
    targets = _instrumented(names)
    kept = options.corpus or Path(tempfile.mkdtemp(prefix="smtp-shell-fuzz-"))
    outcomes: dict[str, Outcome] = {}
    for number, name in enumerate(names):
        # Of what is left, so that a target that took long takes from the others, and all end in time.
        seconds = (deadline - time.monotonic()) / (len(names) - number)
        outcomes[name] = _run(targets[name], max(1, int(seconds)), options.seed, SEEDS / name, kept / name)
    _report(outcomes)
    failed = any(outcome.failed for outcome in outcomes.values())
    if options.corpus is None and not failed:
        shutil.rmtree(kept, ignore_errors=True)
    return 1 if failed else 0


def _run(target: Target, seconds: int, seed: int, seeds: Path, kept: Path) -> Outcome:
    kept.mkdir(parents=True, exist_ok=True)
    arguments = [
        *(sys.argv[0], f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={SECONDS_PER_INPUT}"),
        *(f"-rss_limit_mb={MEGABYTES}", f"-max_len={LONGEST}", f"-artifact_prefix={kept}/", "-print_final_stats=1"),
        *(str(kept), str(seeds)),
    ]
    with tempfile.TemporaryFile() as said:
        process = multiprocessing.get_context("fork").Process(target=_fuzz, args=(target, arguments, said.fileno()))
        process.start()
        process.join(seconds + PATIENCE)
        is_late = process.exitcode is None
        if is_late:
            process.kill()
            process.join()
        said.seek(0)
        log = said.read().decode("utf-8", "replace")
    executions, found = _EXECUTIONS.search(log), _FOUND.search(log)
    return Outcome(
        int(executions[1]) if executions else 0,
        Path(found[1]) if found else None,
        log,
        failed=is_late or process.exitcode != 0 or executions is None,
    )


def _report(outcomes: dict[str, Outcome]) -> None:
    for name, outcome in outcomes.items():
        sys.stdout.write(f"{name:18}{outcome.executions:>10,} inputs{'   FAILED' if outcome.failed else ''}\n")
    for name, outcome in outcomes.items():
        if outcome.failed:
            where = outcome.found or "(no input was saved)"
            sys.stdout.write(f"\n{name}: {where}\n{outcome.log[-6000:]}\n")


def _instrumented(names: Sequence[str]) -> Mapping[str, Target]:
    """Import the targets so that atheris sees which code an input reaches.

    Args:
        names: Those that will be run.
    """
    import atheris

    with redirect_stderr(StringIO()), atheris.instrument_imports(include=["smtp_shell"]):  # it names each module
        from tests.fuzz.targets import TARGETS

        if not BY_NAME.isdisjoint(names):
            import_module("tests.fuzz.whole.checks")
    return TARGETS


def _fuzz(target: Target, arguments: Sequence[str], said: int) -> None:
    """Fuzz one target, in a process of its own."""
    import atheris

    for stream in (1, 2):
        os.dup2(said, stream)
    atheris.Setup(list(arguments), target)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
