"""How long a replay may take in all."""

from __future__ import annotations

from time import monotonic

from msgspec.structs import replace

from smtp_shell.config import Timeouts
from smtp_shell.errors import WaitTimedOut

_SHORTEST = 0.001


class TimeLimit:
    """The time that a replay has.

    Args:
        seconds: How long it may take; what a person takes is not counted.

    Attributes:
        deadline: When it is over, on the clock of `time.monotonic`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.deadline = 0.0

    def start(self) -> None:
        """Begin to count."""
        self.deadline = monotonic() + self._seconds

    def stop(self) -> None:
        """Leave no time; any thread may."""
        self._seconds = self.deadline = 0.0

    def extend(self, seconds: float) -> None:
        """Leave out what a person took."""
        self.deadline += seconds

    @property
    def left(self) -> float:
        """How many seconds are left, never less than a moment."""
        return max(self.deadline - monotonic(), _SHORTEST)

    def check(self) -> None:
        """Make sure that there is time left.

        Raises:
            WaitTimedOut: There is none.
        """
        if monotonic() >= self.deadline:
            raise WaitTimedOut(f"the replay took longer than {self._seconds:g} s in all.")

    def capped(self, times: Timeouts) -> Timeouts:
        """Give the waits for a connection, no longer than what is left.

        Args:
            times: The waits.
        """
        left = self.left
        if times.connect <= left and times.tls <= left:
            return times
        return replace(times, connect=min(times.connect, left), tls=min(times.tls, left))
