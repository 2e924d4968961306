"""What a row of the table is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Findings, Goal


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is measured, beside its peers.

    Args:
        name: Its name, for `--only`.
        what: What is measured, in a line.
        goals: Figure's name -> what it should be; a figure without a goal is there for comparison.
        run: Measures it.
    """

    name: str
    what: str
    goals: Mapping[str, Goal]
    run: Callable[[Bench], Findings]
