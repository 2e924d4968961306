"""One run of the benchmark: its settings, how commands are run, and how sides are compared."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import environments
from tests.benchmarks.figures import Figure, Sample, Spread, in_words
from tests.benchmarks.processes import Failed, Launcher, Missing, find

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run, and the output that shows that it did its work.

    Args:
        argv: The program and its arguments.
        env: Variables in addition to `Bench.env`.
        stdin: Standard input; None for an empty one.
        says: Text that standard output must contain.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: Path | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended.

    Args:
        wall: Seconds from its start until it was reaped.
        cpu: Seconds of processor time, user and system.
        peak: Peak memory in octets; None if the system does not report it.
        out: Standard output.
    """

    wall: float
    cpu: float
    peak: int | None
    out: str


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmark.

    Args:
        folder: Folder for its files, removed at the end.
        rounds: Measurements of each side.
        small: Whether the workloads are tiny.
        launcher: Starts the processes that are measured.
    """

    folder: Path
    rounds: int
    small: bool
    launcher: Launcher

    def size(self, full: int, small: int) -> int:
        """Return the size of a workload, for a full or a small run."""
        return small if self.small else full

    @property
    def state(self) -> Path:
        """Folder in which smtp-shell keeps its recordings."""
        return self.folder / "state"

    @property
    def env(self) -> dict[str, str]:
        """Environment of every command: no settings of the user or of Python, and folders of its own."""
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
            "SMTP_SHELL_STATE_DIR": str(self.state),
            "SMTP_SHELL_CONFIG_DIR": str(self.folder / "config"),
        }

    def run(self, command: Command) -> Finished:
        """Run a command on the clients' core until it ends.

        Raises:
            Missing: The program is not installed.
            Failed: Its exit status is not 0, or its output lacks `says`.
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
    """Return a command of smtp-shell, as a user types it."""
    return Command((*program(), *arguments), env or {}, says=says)


def program() -> tuple[str, ...]:
    """Return the console script that `pip install .` has made."""
    return (str(environments.product() / "smtp-shell"),)


def python() -> str:
    """Return the interpreter of the environment that smtp-shell is in; the peers that need no other library run there too."""
    return str(environments.product() / "python")


def peer(script: str, *arguments: str | int, env: Mapping[str, str] | None = None, says: str = "") -> Command:
    """Return the command of a script in `peers`."""
    return Command((*script_of(script), *map(str, arguments)), env or {}, says=says)


def script_of(name: str) -> tuple[str, str]:
    """Return the interpreter for a script in `peers`, and the script."""
    interpreter = str(environments.peers() / "python") if name.startswith("aiosmtplib") else python()
    return interpreter, str(PEERS / name)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay in which every step matched.

    Args:
        wall: Seconds that the whole process took.
        cpu: Seconds of processor time that it took.
        seconds: Seconds that the replays took by its own account; 0 for a single one, for which it reports none.
        peak: Peak memory in octets; None if the system does not report it.
    """

    wall: float
    cpu: float
    seconds: float
    peak: int | None


def replay(bench: Bench, command: Command, times: int) -> Replayed:
    """Run a command of many replays, and check its summary.

    Raises:
        Failed: A replay is missing, or a step did not match.
    """
    done = bench.run(command)
    counts = _COUNTS.search(done.out)
    if counts is None or int(counts[1]) != times or counts[2] != counts[3]:
        raise Failed(f"{' '.join(command.argv)}: not all went as it should: {done.out[-400:]}")
    took = _SECONDS.search(done.out)
    return Replayed(done.wall, done.cpu, float(took[1]) if took else 0.0, done.peak)


_COUNTS = re.compile(r"^(\d+) (?:transcript|replay)s?, (\d+) steps: (\d+) matched$", re.MULTILINE)
_SECONDS = re.compile(r"^([\d.]+) s(?:, \d+ at a time)?: ", re.MULTILINE)


Side = Callable[[], Sample]
OURS = "smtp-shell"


@dataclass(frozen=True, slots=True)
class Compared:
    """Samples of each side, round by round, and why a peer is missing."""

    samples: Mapping[str, list[Sample]]
    missing: Mapping[str, str]

    def value(self, name: str) -> float:
        """Return the median of a side."""
        return statistics.median(sample.value for sample in self.samples[name])

    def peak(self, name: str) -> int | None:
        """Return the peak memory of a side over all rounds, in octets."""
        return max((sample.peak for sample in self.samples[name] if sample.peak is not None), default=None)

    def figures(self, unit: str, *, ours: str = OURS, label: str = "") -> list[Figure]:
        """Return the ratio of one side to each peer.

        Args:
            unit: Unit of the samples.
            ours: The side to compare with the others.
            label: Prefix of the peers' names.
        """
        found = []
        for name, samples in self.samples.items():
            if name == ours or name.startswith(OURS):
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
    """Measure each side in turn, round by round, after one warm-up round.

    Args:
        bench: The run.
        sides: Measurement of each side; one of them is smtp-shell, which must not be missing.
        rounds: Number of rounds; 0 for that of the run.

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
        # Rotate, so that no side always follows the same one.
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            samples[name].append(there[name]())
    return Compared(samples, missing)


def whole(bench: Bench, command: Command) -> Side:
    """Measure the wall time of a whole process, in seconds."""

    def side() -> Sample:
        done = bench.run(command)
        return Sample(done.wall, done.peak)

    return side


def marginal(bench: Bench, many: Command, few: Command, more: int) -> Side:
    """Measure the wall time of one more item, in seconds, without start-up.

    Args:
        bench: The run.
        many: Command with many items.
        few: Command with few items.
        more: Difference in the number of items.
    """

    def side() -> Sample:
        least = bench.run(few)
        most = bench.run(many)
        return Sample(max(most.wall - least.wall, 1e-9) / more, most.peak)

    return side


def marginal_cpu(bench: Bench, many: Command, few: Command, more: int) -> Side:
    """Measure the processor time of one thing more, in seconds; the arguments are those of `marginal`."""

    def side() -> Sample:
        least = bench.run(few)
        most = bench.run(many)
        return Sample(max(most.cpu - least.cpu, 1e-9) / more, most.peak)

    return side


def rate(side: Side, amount: float = 1.0) -> Side:
    """Turn seconds into items a second."""

    def per_second() -> Sample:
        sample = side()
        return Sample(amount / sample.value, sample.peak)

    return per_second
