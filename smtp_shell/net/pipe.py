"""A program as the server: it speaks over its standard input and output, and what it writes on its standard error is kept to be shown."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Final

from smtp_shell.config import child_environment
from smtp_shell.errors import ConnectFailed
from smtp_shell.figures import plain
from smtp_shell.net.target import Target
from smtp_shell.net.transport import Transport
from smtp_shell.net.waiting import TICK, wait_for
from smtp_shell.private_files import reason_of

if TYPE_CHECKING:
    import subprocess

MOST_LINES: Final = 500
"""Lines of a program's standard error that are kept to be shown, for one connection."""

MOST_OCTETS: Final = 64 * 1024
"""Octets of them."""

_LONGEST_LINE = 1_000
_READ = 64 * 1024


def open_pipe(target: Target) -> Transport:
    """Start the program of a target.

    Args:
        target: Has the command line.

    Raises:
        ConnectFailed: The program cannot be started.
    """
    if os.name == "nt":
        raise ConnectFailed(f"no connection to {target}: programs as servers need a POSIX system; use HOST:PORT.")
    import shlex
    import subprocess

    try:
        words = shlex.split(target.host)
    except ValueError:
        raise ConnectFailed(f"no connection to {target}: the command has an open quote; close it.") from None
    ours, theirs = socket.socketpair()
    reads, writes = os.pipe()
    try:
        child = subprocess.Popen(
            words,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=writes,
            env=child_environment(),
            start_new_session=True,  # else Ctrl-C at the prompt would end it too
        )
    except (OSError, ValueError) as error:
        ours.close()
        os.close(reads)
        reason = reason_of(error) if isinstance(error, OSError) else "it holds NUL"
        raise ConnectFailed(f"no connection to {target}: {reason}; check the command.") from None
    finally:
        theirs.close()
        os.close(writes)
    return Transport(ours, "", Program(child, reads))


class Program:
    """A program that is the server.

    What it writes on its standard error is read by a thread of its own, at once and whoever looks at it, so that the program never waits
    until somebody does. What is more than the limits is counted and dropped.

    Args:
        child: The process.
        errors: Descriptor of the other end of its standard error, which is closed here.
    """

    def __init__(self, child: subprocess.Popen[bytes], errors: int) -> None:
        self._child = child
        self._errors = errors
        self._lock = threading.Lock()
        self._lines: list[bytes] = []  # that nobody has taken
        self._rest = b""
        self._kept_lines = self._kept_octets = self._dropped = 0
        self._is_stopped = False
        self._was_killed = False
        self._thread = threading.Thread(target=self._read, daemon=True, name="standard-error")
        self._thread.start()

    @property
    def has_lines(self) -> bool:
        """Whether `take` would return something."""
        return bool(self._lines)

    def take(self) -> list[bytes]:
        """Return the lines of standard error that have come since the last call, without their ends, cut where they are very long."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    @property
    def dropped(self) -> int:
        """How many octets of standard error were too many to be kept."""
        return self._dropped

    def finish(self, seconds: float) -> None:
        """Wait until the program has ended and its standard error with it, but no longer than so many seconds each."""
        import subprocess

        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        self._thread.join(seconds)

    def end(self, seconds: float = 2.0) -> None:
        """Wait for the program's end, and kill it after so many seconds. Then stop reading its standard error."""
        self.finish(seconds)
        if self._child.poll() is None:
            self._was_killed = True
            self._child.kill()
            self._child.wait()
        self._thread.join(TICK)
        self._is_stopped = True  # a program that it has started may keep the standard error open
        self._thread.join(2 * TICK)

    @property
    def ending(self) -> str:
        """How the program ended, in words; empty if it runs, ended well, or was killed here."""
        status = self._child.poll()
        if not status or self._was_killed:
            return ""
        if status < 0:
            import signal

            return f"by signal {signal.Signals(-status).name if -status in set(signal.Signals) else plain(-status)}"
        return f"with status {status}"

    def _read(self) -> None:
        try:
            while not self._is_stopped:
                readable, _ = wait_for(self._errors, TICK)
                if readable and not self._receive():
                    break
        finally:
            os.close(self._errors)

    def _receive(self) -> bool:
        try:
            octets = os.read(self._errors, _READ)
        except OSError:
            octets = b""
        with self._lock:
            self._add(octets)
        return bool(octets)

    def _add(self, octets: bytes) -> None:
        *lines, rest = (self._rest + octets).split(b"\n")
        if len(rest) > _LONGEST_LINE or (rest and not octets):
            lines.append(rest)
            rest = b""
        self._rest = rest
        for line in lines:
            line = line.removesuffix(b"\r")
            kept = line[:_LONGEST_LINE]
            if self._kept_lines >= MOST_LINES or self._kept_octets + len(kept) > MOST_OCTETS:
                kept = b""
            else:
                self._kept_lines += 1
                self._kept_octets += len(kept)
                self._lines.append(kept)
            self._dropped += len(line) - len(kept)
