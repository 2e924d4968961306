"""What a transcript demands of a server's replies."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

from msgspec import Struct

from smtp_shell.matching.pattern import Pattern
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.transcript.step import Marker, Step

_KEPT_LENGTH = 100
_CODE = re.compile(rb"([0-9][0-9xXyYzZ]{2}(?:\|[0-9][0-9xXyYzZ]{2}){0,20})(?:([ -])(.*))?", re.DOTALL)


class Strictness(IntEnum):
    """How much of a reply an `S:` line demands; each level also demands what those before it do."""

    CODE = 0
    ENHANCED = 1
    KEYWORDS = 2
    TEXT = 3
    EXACT = 4

    @classmethod
    def parse(cls, word: str) -> Strictness:
        """Find a level by its name.

        Raises:
            ValueError: There is none of that name.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            names = ", ".join(level.name.lower() for level in cls)
            raise ValueError(f"there is no such strictness; choose one of {names}") from None


class Demand(Struct, frozen=True):
    """What one `S` line of a transcript asks for.

    Args:
        marker: Which kind of line it is.
        text: Its content, as in the file.
        octets: What the server is to send for it, its line end included; empty for a pattern.
        continues: Whether more lines of the same reply follow; None where a pattern does not say.
        codes: The reply codes that an `S:` line takes, with `y` for any digit.
        words: The text behind the code of an `S:` line.
        pattern: The pattern of an `S~` line.
        is_wild: Whether an `S:` line takes more than one code.
        shown: The line as it is shown to a person.
    """

    marker: Marker
    text: str
    octets: bytes = b""
    continues: bool | None = False
    codes: tuple[str, ...] = ()
    words: bytes = b""
    pattern: Pattern | None = None
    is_wild: bool = False
    shown: str = ""

    @classmethod
    def parse(cls, step: Step) -> Demand:
        """Read what an `S` line demands.

        Raises:
            ValueError: It cannot be met by any reply; the message is a sentence for a person.
        """
        short = len(step.text) <= _KEPT_LENGTH
        return _parse_kept(step.marker, step.text) if short else cls._parse(step)

    @classmethod
    def _parse(cls, step: Step) -> Demand:
        if step.marker is Marker.SERVER_MATCHES:
            pattern = Pattern.parse(step.text)
            return cls(step.marker, step.text, continues=pattern.continues, pattern=pattern, shown=_shown(step))
        octets = step.octets
        if step.marker is Marker.SERVER_OCTETS:
            return cls.literal(octets)
        found = _CODE.fullmatch(octets)
        if step.marker is Marker.SERVER:
            if found is None:
                raise ValueError(f"'{step.text[:60]}' does not begin with a reply code such as 250, 2yz or 250|251")
            codes = tuple(_with_y(code) for code in found[1].decode().split("|"))
            is_wild = len(codes) > 1 or "y" in codes[0]
            words = found[3] or b""
            return cls(
                step.marker,
                step.text,
                octets + CRLF,
                found[2] == b"-",
                codes,
                words,
                is_wild=is_wild,
                shown=_shown(step),
            )
        return cls(step.marker, step.text, octets + CRLF, octets[3:4] == b"-", shown=_shown(step))

    @classmethod
    def literal(cls, octets: bytes) -> Demand:
        """Demand exactly these octets: a line of a reply with its line end, or the start of one."""
        continues = octets[3:4] == b"-" or not octets.endswith(b"\n")
        text = escape(octets)
        return cls(Marker.SERVER_OCTETS, text, octets, continues, shown=_shown(Step(Marker.SERVER_OCTETS, text)))

    def takes(self, code: int) -> bool:
        """Say whether an `S:` line takes this code."""
        said = f"{code:03}"
        return said in self.codes or (self.is_wild and self._takes_wild(said))

    def _takes_wild(self, said: str) -> bool:
        return any(all(wanted in ("y", digit) for wanted, digit in zip(each, said, strict=True)) for each in self.codes)

    def __str__(self) -> str:
        return self.shown


def _with_y(code: str) -> str:
    return code if code.isdigit() else code.lower().replace("x", "y").replace("z", "y")


def _shown(step: Step) -> str:
    literal = step.marker in (Marker.SERVER, Marker.SERVER_EQUALS)
    return step.text if literal else f"{step.marker} {step.text}"


@lru_cache(maxsize=256)
def _parse_kept(marker: Marker, text: str) -> Demand:
    """Read a short line, of which a transcript has many that are the same."""
    return Demand._parse(Step(marker, text))


class Expected(Struct, frozen=True):
    """One reply as a transcript expects it.

    Args:
        demands: Its lines. Behind a pattern that does not say whether it is the last one, there may be lines of the next reply.
    """

    demands: tuple[Demand, ...]

    @classmethod
    def line(cls, step: Step) -> Expected | None:
        """Take a line for a whole reply; None where more lines may belong to the reply.

        Raises:
            ValueError: It cannot be met by any reply.
        """
        if len(step.text) <= _KEPT_LENGTH:
            return _line_kept(step.marker, step.text)
        demand = Demand.parse(step)
        return cls((demand,)) if demand.continues is False else None

    @property
    def is_short(self) -> bool:
        """Whether it is one short line."""
        return len(self.demands) == 1 and len(self.demands[0].text) <= _KEPT_LENGTH

    def __str__(self) -> str:
        if len(self.demands) == 1:
            return self.demands[0].shown
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


@lru_cache(maxsize=256)
def _line_kept(marker: Marker, text: str) -> Expected | None:
    demand = _parse_kept(marker, text)
    return Expected((demand,)) if demand.continues is False else None
