"""What differs between two dialogues: turns that only one has, turns that moved, and turns that are on both sides and not the same.

Replies are compared as `--match` says, at any of its levels. The two sides count the same: what the second has and the first has not is a
difference too.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.matching.alignment import align, gaps
from smtp_shell.matching.compare import match
from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply, Strictness
from smtp_shell.matching.turns import Answer, Kind, Turn, lines_kept
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.protocol.rawlines import lines_of
from smtp_shell.protocol.replies import Extensions, Reply
from smtp_shell.transcript.step import Marker, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ANNOUNCING: Final = frozenset({"EHLO", "LHLO"})
_MOVE: Final = frozenset({Kind.COMMAND, Kind.DATA, Kind.OCTETS, Kind.EVENT})


class Change(StrEnum):
    """How something differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


class NumberedRow(Struct, frozen=True):
    """A line of a transcript.

    Args:
        line: Its number in the file.
        text: Its marker and content, printable.
    """

    line: int
    text: str


class Difference(Struct, frozen=True):
    """One difference.

    Args:
        change: How it differs.
        rows_a: What the first transcript has.
        rows_b: What the second has.
        about: Where only the replies to a line differ: the line, on both sides.
    """

    change: Change
    rows_a: tuple[NumberedRow, ...] = ()
    rows_b: tuple[NumberedRow, ...] = ()
    about: tuple[NumberedRow, ...] = ()


