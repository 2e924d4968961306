r"""Patterns of `S~` lines: regular expressions in Python's syntax, bounded in time.

The standard library's `re` cannot be interrupted: one line such as `S~ (a+)+$` would hold a replay for ever. The `regex` library takes
the same patterns, watches the clock while it matches, and is quick where `re` backtracks; `re` still judges the syntax, so that a
pattern means the same in any tool that follows the format.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from smtp_shell.protocol.octets import escape_str, unescape
from smtp_shell.transcript.variables import SASL

SECONDS: Final = 1.0
"""How many seconds of processor time one match may take."""

LONGEST_PATTERN: Final = 4096
LONGEST_CAPTURE: Final = 4096

# How a pattern looks that begins with a reply code, and what stands behind the code.
_ANY = r"(?:[0-9]|\\d|\[[0-9-]{1,10}\])"
_CODE = rf"(?:[1-9]{_ANY}{_ANY}|[1-9](?:\.|{_ANY})\.|\\d\\d\\d|\\d\{{3\}}|\((?:\?:)?[1-9]\d\d(?:\|[1-9]\d\d){{0,20}}\))"
# Compiled when a transcript has a pattern, as most have none.
_HEAD = rf"(?:\^|\\A)?{_CODE}(?![0-9*+?{{])(?:(?P<end> |\\ |\\s)|(?P<more>-|\\-))?(?P<repeated>[*+?{{])?"
_LITERAL_BRACE = r"(?s)(\\.)|\{(?![0-9]+(?:,[0-9]*)?\}|,[0-9]*\})"
_BREAKS_A_LINE = rb"[\r\n\0]"


class PatternTooSlow(Exception):
    """A pattern did not come to an end in time."""


class Pattern(Struct, frozen=True):
    """A pattern, compiled.

    Args:
        text: As it stands in the file.
        anchored: Whether it begins like a reply code, and so is about the start of the line.
        continues: Whether a hyphen follows the code, so that more lines of the reply follow; None where it does not say.
    """

    text: str
    anchored: bool
    continues: bool | None
    _compiled: Any

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Compile a pattern.

        Raises:
            ValueError: It is none; the message is a sentence for a person.
        """
        return _parse(text)

    @property
    def names(self) -> frozenset[str]:
        """The names of its groups, which become variables."""
        return frozenset(self._compiled.groupindex)

    def match(self, line: str) -> Mapping[str, str] | None:
        """Match a line.

        A pattern that begins like a reply code is anchored to the start of the line; any other may match anywhere in it.

        Args:
            line: The line in the notation of `escape`, without its line end.

        Returns:
            What its named groups matched; None when it does not match.

        Raises:
            PatternTooSlow: It takes too long.
        """
        look = self._compiled.match if self.anchored else self._compiled.search
        try:
            found = look(line, timeout=SECONDS)
        except (TimeoutError, MemoryError):
            raise PatternTooSlow from None
        return {name: text for name, text in found.groupdict().items() if text is not None} if found else None


def unfit_capture(groups: Mapping[str, str]) -> str | None:
    """Say why what a pattern captured cannot become a variable; None when it can.

    Args:
        groups: Matched text by name, in the notation of `escape`.
    """
    for name, text in groups.items():
        if len(text) > LONGEST_CAPTURE:
            return f"the group {name} captured more than {LONGEST_CAPTURE:,} characters"
        if re.search(_BREAKS_A_LINE, unescape(text)):
            return f"the group {name} captured CR, LF or NUL, which would not stay inside one line"
    return None


@lru_cache(maxsize=128)
def _parse(text: str) -> Pattern:
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"the pattern is longer than {LONGEST_PATTERN:,} characters")
    _check_syntax(text)
    import regex  # late: most transcripts have no pattern

    try:
        # regex gives a brace that repeats nothing a meaning of its own (approximate matching); in Python's syntax it is a brace.
        compiled = regex.compile(re.sub(_LITERAL_BRACE, lambda found: found[1] or r"\{", text))
    except (regex.error, RecursionError, OverflowError, MemoryError):
        raise ValueError("the pattern is too complicated") from None
    if SASL in compiled.groupindex:
        raise ValueError("the pattern captures into sasl, which replay computes itself")
    head = re.match(_HEAD, text)
    says = head is not None and not head["repeated"] and (head["end"] or head["more"])
    return Pattern(text, head is not None, bool(head and head["more"]) if says else None, compiled)


def _check_syntax(text: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"the pattern is no regular expression: {escape_str(error.msg)}{where}") from None
    except Warning as warning:
        raise ValueError(
            f"the pattern may not mean the same everywhere: {escape_str(str(warning))}; put a backslash before the bracket or sign"
        ) from None
    except (RecursionError, OverflowError, MemoryError):
        raise ValueError("the pattern is too complicated") from None
