"""The addresses that were typed before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from smtp_shell.protocol.octets import escape_str

_ADDRESS = re.compile(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+")


class TypedAddresses:
    """The addresses in a history. Each line is read once: there may be ten thousand, and every key press asks."""

    def __init__(self) -> None:
        # Number of lines read, the last of them, and each address -> its lower case, the latest last.
        self._lines = 0
        self._last = ""
        self._found: dict[str, str] = {}

    def beginning(self, word: str, history: Sequence[str]) -> Iterator[str]:
        """Yield the addresses that begin with a word in any case, the latest first, each once and printable.

        Args:
            word: The beginning.
            history: The lines typed before, the oldest first.
        """
        self._read(history)
        word = word.lower()
        for address, lower in reversed(self._found.items()):
            if lower.startswith(word):
                yield escape_str(address)

    def _read(self, history: Sequence[str]) -> None:
        if self._lines and (len(history) < self._lines or history[self._lines - 1] != self._last):
            self._lines, self._found = 0, {}  # another history, or one that has been loaded since
        if len(history) == self._lines:
            return
        new = history[self._lines :]
        self._lines, self._last = len(history), new[-1]
        for address in _ADDRESS.findall("\n".join(new)):
            self._found.pop(address, None)  # an address that is typed again goes to the end
            self._found[address] = address.lower()
