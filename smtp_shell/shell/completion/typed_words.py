"""What was typed before: addresses, and hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from smtp_shell.protocol.octets import escape_str

_ADDRESS: Final = re.compile(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+")
# None with a user in it.
_HOST: Final = re.compile(
    r"^[ \t]*/connect[ \t]+(?:--(?:tls|starttls|no-wait|probe)[ \t]+)*([^\s-][^\s@]*)(?!\S)", re.MULTILINE
)


class TypedWords:
    """The words of one kind in a history. Each line is read once: there may be ten thousand, and every key press asks.

    Args:
        pattern: What such a word looks like, in lines with LF between them.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        # Number of lines read, the last of them, and each word -> its lower case, the latest last.
        self._lines = 0
        self._last = ""
        self._found: dict[str, str] = {}

    def fitting(self, word: str, history: Sequence[str]) -> Iterator[str]:
        """Yield the words that begin with what was typed, in any case, or if there are none, those that have it further on.

        The latest comes first, and each is printable.

        Args:
            word: What was typed.
            history: The lines typed before, the oldest first.
        """
        self._read(history)
        word = word.lower()
        any_begins = False
        for found, lower in reversed(self._found.items()):
            if lower.startswith(word):
                any_begins = True
                yield escape_str(found)
        if not any_begins:
            yield from (escape_str(found) for found, lower in reversed(self._found.items()) if word in lower)

    def _read(self, history: Sequence[str]) -> None:
        if self._lines and (len(history) < self._lines or history[self._lines - 1] != self._last):
            self._lines, self._found = 0, {}  # another history, or one that has been loaded since
        if len(history) == self._lines:
            return
        new = history[self._lines :]
        found = dict(self._found)  # the thread that loads what the first key needs reads them too
        for word in self._pattern.findall("\n".join(new)):
            found.pop(word, None)  # a word that is typed again goes to the end
            found[word] = word.lower()
        self._found = found
        self._lines, self._last = len(history), new[-1]


class TypedAddresses(TypedWords):
    """The addresses that were typed before."""

    def __init__(self) -> None:
        super().__init__(_ADDRESS)


class TypedHosts(TypedWords):
    """The servers that were named before."""

    def __init__(self) -> None:
        super().__init__(_HOST)
