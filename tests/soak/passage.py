"""One dialogue on its way through the switch: up to four sockets, and what is done to it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.soak.faults import Fault

_NAME: Final = re.compile(rb"EHLO c([0-9]{1,9})\.")


@dataclass(slots=True)
class Passage:
    """A dialogue.

    Attributes:
        number: Its number, from 1, over all that came to the switch.
        source: Who began it: `main` for `replay`, `relay` and `mock` for faulty clients of those.
        fault: What is to be done to it.
        name: The number that `replay` gave it, read from its first EHLO; 0 while unknown.
        fired: Whether the fault was done.
        port: The port from which the switch went on to the server; 0 if it did not.
        relayed: Whether the relay has gone on to the switch's side B.
        links: How many links of it are open.
    """

    number: int
    source: str
    fault: Fault | None = None
    name: int = 0
    fired: bool = False
    port: int = 0
    relayed: bool = False
    links: int = 0
    note: str = ""
    broken: list[str] = field(default_factory=list)

    def look(self, octets: bytes) -> None:
        """Learn the dialogue's name from what the client says in the clear."""
        found = _NAME.match(octets)
        if found:
            self.name = int(found[1])

    def line(self) -> str:
        """Return it as a line for the ledger."""
        return json.dumps(
            {
                "dialogue": self.number,
                "source": self.source,
                "name": self.name,
                "fault": self.fault.name if self.fault is not None and self.fired else "",
                "note": self.note,
                "port": self.port,
                "relayed": self.relayed,
                "broken": self.broken,
            }
        )