class Differences:
    """The differences of two dialogues.

    Args:
        a: The turns of the first.
        b: The turns of the second.
        strictness: How strictly replies are compared.

    Attributes:
        same: How many turns are on both sides and the same; complete when the differences have been read.
    """

    def __init__(self, a: Sequence[Turn], b: Sequence[Turn], strictness: Strictness = Strictness.TEXT) -> None:
        self._a, self._b, self._strictness = a, b, strictness
        self.same = 0

    def __iter__(self) -> Iterator[Difference]:
        a, b = self._a, self._b
        # By kind too: the same octets as a line and as they are differ on the wire.
        pairs = align([(each.kind, each.key) for each in a], [(each.kind, each.key) for each in b])
        moved = self._moved(pairs)
        gone, come = set(moved.values()), set(moved)
        reached = {at_b: at_a for at_a, at_b in (*pairs, *self._loose_pairs(pairs, gone, come))}
        at_a = 0
        stops = [len(a)] * (len(b) + 1)  # how far the first has been gone through when a turn of the second comes
        for at_b in range(len(b) - 1, -1, -1):
            stops[at_b] = reached.get(at_b, stops[at_b + 1])
        for at_b, stop in enumerate(stops):
            while at_a < stop:
                if at_a not in gone:
                    yield Difference(Change.REMOVED, rows_a=_rows(a[at_a]))
                at_a += 1
            if at_b == len(b):
                return
            if at_b in reached:
                yield from self._compared(a[at_a], b[at_b])
                at_a += 1
            elif at_b in moved:
                was = a[moved[at_b]]
                yield Difference(Change.MOVED, _head(was), _head(b[at_b]))
                yield from self._compared(was, b[at_b], counts=False)
            else:
                yield Difference(Change.ADDED, rows_b=_rows(b[at_b]))

    def _moved(self, pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
        """Return the turns of the second that stand elsewhere in the first: place in the second to place in the first."""
        left: dict[tuple[Kind, str], deque[int]] = {}
        moved: dict[int, int] = {}
        between = list(gaps(pairs, len(self._a), len(self._b)))
        for places, _ in between:
            for at in places:
                if self._a[at].kind in _MOVE:
                    left.setdefault((self._a[at].kind, self._a[at].key), deque()).append(at)
        for _, places in between:
            for at in places:
                if found := left.get((self._b[at].kind, self._b[at].key)):
                    moved[at] = found.popleft()
        return moved

    def _loose_pairs(
        self, pairs: Sequence[tuple[int, int]], gone: set[int], come: set[int]
    ) -> Iterator[tuple[int, int]]:
        """Yield the pairs of turns that are of the same kind, and not the same, between those that are the same."""
        for places_a, places_b in gaps(pairs, len(self._a), len(self._b)):
            left_a = [at for at in places_a if at not in gone]
            left_b = [at for at in places_b if at not in come]
            found = align([_loose(self._a[at]) for at in left_a], [_loose(self._b[at]) for at in left_b])
            yield from ((left_a[one], left_b[two]) for one, two in found)

    # Turns that are on both sides

    def _compared(self, a: Turn, b: Turn, *, counts: bool = True) -> Iterator[Difference]:
        found = [*self._words(a, b), *self._answers(a, b)]
        self.same += counts and not found
        yield from found

    def _words(self, a: Turn, b: Turn) -> Iterator[Difference]:
        is_exact = self._strictness is Strictness.EXACT
        if a.key == b.key and not (is_exact and (a.text != b.text or _digest(a) != _digest(b))):
            return
        if a.text.startswith("C: ") and b.text.startswith("C: "):
            yield Difference(Change.CHANGED, *_first_difference(a, b))
        else:
            yield Difference(Change.CHANGED, _head(a), _head(b))

    def _answers(self, a: Turn, b: Turn) -> Iterator[Difference]:
        about = (*_head(a), *_head(b))
        for one, two in zip(a.answers, b.answers, strict=False):
            yield from self._answer(one, two, a, about)
        for one in a.answers[len(b.answers) :]:
            yield Difference(Change.REMOVED, rows_a=_answer_rows(one), about=about)
        for two in b.answers[len(a.answers) :]:
            yield Difference(Change.ADDED, rows_b=_answer_rows(two), about=about)

    def _answer(self, a: Answer, b: Answer, turn: Turn, about: tuple[NumberedRow, ...]) -> Iterator[Difference]:
        if a.reply is not None and b.reply is not None and a.is_cut == b.is_cut:
            if a.reply.octets == b.reply.octets:
                return
            if _announces(turn, a.reply) and _announces(turn, b.reply) and self._strictness >= Strictness.KEYWORDS:
                found = tuple(self._announced(a, b, about))
                yield from found
                is_exact = self._strictness is Strictness.EXACT
                if found or (not is_exact and a.reply.oddities == b.reply.oddities):
                    return
        if not self._is_same(a, b, turn):
            yield Difference(Change.CHANGED, *_that_differ(_answer_rows(a), _answer_rows(b)), about)

    def _is_same(self, a: Answer, b: Answer, turn: Turn) -> bool:
        if a.is_cut != b.is_cut:
            return False
        greets = turn.kind is Kind.CONNECTION
        if a.reply is None and b.reply is None:
            return a.expected == b.expected
        if a.reply is None or b.reply is None:
            written, reply = (a, b.reply) if a.reply is None else (b, a.reply)
            assert reply is not None
            return match(_expected(written.expected), reply, self._strictness, verb=turn.verb, greeting=greets).ok
        one, two = _recorded(a.reply), _recorded(b.reply)
        return (
            match(one, b.reply, self._strictness, verb=turn.verb, greeting=greets).ok
            and match(two, a.reply, self._strictness, verb=turn.verb, greeting=greets).ok
        )

    def _announced(self, a: Answer, b: Answer, about: tuple[NumberedRow, ...]) -> Iterator[Difference]:
        """Yield what the server announced then and not now, and the other way round, and what it announced otherwise."""
        from smtp_shell.matching.normalise import normalise  # its patterns take 10 ms to compile

        assert a.reply is not None
        assert b.reply is not None
        if a.reply.code != b.reply.code:
            yield Difference(Change.CHANGED, _answer_rows(a)[:1], _answer_rows(b)[:1], about)
        rows_a, rows_b = _answer_rows(a), _answer_rows(b)
        if self._strictness >= Strictness.TEXT and self._first_lines_differ(a.reply, b.reply):
            yield Difference(Change.CHANGED, rows_a[:1], rows_b[:1], about)
        then, now = _keywords(a.reply), _keywords(b.reply)
        for keyword, (at, words) in then.items():
            if keyword not in now:
                yield Difference(Change.REMOVED, rows_a=(rows_a[at],), about=about)
                continue
            place, other = now[keyword]
            if self._strictness is Strictness.KEYWORDS:
                continue
            if normalise(words, verb="EHLO") != normalise(other, verb="EHLO"):
                yield Difference(Change.CHANGED, (rows_a[at],), (rows_b[place],), about)
        for keyword, (place, _) in now.items():
            if keyword not in then:
                yield Difference(Change.ADDED, rows_b=(rows_b[place],), about=about)

    def _first_lines_differ(self, a: Reply, b: Reply) -> bool:
        if self._strictness is Strictness.EXACT:
            return a.lines[0] != b.lines[0]
        from smtp_shell.matching.normalise import normalise

        one, two = (normalise(each.lines[0], greets=True) for each in (a, b))
        return one != two


def _loose(turn: Turn) -> tuple[Kind, str]:
    """Return what turns that are not the same have in common when one has become the other."""
    return turn.kind, turn.verb or turn.text[:1]


def _digest(turn: Turn) -> bytes | None:
    return turn.mail.digest if turn.mail is not None else None


def _announces(turn: Turn, reply: Reply) -> bool:
    return turn.verb in _ANNOUNCING and reply.code // 100 == 2


def _keywords(reply: Reply) -> dict[str, tuple[int, bytes]]:
    """Return the keywords of a reply to EHLO: the number of its line, and what the line says."""
    found: dict[str, tuple[int, bytes]] = {}
    for number, line in enumerate(reply.lines[1:], 1):
        for keyword in Extensions.of_lines((line,)).keywords:
            word, *rest = line.split()
            found.setdefault(keyword, (number, b" ".join((word.upper(), *rest))))
    return found


def _recorded(reply: Reply) -> ExpectedReply:
    """Return a reply that came as one that is expected."""
    lines: list[ExpectedLine] = []
    for octets in lines_of(reply.octets):
        if octets.endswith(CRLF):
            lines.append(ExpectedLine.parse(Step(Marker.SERVER, escape(octets[:-2]))))
        else:
            lines.append(ExpectedLine.literal(octets))
    return ExpectedReply(tuple(lines))


def _expected(rows: Sequence[tuple[str, str]]) -> ExpectedReply:
    return ExpectedReply(tuple(ExpectedLine.parse(Step(Marker(marker), text)) for marker, text in rows))


def _head(turn: Turn) -> tuple[NumberedRow, ...]:
    return _rows(turn)[:1]


def _rows(turn: Turn) -> tuple[NumberedRow, ...]:
    """Return the lines of a turn that only one side has."""
    own = (NumberedRow(turn.line, turn.text),) if turn.text else ()
    return (*own, *(row for answer in turn.answers for row in _answer_rows(answer)))


def _answer_rows(answer: Answer) -> tuple[NumberedRow, ...]:
    return tuple(NumberedRow(number, text) for number, text in zip(answer.numbers, answer.rows, strict=False))


def _that_differ(
    a: tuple[NumberedRow, ...], b: tuple[NumberedRow, ...]
) -> tuple[tuple[NumberedRow, ...], tuple[NumberedRow, ...]]:
    """Return the rows of two replies without those that are equal, where each has as many."""
    pairs = [pair for pair in zip(a, b, strict=False) if pair[0].text != pair[1].text]
    if len(a) != len(b) or not pairs:
        return a, b
    return tuple(one for one, _ in pairs), tuple(two for _, two in pairs)


def _first_difference(a: Turn, b: Turn) -> tuple[tuple[NumberedRow, ...], tuple[NumberedRow, ...]]:
    """Return the heads of two messages, each with the first line at which they differ, as far as they are kept."""
    one, two = list(lines_kept(a)), list(lines_kept(b))
    at = next((at for at, (left, right) in enumerate(zip(one, two, strict=False)) if left[1] != right[1]), None)
    at = min(len(one), len(two)) if at is None else at
    return _with_line(a, one[at : at + 1]), _with_line(b, two[at : at + 1])


def _with_line(turn: Turn, found: Sequence[tuple[int, str]]) -> tuple[NumberedRow, ...]:
    return (NumberedRow(turn.line, turn.text), *(NumberedRow(line, f"C: {text}") for line, text in found))
