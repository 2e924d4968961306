"""One run of the benchmark: its folder, its size, and how processes are run in it."""

import os
import re
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.benchmarks.figures import Figure, Sample, Spread, in_words
from tests.benchmarks.processes import Failed, Launcher, Missing, find

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run and what shows that it did its work.

    Args:
        argv: The program and its arguments.
        env: Variables besides those that every command has.
        stdin: What it reads; None for nothing.
        says: What its standard output must hold.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: Path | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended.

    Args:
        wall: Seconds from before it was started until it was reaped.
        cpu: Seconds of processor time, its own and the system's for it.
        peak: The most memory it had, in octets; None where the system does not say.
        out: Its standard output.
    """

    wall: float
    cpu: float
    peak: int | None
    out: str


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmark.

    Args:
        folder: Where it keeps its files; gone at the end.
        rounds: How often each side is measured.
        small: Whether the workloads are tiny.
        launcher: What starts the processes that are measured.
    """

    folder: Path
    rounds: int
    small: bool
    launcher: Launcher

    def size(self, full: int, small: int) -> int:
        """Choose how large a workload is."""
        return small if self.small else full

    @property
    def state(self) -> Path:
        """Where smtp-shell keeps its recordings."""
        return self.folder / "state"

    @property
    def env(self) -> dict[str, str]:
        """What every command has in its environment: nobody's settings, compiled code kept, folders of its own."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "COV", "SMTP_SHELL", "PYTEST", "PROMPT_TOOLKIT", "XDG_"))
        }
        home, temporary = str(self.folder / "home"), str(self.folder / "temporary")
        return {
            **kept,
            "HOME": home,
            "USERPROFILE": home,
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), temporary),
            "LC_ALL": "C.UTF-8",
            "PYTHONPYCACHEPREFIX": str(self.folder / "compiled"),
            "PYTHONPATH": str(ROOT),
            "SMTP_SHELL_STATE_DIR": str(self.state),
            "SMTP_SHELL_CONFIG_DIR": str(self.folder / "config"),
        }

    def run(self, command: Command) -> Finished:
        """Run a command to its end, on the core that is for what is measured.

        Raises:
            Missing: There is no such program.
            Failed: It ended otherwise than with 0, or did not say what it should.
        """
        argv = [find(command.argv[0]), *command.argv[1:]]
        out, err = self.folder / "standard-output", self.folder / "standard-error"
        files = command.stdin or Path(os.devnull), out, err
        ended = self.launcher.run(argv, {**self.env, **command.env}, files)
        said = out.read_text("utf-8", "replace")
        if ended.status != 0 or command.says not in said:
            what = f"ended with {ended.status}" if ended.status else f"did not say {command.says!r}"
            complaint = err.read_text("utf-8", "replace")
            raise Failed(f"{' '.join(argv)} {what}: {said[-2000:]}{complaint[-2000:]}")
        return Finished(ended.wall, ended.cpu, ended.peak, said)


def smtp_shell(*arguments: str, env: Mapping[str, str] | None = None, says: str = "") -> Command:
    """Give the command that a user types, with the console script if it is installed."""
    return Command((*program(), *arguments), env or {}, says=says)


@cache
def program() -> tuple[str, ...]:
    """Give the beginning of a command that runs smtp-shell."""
    script = Path(sys.executable).with_name("smtp-shell.exe" if os.name == "nt" else "smtp-shell")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "smtp_shell")


def peer(script: str, *arguments: str | int, env: Mapping[str, str] | None = None, says: str = "") -> Command:
    """Give the command that runs one of our own small programs."""
    return Command((sys.executable, str(PEERS / script), *map(str, arguments)), env or {}, says=says)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that went as it should.

    Args:
        wall: Seconds that the whole process took.
        seconds: Seconds that it says the replays took; 0 for a single one, of which it says nothing.
        peak: Its peak memory in octets, if the system tells.
    """

    wall: float
    seconds: float
    peak: int | None


