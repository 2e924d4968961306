"""Connections in memory, and a clock that stands still unless somebody waits: what is below the program's transport."""

from __future__ import annotations

import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any, Protocol
from unittest.mock import patch

from smtp_shell.client.session import Session
from smtp_shell.net import connect, resolve, transport

_STEP = 0.000_01  # seconds that each look at the clock takes, so that a loop that waits for its end has one
_STARTED = 1_000.0
_WINDOW = 1 << 20
NAME = "laptop.example"


class Clock:
    """The clock.

    Attributes:
        now: Seconds.
    """

    def __init__(self) -> None:
        self.now = _STARTED

    def __call__(self) -> float:
        self.now += _STEP
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, 0.0)


class ServerEnd(Protocol):
    """A server: it is told what comes, and puts what it says into the connection."""

    def opened(self, wire: Wire) -> None:
        """Begin a dialogue over this connection."""

    def heard(self, octets: bytes) -> None:
        """Take what the client has sent."""

    def left(self) -> None:
        """Note that the client has closed."""


class Wire:
    """A connection in memory: the client's socket, and what the server has sent into it.

    Args:
        clock: The clock.
        server: The other end.
        window: How many octets the client may send before the server reads again.
    """

    type = socket.SOCK_STREAM
    family = socket.AF_INET

    def __init__(self, clock: Clock, server: ServerEnd, window: int = _WINDOW) -> None:
        self._clock, self._server, self._window = clock, server, max(window, 1)
        self._room = self._window
        self._sent = bytearray()  # by the client, not read yet
        self._coming: deque[tuple[float, bytes | None]] = deque()  # when it arrives, and what; None for a reset
        self._last = 0.0  # when the last of it arrives
        self._has_ended = False  # the server sends no more
        self._is_reset = False
        self._is_closed = False
        self._interrupted = False
        self.reads = True
        self.octets = 0
        server.opened(self)

    # The server's end

    def say(self, octets: bytes) -> None:
        """Send octets, which arrive together."""
        if octets and not self._has_ended:
            self._coming.append((self._arrival(), octets))
            self.octets += len(octets)

    def pause(self, seconds: float) -> None:
        """Let what is sent from now on arrive later."""
        self._last = self._arrival() + seconds

    def end(self) -> None:
        """Send no more."""
        if not self._has_ended:
            self._coming.append((self._arrival(), b""))
            self._has_ended = True

    def reset(self) -> None:
        """Reset the connection."""
        if not self._has_ended:
            self._coming.append((self._arrival(), None))
            self._has_ended = True

    def interrupt(self) -> None:
        """Have the user press Ctrl-C in the next wait."""
        self._interrupted = True

    def _arrival(self) -> float:
        self._last = max(self._last, self._clock.now)
        return self._last

    # The client's socket

    def setblocking(self, flag: bool) -> None:
        pass

    def setsockopt(self, *words: object) -> None:
        pass

    def fileno(self) -> int:
        return -1

    def getsockname(self) -> tuple[str, int]:
        return "192.0.2.7", 40_000

    def getpeername(self) -> tuple[str, int]:
        return "192.0.2.25", 25

    def shutdown(self, how: int) -> None:
        self._pump()

    def close(self) -> None:
        if not self._is_closed:
            self._pump()
            self._is_closed = True
            self._server.left()

    def send(self, octets: bytes | memoryview) -> int:
        if self._is_reset:
            raise BrokenPipeError(32, "Broken pipe")
        if self._is_closed:
            raise OSError(9, "Bad file descriptor")
        taken = bytes(octets[: self._room])
        if not taken:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self._sent += taken
        self._room -= len(taken)
        self.octets += len(taken)
        return len(taken)

    def recv(self, most: int) -> bytes:
        if self._is_closed:
            raise OSError(9, "Bad file descriptor")
        if not self.has_come:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        at, octets = self._coming[0]
        if octets is None:
            self._is_reset = True
            raise ConnectionResetError(104, "Connection reset by peer")
        if not octets:
            return b""
        self._coming.popleft()
        if len(octets) > most:
            self._coming.appendleft((at, octets[most:]))
        return octets[:most]

    @property
    def has_come(self) -> bool:
        """Whether `recv` would return something."""
        return bool(self._coming) and self._coming[0][0] <= self._clock.now

    def _pump(self) -> None:
        if self._sent and self.reads:
            octets, self._room = bytes(self._sent), self._window
            self._sent.clear()
            self._server.heard(octets)

    def wait(self, seconds: float, *, read: bool = True, write: bool = False) -> tuple[bool, bool]:
        """Let the server act, and let time pass until something can be done, or the seconds are over."""
        self._pump()
        if self._interrupted and seconds > 0:
            self._interrupted = False
            raise KeyboardInterrupt
        if not (read and self.has_come) and not (write and self._room):
            due = self._coming[0][0] if read and self._coming else float("inf")
            self._clock.sleep(min(seconds, max(due - self._clock.now, 0.0)))
        return read and self.has_come, write and self._room > 0


def _watch(wire: Wire) -> Callable[[float], list[bool]]:
    return lambda milliseconds: [True] if wire.wait(milliseconds / 1000)[0] else []


def _wait_for(wire: Wire, seconds: float, *, read: bool = True, write: bool = False) -> tuple[bool, bool]:
    return wire.wait(seconds, read=read, write=write)


@contextmanager
def connections(clock: Clock, open_wire: Callable[[], Wire]) -> Iterator[None]:
    """Have all connections of the program made in memory, on this clock and with the same random numbers each time.

    Args:
        clock: The clock.
        open_wire: Called for each connection; may raise OSError.
    """
    random = Random(7)

    def token_hex(octets: int | None = None) -> str:
        return random.randbytes(octets or 32).hex()

    def token_bytes(octets: int | None = None) -> bytes:
        return random.randbytes(octets or 32)

    def opened(*words: Any) -> Wire:
        return open_wire()

    with ExitStack() as stack:
        for owner, name, value in (
            (time, "monotonic", clock),
            (time, "sleep", clock.sleep),
            (transport, "watch", _watch),
            (transport, "wait_for", _wait_for),
            (connect, "open_tcp", opened),
            (resolve, "local_name", lambda address, seconds=1.0: NAME),
            (secrets, "token_hex", token_hex),
            (secrets, "token_bytes", token_bytes),
        ):
            stack.enter_context(patch.object(owner, name, value))
        # A default value, which was taken from the module when the class was made.
        defaults: Any = Session.__init__.__kwdefaults__
        stack.enter_context(patch.dict(defaults, clock=clock))
        yield
