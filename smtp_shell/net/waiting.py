"""Waiting for a socket, in ticks that are short enough for Ctrl-C to work at once on every platform."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sized

TICK = 0.2


def tick(deadline: float) -> float | None:
    """Return the seconds until the deadline, at most `TICK`. None if it has passed.

    Args:
        deadline: On the clock of `time.monotonic`.
    """
    left = deadline - time.monotonic()
    return min(left, TICK) if left > 0 else None


def _poller(sock: socket.socket) -> Callable[[float], Sized]:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll


def _selector(sock: socket.socket) -> Callable[[float], Sized]:
    return lambda milliseconds: select.select([sock], [], [], milliseconds / 1000)[0]


def _wait_by_poll(sock: socket.socket, seconds: float, *, read: bool = True, write: bool = False) -> tuple[bool, bool]:
    poll = select.poll()
    poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    for _, happened in poll.poll(seconds * 1000):
        broken = bool(happened & (select.POLLERR | select.POLLHUP))
        return read and bool(happened & select.POLLIN or broken), write and bool(happened & select.POLLOUT or broken)
    return False, False


def _wait_by_select(
    sock: socket.socket, seconds: float, *, read: bool = True, write: bool = False
) -> tuple[bool, bool]:
    # Windows reports a refused connection in the third list only.
    readers, writers, broken = select.select(
        [sock] if read else [], [sock] if write else [], [sock] if write else [], seconds
    )
    return bool(readers), bool(writers or broken)


# poll has no limit on descriptor numbers. Windows has only select, whose limit is on the number of sockets there.
wait_for: Callable[..., tuple[bool, bool]] = _wait_by_poll if hasattr(select, "poll") else _wait_by_select
"""Wait until a socket is readable or writable, at most `seconds`. Return both states. An error counts as either."""

watch: Callable[[socket.socket], Callable[[float], Sized]] = _poller if hasattr(select, "poll") else _selector
"""Return a function that waits until a socket is readable, at most so many milliseconds, and returns something if it is.

A socket is registered once and not for each of its waits: a busy-polling replay asks several times for each reply.
"""
