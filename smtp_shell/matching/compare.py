"""Does a reply meet what a transcript expects? Pure: demands and a reply in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field

from smtp_shell.matching.expectation import Demand, Expected, Strictness
from smtp_shell.matching.pattern import PatternTooSlow, unfit_capture
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.protocol.replies import VIOLATIONS, Extensions, Oddity, Reply, enhanced_code
from smtp_shell.transcript.step import Marker

__all__ = ["Demand", "Expected", "Strictness", "Verdict", "match", "match_octets"]

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_ANNOUNCING = ("EHLO", "LHLO")
_SERVER: Final = Marker.SERVER


class Verdict(Struct, frozen=True):
    """Whether a reply meets what is expected.

    Args:
        ok: Whether it does.
        why: What differs, in a sentence without its full stop; empty when nothing does.
        captures: What named groups matched, in the notation of `escape`.
        used: How many of the expected lines were this reply's.
        expected: The expected line that was not met.
        received: The line of the reply that it was compared with; escaped.
        violation: Whether the reply also breaks the protocol, in a way that the transcript does not have.
    """

    ok: bool
    why: str = ""
    captures: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    used: int = 0
    expected: str = ""
    received: str = ""
    violation: bool = False


def match(
    expected: Expected,
    reply: Reply,
    strictness: Strictness = Strictness.CODE,
    *,
    verb: str = "",
    greeting: bool = False,
) -> Verdict:
    """Compare a reply with what is expected.

    `S:` lines compare the reply code, and more as `strictness` says. Each `S=`, `S~` and `S|` line must be met by a line of the reply, in
    the order of the file; where `S:` lines stand for the rest, other lines may be there too.

    Args:
        expected: The expected reply.
        reply: The reply that came.
        strictness: How strict `S:` is.
        verb: The verb of the command that it answers.
        greeting: Whether it is the greeting.
    """
    comparison = _Comparison(expected.demands, reply, strictness, verb, greeting)
    return (comparison.violation() if reply.oddities else None) or comparison.run()


def match_octets(expected: Expected, octets: bytes) -> Verdict:
    """Compare what came and is no whole reply with what is expected; only `S|` lines can foresee that.

    Args:
        expected: The expected reply.
        octets: What came.
    """
    if all(demand.marker is Marker.SERVER_OCTETS for demand in expected.demands[-1:]) and expected.octets == octets:
        return Verdict(True, used=len(expected.demands))
    return Verdict(
        False,
        "what came is no whole reply",
        used=len(expected.demands),
        expected=str(expected),
        received=escape(octets),
    )


class _Comparison:
    def __init__(
        self, demands: tuple[Demand, ...], reply: Reply, strictness: Strictness, verb: str, greeting: bool
    ) -> None:
        self._demands = demands
        self._reply = reply
        self._cut: list[bytes] | None = None
        self._strictness = strictness
        self._verb = verb
        self._greeting = greeting
        self._mixed = bool(reply.oddities) and Oddity.MIXED_CODES in reply.oddities
        self._captures: dict[str, str] = {}

    @property
    def _lines(self) -> list[bytes]:
        """The lines of the reply with their line ends; most comparisons need none of them."""
        if self._cut is None:
            self._cut = _wire_lines(self._reply.octets)
        return self._cut

    def violation(self) -> Verdict | None:
        """Refuse a reply that breaks the protocol, unless the transcript has recorded just that."""
        broken = [oddity.value for oddity in self._reply.oddities if oddity in VIOLATIONS]
        if not broken or [d.octets[:3] for d in self._demands] == [line[:3] for line in self._lines]:
            return None
        verdict = self._differs(f"the server broke the protocol: {'; '.join(broken)}", len(self._demands))
        return Verdict(
            False, verdict.why, used=verdict.used, expected=verdict.expected, received=verdict.received, violation=True
        )

    def run(self) -> Verdict:
        at = 0  # the first line of the reply that no `S=`, `S~` or `S|` line has taken yet
        used = len(self._demands)
        for index, demand in enumerate(self._demands):
            if demand.marker is _SERVER:
                if not demand.takes(self._code_at(index) if self._mixed else self._reply.code):
                    return self._differs("the reply code differs", index)
                continue
            try:
                found = self._find(demand, at)
            except PatternTooSlow:
                return self._differs("the pattern takes too long to match this line; write a simpler one", index)
            if found is None:
                problem = (
                    "no line of the reply matches the pattern" if demand.pattern else "no line of the reply is equal"
                )
                return self._differs(problem, index)
            at = found + 1
            if demand.continues is None and at == len(self._lines):
                used = index + 1
                break
        unfit = unfit_capture(self._captures) if self._captures else ""
        if unfit:
            return self._differs(unfit, used - 1)
        more = self._compare_more(used) if self._strictness > Strictness.CODE else None
        if more is not None:
            return more
        return Verdict(True, captures=self._captures, used=used) if self._captures else _met(used)

    def _find(self, demand: Demand, start: int) -> int | None:
        for number in range(start, len(self._lines)):
            line = self._lines[number]
            if demand.pattern is not None:
                groups = demand.pattern.match(escape(_bare(line)))
                if groups is not None:
                    self._captures.update(groups)
                    return number
            elif demand.octets == line or (
                demand.marker is Marker.SERVER_EQUALS and _bare(demand.octets) == _bare(line)
            ):
                return number
        return None

    def _compare_more(self, used: int) -> Verdict | None:
        demands = self._demands[:used]
        positional = self._strictness >= Strictness.TEXT and not (used == 1 and demands[0].is_wild)
        if positional and used != len(self._lines):
            lines = "1 line" if len(self._lines) == 1 else f"{len(self._lines)} lines"
            return self._differs(f"the reply has {lines}, and {used} expected", used - 1)
        if self._strictness >= Strictness.ENHANCED:
            problem = self._enhanced_differs(demands)
            if problem:
                return self._differs(problem, 0)
        if self._strictness >= Strictness.KEYWORDS and self._verb in _ANNOUNCING:
            missing = self._missing_keywords(demands)
            if missing:
                return self._differs(f"not announced any more: {', '.join(missing)}", 0)
        if self._strictness >= Strictness.TEXT:
            return self._compare_text(demands)
        return None

    def _enhanced_differs(self, demands: tuple[Demand, ...]) -> str:
        wanted = next((enhanced_code(d.words) for d in demands if d.marker is Marker.SERVER), None)
        if wanted is None or wanted == self._reply.enhanced:
            return ""
        return f"the enhanced status code is {self._reply.enhanced or 'missing'}, and {wanted} expected"

    def _missing_keywords(self, demands: tuple[Demand, ...]) -> list[str]:
        recorded = Reply(250, tuple(d.words for d in demands if d.marker is Marker.SERVER), b"")
        announced = Extensions.parse(self._reply)
        return [keyword for keyword in Extensions.parse(recorded).keywords if keyword not in announced]

    def _compare_text(self, demands: tuple[Demand, ...]) -> Verdict | None:
        for index, (demand, line) in enumerate(zip(demands, self._lines, strict=False)):
            if demand.marker is not Marker.SERVER or (demand.is_wild and not demand.words):
                continue
            if self._strictness is Strictness.EXACT:
                equal = demand.words + CRLF == line[4:] if demand.is_wild else demand.octets == line
            else:
                equal = self._normal(demand.words, index) == self._normal(_bare(line)[4:], index)
            if not equal:
                return self._differs("the text differs", index, index)
        return None

    def _normal(self, words: bytes, index: int) -> bytes:
        greets = index == 0 and (self._greeting or self._verb in (*_ANNOUNCING, "HELO"))
        from smtp_shell.matching.normalise import normalise  # late: its patterns take long to compile

        return normalise(words, code=self._reply.code, verb=self._verb, greets=greets)

    def _code_at(self, index: int) -> int:
        if index < len(self._lines):
            return int(self._lines[index][:3])
        return self._reply.code

    def _differs(self, why: str, index: int, line: int | None = None) -> Verdict:
        demands = self._demands
        index = min(index, len(demands) - 1)
        last = len(demands) if len(self._lines) > 1 or demands[-1].continues is False else index + 1
        shown = self._lines[min(index if line is None else line, len(self._lines) - 1)]
        return Verdict(False, why, used=last, expected=str(demands[index]), received=escape(_bare(shown)))


@lru_cache(maxsize=16)
def _met(used: int) -> Verdict:
    return Verdict(True, used=used)


def _wire_lines(octets: bytes) -> list[bytes]:
    """Cut octets behind each LF."""
    *lines, rest = octets.split(b"\n")
    whole = [line + b"\n" for line in lines]
    return [*whole, rest] if rest else whole


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")
