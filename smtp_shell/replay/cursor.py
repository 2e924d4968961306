"""A cursor over the steps of a transcript, with a bounded look-ahead."""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply
from smtp_shell.transcript.events import ACTED_EVENTS
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

AHEAD_STEPS: Final = 1_000
"""Look-ahead in steps."""

AHEAD_SIZE: Final = 1024 * 1024
"""Look-ahead in characters of content."""

_READ_AHEAD = 16
_ALWAYS_ACTED = frozenset((*CLIENT_LINES, Marker.MAIL_DATA_FILE, Marker.SERVER))


class StepCursor:
    """The steps, one after the other. Notes and events that a replay does not act on are passed over.

    Args:
        steps: The steps, as a stream.
        name: The transcript's name, escaped.

    Attributes:
        name: The transcript's name, escaped.
        line: Number of the line that was passed last.
    """

    def __init__(self, steps: Iterable[Step], name: str = "") -> None:
        self.name = name
        self.line = 0
        self._steps = iter(steps)
        self._ahead: deque[Step] = deque()  # read, and not passed
        self._head: Step | None = None  # the next step that is acted on, once it has been looked for
        self._held: deque[ExpectedLine] = deque()  # expected lines that were given back
        self._octets = b""  # of `S|` lines, not yet cut into lines

    def next(self) -> Step | None:
        """Pass the next step and return it; None at the end."""
        step = self._head or self.peek()
        if step is not None:
            self._head = None
            self.line = step.line
        return step

    def peek(self) -> Step | None:
        """Return the next step without passing it; None at the end."""
        while self._head is None:
            step = self._ahead.popleft() if self._ahead else next(self._steps, None)
            if step is None:
                return None
            if step.marker in _ALWAYS_ACTED or not _is_passed_over(step):
                self._head = step
        return self._head

    def peek_event(self) -> str:
        """Return the name of the event that is the next step; empty if that is no event."""
        step = self._head or self.peek()
        return step.event[0] if step is not None and step.marker is Marker.EVENT else ""

    def read_ahead(self) -> None:
        """Read some of the following steps, if few are at hand."""
        if len(self._ahead) < _READ_AHEAD:
            self._ahead.extend(islice(self._steps, _READ_AHEAD))

    def take_run(self, markers: Collection[Marker], last: str, most: int) -> list[Step]:
        """Pass the following steps as long as they have one of these markers, and return them.

        Args:
            markers: The markers.
            last: The text of a step that ends the run.
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
        """Take back the last of the steps that were returned.

        Args:
            steps: The steps.
            line: Number of the line before them.
        """
        if self._head is not None:
            self._ahead.appendleft(self._head)
            self._head = None
        self._ahead.extendleft(reversed(steps))
        self.line = line

    def look_ahead(self) -> Iterator[Step]:
        """Yield all the following steps without passing them, as far as the look-ahead goes."""
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

    def look_ahead_acted(self) -> Iterator[Step]:
        """Yield those of the following steps that are acted on, without passing them."""
        return (step for step in self.look_ahead() if not _is_passed_over(step))

    def expects_reply(self) -> bool:
        """Return whether the next step is an expectation."""
        if self._held or self._octets:
            return True
        step = self._head or self.peek()
        return step is not None and step.marker in SERVER_LINES

    def take_expected(self) -> ExpectedReply | None:
        """Pass the next expected reply and return it; None if none is expected here."""
        if not self.expects_reply():
            return None
        line = self._next_expected_line()
        lines = [line]
        while line.continues is not False and self.expects_reply():
            line = self._next_expected_line()
            lines.append(line)
        return ExpectedReply(tuple(lines))

    def give_back(self, lines: Sequence[ExpectedLine]) -> None:
        """Take back the expected lines that belong to the next reply."""
        self._held.extendleft(reversed(lines))

    def skip_expected(self) -> None:
        """Pass all that is expected here."""
        while self.expects_reply():
            self._next_expected_line()

    def _next_expected_line(self) -> ExpectedLine:
        if self._held:
            return self._held.popleft()
        if not self._octets:
            step = self.next()
            assert step is not None
            if step.marker is not Marker.SERVER_OCTETS:
                return ExpectedLine.parse(step)
            self._octets = step.octets
        return self._next_literal_line()

    def _next_literal_line(self) -> ExpectedLine:
        """Cut the octets of `S|` lines, each of which may hold less or more than one line, after the next LF."""
        while b"\n" not in self._octets:
            following = self.peek()
            if following is None or following.marker is not Marker.SERVER_OCTETS:
                break
            self.next()
            self._octets += following.octets
        end = self._octets.find(b"\n") + 1 or len(self._octets)
        line, self._octets = self._octets[:end], self._octets[end:]
        return ExpectedLine.literal(line)


def _popped(steps: deque[Step]) -> Iterator[Step]:
    while steps:
        yield steps.popleft()


def _is_passed_over(step: Step) -> bool:
    marker = step.marker
    if marker is Marker.EVENT:
        return step.event[0] not in ACTED_EVENTS
    return marker is Marker.NOTE or (marker is Marker.SERVER_OCTETS and not step.text)
