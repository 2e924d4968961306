"""What the `S` lines of a transcript expect of the server's replies."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.octets import CRLF, SINGLE, escape, quoted, unescape
from smtp_shell.transcript.step import Marker

if TYPE_CHECKING:
    from smtp_shell.matching.pattern import Pattern
    from smtp_shell.transcript.step import Step

_CODE = re.compile(r"([0-9][0-9xXyYzZ]{2}(?:\|[0-9][0-9xXyYzZ]{2}){0,20})(?:([ -]).*)?", re.DOTALL)
_LITERAL = (Marker.SERVER, Marker.SERVER_EQUALS)


class Strictness(IntEnum):
    """How much of a reply an `S:` line demands; each level also demands what the preceding ones do."""

    CODE = 0
    ENHANCED = 1
    KEYWORDS = 2
    TEXT = 3
    EXACT = 4

    @classmethod
    def parse(cls, word: str) -> Strictness:
        """Return a level by its name, in any case.

        Raises:
            ValueError: There is none of that name; the message is a sentence for a user.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            names = ", ".join(level.name.lower() for level in cls)
            raise ValueError(f"there is no such strictness; choose one of {names}") from None


class ExpectedLine(Struct, frozen=True):
    """What one `S` line expects.

    Args:
        marker: The kind of line.
        text: Its content, in the notation of the file.
        continues: Whether more lines of the same reply follow; None where a pattern does not say.
        line: Line number in the file, from 1; 0 if it is from no file.
        codes: The reply codes that an `S:` line accepts, with `y` for any digit.
        pattern: The pattern of an `S~` line.
    """

    marker: Marker
    text: str
    continues: bool | None
    line: int
    codes: tuple[str, ...] = ()
    pattern: Pattern | None = None

    @classmethod
    def parse(cls, step: Step) -> ExpectedLine:
        """Read what an `S` line expects.

        Raises:
            ValueError: No reply can meet it; the message is a sentence for a user.
        """
        marker, text = step.marker, step.text
        if marker is Marker.SERVER:
            found = _CODE.fullmatch(text)
            if found is None:
                raise ValueError(
                    f"{quoted(text[:60], SINGLE)} does not begin with a reply code such as 250, 2yz or 250|251"
                )
            code = found[1]
            codes = (code,) if code.isdigit() else tuple(map(_with_y, code.split("|")))
            return cls(marker, text, found[2] == "-", step.line, codes)
        if marker is Marker.SERVER_MATCHES:
            from smtp_shell.matching.pattern import Pattern

            pattern = Pattern.parse(text)
            return cls(marker, text, pattern.continues, step.line, pattern=pattern)
        octets = step.octets
        if marker is Marker.SERVER_OCTETS:
            return cls.literal(octets, step.line)
        return cls(marker, text, octets[3:4] == b"-", step.line)

    @classmethod
    def literal(cls, octets: bytes, line: int = 0) -> ExpectedLine:
        """Expect exactly these octets: a line of a reply with its line end, or the start of one.

        Args:
            octets: The octets.
            line: Line number in the file.
        """
        continues = octets[3:4] == b"-" or not octets.endswith(b"\n")
        return cls(Marker.SERVER_OCTETS, escape(octets), continues, line)

    @property
    def octets(self) -> bytes:
        """What the server is to send, its line end included; empty for a pattern."""
        if self.pattern is not None:
            return b""
        octets = unescape(self.text)
        return octets if self.marker is Marker.SERVER_OCTETS else octets + CRLF

    @property
    def words(self) -> bytes:
        """The text after the code of an `S:` line, and the space or hyphen."""
        found = _CODE.fullmatch(self.text) if self.marker is Marker.SERVER else None
        return unescape(self.text[found.end(2) :]) if found is not None and found[2] else b""

    @property
    def is_wild(self) -> bool:
        """Whether an `S:` line accepts more than one code."""
        return len(self.codes) > 1 or any("y" in code for code in self.codes)

    def accepts(self, code: int) -> bool:
        """Return whether an `S:` line accepts this code."""
        digits = f"{code:03}"
        return digits in self.codes or self.may_begin(digits)

    def may_begin(self, start: str) -> bool:
        """Return whether a line that begins so can be what is expected.

        Args:
            start: Up to three digits of a reply code.
        """
        if self.pattern is not None:
            return self.pattern.may_begin(start)
        if self.codes:
            return any(
                all(wanted in ("y", digit) for wanted, digit in zip(code, start, strict=False)) for code in self.codes
            )
        return self.octets.startswith(start.encode())

    def may_be_of(self, code: int) -> bool:
        """Return whether the line can belong to a reply with this code."""
        return self.may_begin(f"{code:03}")

    def code_differs_at(self, code: int) -> int:
        """Return the first digit, from 0, of a reply code that an `S:` line does not accept."""
        digits = f"{code:03}"
        return max(
            next(
                (at for at, (wanted, digit) in enumerate(zip(each, digits, strict=True)) if wanted not in ("y", digit)),
                0,
            )
            for each in self.codes
        )

    def __str__(self) -> str:
        return self.text if self.marker in _LITERAL else f"{self.marker} {self.text}"


class ExpectedReply(Struct, frozen=True):
    """One reply as a transcript expects it.

    Args:
        lines: Its lines. After a pattern that does not say whether it is the last one, there may be lines of the next reply.
        is_open: Whether there is such a pattern, so that it matters how many replies are owed.
    """

    lines: tuple[ExpectedLine, ...]
    is_open: bool = False

    @property
    def octets(self) -> bytes:
        """What the server is to send, as far as the lines say it literally."""
        return b"".join(line.octets for line in self.lines)

    @property
    def is_unfinished(self) -> bool:
        """Whether the transcript has no last line of it, as where the server stopped in the middle of a reply."""
        return self.lines[-1].continues is True

    @property
    def accepts_354(self) -> bool:
        """Whether a 354 could be what is expected."""
        return self.allows(354)

    def allows(self, code: int) -> bool:
        """Return whether a reply with this code could be what is expected, whatever its text."""
        return self.lines[-1].may_be_of(code)

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))


def _with_y(code: str) -> str:
    return code.lower().replace("x", "y").replace("z", "y")
