"""Whether a reply meets what a transcript expects: an expected reply and a reply in, a verdict out.

What each level of `--match` demands is written down in `transcripts/README.md`, Matching, with an example for each rule.
"""

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
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypedDict

    from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply
    from smtp_shell.matching.ignored import IgnoredText

    class _How(TypedDict):
        """Arguments of `normalise`."""

        code: int
        verb: str
        greets: bool


_ANNOUNCING = ("EHLO", "LHLO")
_OFFERS_NAMES = ("AUTH", "XCLIENT", "XFORWARD")
"""Keywords whose parameters are names, each of which a client may use."""

_RECORDED = (Marker.SERVER, Marker.SERVER_OCTETS)
_MOST_NAMED = 3


class Verdict(Struct, frozen=True):
    """Whether a reply meets what is expected.

    Args:
        ok: Whether it does.
        used: How many of the expected lines belong to this reply.
        why: What differs, in a sentence without its full stop; empty when nothing does.
        captures: What named groups matched, in the notation of `escape`.
        expected: The expected line that was not met; empty where the reply has a line too many.
        received: The line of the reply that was to meet it; escaped; empty where no line stands against it.
        at: Column of `received` at which it begins to differ in what counts; None where there is none.
        line: Number in the file of the expected line that was not met, or that the difference follows; 0 for none.
        violation: Whether the reply also breaks the protocol, in a way that the transcript does not have.
    """

    ok: bool
    used: int
    why: str = ""
    captures: Mapping[str, str] = field(default_factory=dict)
    expected: str = ""
    received: str = ""
    at: int | None = None
    line: int = 0
    violation: bool = False


