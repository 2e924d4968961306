"""How long a session waits for what."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from smtp_shell.protocol.phases import Asked, Owed

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.config import Timeouts

_SHORTEST_WAIT = 0.001


class Waits:
    """The timeouts of one session.

    Args:
        timeouts: Timeouts of each kind of wait.
        clock: Returns seconds.

    Attributes:
        timeouts: Timeouts of each kind of wait.
        deadline: When every wait ends at the latest, on the clock.
        reply_timeout: Reply timeout in seconds; overrides `timeouts`. None: use `timeouts`.
    """

    def __init__(self, timeouts: Timeouts, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeouts = timeouts
        self.deadline = math.inf
        self.reply_timeout: float | None = None
        self._clock = clock

    def bounded(self, seconds: float) -> float:
        """Return a timeout as `reply_timeout` overrides it and `deadline` bounds it, in seconds.

        Args:
            seconds: The timeout by `timeouts`.
        """
        wanted, left = seconds if self.reply_timeout is None else self.reply_timeout, self.deadline - self._clock()
        return wanted if wanted < left else max(left, _SHORTEST_WAIT)

    def for_reply(self, owed: Owed | None) -> float:
        """Return the timeout of a reply in seconds.

        Args:
            owed: What is owed; None for a reply that answers nothing.

        Source: RFC 5321 section 4.5.3.2
        """
        return self.bounded(self.timeouts.reply if owed is None else self._usual(owed))

    def _usual(self, owed: Owed) -> float:
        times, verb = self.timeouts, owed.verb
        if verb == "QUIT":
            return times.quit
        if verb == "DATA":
            return times.data
        if owed.asked is Asked.GREETING:
            return times.greeting
        return times.final_dot if owed.ends_message or verb == "BDAT" else times.reply
