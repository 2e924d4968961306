"""What a part came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.soak.sampling import Watched


@dataclass(slots=True)
class Outcome:
    """What a part came to.

    Attributes:
        watched: The processes and their samples.
        seconds: How long it took.
        faults: What is wrong, in sentences.
        lines: What became of the dialogues or lines, to read.
        figures: The same for the report.
    """

    watched: list[Watched]
    seconds: float
    faults: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
