"""Every hostile scenario, put to the program in a terminal, by a person who stops typing to the server when something is wrong."""

from pathlib import Path

import pytest

from tests.conftest import IN_CI
from tests.hostile.runner import MOST_MEMORY, Record, Stage, faults_of_text, name_of, scenarios_for
from tests.support.hostile.scenario import Scenario
from tests.support.hostile.server import HostileServer

pexpect = pytest.importorskip("pexpect")

from tests.hostile.terminal import OWN_SEQUENCES, PROMPT, Terminal  # noqa: E402

HALF_A_LINE = "mail ann@exam"
SUBJECTS = frozenset({"screen", "closing"})
CTRL_C, CTRL_U = "\x03", "\x15"
SILENCE = 0.5
"""Seconds after which a server that speaks while the prompt waits has said all; longer than the program takes to look again."""

pytestmark = [
    pytest.mark.terminal,
    # Python 3.12 and later warn of the fork with which pexpect opens a terminal; what it starts replaces itself at once.
    pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning"),
]


class Person:
    """Somebody who types a scenario's script.

    Args:
        terminal: The terminal.
        entry: The scenario.
    """

    def __init__(self, terminal: Terminal, entry: Scenario) -> None:
        self.found: list[str] = []
        self._terminal = terminal
        self._entry = entry
        self._is_over = False

    def work(self) -> None:
        """Type the script; after trouble only what is for the shell, not for the server; then leave."""
        terminal, entry = self._terminal, self._entry
        if not terminal.wait_for_prompt(entry.seconds):
            self.found.append(f"no prompt came; the cursor is behind {terminal.row!r}")
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
        came = terminal.enter(line, self._entry.seconds)
        while came and terminal.at_question:
            came = terminal.enter("", self._entry.seconds)
        if not came:
            self.found.append(f"no prompt came back after {line!r}; the cursor is behind {terminal.row!r}")
            self._is_over = True

    def _wait_with_half_a_line(self) -> None:
        """Type half a line, wait until the server has made itself heard, see that the half is still there, and take it back."""
        terminal, seconds = self._terminal, self._entry.seconds
        terminal.send(HALF_A_LINE)
        if not terminal.wait(lambda: self._half_is_there, seconds):
            self.found.append(f"what was typed is not shown; the cursor is behind {terminal.row!r}")
        if not terminal.wait(lambda: terminal.in_trouble, seconds):
            self.found.append("while the prompt waited nothing was shown")
        if not terminal.wait_for_silence(SILENCE, seconds):
            self.found.append("what the server says has no end")
        if not self._half_is_there:
            self.found.append(f"the half line is gone: {terminal.row!r}")
        terminal.send(CTRL_U)
        if not terminal.wait(lambda: terminal.at_prompt, seconds):
            self.found.append(f"the half line cannot be taken back: {terminal.row!r}")

    @property
    def _half_is_there(self) -> bool:
        row = self._terminal.row
        return row.endswith(HALF_A_LINE) and PROMPT.fullmatch(row.removesuffix(HALF_A_LINE)) is not None

    def _leave(self) -> None:
        terminal = self._terminal
        if terminal.row.startswith("mail data"):
            terminal.send(CTRL_C)
            if not terminal.wait(lambda: terminal.at_question, self._entry.seconds):
                self.found.append("Ctrl-C in mail data asks nothing")
            self._enter("y")
        self.found += self._terminal.faults(self._entry.rows)
        terminal.send("/exit\r")
        status = terminal.wait_for_end(self._entry.seconds)
        if status != 0:
            self.found.append(f"/exit ends it with status {status}; the cursor is behind {terminal.row!r}")


def _chosen() -> list[Scenario]:
    """Give all scenarios in CI; elsewhere those that are about the screen or the prompt, and every third of the others."""
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
        with Terminal(words, tmp_path, stage.environment) as terminal:
            person = Person(terminal, entry)
            person.work()
    shown = bytes(terminal.octets)
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
        found.append(f"it took {terminal.peak:,} octets of memory")
    assert not found, "\n".join([*found, *terminal.rows[-30:]])
