"""Every hostile scenario against the program in a terminal, with a user who stops sending commands after the first trouble."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import IN_CI
from tests.hostile.runner import MOST_MEMORY, Record, Stage, faults_of_text, name_of, scenarios_for
from tests.support.hostile.scenario import Scenario
from tests.support.hostile.server import HostileServer

pexpect = pytest.importorskip("pexpect")

from tests.hostile.terminal import OWN_SEQUENCES, PROMPT, Terminal  # noqa: E402
from tests.support.terminal import CTRL_C, CTRL_U, ENTER  # noqa: E402

HALF_A_LINE = "mail ann@exam"
SUBJECTS = frozenset({"screen", "closing"})
SILENCE = 0.5
"""Seconds without output after which a server is taken to have sent all; longer than the prompt's poll interval."""

pytestmark = [
    pytest.mark.terminal,
    # Python 3.12 and later warn about forkpty in a process with threads. The child of pexpect calls exec at once.
    pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning"),
]


class Person:
    """A user who types a scenario's script.

    Args:
        terminal: The terminal.
        entry: The scenario.

    Attributes:
        found: The faults found so far.
    """

    def __init__(self, terminal: Terminal, entry: Scenario) -> None:
        self.found: list[str] = []
        self._terminal = terminal
        self._entry = entry
        self._is_over = False

    def work(self) -> None:
        """Type the script, then leave. After trouble, type only commands of the shell."""
        terminal, entry = self._terminal, self._entry
        if not terminal.prompt_within(entry.seconds):
            self.found.append(f"no prompt came; the cursor is after {terminal.line!r}")
            return
        trouble = terminal.in_trouble
        for line in entry.script:
            if line.startswith("/wait") and entry.idle:
                self._wait_with_half_a_line()
            elif line.startswith("/") or not trouble:
                self._enter(line)
            trouble = trouble or terminal.in_trouble
        self._leave()

    def _enter(self, line: str) -> None:
        terminal = self._terminal
        if self._is_over:
            return
        came = terminal.submit(line, self._entry.seconds)
        while came and terminal.at_question:
            came = terminal.submit("", self._entry.seconds)
        if not came:
            self.found.append(f"no prompt came back after {line!r}; the cursor is after {terminal.line!r}")
            self._is_over = True

    def _wait_with_half_a_line(self) -> None:
        """Type half a line, wait for output of the server, check that the half is still there, and delete it."""
        terminal, seconds = self._terminal, self._entry.seconds
        terminal.type(HALF_A_LINE)
        if not terminal.until(lambda: self._half_is_there, seconds):
            self.found.append(f"typed text is not shown; the cursor is after {terminal.line!r}")
        if not terminal.until(lambda: terminal.in_trouble, seconds):
            self.found.append("nothing was shown while the prompt waited")
        if not terminal.silence_within(SILENCE, seconds):
            self.found.append("the output does not end")
        if not self._half_is_there:
            self.found.append(f"the half line is gone: {terminal.line!r}")
        terminal.type(CTRL_U)
        if not terminal.until(lambda: terminal.at_prompt, seconds):
            self.found.append(f"the half line cannot be deleted: {terminal.line!r}")

    @property
    def _half_is_there(self) -> bool:
        line = self._terminal.line
        return line.endswith(HALF_A_LINE) and PROMPT.fullmatch(line.removesuffix(HALF_A_LINE)) is not None

    def _leave(self) -> None:
        terminal = self._terminal
        if terminal.in_editor:
            terminal.type(CTRL_C)
            if not terminal.until(lambda: terminal.at_question, self._entry.seconds):
                self.found.append("Ctrl-C in mail data asks no question")
            self._enter("y")
        self.found += self._terminal.faults(self._entry.rows)
        terminal.type(f"/exit{ENTER}")
        status = terminal.end_within(self._entry.seconds)
        if status != 0:
            self.found.append(f"/exit ends the program with status {status}; the cursor is after {terminal.line!r}")


def _chosen() -> list[Scenario]:
    """Return all scenarios in CI, and elsewhere those about the screen or the prompt and every third of the others."""
    everything = scenarios_for("terminal")
    if IN_CI:
        return everything
    return [
        entry for number, entry in enumerate(everything) if entry.subject in SUBJECTS or entry.rows or number % 3 == 0
    ]


@pytest.mark.parametrize("entry", _chosen(), ids=name_of)
def test_the_program_keeps_its_promises_in_a_terminal(entry: Scenario, tmp_path: Path, record_property: Record) -> None:
    with HostileServer(entry) as server:
        stage = Stage(entry, tmp_path, server)
        words = entry.connection_arguments(server.port, stage.ca_file)
        with closing(Terminal(words, tmp_path, stage.environment)) as terminal:
            person = Person(terminal, entry)
            person.work()
    shown = bytes(terminal.raw)
    record_property("peak", terminal.peak)
    found = [
        *person.found,
        *faults_of_text(entry, OWN_SEQUENCES.sub(b"", shown)),
        *(f"the server's octets came through: {octets!r}" for octets in entry.leaks if octets in shown),
        *server.broken_promises(),
        *stage.faults_of_files(),
        *stage.faults_of_recording(),
    ]
    if terminal.peak > MOST_MEMORY:
        found.append(f"it used {terminal.peak:,} octets of memory")
    assert not found, "\n".join([*found, *terminal.all_rows[-30:]])
