"""The end of the terminal, or of the process by a signal: the connection is closed, recordings are whole, and there is no traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smtp_shell.shell.shell import Shell

_SIGNALS = ("SIGHUP", "SIGTERM", "SIGBREAK")  # Windows has SIGBREAK alone, for its Ctrl-Break
_GONE = frozenset({errno.EIO, errno.EPIPE, errno.ENXIO, errno.EBADF, errno.ENODEV})
_OUTPUT_LOST = 1


class Ended(SystemExit):
    """A signal ends the process. A SystemExit, because asyncio and the shell let nothing else pass."""


def run_until_end(shell: Shell, run: Callable[[], int]) -> int:
    """Run the prompt; close the shell in order if its terminal goes away or a signal ends it.

    Args:
        shell: The shell.
        run: Runs the prompt and returns the exit status.

    Returns:
        The exit status: 128 and the number of the signal, or 1 where the terminal takes no more output.
    """
    with _ending_by_signal():
        try:
            return run()
        except Ended as ended:
            status = int(str(ended.code))
        except OSError as error:
            if error.errno not in _GONE or sys.stdout.isatty():  # it is there: who reads it is told
                shell.close()
                raise
            status = _OUTPUT_LOST
            _silence()
        shell.close()
    return status


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    before: dict[int, Any] = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # One that is ignored, as by nohup, stays ignored.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: object) -> None:
    """End the prompt, or whatever the shell does instead of prompting."""
    from prompt_toolkit.application import get_app_or_none

    signal.signal(number, signal.SIG_IGN)  # once is enough: what follows closes the connection
    if number == getattr(signal, "SIGHUP", None):
        _silence()
    ended, app = Ended(128 + number), get_app_or_none()
    if app is not None and app.is_running:
        with suppress(Exception):  # it has its result, and is about to end
            app.exit(exception=ended)
            return
    raise ended


def _silence() -> None:
    """Send all further output nowhere: a write to a terminal that is gone is an error."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
