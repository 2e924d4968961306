"""`python -m tests.crash`: every writer at every point, or those that are named."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.crash.driver import Bench, Finding, Tally, select
from tests.crash.full import enter_own_mounts, limits_of, run_on_disks, run_with_limits, why_no_mount
from tests.crash.layer import KINDS
from tests.crash.processes import Starter
from tests.crash.room import PASSWORD
from tests.crash.writer import Writer
from tests.crash.writers import WRITERS


def main(words: Sequence[str] | None = None) -> int:
    """Run it.

    Args:
        words: The arguments; None for those of the process.

    Returns:
        The exit status: 0 if nothing is wrong, 1 if something is, 2 for wrong arguments.
    """
    options = _parse(words)
    chosen = [each for each in WRITERS if not options.writer or each.name in options.writer]
    if options.list:
        for each in chosen:
            sys.stdout.write(f"{each.name:<22} {each.promise}\n")
        return 0
    obstacle = why_no_mount() if options.full else ""
    if options.full and not obstacle:
        enter_own_mounts(sys.argv[1:] if words is None else words)
    started = time.monotonic()
    tally = Tally()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtp-shell-crash-")))
        starter = stack.enter_context(Starter(folder))
        server = stack.enter_context(PracticeServer(PracticeSettings(password=Secret(PASSWORD))))
        address = f"{server.host}:{server.port}"
        for each in chosen:
            bench = Bench(each, starter, folder, address, str(server.ca_file))
            if options.full:
                _run_short(bench, folder, tally, options, on_disks=not obstacle)
            else:
                _run_writer(each, bench, tally, options)
    if obstacle:
        sys.stdout.write(f"{obstacle}: limits of the size of files stood for a full disk.\n")
    _print_figures(tally, time.monotonic() - started)
    return 1 if tally.findings else 0


def _run_writer(writer: Writer, bench: Bench, tally: Tally, options: argparse.Namespace) -> None:
    for sentence in bench.problems:
        sys.stdout.write(f"{writer.name}, without a fault: {sentence}\n")
    if options.calls:
        for number, call in enumerate(bench.calls, 1):
            sys.stdout.write(f"{writer.name}:{number} {call}\n")
        return
    points = select(bench.points(), options.point)
    if options.sample and options.sample < len(points):
        points = Random(f"{options.seed} {writer.name}").sample(points, options.sample)
    for finding in tally.run(bench, points):
        _print_finding(finding, options)
    sys.stdout.write(f"{writer.name}: {len(points)} points\n")
    sys.stdout.flush()


def _run_short(bench: Bench, folder: Path, tally: Tally, options: argparse.Namespace, *, on_disks: bool) -> None:
    limits = limits_of(bench)
    if options.sample:
        limits = Random(f"{options.seed} {bench.writer.name}").sample(limits, min(options.sample, len(limits)))
    number = 0
    for runs in (run_on_disks(bench, folder) if on_disks else (), run_with_limits(bench, limits)):
        for shortage, findings in runs:
            number += 1
            tally.points[bench.writer.name, shortage.kind] += 1
            tally.findings += findings
            for finding in findings:
                _print_finding(finding, options)
    sys.stdout.write(f"{bench.writer.name}: {number} shortages\n")
    sys.stdout.flush()


def _print_finding(finding: Finding, options: argparse.Namespace) -> None:
    sys.stdout.write(f"{finding}\n")
    if options.output:
        sys.stdout.write("".join(f"    | {line}\n" for line in finding.output.splitlines()))
    sys.stdout.flush()


def _print_figures(tally: Tally, seconds: float) -> None:
    for kind in dict.fromkeys((*KINDS, *(kind for _, kind in tally.points))):
        number = sum(count for (_, each), count in tally.points.items() if each == kind)
        found = len({finding.point for finding in tally.findings if finding.point.kind == kind})
        sys.stdout.write(f"{kind:<12} {number:>6,} points, {found:,} with something wrong\n")
    wrong = sorted({finding.point.writer for finding in tally.findings})
    sys.stdout.write(f"{sum(tally.points.values()):,} points, {len(tally.findings):,} findings, {seconds:.0f} s\n")
    for name in wrong:
        first = next(finding.point for finding in tally.findings if finding.point.writer == name)
        sys.stdout.write(f"again: python -m tests.crash --writer {name} --point {first.number}:{first.kind} --output\n")


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--writer", action="append", metavar="NAME", help="only this writer; may be repeated")
    parser.add_argument("--list", action="store_true", help="list the writers, each with its promise, and exit")
    parser.add_argument("--calls", action="store_true", help="list the calls of each writer, and exit")
    parser.add_argument("--point", default="", metavar="N:KIND", help=f"only these; KIND is {', '.join(KINDS)}")
    parser.add_argument(
        "--sample", type=int, default=0, metavar="N", help="only N points of each writer, drawn by --seed"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="draws the points of --sample; default 1")
    parser.add_argument(
        "--full", action="store_true", help="on a tmpfs that is full (root only), and below limits of the size"
    )
    parser.add_argument("--output", action="store_true", help="print what the program said at each finding")
    options = parser.parse_args(words)
    unknown = sorted(set(options.writer or ()) - {each.name for each in WRITERS})
    if unknown:
        parser.error(f"there is no writer {unknown[0]}; --list names them.")
    if options.point.partition(":")[2] not in ("", *KINDS):
        parser.error(f"there is no {options.point.partition(':')[2]}; the kinds are {', '.join(KINDS)}.")
    return options


if __name__ == "__main__":
    sys.exit(main())
