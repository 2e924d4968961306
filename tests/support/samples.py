"""One sample in every segmentation: whole, octet by octet, and cut in two at each point."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def cuts(octets: bytes) -> Iterator[tuple[bytes, ...]]:
    """Yield the sample whole, octet by octet, and cut in two at each point."""
    yield (octets,)
    yield tuple(octets[i : i + 1] for i in range(len(octets)))
    for point in range(1, len(octets)):
        yield octets[:point], octets[point:]


def split_at(octets: bytes, points: Iterable[int]) -> list[bytes]:
    """Cut the sample at these points, taken modulo its length."""
    ends = sorted({point % (len(octets) + 1) for point in points} | {len(octets)})
    return [octets[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def fed(make: Callable[[], Callable[[bytes], Iterable[Item]]], octets: bytes) -> list[Item]:
    """Feed a sample in every segmentation to a new receiver, check that all give the same items, and return them.

    Args:
        make: Returns a receiver, a function from a segment to items.
        octets: The sample.
    """
    outcomes = [
        [item for segment in segments for item in receive(segment)] for segments, receive in _each(make, octets)
    ]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    return outcomes[0]


def _each(
    make: Callable[[], Callable[[bytes], Iterable[Item]]], octets: bytes
) -> Iterator[tuple[tuple[bytes, ...], Callable[[bytes], Iterable[Item]]]]:
    for segments in cuts(octets):
        yield segments, make()
