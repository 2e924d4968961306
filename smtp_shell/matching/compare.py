"""Whether a reply meets what a transcript expects: an expected reply and a reply in, a verdict out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from smtp_shell.matching.expectation import Strictness
from smtp_shell.matching.pattern import PatternTooSlow, unfit_capture
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.protocol.replies import VIOLATIONS, Extensions, Oddity, Reply, enhanced_code
from smtp_shell.transcript.step import Marker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply

_ANNOUNCING = ("EHLO", "LHLO")


class Verdict(Struct, frozen=True):
    """Whether a reply meets what is expected.

    Args:
        ok: Whether it does.
        why: What differs, in a sentence without its full stop; empty when nothing does.
        captures: What named groups matched, in the notation of `escape`.
        used: How many of the expected lines belong to this reply.
        expected: The expected line that was not met.
        received: The line of the reply that it was compared with; escaped.
        violation: Whether the reply also breaks the protocol, in a way that the transcript does not have.
    """

    ok: bool
    why: str = ""
    captures: Mapping[str, str] = field(default_factory=dict)
    used: int = 0
    expected: str = ""
    received: str = ""
    violation: bool = False


def match(
    expected: ExpectedReply,
    reply: Reply,
    strictness: Strictness = Strictness.CODE,
    *,
    verb: str = "",
    greeting: bool = False,
) -> Verdict:
    """Compare a reply with what is expected.

    `S:` lines compare the reply code, and more as `strictness` says. Each `S=`, `S~` and `S|` line must be met by a line of the reply, in
    the order of the file. Where `S:` lines stand for the rest, other lines may be there too.

    Args:
        expected: The expected reply.
        reply: The reply that came.
        strictness: How strict `S:` is.
        verb: The verb of the command that it answers.
        greeting: Whether it is the greeting.
    """
    comparison = _Comparison(expected.lines, reply, strictness, verb, greeting)
    return (comparison.violation() if reply.oddities else None) or comparison.run()


def match_octets(expected: ExpectedReply, octets: bytes) -> Verdict:
    """Compare octets that are no whole reply with what is expected; only `S|` lines can foresee them.

    Args:
        expected: The expected reply.
        octets: What came.
    """
    used = len(expected.lines)
    if expected.lines[-1].marker is Marker.SERVER_OCTETS and expected.octets == octets:
        return Verdict(True, used=used)
    return Verdict(False, "what came is no whole reply", used=used, expected=str(expected), received=escape(octets))


class _Comparison:
    def __init__(
        self,
        expected: tuple[ExpectedLine, ...],
        reply: Reply,
        strictness: Strictness,
        verb: str,
        greeting: bool,
    ) -> None:
        self._expected = expected
        self._reply = reply
        self._cut: list[bytes] | None = None
        self._strictness = strictness
        self._verb = verb
        self._greeting = greeting
        self._mixed = Oddity.MIXED_CODES in reply.oddities
        self._captures: dict[str, str] = {}

    @property
    def _lines(self) -> list[bytes]:
        """The lines of the reply with their line ends, cut when first needed: most comparisons need none of them."""
        if self._cut is None:
            self._cut = _cut_after_lf(self._reply.octets)
        return self._cut

    def violation(self) -> Verdict | None:
        """Return a verdict for a reply that breaks the protocol, unless the transcript has recorded just that."""
        broken = [oddity.value for oddity in self._reply.oddities if oddity in VIOLATIONS]
        if not broken or [each.octets[:3] for each in self._expected] == [line[:3] for line in self._lines]:
            return None
        verdict = self._differs(f"the server broke the protocol: {'; '.join(broken)}", len(self._expected))
        return replace(verdict, violation=True)

    def run(self) -> Verdict:
        at = 0  # the first line of the reply that no `S=`, `S~` or `S|` line has taken yet
        used = len(self._expected)
        for index, expected in enumerate(self._expected):
            if expected.marker is Marker.SERVER:
                if not expected.accepts(self._code_at(index) if self._mixed else self._reply.code):
                    return self._differs("the reply code differs", index)
                continue
            try:
                found = self._find(expected, at)
            except PatternTooSlow:
                return self._differs("the pattern takes too long to match this line; write a simpler one", index)
            if found is None:
                is_pattern = expected.pattern is not None
                return self._differs(
                    "no line of the reply matches the pattern" if is_pattern else "no line of the reply is equal", index
                )
            at = found + 1
            if expected.continues is None and at == len(self._lines):
                used = index + 1
                break
        unfit = unfit_capture(self._captures) if self._captures else ""
        if unfit:
            return self._differs(unfit, used - 1)
        more = self._compare_more(used) if self._strictness > Strictness.CODE else None
        return more or Verdict(True, captures=self._captures, used=used)

    def _find(self, expected: ExpectedLine, start: int) -> int | None:
        for number in range(start, len(self._lines)):
            line = self._lines[number]
            if expected.pattern is not None:
                groups = expected.pattern.match(escape(_bare(line)))
                if groups is not None:
                    self._captures.update(groups)
                    return number
            elif expected.octets == line or (
                expected.marker is Marker.SERVER_EQUALS and _bare(expected.octets) == _bare(line)
            ):
                return number
        return None

    def _compare_more(self, used: int) -> Verdict | None:
        expected = self._expected[:used]
        positional = self._strictness >= Strictness.TEXT and not (used == 1 and expected[0].is_wild)
        if positional and used != len(self._lines):
            lines = "1 line" if len(self._lines) == 1 else f"{len(self._lines)} lines"
            return self._differs(f"the reply has {lines}, and {used} expected", used - 1)
        if problem := self._enhanced_differs(expected):
            return self._differs(problem, 0)
        if self._strictness >= Strictness.KEYWORDS and self._verb in _ANNOUNCING:
            missing = self._missing_keywords(expected)
            if missing:
                return self._differs(f"not announced any more: {', '.join(missing)}", 0)
        return self._compare_text(expected) if self._strictness >= Strictness.TEXT else None

    def _enhanced_differs(self, expected: tuple[ExpectedLine, ...]) -> str:
        wanted = next((enhanced_code(line.words) for line in expected if line.marker is Marker.SERVER), None)
        if wanted is None or wanted == self._reply.enhanced:
            return ""
        return f"the enhanced status code is {self._reply.enhanced or 'missing'}, and {wanted} expected"

    def _missing_keywords(self, expected: tuple[ExpectedLine, ...]) -> list[str]:
        recorded = Reply(250, tuple(line.words for line in expected if line.marker is Marker.SERVER), b"")
        announced = Extensions.parse(self._reply)
        return [keyword for keyword in Extensions.parse(recorded).keywords if keyword not in announced]

    def _compare_text(self, expected: tuple[ExpectedLine, ...]) -> Verdict | None:
        for index, (wanted, line) in enumerate(zip(expected, self._lines, strict=False)):
            if wanted.marker is not Marker.SERVER or (wanted.is_wild and not wanted.words):
                continue
            if self._strictness is Strictness.EXACT:
                equal = wanted.words + CRLF == line[4:] if wanted.is_wild else wanted.octets == line
            else:
                equal = self._normalised(wanted.words, index) == self._normalised(_bare(line)[4:], index)
            if not equal:
                return self._differs("the text differs", index, index)
        return None

    def _normalised(self, words: bytes, index: int) -> bytes:
        from smtp_shell.matching.normalise import normalise  # its patterns take 5 ms to compile

        greets = index == 0 and (self._greeting or self._verb in (*_ANNOUNCING, "HELO"))
        return normalise(words, code=self._reply.code, verb=self._verb, greets=greets)

    def _code_at(self, index: int) -> int:
        if index < len(self._lines):
            return int(self._lines[index][:3])
        return self._reply.code

    def _differs(self, why: str, index: int, line: int | None = None) -> Verdict:
        expected = self._expected
        index = min(index, len(expected) - 1)
        used = len(expected) if len(self._lines) > 1 or expected[-1].continues is False else index + 1
        shown = self._lines[min(index if line is None else line, len(self._lines) - 1)]
        return Verdict(False, why, used=used, expected=str(expected[index]), received=escape(_bare(shown)))


def _cut_after_lf(octets: bytes) -> list[bytes]:
    """Cut octets after each LF, and nowhere else: `bytes.splitlines` would cut after CR too."""
    *lines, rest = octets.split(b"\n")
    whole = [line + b"\n" for line in lines]
    return [*whole, rest] if rest else whole


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")
