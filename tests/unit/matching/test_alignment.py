"""Two sequences side by side."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING

import pytest

from smtp_shell.matching import alignment
from smtp_shell.matching.alignment import align, gaps

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("a", "b", "pairs"),
    [
        ("", "", []),
        ("abc", "", []),
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "ac", [(0, 0), (2, 1)]),
        ("ac", "abc", [(0, 0), (1, 2)]),
        ("axb", "ayb", [(0, 0), (2, 2)]),
        ("aabb", "abab", [(0, 0), (2, 1), (3, 3)]),
        ("xaxx", "xxax", [(0, 0), (2, 1), (3, 3)]),
    ],
)
def test_pairs(a: str, b: str, pairs: list[tuple[int, int]]) -> None:
    assert align(a, b) == pairs


def test_gaps() -> None:
    assert list(gaps([(1, 0), (2, 3)], 4, 4)) == [
        (range(1), range(0)),
        (range(2, 2), range(1, 3)),
        (range(3, 4), range(4, 4)),
    ]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (["NOOP"] * 50_000, ["NOOP"] * 49_000),
        (list(range(20_000)), list(range(20_000, 40_000))),
        (random.Random(1).sample(range(20_000), 20_000), random.Random(2).sample(range(20_000), 20_000)),
        (random.Random(1).choices("abcd", k=20_000), random.Random(2).choices("abcd", k=20_000)),
    ],
)
def test_long_ones_take_seconds_at_most(a: list[object], b: list[object]) -> None:
    begun = time.process_time()
    pairs = align([str(each) for each in a], [str(each) for each in b])
    assert time.process_time() - begun < 30
    assert all(a[one] == b[two] for one, two in pairs)


# The parts of it, beside the plainest way to find the same


def longest_common(a: str, b: str) -> int:
    row = [0] * (len(b) + 1)
    for one in a:
        before = row
        row = [0]
        for at, two in enumerate(b):
            row.append(before[at] + 1 if one == two else max(row[-1], before[at + 1]))
    return row[-1]


WORDS = ["".join(letters) for size in range(6) for letters in itertools.product("ab", repeat=size)]


def test_the_shortest_script_is_found_where_it_has_few_enough_edits() -> None:
    for a, b in itertools.product(WORDS, repeat=2):
        common = longest_common(a, b)
        edits = len(a) + len(b) - 2 * common
        # With something before and after, which it must not look at.
        found = alignment._shortest(f"b{a}a", f"aa{b}bb", 1, 1 + len(a), 2, 2 + len(b), edits)
        assert found is not None
        assert len(found) == common
        assert all(1 <= x <= len(a) and 2 <= y < 2 + len(b) and a[x - 1] == b[y - 2] for x, y in found)
        rising = sorted(found)
        assert all(x < u and y < v for (x, y), (u, v) in itertools.pairwise(rising))
        if edits:
            assert alignment._shortest(f"b{a}a", f"aa{b}bb", 1, 1 + len(a), 2, 2 + len(b), edits - 1) is None


def longest_rising(a: Sequence[int], b: Sequence[int]) -> int:
    """Return the length of the longest series of common elements in the order of both."""
    places = [b.index(one) for one in a if one in b]
    lengths: list[int] = []
    for number, place in enumerate(places):
        lengths.append(1 + max((lengths[n] for n in range(number) if places[n] < place), default=0))
    return max(lengths, default=0)


def test_anchors_are_the_longest_rising_series_of_what_occurs_once() -> None:
    for b in itertools.permutations(range(5)):
        a = (0, 1, 9, 2, 3, 4, 9)
        found = alignment._anchors(a, b, 0, len(a), 0, len(b))
        assert len(found) == longest_rising(a, b)
        assert found == sorted(found)
        assert all(a[x] == b[y] for x, y in found)
        assert all(x < u and y < v for (x, y), (u, v) in itertools.pairwise(found))


@pytest.mark.parametrize(
    ("a", "b", "low_a", "high_a", "low_b", "high_b", "found"),
    [
        ("xx", "xx", 0, 2, 0, 2, []),  # twice on each side
        ("x", "xx", 0, 1, 0, 2, []),
        ("xx", "x", 0, 2, 0, 1, []),
        ("x", "x", 0, 1, 0, 1, [(0, 0)]),
        ("axa", "bxb", 0, 3, 0, 3, [(1, 1)]),
        ("xax", "xbx", 1, 3, 0, 2, [(2, 0)]),  # once in the part that is looked at
        ("xa", "bx", 0, 1, 1, 2, [(0, 1)]),
        ("", "", 0, 0, 0, 0, []),
    ],
)
def test_anchors(
    a: str, b: str, low_a: int, high_a: int, low_b: int, high_b: int, found: list[tuple[int, int]]
) -> None:
    assert alignment._anchors(a, b, low_a, high_a, low_b, high_b) == found


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        # The first difference ends neither the stretch nor the search: what is on both sides of an anchor is aligned.
        ("12aab3bba4", "12aba3bab4", "12aa3bb4|12aa3ba4|12ab3bb4|12ab3ba4|12ba3bb4|12ba3ba4"),
        ("xab", "abx", "ab"),
        ("abx", "xab", "ab"),
        ("abcXdefYghi", "abcdefZghi", "abcdefghi"),
        ("aXbYc", "ab", "ab"),
        ("ab", "aXbYc", "ab"),
        ("a1b2c3", "1a2b3c", "123|abc"),
        ("aabbaabb", "abab", "abab"),
        ("abab", "aabbaabb", "abab"),
        ("aaab", "baaa", "b"),  # what occurs once comes first
    ],
)
def test_what_is_aligned(a: str, b: str, found: str) -> None:
    pairs = align(a, b)
    assert "".join(a[x] for x, _ in pairs) in found.split("|")
    assert all(a[x] == b[y] for x, y in pairs)


def test_what_lies_between_pairs() -> None:
    assert list(gaps([(0, 0), (1, 1)], 2, 2)) == []
    assert list(gaps([(1, 0)], 2, 2)) == [(range(1), range(0)), (range(2, 2), range(1, 2))]
    assert list(gaps([(0, 1), (1, 2)], 3, 3)) == [(range(0), range(1)), (range(2, 3), range(3, 3))]
    assert list(gaps([], 1, 0)) == [(range(1), range(0))]
    assert list(gaps([], 0, 1)) == [(range(0), range(1))]
    assert list(gaps([], 0, 0)) == []


def searches(
    monkeypatch: pytest.MonkeyPatch, a: Sequence[str], b: Sequence[str], *, give_up: bool = False
) -> list[int]:
    """Return the edits that are allowed for each stretch when two sequences are aligned, in the order in which they are searched."""
    asked: list[int] = []
    shortest = alignment._shortest

    def counted(
        a: Sequence[str], b: Sequence[str], low_a: int, high_a: int, low_b: int, high_b: int, most: int
    ) -> list[tuple[int, int]] | None:
        asked.append(most)
        return None if give_up else shortest(a, b, low_a, high_a, low_b, high_b, most)

    with monkeypatch.context() as patched:
        patched.setattr(alignment, "_shortest", counted)
        pairs = align(a, b)
    assert all(a[x] == b[y] for x, y in pairs)
    assert all(x < u and y < v for (x, y), (u, v) in itertools.pairwise(pairs))
    assert [n for n in a if n.isdigit() and n in b] == [a[x] for x, _ in pairs if a[x].isdigit()]
    return asked


def test_the_work_of_all_stretches_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the work is used up, each stretch is aligned greedily, which finds less and takes no time."""
    monkeypatch.setattr(alignment, "_MOST_EDITS", 6)
    monkeypatch.setattr(alignment, "_MOST_WORK", 50)
    a = "".join(f"abab{number}" for number in range(4))
    b = "".join(f"baba{number}" for number in range(4))
    # Stretches of eight elements are allowed six edits; 50 - 36 leaves room for three, then for two, and then for one.
    assert searches(monkeypatch, a, b) == [6, 3, 2, 1]


