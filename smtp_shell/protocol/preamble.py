"""Text before a greeting: what a program writes on its own before it speaks SMTP, as `exim -bh` does."""

from __future__ import annotations

import re

LIMIT = 64 * 1024
"""How many octets may precede a greeting."""

_GREETING = rb"[2-5][0-9]{2}(?:[ -]|\r?\n)"


class Preamble:
    """Parser of what precedes a greeting, in segments of any size.

    Attributes:
        rest: What belongs to the greeting, once it has begun or too much has preceded it; None before.
    """

    def __init__(self) -> None:
        self.rest: bytes | None = None
        self._held = b""
        self._size = 0

    @property
    def pending(self) -> bytes:
        """What has come and was not returned yet."""
        return self._held

    def receive(self, octets: bytes) -> bytes:
        """Return the whole lines that precede the greeting, with their ends; empty lines only together with what follows them."""
        octets = self._held + octets
        end = 0
        while not (begins := re.compile(_GREETING).match(octets, end)) and (following := octets.find(b"\n", end) + 1):
            end = following
        if begins or self._size + len(octets) > LIMIT:
            self._held, self.rest = b"", octets[end:]
            return octets[:end]
        end = end if octets[:end].strip() else 0
        self._size += end
        self._held = octets[end:]
        return octets[:end]
