r"""Patterns of `S~` lines: regular expressions in Python's syntax, bounded in time.

The standard library's `re` cannot be interrupted, so one line such as `S~ (a+)+$` would block a replay for ever. The `regex` library
takes the same patterns and has a timeout. `re` still checks the syntax, so that a pattern means the same in any tool that follows the
format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from smtp_shell.protocol.octets import unescape
from smtp_shell.transcript.pattern_syntax import check_pattern
from smtp_shell.transcript.variables import SASL

SECONDS: Final = 1.0
"""Timeout of one match, in seconds of processor time, which is what regex measures."""

LONGEST_CAPTURE: Final = 4096
"""Longest text that a group may capture, in characters."""

# Matches the beginning of a pattern that begins with a reply code, and the separator that follows the code.
_ANY = r"(?:[0-9]|\\d|\[[0-9-]{1,10}\])"
_CODE = rf"(?:[1-9]{_ANY}{_ANY}|[1-9](?:\.|{_ANY})\.|\\d\\d\\d|\\d\{{3\}}|\((?:\?:)?[1-9]\d\d(?:\|[1-9]\d\d){{0,20}}\))"
# Strings, not compiled on import: `re` caches them, and the first use pays.
_HEAD = rf"(?:\^|\\A)?{_CODE}(?![0-9*+?{{])(?:(?P<end> |\\ |\\s)|(?P<more>-|\\-))?(?P<repeated>[*+?{{])?"
_LITERAL_BRACE = r"(?s)(\\.)|\{(?![0-9]+(?:,[0-9]*)?\}|,[0-9]*\})"
_BREAKS_A_LINE = rb"[\r\n\0]"


class PatternTooSlow(Exception):
    """A match did not finish within `SECONDS`."""


class Pattern(Struct, frozen=True):
    """A compiled pattern.

    Args:
        text: The pattern as written in the file.
        anchored: Whether it begins with a reply code and so must match at the start of a line.
        continues: True if a hyphen follows the code, so that more lines of the reply follow. None if the pattern leaves it open.
    """

    text: str
    anchored: bool
    continues: bool | None
    _compiled: Any  # a regex.Pattern; that library has no types

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Compile a pattern.

        Raises:
            ValueError: It is not a usable pattern. The message is a sentence for the user.
        """
        compiled = compile_pattern(text)
        if SASL in compiled.groupindex:
            raise ValueError("the pattern captures into sasl, which replay computes itself")
        head = re.match(_HEAD, text)
        continues = None
        if head is not None and not head["repeated"] and (head["end"] or head["more"]):
            continues = head["more"] is not None
        return cls(text, head is not None, continues, compiled)

    @property
    def names(self) -> frozenset[str]:
        """Names of the groups, which become variables."""
        return frozenset(self._compiled.groupindex)

    def match(self, line: str) -> Mapping[str, str] | None:
        """Match a line, at its start if the pattern is anchored, else anywhere.

        Args:
            line: The line in the notation of `escape`, without its line end.

        Returns:
            The text of each named group that took part, or None if the pattern does not match.

        Raises:
            PatternTooSlow: The match took longer than `SECONDS`.
        """
        look = self._compiled.match if self.anchored else self._compiled.search
        try:
            found = look(line, timeout=SECONDS)
        except (TimeoutError, MemoryError):
            raise PatternTooSlow from None
        return {name: text for name, text in found.groupdict().items() if text is not None} if found else None

    def may_begin(self, start: str) -> bool:
        """Return whether a line that begins with `start` can match.

        Args:
            start: The first characters of a line, such as digits of a reply code.
        """
        if not self.anchored:
            return True
        try:
            return self._compiled.match(start, partial=True, timeout=SECONDS) is not None
        except (TimeoutError, MemoryError):
            return True


def compile_pattern(text: str) -> Any:
    """Return a `regex.Pattern`, whose matching can be bounded in time.

    Raises:
        ValueError: It is not a usable pattern. The message is a sentence for the user.
    """
    check_pattern(text)
    import regex  # late: most transcripts have no pattern

    try:
        # In regex a brace that repeats nothing means approximate matching. In Python's syntax it is a literal brace.
        return regex.compile(re.sub(_LITERAL_BRACE, lambda found: found[1] or r"\{", text))
    except (regex.error, RecursionError, OverflowError, MemoryError):
        raise ValueError("the pattern is too complicated") from None


def unfit_capture(groups: Mapping[str, str]) -> str | None:
    """Return why captured text cannot become a variable, or None if it can.

    Args:
        groups: Captured text by group name, in the notation of `escape`.
    """
    for name, text in groups.items():
        if len(text) > LONGEST_CAPTURE:
            return f"the group {name} captured more than {LONGEST_CAPTURE:,} characters"
        if re.search(_BREAKS_A_LINE, unescape(text)):
            return f"the group {name} captured CR, LF or NUL, which would not stay inside one line"
    return None