def replay(bench: "Bench", command: Command, times: int) -> Replayed:
    """Run a command of many replays, and make sure of what it says that it did.

    Raises:
        Failed: Not every replay was made, or not every step was as expected.
    """
    done = bench.run(command)
    counts = _COUNTS.search(done.out)
    if counts is None or int(counts[1]) != times or counts[2] != counts[3]:
        raise Failed(f"{' '.join(command.argv)}: not all went as it should: {done.out[-400:]}")
    took = _SECONDS.search(done.out)
    return Replayed(done.wall, float(took[1]) if took else 0.0, done.peak)


_COUNTS = re.compile(r"^(\d+) (?:transcript|replay)s?, (\d+) steps: (\d+) matched$", re.MULTILINE)
_SECONDS = re.compile(r"^([\d.]+) s(?:, \d+ at a time)?: ", re.MULTILINE)


Side = Callable[[], Sample]
OURS = "smtp-shell"


@dataclass(frozen=True, slots=True)
class Compared:
    """What each side came to, round by round, and who could not take part."""

    samples: Mapping[str, list[Sample]]
    missing: Mapping[str, str]

    def value(self, name: str) -> float:
        """Give the median of a side's measure."""
        return statistics.median(sample.value for sample in self.samples[name])

    def peak(self, name: str) -> int | None:
        """Give the most memory a side had in any round, in octets."""
        return max((sample.peak for sample in self.samples[name] if sample.peak is not None), default=None)

    def figures(self, unit: str, *, ours: str = OURS, label: str = "") -> list[Figure]:
        """Give smtp-shell's ratio to each of the others.

        Args:
            unit: What the sides measure in: `s`, or something a second.
            ours: Which side is smtp-shell.
            label: What stands in front of the peers' names.
        """
        found = []
        for name, samples in self.samples.items():
            if name.startswith(OURS):
                continue
            ratios = [mine.value / other.value for mine, other in zip(self.samples[ours], samples, strict=True)]
            found.append(
                Figure(
                    f"{label}{name}",
                    Spread.of(ratios),
                    ours=in_words(self.value(ours), unit),
                    theirs=in_words(self.value(name), unit),
                    peak=self.peak(ours),
                    peer_peak=self.peak(name),
                )
            )
        return found + [Figure(f"{label}{name}", None, missing=why) for name, why in self.missing.items()]


def compare(bench: Bench, sides: Mapping[str, Side], *, rounds: int = 0) -> Compared:
    """Measure each side in turn, round by round, after a round that does not count.

    Args:
        bench: The run.
        sides: How to measure each; one of them is smtp-shell, whose absence is an error.
        rounds: How many rounds; 0 for as many as the run has.

    Raises:
        Missing: smtp-shell's own side cannot be measured.
    """
    there: dict[str, Side] = {}
    missing: dict[str, str] = {}
    for name, side in sides.items():
        try:
            side()
        except Missing as error:
            if name.startswith(OURS):
                raise
            missing[name] = str(error)
        else:
            there[name] = side
    samples: dict[str, list[Sample]] = {name: [] for name in there}
    names = list(there)
    for number in range(rounds or bench.rounds):
        # Each goes first in turn, so that none always follows the same one.
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            samples[name].append(there[name]())
    return Compared(samples, missing)


def whole(bench: Bench, command: Command) -> Side:
    """Measure a whole process, in seconds from its start to its end."""

    def side() -> Sample:
        done = bench.run(command)
        return Sample(done.wall, done.peak)

    return side


def marginal(bench: Bench, many: Command, few: Command, more: int) -> Side:
    """Measure what one thing more costs, in seconds, so that start-up does not count.

    Args:
        bench: The run.
        many: A command that does many.
        few: The same for few.
        more: How many more the first one does.
    """

    def side() -> Sample:
        least = bench.run(few)
        most = bench.run(many)
        return Sample(max(most.wall - least.wall, 1e-9) / more, most.peak)

    return side


def rate(side: Side, amount: float = 1.0) -> Side:
    """Turn a side's seconds into how much it does in a second."""

    def per_second() -> Sample:
        sample = side()
        return Sample(amount / sample.value, sample.peak)

    return per_second
