"""The echo of the terminal: off while lines run, so that what is typed ahead is kept for the next prompt and is not mixed with the output.

A prompt shows itself what is typed at it. A program that the shell starts on the terminal, such as an editor, gets the echo back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def no_echo() -> Iterator[None]:
    """Turn the echo off in the block, where standard input is a terminal that has one."""
    yield from _with_echo(on=False)


@contextmanager
def usual_echo() -> Iterator[None]:
    """Turn the echo on in the block, where standard input is a terminal that has one."""
    yield from _with_echo(on=True)


def _with_echo(*, on: bool) -> Iterator[None]:
    before = _set_echo(on=on)
    try:
        yield
    finally:
        if before is not None:
            _set_echo(on=before)


def _set_echo(*, on: bool) -> bool | None:
    """Turn the echo on or off, and return how it was; None where there is none."""
    if sys.platform == "win32":  # a console there echoes only while a program reads
        return None
    import termios

    before = None
    with suppress(termios.error, ValueError, OSError):  # no terminal, or one that has gone away
        modes = termios.tcgetattr(sys.stdin)
        before = bool(modes[3] & termios.ECHO)
        modes[3] = modes[3] | termios.ECHO if on else modes[3] & ~termios.ECHO
        termios.tcsetattr(sys.stdin, termios.TCSANOW, modes)
    return before
