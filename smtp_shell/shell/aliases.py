"""Aliases: names of the user's for one line or several, with arguments. `/hello` runs what `/alias hello = LINE; LINE` says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.typed_secrets import hold_credential

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NESTED: Final = 20
"""How deep aliases can name one another."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_PLACE = re.compile(r"\$([$*]|[1-9])")
_MOST_LINES = 100
_MOST_EXPANDED = 1_000
_QUOTES = str.maketrans("", "", "'\"")


class Alias(Struct, frozen=True):
    """A name for lines.

    Args:
        name: The name, without the slash.
        text: The lines as they were typed, with `; ` between them.
        lines: The same, one by one.
    """

    name: str
    text: str
    lines: tuple[str, ...]

    @property
    def words(self) -> int:
        """How many words must follow the name: the highest of `$1`, `$2` and so on."""
        places = (place for line in self.lines for place in _PLACE.findall(line))
        return max((int(place) for place in places if place.isdigit()), default=0)

    @property
    def takes_more(self) -> bool:
        """Whether more words may follow: `$*` is all of them."""
        return any("*" in _PLACE.findall(line) for line in self.lines)

    @property
    def usage(self) -> str:
        """What may follow the name."""
        return " ".join([*(f"${number}" for number in range(1, self.words + 1)), *(["…"] if self.takes_more else [])])

    def filled(self, words: Sequence[str]) -> list[str]:
        """Return the lines with the words in their places. A word stays inside the line that it is in.

        Args:
            words: What follows the name.

        Raises:
            UsageError: There are too few words, or too many.
        """
        least = self.words
        if len(words) < least or (len(words) > least and not self.takes_more):
            count = {0: "no words", 1: "one word"}.get(least, f"{least} words")
            count = f"{count} or more" if self.takes_more and least else count
            raise UsageError(f"/{self.name} takes {count} after it: it is {escape_str(self.text)}")

        return self.with_words(words)

    def with_words(self, words: Sequence[str]) -> list[str]:
        """Return the lines with the words in their places, however many there are; a place without one is empty."""

        def fill(place: re.Match[str]) -> str:
            if place[1] == "$":
                return "$"
            return " ".join(words) if place[1] == "*" else "".join(words[int(place[1]) - 1 : int(place[1])])

        return [_PLACE.sub(fill, line) for line in self.lines]


class Aliases:
    """The aliases of a shell.

    Attributes:
        named: Each alias by its name.
        running: The aliases that are running, the outermost first.
        problem: Why those of the configuration were left out, which is still to be said; empty for nothing.
    """

    def __init__(self) -> None:
        self.named: dict[str, Alias] = {}
        self.running: list[str] = []
        self.problem = ""

    def take_problem(self) -> str:
        """Return the problem that is still to be said, which is said once."""
        problem, self.problem = self.problem, ""
        return problem

    def expanded(self, text: str) -> list[str]:
        """Return the lines that a line stands for, those of aliases inside aliases too; the line itself if it runs none.

        There are no more than a thousand, whatever the aliases say: this looks at what a line means, and runs nothing.
        """
        if not self.named or not text.lstrip().startswith("/"):
            return [text]
        found: list[str] = []
        left = [(text, 0)]  # each with how many aliases it is inside of
        while left and len(found) < _MOST_EXPANDED:
            line, depth = left.pop()
            name, *rest = line.strip().split(None, 1) or [""]
            alias = self.named.get(name[1:]) if name.startswith("/") else None
            if alias is None or depth > MOST_NESTED:
                found.append(line)
            else:
                words = rest[0].translate(_QUOTES).split() if rest else []
                left += [(each, depth + 1) for each in reversed(alias.with_words(words))]
        return found

    def holds_credential(self, text: str) -> bool:
        """Return whether a line runs an alias with a credential among its words, which the lines of the alias send."""
        lines = self.expanded(text)
        return lines != [text] and (len(lines) >= _MOST_EXPANDED or hold_credential(lines))


def parse_alias(name: str, text: str, lines: Sequence[str]) -> Alias:
    """Return an alias.

    Args:
        name: Its name, with or without the slash.
        text: The lines as they were typed.
        lines: The same, one by one.

    Raises:
        UsageError: The name cannot be one, or there are no lines or too many.
    """
    name = name.removeprefix("/")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"alias {escape_str(name) or 'without a name'}: a name is at most 32 small letters, digits and -, after a letter."
        )
    if not lines or len(lines) > _MOST_LINES:
        raise UsageError(f"alias {name} stands for {len(lines):,} lines; write 1 to {_MOST_LINES} after the =.")
    if "\r" in text or "\n" in text or "\0" in text:
        raise UsageError(f"alias {name} holds CR, LF or NUL; write one line, with ; between what it runs.")
    return Alias(name, text, tuple(lines))
