"""Budgets: how long the steps of a run may take, such as `p95=50ms`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.figures import plain
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted

if TYPE_CHECKING:
    from smtp_shell.replay.stats import Latencies

_BUDGET = r"(p[1-9][0-9]?(?:\.[0-9]{1,3})?|p100|max|mean)\s*=\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(us|ms|s)"
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class Budget(Struct, frozen=True):
    """How long steps may take.

    Args:
        figure: Which figure of their durations: `p95` and other percentiles, `max` or `mean`.
        seconds: Its upper limit.
    """

    figure: str
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Parse a budget.

        Raises:
            ValueError: It is none; the message is a sentence for a user.
        """
        found = re.fullmatch(_BUDGET, text.strip().lower())
        if found is None or not float(found[2]):
            shown = quoted(escape_str(text[:60]), SINGLE)
            raise ValueError(
                f"{shown} is no budget; write p50, p95, p99, max or mean, and a time with its unit, as in p95=50ms"
            )
        return cls(found[1], float(found[2]) * _UNITS[found[3]])

    def exceeded_by(self, times: Latencies) -> str:
        """Return by what steps exceed it, in a sentence without its full stop; empty if they do not.

        Args:
            times: How long they took. Where there are none, nothing is exceeded.
        """
        match self.figure:
            case "max":
                took, what = times.longest, "the slowest step"
            case "mean":
                took, what = times.mean, "the mean of the steps"
            case percentile:
                took, what = times.percentile(float(percentile[1:])), f"{percentile} of the steps"
        if took <= self.seconds:
            return ""
        of = "1 step" if len(times) == 1 else f"{len(times):,} steps"
        return f"{what} took {plain(took * 1000, 3)} ms, and --budget allows {plain(self.seconds * 1000, 3)} ms ({of})"
