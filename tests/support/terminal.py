"""The real program on a terminal: 80 columns and 24 rows unless a test wants another.

Nothing here sleeps: type only after a wait for what must be on the screen first. A wait that fails shows the screen.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import sys
import termios
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import pexpect
import psutil
import pyte

from tests.support.peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

COLUMNS, ROWS = 80, 24
PATIENCE = 20.0
CTRL_C, CTRL_D, CTRL_R, CTRL_U, CTRL_Z = "\x03", "\x04", "\x12", "\x15", "\x1a"
ESCAPE, TAB, ENTER = "\x1b", "\t", "\r"
PROGRAM = (sys.executable, "-m", "smtp_shell")

_PROMPT_BEGINS = b"\x1b[?2004h"  # each prompt first asks the terminal to bracket pastes
_EDITOR = re.compile(r" *[0-9]+  ")
_PIECE = 256


class Look(NamedTuple):
    """What a terminal is, and what its user has asked for.

    Attributes:
        size: Columns and rows.
        term: The variable `TERM`.
        lang: The locale.
        is_plain: Whether `NO_COLOR` is set.
        believes: The size that the terminal reports to the program; None: its real one.
    """

    size: tuple[int, int] = (COLUMNS, ROWS)
    term: str = "xterm-256color"
    lang: str = "C.UTF-8"
    is_plain: bool = False
    believes: tuple[int, int] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that say so to a program."""
        return {"TERM": self.term, "LC_ALL": self.lang, "LANG": self.lang} | (
            {"NO_COLOR": "1"} if self.is_plain else {}
        )


USUAL = Look()
LOOKS = {
    "80x24": USUAL,
    "40x20": Look((40, 20)),
    "200x50": Look((200, 50)),
    "dumb": Look(term="dumb"),
    "NO_COLOR": Look(is_plain=True),
    "C locale": Look(lang="C"),
}


class _Screen(pyte.HistoryScreen):
    """A screen that reports its cursor position to the program, if it has a descriptor."""

    descriptor: int | None = None

    def write_process_input(self, data: str) -> None:
        if self.descriptor is not None:
            os.write(self.descriptor, data.encode())


