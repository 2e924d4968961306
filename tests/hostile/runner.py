"""Puts a hostile scenario to the real program, as a process of its own, and gives all that it did and must not do.

What is found wrong comes as a list of sentences, so that one run tells all of it: a test asserts that the list is empty.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import smtp_shell
from smtp_shell.errors import TranscriptError
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import CLIENT_LINES
from tests.hostile.catalogue import scenarios
from tests.support.hostile.certificates import ca_pem
from tests.support.hostile.scenario import Scenario, Way, secret_forms
from tests.support.hostile.server import HostileServer
from tests.support.memory import most_memory

MOST_MEMORY = 100_000_000
"""Octets that the program may take up at its largest."""

CERTIFICATE = "ca.pem"
TRANSCRIPT = "dialogue.smtp"
PROGRAM = (sys.executable, "-m", "smtp_shell")
Record = Callable[[str, object], None]
"""Pytest's `record_property`, which puts figures into its report."""

_TOO_LONG = 30.0
_TICK = 0.02


def scenarios_for(way: Way) -> list[Scenario]:
    """Give the scenarios that can be put to the program in this way."""
    return [entry for entry in scenarios().values() if way in entry.ways]


def name_of(entry: Scenario) -> str:
    """Name a scenario as pytest is to show it."""
    return entry.name


@dataclass(slots=True)
class Stage:
    """A folder for one run, with the files that it needs, and the server that the program is put to.

    Args:
        entry: The scenario.
        folder: An empty folder.
        server: The hostile server; it need not serve yet.
    """

    entry: Scenario
    folder: Path
    server: HostileServer
    ca_file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.ca_file = self.folder / CERTIFICATE
        self.ca_file.write_bytes(ca_pem())
        self.entry.write_files(self.folder)

    @property
    def state(self) -> Path:
        """Name the folder in which the program keeps recordings and history."""
        return self.folder / "state"

    @property
    def environment(self) -> dict[str, str]:
        """Give the program's environment: this package, a home of its own, and the credential if the scenario has one."""
        root = str(Path(smtp_shell.__file__).parents[1])
        return {
            **{name: value for name, value in os.environ.items() if name not in ("SMTP_SHELL_PASSWORD", "NO_COLOR")},
            "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
            "PYTHONIOENCODING": "utf-8",
            "SMTP_SHELL_STATE_DIR": str(self.state),
            "SMTP_SHELL_CONFIG_DIR": str(self.folder / "config"),
            "LC_ALL": "C.UTF-8",
            **self.entry.environment(),
        }

    def faults_of_files(self) -> Iterator[str]:
        """Say which file that the run has left holds a credential."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield from (f"a credential in {path.name}: {form!r}" for form in secrets_in(path.read_bytes()))

    def faults_of_recording(self, *named: Path) -> Iterator[str]:
        """Say what is wrong with the recording of the session.

        Args:
            named: The recording; without it, the one that the program makes by itself.
        """
        recordings = named or tuple(self.state.glob("recordings/*.smtp"))
        if len(recordings) != (sessions := 1 + self.entry.script.count("/reconnect")):
            yield f"there are {len(recordings)} recordings of {sessions} sessions"
        for path in recordings:
            try:
                yield from self._forged_lines(path)
            except TranscriptError as error:
                yield f"the recording cannot be read: {error}"

    def _forged_lines(self, path: Path) -> Iterator[str]:
        with open_transcript(path) as reader:  # to its end, whatever it says: reading it is the test
            said = [step.text for step in reader if step.marker in CLIENT_LINES]
        yield from (f"the recording says that the client said {text!r}" for text in said if text in self.entry.forged)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run without a terminal ended.

    Args:
        status: The exit status; None where the run had to be ended.
        out: What it wrote to standard output.
        err: What it wrote to standard error.
        seconds: How long it took, once it had connected: how long Python takes to start says how busy the machine is.
        peak: Octets of memory at its largest, or a little less; 0 where it was too short to look.
    """

    status: int | None
    out: bytes
    err: bytes
    seconds: float
    peak: int

    def faults(self, entry: Scenario, exits: Collection[int], *, shows: bool = True) -> Iterator[str]:
        """Say what is wrong with the run as such and with what it wrote.

        Args:
            entry: The scenario.
            exits: The exit statuses that are right.
            shows: Whether to look for what the diagnostics have to say.
        """
        if self.status not in exits:
            yield f"exit status {self.status} where it should be one of {sorted(exits)}"
        if self.seconds > entry.seconds:
            yield f"it took {self.seconds:.1f} s, which is more than {entry.seconds:g} s"
        if self.peak > MOST_MEMORY:
            yield f"it took {self.peak:,} octets of memory"
        shown = self.out + self.err
        text = shown.decode("utf-8", "replace")
        if shows:
            missing = [pattern for pattern in entry.shows if not re.search(pattern, text, re.IGNORECASE)]
            yield from (f"nothing shown matches {pattern!r}" for pattern in missing)
        yield from faults_of_text(entry, shown)

    def __str__(self) -> str:
        tail = self.err[-1500:] or self.out[-1500:]
        return f"exit status {self.status} after {self.seconds:.1f} s, {self.peak // 1000:,} kB: {tail!r}"


def faults_of_text(entry: Scenario, shown: bytes) -> Iterator[str]:
    """Say what is wrong with octets that reached the screen or a pipe, once the program's own control sequences are out."""
    try:
        text = shown.decode("utf-8")
    except UnicodeDecodeError as error:
        yield f"what is shown is no UTF-8: {shown[max(0, error.start - 20) : error.end + 20]!r}"
        text = shown.decode("utf-8", "replace")
    unprintable = next((match for match in re.finditer(r"[^ -~\n]", text) if not match[0].isprintable()), None)
    if unprintable is not None:
        around = text[max(0, unprintable.start() - 20) : unprintable.end() + 20]
        yield f"an unprintable character, {unprintable[0]!r}, in {around!r}"
    yield from (f"the server's octets came through: {octets!r}" for octets in entry.leaks if octets in shown)
    yield from (f"a credential is shown: {form!r}" for form in secrets_in(shown))
    if "Traceback" in text:
        yield "a traceback is shown"


def secrets_in(octets: bytes) -> list[bytes]:
    """Give the forms of the credential that are in octets."""
    return [form for form in secret_forms() if form in octets]


def run(stage: Stage, words: list[str]) -> Ending:
    """Run the program without a terminal until it ends, and look at its memory meanwhile.

    Args:
        stage: Where it runs.
        words: Its arguments.
    """
    out, err = stage.folder / "stdout", stage.folder / "stderr"
    start = connected = time.monotonic()
    with out.open("wb") as out_file, err.open("wb") as err_file:
        child = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=stage.folder,
            env=stage.environment,
            stdin=subprocess.DEVNULL,
            stdout=out_file,
            stderr=err_file,
        )
        peak = 0
        while child.poll() is None and time.monotonic() - start < _TOO_LONG:
            peak = max(peak, most_memory(child.pid))
            connected = connected if stage.server.connections else time.monotonic()
            time.sleep(_TICK)
        seconds = time.monotonic() - connected
        status = child.poll()
        if status is None:
            child.kill()
            child.wait()
    return Ending(status, out.read_bytes(), err.read_bytes(), seconds, peak)
