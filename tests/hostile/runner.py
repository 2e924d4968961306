"""Run the real program against a hostile scenario, and report everything that it did and must not do.

Faults are a list of sentences, so that one run reports all of them. A test asserts that the list is empty.
"""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import smtp_shell
from smtp_shell.cli import show
from smtp_shell.errors import TranscriptError
from smtp_shell.export.synthetic import write_pcapng
from smtp_shell.lint.files import lint_file
from smtp_shell.lint.rubric import load_rubric
from smtp_shell.protocol.sasl import Credentials
from smtp_shell.protocol.secret import Secret
from smtp_shell.recording.shown import shown_transcript
from smtp_shell.replay.api import replay
from smtp_shell.servers.mock import MockServer, MockSettings
from smtp_shell.study.judging import judge
from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.question import is_sound
from smtp_shell.study.quiz import questions_of, read_file
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import CLIENT_LINES
from tests.hostile.catalogue import scenarios
from tests.hostile.pictures import faults_of_pictures
from tests.support.hostile.certificates import ca_pem
from tests.support.hostile.scenario import CANARY, USER, Scenario, Way, secret_forms
from tests.support.hostile.server import HostileServer
from tests.support.memory import most_memory
from tests.support.pcapng import read as read_pcapng

MOST_MEMORY = 100_000_000
"""Limit of the program's peak memory, in octets."""

CERTIFICATE = "ca.pem"
TRANSCRIPT = "dialogue.smtp"
PROGRAM = (sys.executable, "-m", "smtp_shell")
Record = Callable[[str, object], None]
"""Pytest's `record_property`, which adds figures to its report."""

_NOT_SERVED = {
    "injects_": "an attack, which a replay never takes for a match",
    "scram_": "a mock server has a nonce of its own, and cannot be wrong in the same way",
    "never_answers_starttls": "a replay that is left without TLS goes no further",
}
"""Scenarios whose recordings do not replay against the mock of themselves, and why."""

_TOO_LONG = 30.0
_TICK = 0.02


def scenarios_for(way: Way) -> list[Scenario]:
    """Return the scenarios that the program can be run against in this way."""
    return [entry for entry in scenarios().values() if way in entry.ways]


def name_of(entry: Scenario) -> str:
    """Return the scenario's name, for `ids=`."""
    return entry.name


@dataclass(slots=True)
class Stage:
    """The folder of one run, with the files that it needs, and the server.

    Args:
        entry: The scenario.
        folder: An empty folder.
        server: The hostile server, started or not.
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
        """The folder in which the program keeps recordings and history."""
        return self.folder / "state"

    @property
    def environment(self) -> dict[str, str]:
        """The program's environment: this package, separate state and config folders, and the scenario's credential."""
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
        """Yield a fault for each file in the folder that holds a credential."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield from (f"a credential in {path.name}: {form!r}" for form in secrets_in(path.read_bytes()))

    def faults_of_recording(self, *named: Path) -> Iterator[str]:
        """Yield what is wrong with the recording of the session.

        Args:
            named: The recording; by default the one in the state folder.
        """
        recordings = named or tuple(self.state.glob("recordings/*.smtp"))
        if len(recordings) != (sessions := 1 + self.entry.script.count("/reconnect")):
            yield f"there are {len(recordings)} recordings of {sessions} sessions"
        for path in recordings:
            try:
                yield from self._forged_lines(path)
                yield from _faults_of_questions(path)
                findings = "".join(f"{each}\n" for each in lint_file(path, load_rubric("lab7"), "lab7"))
                yield from (f"lint: {fault}" for fault in faults_of_text(self.entry, findings.encode()))
                yield from faults_of_pictures(path, secrets_in)
            except TranscriptError as error:
                yield f"the recording cannot be read: {error}"

    def faults_of_explanations(self, *named: Path) -> Iterator[str]:
        """Yield what is wrong with the recordings of the session when they are shown with what each line means.

        Args:
            named: The recordings; by default those in the state folder.
        """
        for path in named or tuple(self.state.glob("recordings/*.smtp")):
            shown = io.StringIO()
            with redirect_stdout(shown), redirect_stderr(shown):
                status = show.main(["--explain", str(path)])
            if status:
                yield f"show --explain has the exit status {status}"
            yield from faults_of_text(self.entry, shown.getvalue().encode("utf-8", "surrogateescape"))

    def faults_of_synthetic_capture(self) -> Iterator[str]:
        """Yield what is wrong with the capture that is made of the recording: a credential in it. What is malformed fails the test."""
        for path in self.state.glob("recordings/*.smtp"):
            out = io.BytesIO()
            with shown_transcript(path, bodies=True) as (_, entries, _mask):
                write_pcapng(entries, out, path.name)
            read_pcapng(out.getvalue())
            yield from (f"a credential in the capture of {path.name}: {form!r}" for form in secrets_in(out.getvalue()))

    def faults_of_mock(self) -> Iterator[str]:
        """Yield what differs when the recordings are replayed against the mock servers that are made of them."""
        who = Credentials(USER, Secret(CANARY))
        for path in sorted(self.state.glob("recordings/*.smtp")):
            if "*: connect" not in path.read_text("utf-8"):  # there was no connection, and so nothing to serve
                continue
            with MockServer(path, settings=MockSettings(credentials=who, idle_limit=_TOO_LONG)) as server:
                ca_file = server.ca_file if server.script.has_tls else None
                result = replay(path, server.url, user=USER, password=CANARY, match="text", ca_file=ca_file, timeout=5)
                (session,) = server.results(1)
            expected = 0 if not self.entry.name.startswith(tuple(_NOT_SERVED)) else result.exit_status
            if result.exit_status != expected:
                yield f"against its mock server, the recording has the exit status {result.exit_status}: {result.failure}"
            if expected == 0 and not session.ok:
                yield from (f"the mock server says: {each}" for each in session.differences)
            yield from (f"a credential in the mock's report: {each!r}" for each in secrets_in(server.report().encode()))

    def _forged_lines(self, path: Path) -> Iterator[str]:
        with open_transcript(path) as reader:  # read to the end: that it can be read is part of the test
            said = [step.text for step in reader if step.marker in CLIENT_LINES]
        yield from (f"the recording says that the client said {text!r}" for text in said if text in self.entry.forged)