class Terminal:
    """A terminal that runs a program.

    What the program writes is drawn only when the screen is asked for, since drawing is slow and the program would have to wait for it.

    Args:
        argv: The program and its arguments.
        env: Variables that differ from this process's.
        folder: The program's working directory; None: this process's.
        answers: Whether the terminal reports its cursor position on request, as nearly all do. The bottom line needs it.
        look: Its size, `TERM`, locale and `NO_COLOR`. `env` goes before it.

    Attributes:
        raw: All octets that the program has written.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        answers: bool = False,
        look: Look = USUAL,
    ) -> None:
        variables = dict(os.environ)
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            variables.pop(name, None)
        variables |= look.variables
        if not answers:
            variables["PROMPT_TOOLKIT_NO_CPR"] = "1"
        variables |= env or {}
        self.raw = bytearray()
        self._seen: set[str] = set()
        self._above: list[str] = []  # rows that have scrolled off the screen
        self._drawn = 0  # octets of `raw` that are on the screen
        self._drawing = 0.0  # seconds that it took
        self._prompts = 0  # prompts in `raw`
        self._answered = 0  # `_prompts` when the last line was entered
        self._is_unreadable = min(look.size) < ROWS // 2 or look.believes is not None
        self._is_dumb = variables.get("TERM") == "dumb"
        self._entered_at: int | None = None  # octets of `raw` when the last line was entered
        self._has_ended = False
        columns, rows = look.size
        self._canvas = _Screen(columns, rows, history=20_000, ratio=0.1)
        self._stream = pyte.ByteStream(self._canvas)
        self._child = self._spawn(argv, variables, folder, (look.believes or look.size)[::-1])
        if answers:
            self._canvas.descriptor = self._child.child_fd

    def _spawn(
        self, argv: Sequence[str], variables: Mapping[str, str], folder: Path | None, size: tuple[int, int]
    ) -> Any:
        """Start the program on a terminal of so many rows and columns. A `pexpect.spawn` without its types, which leave out `ptyproc`."""
        spawn: Any = pexpect.spawn
        child = spawn(
            argv[0],
            list(argv[1:]),
            cwd=folder and str(folder),
            dimensions=size,
            env=variables,
            timeout=PATIENCE,
            # Whoever runs the tests may ignore it, as nohup does.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        child.delaybeforesend = None
        child.ptyproc.delayafterclose = child.ptyproc.delayafterterminate = 0.01
        return child

    @property
    def pid(self) -> int:
        """The program's process id."""
        return int(self._child.pid)

    @property
    def modes(self) -> list[Any]:
        """The terminal's modes, as `tcgetattr` has them: they can be read when the program has ended too."""
        return termios.tcgetattr(self._child.child_fd)

    @property
    def rows(self) -> list[str]:
        """The rows on the screen, without trailing blanks."""
        return [row.rstrip() for row in self._screen.display]

    @property
    def all_rows(self) -> list[str]:
        """The rows that have scrolled off, followed by those on the screen, without trailing blanks."""
        rows = self.rows
        return [*self._above, *rows]

    @property
    def seen(self) -> set[str]:
        """Each row that has ever been on the screen, without trailing blanks."""
        self._draw()
        return self._seen

    @property
    def text(self) -> str:
        """All rows, one a line."""
        return "\n".join(self.all_rows)

    @property
    def prose(self) -> str:
        """All words, with one blank between two: text that is wrapped can be looked for in it."""
        return " ".join(self.text.split())

    @property
    def line(self) -> str:
        """The cursor's row, up to the cursor."""
        screen = self._screen
        return self._text(screen.buffer[screen.cursor.y])[: screen.cursor.x]

    @property
    def in_editor(self) -> bool:
        """Whether the cursor is in a line of the editor for mail data, with nothing typed in it."""
        return _EDITOR.fullmatch(self.line) is not None

    @property
    def asks(self) -> bool:
        """Whether a line is asked for that has not been asked for before, at a prompt or with the first line of the editor."""
        return self._is_asked and (self.line.endswith(("> ", ": ")) or self.in_editor)

    @property
    def column(self) -> int:
        """The cursor's column."""
        return int(self._screen.cursor.x)

    @property
    def bottom(self) -> str:
        """The last row that is not empty."""
        return next((row for row in reversed(self.rows) if row), "")

    @property
    def title(self) -> str:
        """The window's title and icon name; the program sets neither."""
        screen = self._screen
        return f"{screen.title}{screen.icon_name}"

    def type(self, text: str | bytes) -> None:
        """Press keys, and read what the program writes meanwhile, so that neither blocks the other.

        Keys for a program that has ended are dropped.
        """
        octets = text.encode() if isinstance(text, str) else text
        deadline = time.monotonic() + PATIENCE
        while octets:
            assert time.monotonic() < deadline, f"the program has stopped reading:\n{self.text}"
            readable, writable, _ = select.select([self._child.child_fd], [self._child.child_fd], [], 0.1)
            if readable and not self._read(0):
                return
            if writable:
                try:
                    octets = octets[os.write(self._child.child_fd, octets[:1024]) :]
                except OSError:
                    return

    def enter(self, text: str, prompt: str = "") -> None:
        """Wait for a prompt, type a line and press Enter.

        Args:
            text: The line.
            prompt: The end of the prompt, up to its `> ` or `: `; empty for any prompt.
        """
        self.wait_prompt(prompt)
        self._answered, self._entered_at = self._prompts, len(self.raw)
        self.type(text + ENTER)

    def wait_prompt(self, prompt: str = "") -> None:
        """Wait for a prompt with nothing typed after it; where none can be read, until the program has begun to draw it.

        `mail data` and any prompt are found in each line of the editor too.
        """
        ends = (f"{prompt}> ", f"{prompt}: ", f"{prompt} ") if prompt else ("> ", ": ")
        self.wait(
            lambda: (
                (self._is_asked and (self._is_unreadable or self.line.endswith(ends)))
                or (prompt in ("", "mail data") and self.in_editor)
            ),
            f"a prompt that ends in {prompt!r}",
        )

    @property
    def _is_asked(self) -> bool:
        """Whether there may be a prompt after the line that was entered last. A dumb terminal is not asked to bracket pastes."""
        if self._is_dumb:
            return self._entered_at is None or b"\n" in self.raw[self._entered_at :]
        return self._prompts > self._answered

    def wait_for(self, text: str) -> None:
        """Wait until the text is on the screen, or has scrolled off it."""
        self.wait(lambda: text in self.text, repr(text))

    def wait(self, condition: Callable[[], bool], what: str, *, patience: float = PATIENCE) -> None:
        """Wait until a condition holds; fail if it does not.

        Args:
            condition: The condition.
            what: What is waited for, for the message of the failure.
            patience: Seconds to wait.
        """
        if not self.until(condition, patience):
            missing = "the program has ended without a" if self._has_ended else "there is no"
            raise AssertionError(f"{missing} sign of {what}:\n{self.text}")

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Return True as soon as a condition holds, False if it does not in time or the program ends first.

        What the emulated terminal needs to draw does not count: a terminal takes no seconds for 64 KiB, and the program waits for it.
        """
        deadline, drawing = time.monotonic() + seconds, self._drawing
        while not condition():
            left = deadline + self._drawing - drawing - time.monotonic()
            if left <= 0 or not self._read(min(left, 0.5)):
                return False
        return True

    def press_ctrl_c(self) -> float:
        """Press Ctrl-C once the program sleeps with no prompt open, as a user does who has watched it wait.

        Under a prompt, which may not have ended when what was entered is on the screen, Ctrl-C would be a key and not a signal.

        Returns:
            When it was pressed, on the clock of `time.monotonic`.
        """
        program = psutil.Process(self.pid)
        deadline = time.monotonic() + PATIENCE
        while not self.modes[3] & termios.ISIG or program.status() != psutil.STATUS_SLEEPING:
            assert time.monotonic() < deadline, f"the program never waits:\n{self.text}"
            self._read(0.01)
        pressed = time.monotonic()
        self.type(CTRL_C)
        return pressed

    def skim(self, octets: bytes) -> None:
        """Wait until the program has written these octets, and draw only the last 4000 of what it wrote before."""
        start = len(self.raw)
        self.wait(lambda: self.raw.find(octets, start) >= 0, repr(octets), patience=3 * PATIENCE)
        recent = max(0, len(self.raw) - 4000)
        self._drawn = max(self._drawn, self.raw.find(b"\n", recent) + 1)

    def wait_end(self) -> int:
        """Wait until the program has ended.

        Returns:
            Its exit status, or minus the signal that ended it.
        """
        status = self.end_within(PATIENCE)
        assert status is not None, f"the program does not end:\n{self.text}"
        return status

    def end_within(self, seconds: float) -> int | None:
        """Return the exit status, or minus the signal that ended the program; None if it does not end in time."""
        deadline = time.monotonic() + seconds
        while self._read(0.2):
            if time.monotonic() > deadline:
                return None
        return self._status(deadline)

    def _status(self, deadline: float) -> int | None:
        while self._child.isalive():
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return (
            int(self._child.exitstatus) if self._child.exitstatus is not None else -int(self._child.signalstatus or 0)
        )

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window, and tell the program (SIGWINCH)."""
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def hang_up(self) -> None:
        """Close the window, and wait until the program has ended."""
        self._child.ptyproc.fileobj.close()
        self._child.ptyproc.closed = self._child.closed = True
        assert self._status(time.monotonic() + PATIENCE) is not None, "the program does not end"

    def close(self) -> None:
        """Kill the program if it runs, and close the terminal."""
        if self._child.isalive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._status(time.monotonic() + PATIENCE)  # a busy machine takes longer than pexpect waits
        self._child.close(force=True)

    def _read(self, seconds: float) -> bool:
        """Read what the program writes; return False once it has ended."""
        readable, _, _ = select.select([self._child.child_fd], [], [], seconds)
        if not readable:
            self._has_ended = not self._child.isalive()
            return not self._has_ended
        octets = b""
        with suppress(OSError):  # Linux: no process has the other end open
            octets = os.read(self._child.child_fd, 65536)
        self._has_ended = not octets
        tail = max(0, len(self.raw) - len(_PROMPT_BEGINS) + 1)
        self.raw += octets
        self._prompts += self.raw.count(_PROMPT_BEGINS, tail)
        if self._canvas.descriptor is not None:
            self._draw()  # a request for the cursor position is in the octets: it cannot wait
        return not self._has_ended

    @property
    def _screen(self) -> _Screen:
        self._draw()
        return self._canvas

    def _draw(self) -> None:
        """Draw what is pending, in pieces so small that `seen` has rows that were there for a moment only."""
        began = time.monotonic()
        while self._drawn < len(self.raw):
            piece = bytes(self.raw[self._drawn : self._drawn + _PIECE])
            self._drawn += len(piece)
            self._canvas.dirty.clear()
            self._stream.feed(piece)
            above = self._canvas.history.top
            while above:
                self._above.append(self._text(above.popleft()).rstrip())
            self._seen.update(self._text(self._canvas.buffer[row]).rstrip() for row in self._canvas.dirty)
        self._drawing += time.monotonic() - began

    def _text(self, cells: Mapping[int, Any]) -> str:
        return "".join(cells[column].data for column in range(self._canvas.columns))


