"""Run the targets under atheris, which looks for inputs that reach new code: `python -m tests.fuzz.run`.

Each target has a process of its own, with its share of the time. What is found is kept, and goes into `corpus/` once it is mended.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SEEDS = Path(__file__).parent / "corpus"
# Not from `targets`: what they test is imported where atheris can watch it. Each target has seeds, a test says so.
NAMES = sorted(path.name for path in SEEDS.iterdir() if path.is_dir())
MISSING = "atheris is not installed: pip install -e '.[test,fuzz]' (it exists for Linux on x86-64 only)."
SECONDS_PER_INPUT = 10
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
    parser.add_argument("--target", action="append", choices=NAMES, help="a target; may be given again (default: all)")
    parser.add_argument(
        "--seed", type=int, default=0, help="makes a run repeatable (default: 0, another one each time)"
    )
    parser.add_argument("--corpus", type=Path, help="a folder that keeps inputs from one run to the next")
    parser.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    options, for_atheris = parser.parse_known_args(arguments)
    if find_spec("atheris") is None:
        sys.stderr.write(f"{MISSING}\n")
        return 2
    if options.child:
        return _fuzz(options.child, for_atheris)
    if for_atheris:
        parser.error(f"unknown: {' '.join(for_atheris)}")
    names = options.target or NAMES
    kept = options.corpus or Path(tempfile.mkdtemp(prefix="smtp-shell-fuzz-"))
    outcomes = {name: _run(name, options.seconds / len(names), options.seed, kept / name) for name in names}
    _report(outcomes)
    failed = any(outcome.failed for outcome in outcomes.values())
    if options.corpus is None and not failed:
        shutil.rmtree(kept, ignore_errors=True)
    return 1 if failed else 0


def _run(name: str, seconds: float, seed: int, kept: Path) -> Outcome:
    kept.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "tests.fuzz.run", "--child", name),
        f"-max_total_time={max(1, round(seconds))}",
        f"-seed={seed}",
        f"-timeout={SECONDS_PER_INPUT}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={kept}/",
        "-print_final_stats=1",
        str(kept),
        str(SEEDS / name),
    ]
    patience = seconds + 120
    try:
        process = subprocess.run(
            command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired as late:
        return Outcome(0, None, (late.stdout or b"").decode("utf-8", "replace"), failed=True)
    log = process.stdout.decode("utf-8", "replace")
    executions, found = _EXECUTIONS.search(log), _FOUND.search(log)
    return Outcome(
        int(executions[1]) if executions else 0, Path(found[1]) if found else None, log, failed=process.returncode != 0
    )


def _report(outcomes: dict[str, Outcome]) -> None:
    for name, outcome in outcomes.items():
        sys.stdout.write(f"{name:18}{outcome.executions:>10,} inputs{'   FAILED' if outcome.failed else ''}\n")
    for name, outcome in outcomes.items():
        if outcome.failed:
            where = outcome.found or "(no input was saved)"
            sys.stdout.write(f"\n{name}: {where}\n{outcome.log[-6000:]}\n")


def _fuzz(name: str, for_atheris: Sequence[str]) -> int:
    import atheris

    sys.stderr.flush()
    with atheris.instrument_imports(include=["smtp_shell"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *for_atheris], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
