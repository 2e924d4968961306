"""Starts the program in a room, over and over, by a process that has loaded it."""

from __future__ import annotations

import os
import re
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.room import Outcome, Room
from tests.support.fork_server import ForkServer

SECONDS = 30.0
"""How long a run may take: the machine may be loaded."""

_POLL_SECONDS = 0.005
_STREAMS = ("stdin", "stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Running:
    """A command that runs.

    Args:
        room: Its room.
        pid: Its process.
        stdout: The file that its standard output goes to.
        terminal: The other end of its terminal; -1 for none.
        is_over: Returns whether it has ended.
    """

    room: Room
    pid: int
    stdout: Path
    terminal: int
    is_over: Callable[[], bool]

    def wait_for(self, pattern: str) -> re.Match[str] | None:
        """Wait until standard output has a text, and return the match; None if the process ends before, or does not write it."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            over = self.is_over()
            if found := re.search(pattern, _text(self.stdout)):
                return found
            if over:
                return None
            time.sleep(_POLL_SECONDS)
        return None

    def stop(self) -> None:
        """Ask it to end, if it is still there."""
        if not self.is_over():  # then its number is still its own, but for the blink of an eye
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def converse(self, prompt: str, lines: Sequence[str]) -> None:
        """Type a line at each prompt, then Ctrl-D at each. What the terminal shows goes to `stdout`.

        Args:
            prompt: Pattern of what stands at the end when the next line is awaited.
            lines: The lines.
        """
        waiting = [f"{line}\n" for line in lines]
        shown, seen, over = "", 0, False
        deadline = time.monotonic() + SECONDS
        while not over and time.monotonic() < deadline:
            over = self.is_over()
            while select.select([self.terminal], [], [], _POLL_SECONDS)[0]:
                shown += os.read(self.terminal, 65536).decode("utf-8", "replace")
            if re.search(f"{prompt}$", shown[seen:]):
                seen = len(shown)
                os.write(self.terminal, (waiting.pop(0) if waiting else "\x04").encode())
        self.stdout.write_text(shown, encoding="utf-8", errors="surrogateescape")


class Command:
    """What to run.

    Args:
        words: The arguments of the program.
        call: A function in place of the program, as `module:name`; it returns the exit status.
        stdin: What it reads.
        stdout: Name of a file in the room for standard output; empty for one that is outside of it.
        env: Variables beside those of the room.
        act: Called while it runs.
        terminal: Whether it runs on a pseudo-terminal, whose other end `act` must read.
    """

    def __init__(
        self,
        *words: str,
        call: str = "",
        stdin: str = "",
        stdout: str = "",
        env: dict[str, str] | None = None,
        act: Callable[[Running], None] | None = None,
        terminal: bool = False,
    ) -> None:
        self.words = words
        self.call = call
        self.stdin = stdin
        self.stdout = stdout
        self.env = env or {}
        self.act = act
        self.terminal = terminal


class Starter(ForkServer):
    """The process that starts the others; one at a time.

    Args:
        folder: A folder for what the runs write beside their rooms.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__("tests.crash.forking")
        self._folder = folder

    def run(
        self, command: Command, room: Room, *, number: int = 0, kind: str = "", counts: bool = True, most: int = -1
    ) -> Outcome:
        """Run a command in a room.

        Args:
            command: The command.
            room: The room.
            number: The call at which something happens; 0 for none.
            kind: What happens.
            counts: Whether calls are counted at all.
            most: The most octets that a file may have; -1 for no limit.
        """
        places = {name: self._folder / name for name in (*_STREAMS, "trace")}
        for path in places.values():
            path.unlink(missing_ok=True)
        places["stdin"].write_text(command.stdin, encoding="utf-8")
        if command.stdout:
            places["stdout"] = room.work / command.stdout
        pipes = _Pipes(places) if most >= 0 else None
        files = places if pipes is None else pipes.files
        master, slave = os.openpty() if command.terminal else (-1, -1)
        request: dict[str, Any] = {
            "words": command.words, "call": command.call, "cwd": str(room.work), "folder": str(room.path),
            "env": room.environment() | command.env, "number": number, "kind": kind, "counts": counts, "most": most,
            "seconds": SECONDS, "trace": str(places["trace"]),
            "streams": [os.ttyname(slave)] * 3 if command.terminal else [str(places[name]) for name in _STREAMS],
        }  # fmt: skip
        try:
            pid = self.ask(request)["pid"]
            try:
                said = self._act(command, room, pid, master, files["stdout"])
            except BaseException:
                self.answer()  # when its time is over
                raise
            ended = self.answer()
        finally:
            if pipes is not None:
                pipes.close()
            for descriptor in (master, slave):
                if descriptor >= 0:
                    os.close(descriptor)
        return Outcome(
            ended["status"],
            said or _text(files["stdout"]),
            _text(files["stderr"]),
            tuple(_text(places["trace"]).splitlines()),
            ended["late"],
        )

    def _act(self, command: Command, room: Room, pid: int, terminal: int, stdout: Path) -> str:
        """Do what is to be done while it runs, and return what was read from its terminal."""
        if command.act is None:
            return ""
        if command.terminal:
            stdout = self._folder / "terminal"
            stdout.unlink(missing_ok=True)
        command.act(Running(room, pid, stdout, terminal, self.has_answered))
        return _text(stdout) if command.terminal else ""


class _Pipes:
    """Pipes in the place of output files, copied to files by a thread: a limit of the size of files is not for them.

    Args:
        places: The files.

    Attributes:
        files: Where their copies are.
    """

    def __init__(self, places: dict[str, Path]) -> None:
        self._copies: dict[int, Path] = {}
        self.files = dict(places)
        for name in ("stdout", "stderr"):
            if places[name].parent.name != "work":  # a file in the room is what is to be limited
                os.mkfifo(places[name], 0o600)
                copy = places[name].with_name(f"{name}-copy")
                copy.write_bytes(b"")
                self._copies[os.open(places[name], os.O_RDONLY | os.O_NONBLOCK)] = copy
                self.files[name] = copy
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Copy what is left, and end."""
        self._is_over.set()
        self._thread.join()
        for pipe in self._copies:
            os.close(pipe)

    def _copy(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._is_over.wait(_POLL_SECONDS)
            for pipe, copy in self._copies.items():
                with suppress(BlockingIOError):
                    while octets := os.read(pipe, 65536):
                        with copy.open("ab") as file:
                            file.write(octets)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "backslashreplace") if path.exists() else ""


def words(commands: Sequence[str]) -> tuple[str, ...]:
    """Return lines of the shell as options of the program."""
    return tuple(word for line in commands for word in ("-c", line))