def match(
    expected: ExpectedReply,
    reply: Reply,
    strictness: Strictness = Strictness.CODE,
    *,
    verb: str = "",
    greeting: bool = False,
    owed: int | None = None,
    ignored: IgnoredText | None = None,
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
        owed: How many replies are still owed that no line after these expects. While there are any, a pattern that does not say whether
            it is the last line of its reply is taken for it. None where that is not known: then the last line that came decides.
        ignored: What `Strictness.TEXT` does not compare; None for what differs from run to run alone.
    """
    comparison = _Comparison(expected, reply, strictness, verb, greeting, owed, ignored)
    return (comparison.violation() if reply.oddities else None) or comparison.run()


def match_octets(expected: ExpectedReply, octets: bytes, strictness: Strictness = Strictness.CODE) -> Verdict:
    """Compare octets that are no whole reply with what is expected: line by line, and all of them.

    Args:
        expected: The expected reply.
        octets: What came: lines of a reply, and at the end perhaps a part of a line, or one that is none of a reply.
        strictness: How strict `S:` is; up to `TEXT` it compares the code here.
    """
    used = len(expected.lines)
    last = expected.lines[-1]
    lines = _cut_after_lf(octets)
    is_exact = strictness is Strictness.EXACT
    if len(lines) == used and all(_begins(*pair, exact=is_exact) for pair in zip(expected.lines, lines, strict=True)):
        return Verdict(True, used)
    why = "what came is no whole reply"
    return Verdict(False, used, why, expected=str(expected), received=escape(octets), line=last.line)


class _Comparison:
    def __init__(
        self,
        expected: ExpectedReply,
        reply: Reply,
        strictness: Strictness,
        verb: str,
        greeting: bool,
        owed: int | None,
        ignored: IgnoredText | None,
    ) -> None:
        self._expected = expected.lines
        self._reply = reply
        self._cut: list[bytes] | None = None
        self._strictness = strictness
        self._verb = verb
        self._greeting = greeting
        self._owed = owed
        self._ignored = ignored if strictness is Strictness.TEXT else None
        self._mixed = Oddity.MIXED_CODES in reply.oddities
        self._captures: dict[str, str] = {}
        self._found: set[int] = set()  # the lines of the reply that `S=` and `S~` lines have found

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
            try:
                if index and self._expected[index - 1].continues is None and self._ends_before(index, at):
                    used = index
                    break
                if expected.marker is Marker.SERVER:
                    code = self._reply.code
                    # With codes that are mixed, `violation` has found each line's own.
                    if not self._mixed and not expected.accepts(code):
                        return self._differs("the reply code differs", index, at=expected.code_differs_at(code))
                    continue
                found = self._find(expected, at)
            except PatternTooSlow:
                return self._differs("the pattern takes too long to match this line; write a simpler one", index)
            if found is None:
                return self._none_meets(expected, index)
            at = found[0] + 1
            if unfit := unfit_capture(found[1]):
                return self._differs(unfit, index, found[0])
            self._captures.update(found[1])
            if expected.marker is not Marker.SERVER_OCTETS:
                self._found.add(found[0])
        try:
            more = self._compare_more(used) if self._strictness > Strictness.CODE else None
        except PatternTooSlow:
            return self._differs("a pattern of Ignore takes too long to match this reply; write a simpler one", 0)
        return more or Verdict(True, used, captures=self._captures)

    def _ends_before(self, index: int, at: int) -> bool:
        """Return whether the preceding line, a pattern that leaves it open, was the last one expected of this reply.

        Args:
            index: Number of the line that follows it.
            at: The first line of the reply that is not taken.

        Raises:
            PatternTooSlow: The line that follows is a pattern that takes too long.
        """
        following = self._expected[index]
        if self._owed is None:
            return at == len(self._lines)
        if self._owed > 0:
            may_go_on = following.pattern is not None and self._find(following, at) is not None
            return not may_go_on or self._ends_from(index + 1) < self._owed
        return not following.may_be_of(self._reply.code)

    def _ends_from(self, index: int) -> int:
        """Return how many replies the lines from this one on can be at most."""
        return sum([line.continues is not True for line in self._expected[index:]])

    def _find(self, expected: ExpectedLine, start: int) -> tuple[int, Mapping[str, str]] | None:
        """Return the first line of the reply that meets an expected one, and what it captures.

        Raises:
            PatternTooSlow: The pattern takes too long.
        """
        for number in range(start, len(self._lines)):
            line = self._lines[number]
            if expected.pattern is not None:
                groups = expected.pattern.match(escape(_bare(line)))
                if groups is not None:
                    return number, groups
            elif expected.octets == line or (
                expected.marker is Marker.SERVER_EQUALS and _bare(expected.octets) == _bare(line)
            ):
                return number, {}
        return None

    def _none_meets(self, expected: ExpectedLine, index: int) -> Verdict:
        if expected.pattern is not None:
            return self._differs("no line of the reply matches the pattern", index, any_line=True)
        at = None
        if len(self._lines) == 1 and expected.marker is Marker.SERVER_EQUALS:
            (line,) = self._lines
            at = _column(line, _common(_bare(expected.octets), _bare(line)))
        return self._differs("no line of the reply is equal", index, at=at, any_line=True)

    # What the levels above `code` demand

    def _compare_more(self, used: int) -> Verdict | None:
        level = self._strictness
        recorded = [index for index in range(used) if self._expected[index].marker in _RECORDED]
        first = next((index for index in recorded if self._expected[index].marker is Marker.SERVER), None)
        if self._expected[0].marker is Marker.SERVER_OCTETS:
            first = None  # the first line, which has the enhanced status code, was equal
        if first is not None and level is not Strictness.KEYWORDS and (problem := self._enhanced_differs(first)):
            return problem
        # The text of a refusal holds no keywords.
        announces = self._verb in _ANNOUNCING and self._reply.code // 100 == 2
        if level >= Strictness.KEYWORDS and announces and (problem := self._keyword_missing(recorded)):
            return problem
        return self._compare_text(recorded) if level >= Strictness.TEXT and recorded else None

    def _enhanced_differs(self, index: int) -> Verdict | None:
        wanted, came = enhanced_code(self._expected[index].words), self._reply.enhanced
        if wanted is None or wanted == came:
            return None
        why = f"the enhanced status code is {came or 'missing'}, and {wanted} expected"
        at = len("250 ") + (_common(str(wanted).encode(), str(came).encode()) if came else 0)
        return self._differs(why, index, 0, at=at)

    def _keyword_missing(self, recorded: Sequence[int]) -> Verdict | None:
        """Return the difference that a keyword is gone, or a name that one of `_OFFERS_NAMES` has offered."""
        announced = Extensions.parse(self._reply).keywords
        missing: list[tuple[int, str]] = []
        for index in recorded[recorded[:1] == [0] :]:  # the first line is the server's name
            words = _words_of(self._expected[index])
            for keyword, parameters in Extensions.of_lines((words,)).keywords.items():
                if keyword not in announced:
                    missing.append((index, keyword))
                elif keyword in _OFFERS_NAMES:
                    offered = {word.upper() for word in announced[keyword]}
                    gone = (word for word in parameters if word.upper() not in offered)
                    missing += [(index, f"{keyword} {escape(word)}") for word in gone]
        if not missing:
            return None
        names = ", ".join(dict.fromkeys(name for _, name in missing))
        return self._differs(f"not announced any more: {names}", missing[0][0], no_line=True)

    def _compare_text(self, recorded: Sequence[int]) -> Verdict | None:
        expected = self._expected
        rest = [number for number in range(len(self._lines)) if number not in self._found]
        if len(recorded) > len(rest) and self._only_ends(recorded[-1]):
            recorded = recorded[:-1]
        is_loose = [expected[index].is_wild for index in recorded] == [True]
        if len(rest) != len(recorded) and not is_loose:
            return self._number_differs(recorded, rest)
        for number, (index, place) in enumerate(zip(recorded, rest, strict=False)):
            wanted, line = expected[index], self._lines[place]
            if wanted.is_wild and not wanted.words:
                continue
            octets = line[:4] + wanted.words + CRLF if wanted.is_wild else wanted.octets
            if octets != line and (at := self._text_differs_at(octets, line, number)) is not None:
                why = "the line end differs" if _bare(octets) == _bare(line) else "the text differs"
                return self._differs(why, index, place, at=at)
        return None

    def _only_ends(self, index: int) -> bool:
        """Return whether an `S:` line holds only the code, and a pattern has met the last line: it marks the end of the reply."""
        line = self._expected[index]
        return line.marker is Marker.SERVER and not line.words and len(self._lines) - 1 in self._found

    def _text_differs_at(self, wanted: bytes, line: bytes, number: int) -> int | None:
        """Return the column of a line at which it differs in what counts at this level; None if it does not.

        Args:
            wanted: The octets of the expected line.
            line: The octets that came.
            number: The number of the line among those that are compared.
        """
        from smtp_shell.matching import normalise  # its patterns take 10 ms to compile

        words, came = _bare(wanted)[4:], _bare(line)[4:]
        if self._strictness is Strictness.EXACT:
            if self._verb == "AUTH" and wanted[:4] == line[:4] and wanted[-2:] == line[-2:]:
                from smtp_shell.matching.challenge import without_random

                code = self._reply.code
                if without_random(words, code) == without_random(came, code):
                    return None
            return _column(line, _common(_bare(wanted), _bare(line)))
        how = self._how(number)
        if self._ignored is not None:
            masked_words, masked = self._ignored.mask(words), self._ignored.mask(came)
            if normalise.normalise(masked_words, **how) == normalise.normalise(masked, **how):
                return None
            return 4 + self._ignored.column(came, normalise.difference_at(masked_words, masked, **how))
        if normalise.normalise(words, **how) == normalise.normalise(came, **how):
            return None
        return _column(line, 4 + normalise.difference_at(words, came, **how))

    def _number_differs(self, recorded: Sequence[int], rest: Sequence[int]) -> Verdict:
        """Return the difference that lines are missing or too many, with their names."""
        from collections import Counter

        wanted = [self._key(_words_of(self._expected[index]), number) for number, index in enumerate(recorded)]
        came = [self._key(_bare(self._lines[place])[4:], number) for number, place in enumerate(rest)]
        missing = [recorded[number] for number in _surplus(wanted, Counter(came))]
        extra = [rest[number] for number in _surplus(came, Counter(wanted))]
        lines = "1 line" if len(rest) == 1 else f"{len(rest)} lines"
        why = f"the reply has {lines}, and {len(recorded)} expected"
        why += _named("missing", [str(self._expected[index]) for index in missing])
        why += _named("not expected", [escape(_bare(self._lines[place])) for place in extra])
        if missing:
            return self._differs(why, missing[0], no_line=True)
        verdict = self._differs(why, recorded[-1], extra[0])
        return replace(verdict, expected="")

    def _key(self, words: bytes, number: int) -> bytes:
        if self._strictness is Strictness.EXACT:
            return words
        from smtp_shell.matching.normalise import normalise

        return normalise(words if self._ignored is None else self._ignored.mask(words), **self._how(number))

    def _how(self, number: int) -> _How:
        code = self._reply.code
        greets = number == 0 and code // 100 == 2 and (self._greeting or self._verb in (*_ANNOUNCING, "HELO"))
        return {"code": code, "verb": self._verb, "greets": greets}

    def _differs(
        self,
        why: str,
        index: int,
        line: int | None = None,
        *,
        at: int | None = None,
        any_line: bool = False,
        no_line: bool = False,
    ) -> Verdict:
        """Return a verdict that names a difference.

        Args:
            why: What differs.
            index: Number of the expected line.
            line: Number of the line that was to meet it; None for the one in the same place.
            at: Column at which that begins to differ in what counts.
            any_line: Whether any line of the reply could have met it: one is shown only where it is the only one.
            no_line: Whether no line of the reply stands against it.
        """
        lines, expected = self._lines, self._expected
        index = min(index, len(expected) - 1)
        used = len(expected) if len(lines) > 1 or expected[-1].continues is False else index + 1
        shown = ""
        if not no_line and not (any_line and len(lines) > 1):
            shown = escape(_bare(lines[min(index if line is None else line, len(lines) - 1)]))
        wanted = expected[index]
        if at is not None:
            at = min(at, len(shown))  # of a line that is a code alone nothing differs, and something is missing
        return Verdict(False, used, why, expected=str(wanted), received=shown, at=at, line=wanted.line)


def _words_of(line: ExpectedLine) -> bytes:
    return line.words if line.marker is Marker.SERVER else _bare(line.octets)[4:]


def _surplus(keys: Iterable[bytes], others: dict[bytes, int]) -> list[int]:
    """Return the numbers of the keys that have no counterpart, each other key counting once."""
    found = []
    for number, key in enumerate(keys):
        if others.get(key, 0):
            others[key] -= 1
        else:
            found.append(number)
    return found


def _named(what: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
    return f"; {what}: {', '.join(lines[:_MOST_NAMED])}{more}"


def _common(one: bytes, other: bytes) -> int:
    """Return how many octets two lines share at their start."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _column(line: bytes, octets: int) -> int:
    """Return the column, in the notation of `escape`, at which an octet of a line stands."""
    while octets < len(line) and line[octets] & 0xC0 == 0x80:  # inside a character
        octets -= 1
    return len(escape(line[:octets]))


def _begins(expected: ExpectedLine, line: bytes, *, exact: bool) -> bool:
    """Return whether a line of a reply that never became whole is as expected."""
    if expected.marker is Marker.SERVER and not exact:
        return line.endswith(b"\n") and line[:3].isdigit() and expected.accepts(int(line[:3]))
    if expected.pattern is not None:
        return expected.pattern.match(escape(_bare(line))) is not None
    return expected.octets == line


def _cut_after_lf(octets: bytes) -> list[bytes]:
    """Cut octets after each LF, and nowhere else: `bytes.splitlines` would cut after CR too."""
    *lines, rest = octets.split(b"\n")
    whole = [line + b"\n" for line in lines]
    return [*whole, rest] if rest else whole


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")