@contextmanager
def running(
    *arguments: str, env: Mapping[str, str] | None = None, answers: bool = False, look: Look = USUAL
) -> Iterator[Terminal]:
    """Run smtp-shell in a `Terminal`.

    Args:
        arguments: Its arguments.
        env: Variables that differ from this process's.
        answers: Whether the terminal reports its cursor position.
        look: The terminal's size, `TERM`, locale and `NO_COLOR`.
    """
    with running_program(*PROGRAM, *arguments, env=env, answers=answers, look=look) as terminal:
        yield terminal


@contextmanager
def running_program(
    *argv: str, env: Mapping[str, str] | None = None, answers: bool = False, look: Look = USUAL
) -> Iterator[Terminal]:
    """Run any program in a `Terminal`."""
    terminal = Terminal(argv, env, answers=answers, look=look)
    try:
        yield terminal
    finally:
        terminal.close()


def the_recording(state: Path) -> Path:
    """Return the path of the one recording in a state folder."""
    found = list((state / "recordings").glob("*.smtp"))
    assert len(found) == 1
    return found[0]


@contextmanager
def played_by_hand(
    *arguments: str, greeting: str = "220 mail.example.org", answers: bool = False, look: Look = USUAL
) -> Iterator[tuple[Terminal, Peer]]:
    """Run smtp-shell, connected to a server that the test plays; the greeting has been read.

    Args:
        arguments: Arguments of smtp-shell that follow the address.
        greeting: The greeting.
        answers: Whether the terminal reports its cursor position.
        look: The terminal's size, `TERM`, locale and `NO_COLOR`.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        with running(f"127.0.0.1:{listener.getsockname()[1]}", *arguments, answers=answers, look=look) as terminal:
            connection, _ = listener.accept()
            peer = Peer(connection)
            try:
                peer.say(greeting)
                terminal.wait_prompt()
                yield terminal, peer
            finally:
                peer.sock.close()


def reach_mail_data(terminal: Terminal, peer: Peer, *, line_by_line: bool = False) -> None:
    """Go through the dialogue up to the 354.

    Args:
        terminal: The terminal.
        peer: The server.
        line_by_line: Whether mail data goes out line by line, and not from the editor.
    """
    if line_by_line:
        terminal.enter("/set mail-editor off")
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
