r"""Make up a text that a regular expression matches: what the mock server says where a transcript has a pattern (`S~`).

It knows the parts of Python's syntax that stand in patterns of replies, and takes the shortest text that has something in each of them:
`250 queued as (?P<id>\w+)` becomes `250 queued as a`. Whether the pattern matches the text is for the caller to check.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 1_000
"""The most characters of a text that is made up."""

_CLASSES: Final = {"d": "1", "D": "a", "w": "a", "W": " ", "s": " ", "S": "a"}
_NOTHING: Final = frozenset("AZbB")
_CONTROL: Final = {"t": "\t", "f": "\f", "v": "\v"}
_PRINTABLE: Final = "a1A0 .-_@<>[](),:;/+=" + "".join(map(chr, range(33, 127)))
_LOOKS: Final = ("(?=", "(?!", "(?<=", "(?<!", "(?#")
_DEEPEST: Final = 50


class NoSample(Exception):
    """The pattern has a part that this module does not know."""


def sample(pattern: str) -> str:
    """Return a text that the pattern should match.

    Args:
        pattern: A regular expression that `re` can compile.

    Raises:
        NoSample: It has a part that is not known here, or the text is too long.
    """
    maker = _Sampler(pattern)
    text = maker.alternatives(0)
    if maker.at < len(pattern):
        raise NoSample
    return text


class _Sampler:
    """Reads a pattern once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._groups: dict[str, str] = {}
        self._number = 0
        self.at = 0

    def alternatives(self, depth: int) -> str:
        """Read up to the closing bracket, and return the text for the first of the alternatives."""
        if depth > _DEEPEST:
            raise NoSample
        first = self._sequence(depth)
        while self._takes("|"):
            self._sequence(depth)
        return first

    def _sequence(self, depth: int) -> str:
        parts: list[str] = []
        while self.at < len(self._pattern) and self._pattern[self.at] not in "|)":
            parts.append(self._repeated(self._atom(depth)))
            if sum(map(len, parts)) > LONGEST:
                raise NoSample
        return "".join(parts)

    def _takes(self, text: str) -> bool:
        found = self._pattern.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def _next(self) -> str:
        if self.at >= len(self._pattern):
            raise NoSample
        self.at += 1
        return self._pattern[self.at - 1]

    def _atom(self, depth: int) -> str:
        char = self._next()
        match char:
            case "(":
                return self._group(depth)
            case "[":
                return self._set()
            case "\\":
                return self._escape()
            case ".":
                return "a"
            case "^" | "$":
                return ""
        return char

    def _repeated(self, text: str) -> str:
        found = re.compile(r"[*?]|\+|\{([0-9]+)(?:,[0-9]*)?\}|\{,[0-9]+\}").match(self._pattern, self.at)
        if found is None:
            return text
        self.at = found.end()
        if self._takes("?") or self._takes("+"):
            pass  # lazy or possessive: the text is the same
        if found[1] is not None:
            count = int(found[1])
            if count * len(text) > LONGEST:
                raise NoSample
            return text * count
        return text if found[0] == "+" else ""

    def _group(self, depth: int) -> str:
        start = self.at - 1
        if self._pattern.startswith(_LOOKS, start):
            self._skip_group(depth)
            return ""
        name = ""
        if named := re.compile(r"\?P<(\w+)>").match(self._pattern, self.at):
            name, self.at = named[1], named.end()
        elif back := re.compile(r"\?P=(\w+)\)").match(self._pattern, self.at):
            self.at = back.end()
            return self._groups.get(back[1], "")
        elif flags := re.compile(r"\?[aiLmsux-]*(:|\))").match(self._pattern, self.at):
            self.at = flags.end()
            if flags[1] == ")":
                return ""
            return self._closed(depth)
        elif self._takes("?>"):
            return self._closed(depth)
        elif self._pattern.startswith("?", self.at):
            raise NoSample
        self._number += 1
        number = str(self._number)
        text = self._closed(depth)
        self._groups[number] = text
        if name:
            self._groups[name] = text
        return text

    def _closed(self, depth: int) -> str:
        text = self.alternatives(depth + 1)
        if not self._takes(")"):
            raise NoSample
        return text

    def _skip_group(self, depth: int) -> None:
        if self._pattern.startswith("?#", self.at):
            end = self._pattern.find(")", self.at)
            self.at = end + 1 if end >= 0 else len(self._pattern)
            return
        self.at += 3 if self._pattern.startswith("?<", self.at) else 2
        self._closed(depth)

    def _escape(self) -> str:
        char = self._next()
        if char in _NOTHING:
            return ""
        if char in _CLASSES:
            return _CLASSES[char]
        if char in "123456789":
            return self._groups.get(char, "")
        if char == "x":
            return self._code_point(2)
        if char == "u":
            return self._code_point(4)
        return _CONTROL.get(char, char)

    def _code_point(self, digits: int) -> str:
        text = self._pattern[self.at : self.at + digits]
        self.at += digits
        if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", text):
            raise NoSample
        return chr(int(text, 16))

    def _set(self) -> str:
        start = self.at - 1
        self._takes("^")
        self._takes("]")
        while (char := self._next()) != "]":
            if char == "\\":
                self._next()
        one = re.compile(self._pattern[start : self.at])
        found = next((each for each in _PRINTABLE if one.fullmatch(each)), None)
        if found is None:
            raise NoSample
        return found
