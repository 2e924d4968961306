"""Run smtp-shell with the shim: `python -m tests.torture.launch PLAN.json WORD…`. The shim comes before the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.torture import shim
from tests.torture.counting import COUNTER
from tests.torture.plan import Plan
from tests.torture.report import Report, imported, left_open, left_running, open_descriptors

_real_exit = os._exit


def command(plan: Path, words: Sequence[str]) -> list[str]:
    """Return the command line that runs smtp-shell with a plan."""
    return [sys.executable, "-m", "tests.torture.launch", str(plan), *words]


def run(plan: Plan, words: Sequence[str]) -> int:
    """Run smtp-shell in this process, with the plan armed, and write the report at its end, however it ends.

    Returns:
        The exit status, unless the program ends the process itself.
    """
    before = open_descriptors()

    def report() -> None:
        COUNTER.armed = False
        if plan.report:
            Report(COUNTER.counts, COUNTER.sites, COUNTER.fired, left_open(before), left_running(), imported()).write(
                plan.report
            )

    def exit_with_report(status: int) -> None:
        report()
        _real_exit(status)

    os._exit = exit_with_report  # type: ignore[assignment]
    sys.argv = ["smtp-shell", *words]
    # The program exits at once where nobody has a handler at exit. The shim's imports would tell it that there may be one.
    sys.modules.pop("atexit", None)
    shim.arm(plan)
    from smtp_shell.cli.main import main

    try:
        return main()
    finally:
        report()


def _main() -> int:
    if os.name != "posix":
        sys.stderr.write("tests.torture runs on POSIX only.\n")
        return 2
    plan = Plan.read(Path(sys.argv[1]))
    shim.install()
    return run(plan, sys.argv[2:])


if __name__ == "__main__":
    sys.exit(_main())
