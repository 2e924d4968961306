"""The command: `python -m tests.soak`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.soak.chain import Chain, Plan
from tests.soak.outcome import Outcome

PARTS: Final = ("chain", "practice", "shell")
_WARM: Final = 1000
_MOST_FAULTS: Final = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak; return 0 if all held, 1 if not, 2 where it cannot be done."""
    options = _parser().parse_args(arguments)
    if not Path("/proc/self/smaps_rollup").exists():
        sys.stderr.write(
            "tests.soak looks at processes through /proc, which this system does not have: it needs Linux.\n"
        )
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what runs is ended, and folders are removed
    reports: dict[str, object] = {}
    wrong: list[str] = []
    for part in dict.fromkeys(options.part or PARTS):
        _say(f"-- {part}")
        with tempfile.TemporaryDirectory(prefix="smtp-shell-soak-", ignore_cleanup_errors=True) as folder:
            outcome = _run(part, Path(folder), options)
        _tell(part, outcome, _warm(part, options))
        reports[part] = _report(outcome)
        wrong += [f"{part}: {each}" for each in outcome.faults]
        if options.report is not None:
            options.report.write_text(
                json.dumps({"arguments": sys.argv[1:], "parts": reports, "wrong": wrong}, indent=1)
            )
    for sentence in wrong:
        _say(f"WRONG  {sentence}")
    _say("verdict: nothing grows, and every outcome is accounted for" if not wrong else f"verdict: {len(wrong)} wrong")
    return int(bool(wrong))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Many dialogues and lines, with faults: nothing may grow."
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument(
        "--dialogues", type=_count, default=200_000, metavar="N", help="dialogues of a chain (default: 200000)"
    )
    parser.add_argument("--lines", type=_count, default=20_000, metavar="N", help="lines in the shell (default: 20000)")
    parser.add_argument(
        "--faults",
        type=_share,
        default=0.01,
        metavar="SHARE",
        help="share of the dialogues with a fault (default: 0.01)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the mock's own faults (default: 1)")
    parser.add_argument("--jobs", type=_count, default=3, metavar="N", help="dialogues at a time (default: 3)")
    parser.add_argument(
        "--watch", action="store_true", help="have the relay print each dialogue, and compare its figures"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the samples and the figures as JSON")
    return parser


def _count(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError("it must be a number from 1")
    return number


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= _MOST_FAULTS:
        raise argparse.ArgumentTypeError(f"it must be a number that is more than 0 and at most {_MOST_FAULTS}")
    return share


def _warm(part: str, options: argparse.Namespace) -> int:
    number: int = options.lines if part == "shell" else options.dialogues
    return min(_WARM, number // 5)


def _run(part: str, folder: Path, options: argparse.Namespace) -> Outcome:
    if part == "shell":
        from tests.soak.typing import soak_shell

        return soak_shell(folder, options.lines, _warm(part, options), say=_say)
    plan = Plan(
        folder,
        part == "practice",
        options.dialogues,
        options.faults,
        options.seed,
        options.jobs,
        _warm(part, options),
        watch=options.watch,
        say=_say,
    )
    return Chain(plan).run()


def _tell(part: str, outcome: Outcome, warm: int) -> None:
    for each in outcome.watched:
        _say(each.line(warm))
    for sentence in outcome.lines:
        _say(sentence)
    _say(f"{part}: {outcome.seconds:,.0f} s, {len(outcome.faults)} wrong")


def _report(outcome: Outcome) -> dict[str, object]:
    return {
        "seconds": outcome.seconds,
        "figures": outcome.figures,
        "lines": outcome.lines,
        "wrong": outcome.faults,
        "processes": [each.report() for each in outcome.watched],
    }


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
