"""The steps of a transcript as they are acted out: one after the other, with a bounded look ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from smtp_shell.matching.expectation import Demand, Expected
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step

ACTED: Final = frozenset(("connect", "close", "timeout", "error", "wait", "within", "no-tls"))
"""Events that a replay acts on; the others are notes to it."""

AHEAD_STEPS: Final = 1_000
AHEAD_SIZE: Final = 1024 * 1024
"""How far is looked ahead, in characters of content."""

_READ_ON = 16

# Looking a member of an enumeration up costs more than what it is compared with.
_ALWAYS_ACTED = frozenset((*CLIENT_LINES, Marker.MAIL_DATA_FILE, Marker.SERVER))
_EVENT, _NOTE, _SERVER_OCTETS = Marker.EVENT, Marker.NOTE, Marker.SERVER_OCTETS


class Script:
    """Steps, one after the other; notes and events that a replay does not act on are passed over.

    Args:
        steps: The steps, as a stream.
        name: The transcript's name, escaped.
    """

    def __init__(self, steps: Iterable[Step], name: str = "") -> None:
        self.name = name
        self._steps = iter(steps)
        self._ahead: deque[Step] = deque()
        self._head: Step | None = None
        self._held: deque[Demand] = deque()
        self._octets = b""
        self.line = 0

    def next(self) -> Step | None:
        """Give the next step and go past it; None at the end."""
        step = self._head or self.peek()
        if step is not None:
            self._head = None
            self.line = step.line
        return step

    def read_on(self) -> None:
        """Read some of the steps that follow, if few are at hand."""
        if len(self._ahead) < _READ_ON:
            self._ahead.extend(islice(self._steps, _READ_ON))

    def peek(self) -> Step | None:
        """Give the next step and stay before it."""
        while self._head is None:
            step = self._ahead.popleft() if self._ahead else next(self._steps, None)
            if step is None:
                return None
            if step.marker in _ALWAYS_ACTED or not _is_passed_over(step):
                self._head = step
        return self._head

    def take_run(self, markers: Collection[Marker], last: str, most: int) -> list[Step]:
        """Give the steps that follow, and go past them, as long as they have one of these markers.

        Args:
            markers: The markers.
            last: The text of a step behind which there is to be none.
            most: How many characters of content are enough.
        """
        head = self.peek()
        if head is None or head.marker not in markers:
            return []
        taken = [head]
        size = len(head.text)
        self._head = None
        if head.text != last:
            for step in chain(_popped(self._ahead), self._steps):
                if step.marker in markers:
                    taken.append(step)
                    size += len(step.text)
                    if step.text == last or size >= most or len(taken) == AHEAD_STEPS:
                        break
                elif not _is_passed_over(step):
                    self._head = step
                    break
        self.line = taken[-1].line
        return taken

    def put_back(self, steps: Sequence[Step], line: int) -> None:
        """Take back the last of the steps that were given.

        Args:
            steps: These steps.
            line: Number of the line before them.
        """
        if self._head is not None:
            self._ahead.appendleft(self._head)
            self._head = None
        self._ahead.extendleft(reversed(steps))
        self.line = line

    def peek_event(self) -> str:
        """Give the name of the event that is the next step; empty when that is no event."""
        step = self._head or self.peek()
        return step.event[0] if step is not None and step.marker is _EVENT else ""

    def ahead(self) -> Iterator[Step]:
        """Give the steps that follow, all of them, and stay before them; as far as one may look ahead."""
        head = self.peek()
        if head is None:
            return
        yield head
        size = len(head.text)
        for number in range(AHEAD_STEPS - 1):
            if number == len(self._ahead):
                step = next(self._steps, None)
                if step is None:
                    return
                self._ahead.append(step)
            size += len(self._ahead[number].text)
            if size > AHEAD_SIZE:
                return
            yield self._ahead[number]

    def acted_ahead(self) -> Iterator[Step]:
        """Give those of the steps that follow which are not passed over."""
        return (step for step in self.ahead() if not _is_passed_over(step))

    def demands_follow(self) -> bool:
        """Whether the next step says what the server is expected to say."""
        if self._held or self._octets:
            return True
        step = self._head or self.peek()
        return step is not None and step.marker in SERVER_LINES

    def take_expected(self) -> Expected | None:
        """Give the next expected reply and go past it; None when none is expected here."""
        if not (self._held or self._octets):
            step = self._head or self.peek()
            if step is None or step.marker not in SERVER_LINES:
                return None
            if step.marker is not _SERVER_OCTETS and (whole := Expected.line(step)) is not None:
                self._head = None
                self.line = step.line
                return whole
        demand = self._next_demand()
        demands = [demand]
        while demand.continues is not False and self.demands_follow():
            demand = self._next_demand()
            demands.append(demand)
        return Expected(tuple(demands))

    def give_back(self, demands: Iterable[Demand]) -> None:
        """Take back what belongs to the next reply."""
        self._held.extendleft(reversed(tuple(demands)))

    def skip_expected(self) -> None:
        """Go past all that is expected here."""
        while self.demands_follow():
            self._next_demand()

    def _next_demand(self) -> Demand:
        if self._held:
            return self._held.popleft()
        if not self._octets:
            step = self.next()
            assert step is not None
            if step.marker is not _SERVER_OCTETS:
                return Demand.parse(step)
            self._octets = step.octets
        return self._next_octets()

    def _next_octets(self) -> Demand:
        """Cut the octets of `S|` lines, which may hold less or more than one line each, behind the next LF."""
        while b"\n" not in self._octets:
            following = self.peek()
            if following is None or following.marker is not Marker.SERVER_OCTETS:
                break
            self.next()
            self._octets += following.octets
        end = self._octets.find(b"\n") + 1 or len(self._octets)
        line, self._octets = self._octets[:end], self._octets[end:]
        return Demand.literal(line)


def _popped(steps: deque[Step]) -> Iterator[Step]:
    """Give the steps, each taken out."""
    while steps:
        yield steps.popleft()


def _is_passed_over(step: Step) -> bool:
    marker = step.marker
    if marker is _EVENT:
        return step.event[0] not in ACTED
    return marker is _NOTE or (marker is _SERVER_OCTETS and not step.text)
