"""How long a replay may take in all."""

from dataclasses import fields, replace
from time import monotonic

from smtp_shell.config import Timeouts
from smtp_shell.errors import WaitTimedOut

_SHORTEST = 0.001


class TimeLimit:
    """The time that a replay has.

    Args:
        seconds: How long it may take; what a person takes is not counted.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = 0.0

    def start(self) -> None:
        """Begin to count."""
        self._deadline = monotonic() + self._seconds

    def extend(self, seconds: float) -> None:
        """Leave out what a person took."""
        self._deadline += seconds

    @property
    def left(self) -> float:
        """How many seconds are left, never less than a moment."""
        return max(self._deadline - monotonic(), _SHORTEST)

    def check(self) -> None:
        """Make sure that there is time left.

        Raises:
            WaitTimedOut: There is none.
        """
        if monotonic() >= self._deadline:
            raise WaitTimedOut(f"the replay took longer than {self._seconds:g} s in all.")

    def capped(self, times: Timeouts, within: float | None = None) -> Timeouts:
        """Give waits that are no longer than what is left.

        Args:
            times: The waits.
            within: How long the next reply may take; None for what the waits say.
        """
        if within is not None:
            times = replace(times, greeting=within, reply=within, data=within, final_dot=within, quit=within)
        left = self.left
        return replace(times, **{field.name: min(getattr(times, field.name), left) for field in fields(times)})
