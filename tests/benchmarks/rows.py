"""The rows of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.bench import Bench
    from tests.benchmarks.figures import Findings, Goal


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement with its peers and goals.

    Args:
        name: Name for `--only`.
        what: What is measured, in one line.
        goals: Name of a figure -> goal; a figure without one is shown for comparison.
        run: Does the measurement.
    """

    name: str
    what: str
    goals: Mapping[str, Goal]
    run: Callable[[Bench], Findings]
