"""Fuzz the whole: `python -m tests.fuzz.whole --seconds 3600 --seed 1`."""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.fuzz.whole.checks import Tally, check
from tests.fuzz.whole.generate import case, changed
from tests.fuzz.whole.shrink import shrunk

SEEDS = Path(__file__).parents[1] / "corpus" / "whole"
_NEW = 0.35
"""How many cases are new ones; the others are changes of what has shown something new."""
_MOST_KEPT = 600
_EVERY = 60.0  # seconds between two lines of progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; return the exit status: 1 when something was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.whole", description="Play server, network and user at once."
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds in all (default: 60)")
    parser.add_argument(
        "--cases", type=int, help="end after so many cases: the same ones each time, on a machine of any speed"
    )
    parser.add_argument("--seed", type=int, default=1, help="which cases (default: 1)")
    parser.add_argument("--findings", type=Path, help="a folder for what is found")
    parser.add_argument(
        "--keep-going", action="store_true", help="go on after a finding, and keep the first of each kind"
    )
    parser.add_argument(
        "case", type=Path, nargs="*", help="files with cases: play these, with all checks, and no others"
    )
    options = parser.parse_args(arguments)
    if options.seconds <= 0 or (options.cases is not None and options.cases <= 0):
        parser.error("--seconds and --cases take a number above 0")
    if missing := [path for path in options.case if not path.is_file()]:
        parser.error(f"{missing[0]} is no file")
    fuzzer = Fuzzer(options.seed, options.findings)
    if options.case:
        return fuzzer.replay(options.case)
    return fuzzer.run(options.seconds, options.cases, keep_going=options.keep_going)


def read_case(path: Path) -> str:
    """Return the case in a file."""
    return path.read_bytes().decode("utf-8", "surrogateescape").removesuffix("\n")


def failure_of(text: str, tally: Tally | None = None, *, thorough: bool = False) -> tuple[str, str]:
    """Return the kind of failure of a case, and all that is known of it; empty for none."""
    try:
        check(text, tally, thorough=thorough)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "smtp_shell" in frame.filename]
        if isinstance(error, AssertionError) and not own:
            return _kind(str(error)), str(error)
        where = own[-1] if own else frames[-1]
        kind = f"{type(error).__name__} in {Path(where.filename).name} {where.name}"
        return kind, "".join(traceback.format_exception(error))[-4_000:]
    return "", ""


def _kind(sentence: str) -> str:
    """Return what a failure has in common with others of its kind: without octets and numbers."""
    first = sentence.split("\n")[0]
    return re.sub(r"b?'(?:[^'\\]|\\.)*'|b?\"(?:[^\"\\]|\\.)*\"|[0-9.]+|\S*/\S*", "*", first)[:160]


class Fuzzer:
    """One run.

    Args:
        seed: Which cases.
        findings: A folder for what is found; None for none.
        patience: How many seconds to spend on making a finding smaller.
    """

    def __init__(self, seed: int, findings: Path | None, *, patience: float = 60.0) -> None:
        self._random = Random(seed)
        self._seed = seed
        self._findings = findings
        self._patience = patience
        self.tally = Tally()
        self.found: dict[str, str] = {}
        self._kept: list[str] = []

    def run(self, seconds: float, cases: int | None, *, keep_going: bool) -> int:
        """Play cases until the time is over."""
        begun = told = time.monotonic()
        for path in sorted(SEEDS.iterdir()):
            self._try(read_case(path))
            self._kept.append(read_case(path))
        while time.monotonic() < begun + seconds and (cases is None or self.tally.cases < cases):
            self._try(self._next())
            if self.found and not keep_going:
                break
            if time.monotonic() > told + _EVERY:
                told = time.monotonic()
                self._say(f"{told - begun:,.0f} s: {self._figures()}")
        self._report(time.monotonic() - begun)
        return 1 if self.found else 0

    def replay(self, paths: Sequence[Path]) -> int:
        """Play the cases of files, with all checks."""
        for path in paths:
            kind, details = failure_of(read_case(path), self.tally, thorough=True)
            self._say(f"{path}: {details or 'holds'}")
            if kind:
                self.found[kind] = str(path)
        return 1 if self.found else 0

    def _next(self) -> str:
        random = self._random
        if not self._kept or random.random() < _NEW:
            return case(random)
        return changed(random.choice(self._kept), random.choice(self._kept), random)

    def _try(self, text: str) -> None:
        features = len(self.tally.features)
        kind, _ = failure_of(text, self.tally)
        if kind:
            self._find(kind, text)
        elif len(self.tally.features) > features:
            self._kept.append(text)
            if len(self._kept) > _MOST_KEPT:
                del self._kept[self._random.randrange(len(self._kept))]

    def _find(self, kind: str, text: str) -> None:
        if kind in self.found:
            return
        small = shrunk(text, lambda smaller: failure_of(smaller)[0] == kind, self._patience)
        details = failure_of(small)[1]
        name = hashlib.sha256(small.encode("utf-8", "surrogateescape")).hexdigest()[:10]
        self.found[kind] = name
        self._say(f"FOUND {name}: {details}\n{small.encode('unicode_escape').decode()}")
        if self._findings is not None:
            self._findings.mkdir(parents=True, exist_ok=True)
            (self._findings / name).write_bytes(small.encode("utf-8", "surrogateescape"))
            (self._findings / f"{name}.txt").write_text(
                f"{kind}\n\n{details}\n", encoding="utf-8", errors="backslashreplace"
            )
            self._say(f"Again: python -m tests.fuzz.whole {self._findings / name}")
        else:
            self._say(f"Again: python -m tests.fuzz.whole --seed {self._seed} --cases {self.tally.cases}")

    def _figures(self) -> str:
        tally = self.tally
        return (
            f"{tally.cases:,} dialogues, {tally.octets:,} octets, {sum(tally.checks.values()):,} checks, "
            f"{len(tally.features):,} features, {len(self.found)} found"
        )

    def _report(self, seconds: float) -> None:
        for what, number in sorted(self.tally.checks.items()):
            self._say(f"{what:28}{number:>12,}")
        for why, number in self.tally.unserved.most_common(20):
            self._say(f"replay {number:>14,}  {why}")
        self._say(f"{self._figures()}, {seconds:,.0f} s")

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
