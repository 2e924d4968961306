"""Many traces of secrets, looked for in one pass: the time does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

SHORTEST: Final = 4
"""Octets of the shortest trace."""

MOST_TRACES: Final = 16 * 1024
"""Traces that are kept; the oldest are forgotten. One credential has up to twelve, so these are those of 1,300 at least."""

_LONGEST_KEY = 64  # octets of a trace that are compared; where they are found, all up to the end of the word is masked


class TraceIndex:
    """Traces by their first octets.

    Args:
        traces: Those to begin with, the oldest first.
    """

    def __init__(self, traces: Iterable[bytes]) -> None:
        self._kept: dict[bytes, None] = {}  # in the order in which they were added last
        self._found: dict[bytes, dict[int, set[bytes]]] = {}  # first octets -> length -> the traces
        self.add(traces)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._kept)

    def add(self, traces: Iterable[bytes]) -> None:
        """Look for these from now on; they are the newest."""
        for trace in traces:
            key = trace[:_LONGEST_KEY]
            if key in self._kept:
                del self._kept[key]
            else:
                self._found.setdefault(key[:SHORTEST], {}).setdefault(len(key), set()).add(key)
            self._kept[key] = None
        while len(self._kept) > MOST_TRACES:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: bytes) -> None:
        del self._kept[key]
        by_length = self._found[key[:SHORTEST]]
        by_length[len(key)].discard(key)
        if not by_length[len(key)]:
            del by_length[len(key)]
        if not by_length:
            del self._found[key[:SHORTEST]]

    def conceal(self, octets: bytes, mask: bytes) -> bytes:
        """Return octets with what was found masked; the same object if nothing was.

        Args:
            octets: Where to look.
            mask: What stands in the place of each trace. Those that overlap have one.
        """
        places: list[list[int]] = []  # start and end of what is masked, in order
        end = 0
        for at in range(len(octets) - SHORTEST + 1):
            by_length = self._found.get(octets[at : at + SHORTEST])
            length = 0
            if by_length is not None and at + _LONGEST_KEY > end:
                length = max((each for each, keys in by_length.items() if octets[at : at + each] in keys), default=0)
            if not length:
                continue
            stop = _end_of_word(octets, at + length) if length == _LONGEST_KEY else at + length
            if at < end:
                places[-1][1] = end = max(end, stop)
            else:
                places.append([at, stop])
                end = stop
        if not places:
            return octets
        ends = [0, *(place[1] for place in places)]
        starts = [*(place[0] for place in places), len(octets)]
        return mask.join(octets[one:other] for one, other in zip(ends, starts, strict=True))


def _end_of_word(octets: bytes, at: int) -> int:
    while at < len(octets) and octets[at] > 0x20:
        at += 1
    return at
