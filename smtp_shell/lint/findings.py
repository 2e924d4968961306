"""Findings: what the linter says about a dialogue."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"  # a rule of an RFC is broken, and something does not work because of it, or will not
    WARNING = "warning"  # a rule is broken that many servers forgive, or a risk is taken
    ADVICE = "advice"  # nothing is broken; there is a better way


class Place(Struct, frozen=True):
    """Where something happened.

    Args:
        line: Number of the line in the file; 0 where there is no file.
        seq: Number of the event.
    """

    line: int = 0
    seq: int = 0


class Finding(Struct, frozen=True):
    """What breaks a rule, or is unwise.

    Args:
        line: Number of the line in the file; 0 where there is no file.
        seq: Number of the event that it is about.
        rule: Name of the rule, such as `bare-lf`.
        severity: How bad it is.
        message: What is wrong and what to do, in one sentence without a full stop; printable, and without credentials.
        sources: Where the rule stands, such as `RFC 5321 section 2.3.8`.
    """

    line: int
    seq: int
    rule: str
    severity: Severity
    message: str
    sources: tuple[str, ...]

    def __str__(self) -> str:
        where = f" ({', '.join(self.sources)})" if self.sources else ""
        return f"{self.severity} {self.rule}: {self.message}{where}"
