"""Which call is to fail, when and how, and its address: `recv:3:ECONNRESET`, `write:2:ENOSPC+`, `rename:1:kill-before`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.torture.faults import CALLS, MODES, faults_of

_NAMES = frozenset(call for calls in CALLS.values() for call in calls)


class BadAddress(ValueError):
    """An address that names no call, no number or no fault; a sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen in one run.

    Args:
        call: The call; empty for a run that only counts.
        number: Which of these calls, from 1.
        fault: How it fails.
        always: Whether all calls of that name from that one on fail.
        report: Where the child writes its report at its end; empty for nowhere.
        lists: Whether the report has each call that was counted. Where a call stands costs time.
    """

    call: str = ""
    number: int = 0
    fault: str = ""
    always: bool = False
    report: str = ""
    lists: bool = False

    @classmethod
    def parse(cls, address: str, report: str = "") -> Plan:
        """Read an address.

        Raises:
            BadAddress: It is none.
        """
        call, number, fault = [*address.split(":"), "", ""][:3]
        if call not in _NAMES:
            raise BadAddress(f"{address}: there is no call {call!r}; --list names them.")
        if not number.isascii() or not number.isdigit() or not int(number):
            raise BadAddress(f"{address}: the number of the call is missing, as in {call}:1.")
        name = fault.removesuffix("+")
        if name not in (*faults_of(call), *MODES):
            raise BadAddress(f"{address}: {call} can fail with {', '.join((*faults_of(call), *MODES))}.")
        return cls(call, int(number), name, fault.endswith("+"), report)

    @property
    def address(self) -> str:
        """The address of the fault."""
        return f"{self.call}:{self.number}:{self.fault}{'+' if self.always else ''}"

    def write(self, path: Path) -> None:
        """Write the plan to a file, for the launcher."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read a plan that `write` has written."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
