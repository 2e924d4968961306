"""What a transcript demands of a server's replies."""

import re
from dataclasses import dataclass
from enum import IntEnum

from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.transcript.pattern import Pattern
from smtp_shell.transcript.step import Marker, Step

_CODE = re.compile(rb"([0-9][0-9xXyYzZ]{2}(?:\|[0-9][0-9xXyYzZ]{2}){0,20})(?:([ -])(.*))?", re.DOTALL)


class Strictness(IntEnum):
    """How much of a reply an `S:` line demands; each level also demands what those before it do."""

    CODE = 0
    ENHANCED = 1
    KEYWORDS = 2
    TEXT = 3
    EXACT = 4

    @classmethod
    def parse(cls, word: str) -> "Strictness":
        """Find a level by its name.

        Raises:
            ValueError: There is none of that name.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            names = ", ".join(level.name.lower() for level in cls)
            raise ValueError(f"there is no such strictness; choose one of {names}") from None


@dataclass(frozen=True, slots=True)
class Demand:
    """What one `S` line of a transcript asks for.

    Args:
        marker: Which kind of line it is.
        text: Its content, as in the file.
        octets: What the server is to send for it, its line end included; empty for a pattern.
        continues: Whether more lines of the same reply follow; None where a pattern does not say.
        codes: The reply codes that an `S:` line takes, with `y` for any digit.
        words: The text behind the code of an `S:` line.
        pattern: The pattern of an `S~` line.
    """

    marker: Marker
    text: str
    octets: bytes = b""
    continues: bool | None = False
    codes: tuple[str, ...] = ()
    words: bytes = b""
    pattern: Pattern | None = None

    @classmethod
    def parse(cls, step: Step) -> "Demand":
        """Read what an `S` line demands.

        Raises:
            ValueError: It cannot be met by any reply; the message is a sentence for a person.
        """
        if step.marker is Marker.SERVER_MATCHES:
            pattern = Pattern.parse(step.text)
            return cls(step.marker, step.text, continues=pattern.continues, pattern=pattern)
        octets = step.octets
        if step.marker is Marker.SERVER_OCTETS:
            return cls.literal(octets)
        found = _CODE.fullmatch(octets)
        if step.marker is Marker.SERVER:
            if found is None:
                raise ValueError(f"'{step.text[:60]}' does not begin with a reply code such as 250, 2yz or 250|251")
            codes = tuple(re.sub("[xyz]", "y", code.lower()) for code in found[1].decode().split("|"))
            return cls(step.marker, step.text, octets + CRLF, found[2] == b"-", codes, found[3] or b"")
        return cls(step.marker, step.text, octets + CRLF, octets[3:4] == b"-")

    @classmethod
    def literal(cls, octets: bytes) -> "Demand":
        """Demand exactly these octets: a line of a reply with its line end, or the start of one."""
        continues = octets[3:4] == b"-" or not octets.endswith(b"\n")
        return cls(Marker.SERVER_OCTETS, escape(octets), octets, continues)

    @property
    def is_wild(self) -> bool:
        """Whether an `S:` line takes more than one code."""
        return len(self.codes) > 1 or any("y" in code for code in self.codes)

    def takes(self, code: int) -> bool:
        """Say whether an `S:` line takes this code."""
        return any(
            all(wanted in ("y", digit) for wanted, digit in zip(each, f"{code:03}", strict=True)) for each in self.codes
        )

    def __str__(self) -> str:
        literal = self.marker in (Marker.SERVER, Marker.SERVER_EQUALS)
        return self.text if literal else f"{self.marker} {self.text}"


@dataclass(frozen=True, slots=True)
class Expected:
    """One reply as a transcript expects it.

    Args:
        demands: Its lines. Behind a pattern that does not say whether it is the last one, there may be lines of the next reply.
    """

    demands: tuple[Demand, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.demands))

    @property
    def octets(self) -> bytes:
        """What the server is to send, as far as the lines say it literally."""
        return b"".join(demand.octets for demand in self.demands)

    @property
    def takes_354(self) -> bool:
        """Whether a 354 could be what is expected."""
        last = self.demands[-1]
        if last.marker is Marker.SERVER:
            return last.takes(354)
        return last.pattern is not None or last.octets.startswith(b"354")
