"""What a transcript does not compare: the matches of its `Ignore:` patterns in the text of a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smtp_shell.matching.pattern import PatternTooSlow, compile_pattern
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACEHOLDER: Final = "<ignored>"

_SECONDS = 1.0  # of processor time, for all matches in one line


class IgnoredText:
    """The patterns of a transcript, compiled.

    They see the text of a line as `S~` does, with the escapes of the file, without the reply code and the separator that follows it.

    Args:
        patterns: The patterns as they stand in the file. Their syntax has been checked.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._compiled = [compile_pattern(text) for text in patterns]

    def mask(self, text: bytes) -> bytes:
        """Return the text of a line with a placeholder for each match.

        Args:
            text: The text after the reply code and its separator, without the line end.

        Raises:
            PatternTooSlow: A match takes too long.
        """
        shown = escape(text)
        return _joined(shown, self._spans(shown)).encode()

    def column(self, text: bytes, offset: int) -> int:
        """Return the column of a text, in the notation of `escape`, that an offset in its masked form stands for.

        Args:
            text: The text, as for `mask`.
            offset: An offset in what `mask` has returned for it, in octets.

        Raises:
            PatternTooSlow: A match takes too long.
        """
        shown = escape(text)
        spans = self._spans(shown)
        at = len(_joined(shown, spans).encode()[:offset].decode(errors="ignore"))
        for start, end in spans:
            if at > start:
                at = max(start, at - len(PLACEHOLDER) + end - start)
        return at

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the matches are, in order; those that overlap or touch are one."""
        found: list[tuple[int, int]] = []
        try:
            for pattern in self._compiled:
                found += [match.span() for match in pattern.finditer(text, timeout=_SECONDS) if match.group()]
        except (TimeoutError, MemoryError):
            raise PatternTooSlow from None
        spans: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if spans and start <= spans[-1][1]:
                begin, stop = spans.pop()
                start, end = begin, max(stop, end)
            spans.append((start, end))
        return spans


def _joined(text: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end in spans:
        pieces += [text[at:start], PLACEHOLDER]
        at = end
    return "".join([*pieces, text[at:]])
