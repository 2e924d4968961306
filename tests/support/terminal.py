"""The real program on a terminal of 80 columns and 24 rows, as a person sees it.

Nothing here sleeps: whoever types waits first for what must be on the screen, and the wait fails with the screen in the message.
"""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pyte

from tests.support.peer import Peer

COLUMNS, ROWS = 80, 24
PATIENCE = 20.0
CTRL_C, CTRL_D, CTRL_R, CTRL_Z, ESCAPE, TAB, ENTER = "\x03", "\x04", "\x12", "\x1a", "\x1b", "\t", "\r"
PROGRAM = (sys.executable, "-m", "smtp_shell")


class _Screen(pyte.HistoryScreen):
    """A screen that says where its cursor is when it is asked."""

    descriptor = -1

    def write_process_input(self, data: str) -> None:
        os.write(self.descriptor, data.encode())


def _spawn(argv: Sequence[str], env: Mapping[str, str]) -> Any:
    # Any: pexpect's types leave out what it takes to close the window under a program.
    return pexpect.spawn(argv[0], list(argv[1:]), dimensions=(ROWS, COLUMNS), env=dict(env), timeout=PATIENCE)


class Terminal:
    """A terminal with a program in it.

    Args:
        argv: The program and its arguments.
        env: Variables that differ from this process's.
        answers: Whether the terminal says where its cursor is when it is asked, as nearly all do. Only then is there a bottom line.

    Attributes:
        raw: All that the program has written.
        seen: Each row that has ever been on the screen, without the blanks at its end.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None, *, answers: bool = False) -> None:
        variables = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            variables.pop(name, None)
        if not answers:
            variables["PROMPT_TOOLKIT_NO_CPR"] = "1"
        variables |= env or {}
        self.raw = bytearray()
        self.seen: set[str] = set()
        self._above: list[str] = []
        self._prompts = 0
        self._skims = False
        self._screen = _Screen(COLUMNS, ROWS, history=20_000, ratio=0.1)
        self._stream = pyte.ByteStream(self._screen)
        self._child = _spawn(argv, variables)
        self._screen.descriptor = self._child.child_fd
        self._child.delaybeforesend = None
        self._child.ptyproc.delayafterclose = self._child.ptyproc.delayafterterminate = 0.01

    @property
    def pid(self) -> int:
        """The program's process."""
        return int(self._child.pid)

    @property
    def rows(self) -> list[str]:
        """The rows that are on the screen, without the blanks at their ends."""
        return [row.rstrip() for row in self._screen.display]

    @property
    def text(self) -> str:
        """All rows, those that have scrolled away too."""
        return "\n".join((*self._above, *self.rows))

    @property
    def line(self) -> str:
        """The row with the cursor, up to the cursor."""
        return str(self._screen.display[self._screen.cursor.y][: self._screen.cursor.x])

    @property
    def column(self) -> int:
        """The column of the cursor."""
        return int(self._screen.cursor.x)

    @property
    def bottom(self) -> str:
        """The last row that has anything on it."""
        return next((row for row in reversed(self.rows) if row), "")

    def type(self, text: str | bytes) -> None:
        """Press keys; take in what the program writes meanwhile, so that neither waits for the other."""
        octets = text.encode() if isinstance(text, str) else text
        deadline = time.monotonic() + PATIENCE
        while octets:
            assert time.monotonic() < deadline, f"the program reads nothing any more:\n{self.text}"
            readable, writable, _ = select.select([self._child.child_fd], [self._child.child_fd], [], 0.1)
            if readable:
                self._read(0)
            if writable:
                octets = octets[os.write(self._child.child_fd, octets[:1024]) :]

    def enter(self, text: str, prompt: str = "") -> None:
        """Wait for a prompt, type a line and press Enter.

        Args:
            text: The line.
            prompt: How the prompt ends, behind the phase; empty for any.
        """
        self.wait_prompt(prompt)
        self._prompts = self._shown_prompts
        self.type(text + ENTER)

    def wait_prompt(self, prompt: str = "") -> None:
        """Wait until a prompt stands there and nothing is typed behind it."""
        ends = (f"{prompt}> ", f"{prompt}: ", f"{prompt} ") if prompt else ("> ", ": ")
        self.wait(
            lambda: self._shown_prompts > self._prompts and self.line.endswith(ends),
            f"a prompt that ends in {prompt!r}",
        )

    @property
    def _shown_prompts(self) -> int:
        # Each prompt begins by asking the terminal to bracket what is pasted.
        return self.raw.count(b"\x1b[?2004h")

    def wait_for(self, text: str) -> None:
        """Wait until the text is on the screen, or has scrolled away."""
        self.wait(lambda: text in self.text, repr(text))

    def wait(self, condition: Callable[[], bool], what: str, *, patience: float = PATIENCE) -> None:
        """Wait until a condition holds.

        Args:
            condition: The condition.
            what: What it is about, for the message when it never does.
            patience: How many seconds to wait.
        """
        deadline = time.monotonic() + patience
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"there is no sign of {what}:\n{self.text}"
            assert self._read(min(left, 0.5)), f"the program has ended without a sign of {what}:\n{self.text}"

    def press_ctrl_c(self) -> float:
        """Press Ctrl-C once the program does nothing but wait, as a person does who has watched it for a moment.

        Returns:
            When it was pressed, on the clock of `time.monotonic`.
        """
        program = psutil.Process(self.pid)
        deadline = time.monotonic() + PATIENCE
        while program.status() != psutil.STATUS_SLEEPING:
            assert time.monotonic() < deadline, f"the program never waits:\n{self.text}"
            self._read(0.01)
        pressed = time.monotonic()
        self.type(CTRL_C)
        return pressed

    def skim(self, octets: bytes) -> None:
        """Wait until the program has written these octets, without drawing what it writes, which takes long for very much."""
        start = len(self.raw)
        self._skims = True
        try:
            self.wait(lambda: self.raw.find(octets, start) >= 0, repr(octets), patience=3 * PATIENCE)
        finally:
            self._skims = False
        self._draw(bytes(self.raw[-4000:]).partition(b"\n")[2])

    def wait_end(self) -> int:
        """Wait until the program has ended.

        Returns:
            Its exit status, or minus the signal that ended it.
        """
        deadline = time.monotonic() + PATIENCE
        while self._read(0.2):
            assert time.monotonic() < deadline, f"the program does not end:\n{self.text}"
        return self._ended(deadline)

    def _ended(self, deadline: float) -> int:
        while self._child.isalive():
            assert time.monotonic() < deadline, "the program does not end"
            time.sleep(0.01)
        return (
            int(self._child.exitstatus) if self._child.exitstatus is not None else -int(self._child.signalstatus or 0)
        )

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def hang_up(self) -> int:
        """Close the window and wait until the program has ended.

        Returns:
            Its exit status, or minus the signal that ended it.
        """
        self._child.ptyproc.fileobj.close()
        self._child.ptyproc.closed = self._child.closed = True
        return self._ended(time.monotonic() + PATIENCE)

    def close(self) -> None:
        """End the program, whatever it is in."""
        if self._child.isalive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._child.close(force=True)

    def _read(self, seconds: float) -> bool:
        """Take in what the program writes; say whether it can write more."""
        readable, _, _ = select.select([self._child.child_fd], [], [], seconds)
        if not readable:
            return bool(self._child.isalive())
        try:
            octets = os.read(self._child.child_fd, 65536)
        except OSError:  # Linux says so when nobody has the other end open any more
            return False
        self.raw += octets
        if not self._skims:
            self._draw(octets)
        return bool(octets)

    def _draw(self, octets: bytes) -> None:
        """Draw what the program writes, piece by piece, so that what is there for a moment only is seen too."""
        for start in range(0, len(octets), 256):
            self._screen.dirty.clear()
            self._stream.feed(octets[start : start + 256])
            above = self._screen.history.top
            while above:
                self._above.append(self._row(above.popleft()))
            self.seen.update(self._row(self._screen.buffer[row]) for row in self._screen.dirty)

    def _row(self, cells: Mapping[int, Any]) -> str:
        return "".join(cells[column].data for column in range(self._screen.columns)).rstrip()


