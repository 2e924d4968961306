"""Two sequences put side by side: which elements of one are those of the other, in the same order.

Elements that occur once on each side are paired first, and the stretches between them by the shortest edit script (patience diff, then
Myers). Where that would take too long, because the stretches are long and have little in common, a greedy pairing takes its place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from math import isqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    Pair = tuple[int, int]

_MOST_EDITS: Final = 600
"""Edits up to which the shortest script is looked for: its time and memory grow with their square, 0.2 s for this many."""

_MOST_WORK: Final = 10 * _MOST_EDITS**2  # of all stretches together


def align(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Pair]:
    """Return the pairs of indices of equal elements, both rising.

    Args:
        a: A sequence.
        b: The other one.
    """
    pairs: list[Pair] = []
    work_left = _MOST_WORK
    stretches = [(0, len(a), 0, len(b))]
    while stretches:
        low_a, high_a, low_b, high_b = stretches.pop()
        while low_a < high_a and low_b < high_b and a[low_a] == b[low_b]:
            pairs.append((low_a, low_b))
            low_a, low_b = low_a + 1, low_b + 1
        while low_a < high_a and low_b < high_b and a[high_a - 1] == b[high_b - 1]:
            high_a, high_b = high_a - 1, high_b - 1
            pairs.append((high_a, high_b))
        if low_a == high_a or low_b == high_b:
            continue
        anchors = _anchors(a, b, low_a, high_a, low_b, high_b)
        if not anchors:
            most = min(high_a - low_a + high_b - low_b, _MOST_EDITS, isqrt(work_left))
            found = _shortest(a, b, low_a, high_a, low_b, high_b, most)
            work_left -= most * most
            pairs += _greedy(a, b, low_a, high_a, low_b, high_b) if found is None else found
            continue
        pairs += anchors
        for at_a, at_b in anchors:
            stretches.append((low_a, at_a, low_b, at_b))
            low_a, low_b = at_a + 1, at_b + 1
        stretches.append((low_a, high_a, low_b, high_b))
    return sorted(pairs)


def gaps(pairs: Sequence[Pair], length_a: int, length_b: int) -> Iterator[tuple[range, range]]:
    """Yield what lies between the pairs, before the first and after the last: the indices on each side, of which one may be empty.

    Args:
        pairs: Pairs of indices, both rising.
        length_a: Length of one sequence.
        length_b: Length of the other.
    """
    low_a = low_b = 0
    for at_a, at_b in (*pairs, (length_a, length_b)):
        if low_a < at_a or low_b < at_b:
            yield range(low_a, at_a), range(low_b, at_b)
        low_a, low_b = at_a + 1, at_b + 1


def _anchors(
    a: Sequence[Hashable], b: Sequence[Hashable], low_a: int, high_a: int, low_b: int, high_b: int
) -> list[Pair]:
    """Return the longest rising series of pairs of elements that occur once on each side."""
    places_a, places_b = _once(a, low_a, high_a), _once(b, low_b, high_b)
    common = sorted((at, places_b[key]) for key, at in places_a.items() if key in places_b)
    tops: list[int] = []  # the smallest end, in b, of a rising series of each length
    ends: list[int] = []  # number of that pair in `common`
    before: list[int | None] = []
    for place, (_, at_b) in enumerate(common):
        length = bisect_left(tops, at_b)
        tops[length : length + 1] = [at_b]
        ends[length : length + 1] = [place]
        before.append(ends[length - 1] if length else None)
    series: list[Pair] = []
    number = ends[-1] if ends else None
    while number is not None:
        series.append(common[number])
        number = before[number]
    return series[::-1]


def _once(sequence: Sequence[Hashable], low: int, high: int) -> dict[Hashable, int]:
    """Return the place of each element that occurs once."""
    counts = Counter(sequence[low:high])
    return {sequence[at]: at for at in range(low, high) if counts[sequence[at]] == 1}


def _shortest(
    a: Sequence[Hashable], b: Sequence[Hashable], low_a: int, high_a: int, low_b: int, high_b: int, most: int
) -> list[Pair] | None:
    """Return the pairs of a shortest edit script; None if it has more edits than `most`.

    Source: E. Myers, An O(ND) Difference Algorithm and Its Variations (1986), section 4
    """
    length_a, length_b = high_a - low_a, high_b - low_b
    furthest: dict[int, int] = {}
    trail: list[dict[int, int]] = []
    for edits in range(most + 1):
        trail.append(furthest.copy())
        for diagonal in range(-edits, edits + 1, 2):
            x, _ = _step(furthest, diagonal)
            y = x - diagonal
            while x < length_a and y < length_b and a[low_a + x] == b[low_b + y]:
                x, y = x + 1, y + 1
            furthest[diagonal] = x
            if x >= length_a and y >= length_b:
                return [(low_a + at_a, low_b + at_b) for at_a, at_b in _walk_back(trail, length_a, length_b)]
    return None


def _step(furthest: dict[int, int], diagonal: int) -> tuple[int, bool]:
    """Return how far one more edit gets on a diagonal, and whether it is an element of b more, or else one of a."""
    down, right = furthest.get(diagonal + 1, -1), furthest.get(diagonal - 1, -1)
    return (down, True) if right < down else (right + 1, False)


def _walk_back(trail: Sequence[dict[int, int]], x: int, y: int) -> Iterator[Pair]:
    for furthest in reversed(trail):
        start, is_down = _step(furthest, x - y)
        while x > start:
            x, y = x - 1, y - 1
            yield x, y
        x, y = (x, y - 1) if is_down else (x - 1, y)


def _greedy(
    a: Sequence[Hashable], b: Sequence[Hashable], low_a: int, high_a: int, low_b: int, high_b: int
) -> list[Pair]:
    """Return pairs found by taking for each element of a the next equal one of b, unless that skips far more than it gains."""
    places: dict[Hashable, list[int]] = {}
    for at in range(low_b, high_b):
        places.setdefault(b[at], []).append(at)
    pairs: list[Pair] = []
    last = low_b - 1
    reach = 50 * max(1, (high_b - low_b) // (high_a - low_a))
    for at_a in range(low_a, high_a):
        found = places.get(a[at_a], ())
        number = bisect_right(found, last)
        if number < len(found) and found[number] - last <= reach:
            last = found[number]
            pairs.append((at_a, last))
    return pairs
