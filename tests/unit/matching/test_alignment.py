"""Two sequences side by side."""

from __future__ import annotations

import random
import time

import pytest

from smtp_shell.matching.alignment import align, gaps


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