def _faults_of_questions(path: Path) -> Iterator[str]:
    """Yield what is wrong with the questions that the quiz draws from a recording."""
    for question in (each for group in questions_of(read_file(path)[0], all_kinds()).values() for each in group):
        shown = "".join((question.question, *question.choices, *question.answers, question.explanation))
        if not is_sound(question) or [judge(question, each) for each in question.answers] != [True] * len(
            question.answers
        ):
            yield f"a question has not one right answer: {question}"
        if not shown.isprintable() or secrets_in(shown.encode()):
            yield f"a question of the kind {question.kind} shows what it must not: {shown!a}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run without a terminal ended.

    Args:
        status: The exit status; None if the program had to be killed.
        out: What it wrote to standard output.
        err: What it wrote to standard error.
        seconds: Seconds from the first connection to the end; the start of Python only shows how busy the machine is.
        peak: Peak memory in octets, sampled; 0 if the run was too short for a sample.
    """

    status: int | None
    out: bytes
    err: bytes
    seconds: float
    peak: int

    def faults(self, entry: Scenario, exits: Collection[int], *, shows: bool = True) -> Iterator[str]:
        """Yield what is wrong with the run and its output.

        Args:
            entry: The scenario.
            exits: The allowed exit statuses.
            shows: Whether to check the diagnostics that the scenario requires.
        """
        if self.status not in exits:
            yield f"exit status {self.status} is not one of {sorted(exits)}"
        if self.seconds > entry.seconds:
            yield f"it took {self.seconds:.1f} s, more than {entry.seconds:g} s"
        if self.peak > MOST_MEMORY:
            yield f"it used {self.peak:,} octets of memory"
        shown = self.out + self.err
        text = shown.decode("utf-8", "replace")
        if shows:
            missing = [pattern for pattern in entry.shows if not re.search(pattern, text, re.IGNORECASE)]
            yield from (f"nothing in the output matches {pattern!r}" for pattern in missing)
        yield from faults_of_text(entry, shown)

    def __str__(self) -> str:
        tail = self.err[-1500:] or self.out[-1500:]
        return f"exit status {self.status} after {self.seconds:.1f} s, {self.peak // 1000:,} kB: {tail!r}"


def faults_of_text(entry: Scenario, shown: bytes) -> Iterator[str]:
    """Yield what is wrong with output, without the program's own control sequences."""
    try:
        text = shown.decode("utf-8")
    except UnicodeDecodeError as error:
        yield f"the output is not UTF-8: {shown[max(0, error.start - 20) : error.end + 20]!r}"
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
    """Return the forms of the credential that occur in octets."""
    return [form for form in secret_forms() if form in octets]


def run(stage: Stage, words: list[str]) -> Ending:
    """Run the program without a terminal until it ends, and sample its memory.

    Args:
        stage: The folder and the server.
        words: The program's arguments.
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