def test_ten_stretches_of_the_costliest_kind_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    a = [word for number in range(12) for word in [*"ab" * 200, str(number)]]
    b = [word for number in range(12) for word in [*"ba" * 200, str(number)]]
    assert searches(monkeypatch, a, b, give_up=True) == [600] * 10 + [0] * 2


def test_a_stretch_is_searched_for_as_many_edits_as_it_has_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    a = "1abab2ababab3abababab4"
    assert searches(monkeypatch, a, a.replace("ab", "ba")) == [16, 12, 8]
    assert searches(monkeypatch, a, a.replace("ababab", "bababa", 1)) == [12]


@pytest.mark.parametrize(("a", "b"), [("1abba2abba3", "123"), ("abba2", "2"), ("1abba", "1")])
def test_what_only_one_side_has_is_not_searched(a: str, b: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert searches(monkeypatch, a, b) == searches(monkeypatch, b, a) == []


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("aa", "a", [(0, 0)]),
        ("ba", "ab", [(0, 1)]),
        ("xay", "zza", [(1, 2)]),
        # An equal element that is far away is passed over: it would skip more than it gains.
        ("a" + "y" * 99, "x" * 49 + "a" + "x" * 50, [(0, 49)]),
        ("a" + "y" * 99, "x" * 50 + "a" + "x" * 49, []),
        ("zza" + "y" * 97, "z" + "x" * 50 + "a" + "x" * 48, [(0, 0)]),
        # How far that is depends on how much longer the other side is: here it is three times as long.
        ("a" + "y" * 32, "x" * 149 + "a", [(0, 149)]),
        ("a" + "y" * 29, "x" * 150 + "a", [(0, 150)]),
        ("a" + "y" * 30, "x" * 200 + "a", [(0, 200)]),
        # It is the same where the other side is shorter.
        ("a" + "y" * 200, "x" * 49 + "a", [(0, 49)]),
        ("a" + "y" * 200, "x" * 50 + "a", []),
    ],
)
def test_greedy_pairs(a: str, b: str, found: list[tuple[int, int]]) -> None:
    assert alignment._greedy(a, b, 0, len(a), 0, len(b)) == found
    # What stands before and after is not looked at.
    around = alignment._greedy(f"{'a' * 70}{a}aa", f"{'a' * 90}{b}aa", 70, 70 + len(a), 90, 90 + len(b))
    assert around == [(70 + x, 90 + y) for x, y in found]
