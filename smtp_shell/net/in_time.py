"""Calls of libraries that block without a time-out of their own: run in a thread, and waited for in ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smtp_shell.net.waiting import tick

if TYPE_CHECKING:
    from collections.abc import Callable

ResultT = TypeVar("ResultT")


def in_time(work: Callable[[], ResultT], deadline: float, name: str) -> ResultT:
    """Return what a function returns, and raise what it raises. Ctrl-C ends the wait; the thread is left to end by itself.

    Args:
        work: The function.
        deadline: When to stop waiting, on the clock of `time.monotonic`.
        name: Name of the thread.

    Raises:
        TimeoutError: It did not return in time.
        OSError: The system starts no more threads.
    """
    import errno
    import os
    import threading

    found: list[ResultT] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:  # raised again by the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True, name=name)
    try:
        thread.start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
    while thread.is_alive():
        wait = tick(deadline)
        if wait is None:
            raise TimeoutError
        thread.join(wait)
    if failure:
        raise failure[0]
    return found[0]
