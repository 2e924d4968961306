"""How far a file that something else reads has been read."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

if TYPE_CHECKING:
    from typing import Self


class FilePosition(Struct, frozen=True):
    """The place in a file that is open.

    The system is asked for it: whoever reads the file need not count, and may read ahead.

    Args:
        descriptor: The file's descriptor.
        total: How many octets the file has.
    """

    descriptor: int
    total: int

    @classmethod
    def of(cls, stream: BinaryIO) -> Self | None:
        """Return the place in a file; None for a pipe or a terminal, whose end is not known."""
        with suppress(OSError, ValueError):
            facts = os.fstat(stream.fileno())
            if stat.S_ISREG(facts.st_mode):
                return cls(stream.fileno(), facts.st_size)
        return None

    def octets(self) -> int | None:
        """Return how many octets have been read; None once the file is closed."""
        try:
            return min(os.lseek(self.descriptor, 0, os.SEEK_CUR), self.total)
        except OSError:
            return None