@contextmanager
def running(*arguments: str, env: Mapping[str, str] | None = None, answers: bool = False) -> Iterator[Terminal]:
    """Run smtp-shell on a terminal of its own.

    Args:
        arguments: Its arguments.
        env: Variables that differ from this process's.
        answers: Whether the terminal says where its cursor is.
    """
    with running_program(*PROGRAM, *arguments, env=env, answers=answers) as terminal:
        yield terminal


@contextmanager
def running_program(*argv: str, env: Mapping[str, str] | None = None, answers: bool = False) -> Iterator[Terminal]:
    """Run any program on a terminal of its own."""
    terminal = Terminal(argv, env, answers=answers)
    try:
        yield terminal
    finally:
        terminal.close()


def the_recording(state: Path) -> Path:
    """Give the one transcript that was recorded by itself."""
    found = list((state / "recordings").glob("*.smtp"))
    assert len(found) == 1
    return found[0]


@contextmanager
def played_by_hand(*arguments: str, greeting: str = "220 mail.example.org") -> Iterator[tuple[Terminal, Peer]]:
    """Run smtp-shell, connected to a server that says what the test says, with the greeting read.

    Args:
        arguments: Arguments of smtp-shell besides the address.
        greeting: What the server greets with.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        with running(f"127.0.0.1:{listener.getsockname()[1]}", *arguments) as terminal:
            connection, _ = listener.accept()
            peer = Peer(connection)
            try:
                peer.say(greeting)
                terminal.wait_prompt()
                yield terminal, peer
            finally:
                peer.sock.close()


def reach_mail_data(terminal: Terminal, peer: Peer) -> None:
    """Go through the dialogue as far as the 354."""
    for typed, said in (
        ("ehlo", "250 hi"),
        ("mail <>", "250 Ok"),
        ("rcpt bob@example.org", "250 Ok"),
        ("data", "354 go"),
    ):
        terminal.enter(typed)
        peer.hear()
        peer.say(said)
    terminal.wait_prompt("mail data")
