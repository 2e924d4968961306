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
        step: The next step; None at the end.
        expects: Whether what comes next is an expectation.
        line: Number of the line that was passed last.
    """

    def __init__(self, steps: Iterable[Step], name: str = "") -> None:
        self.name = name
        self.step: Step | None = None
        self.expects = False
        self.line = 0
        self._steps = iter(steps)
        self._ahead: deque[Step] = deque()  # read, and neither passed nor next
        self._held: deque[ExpectedLine] = deque()  # expected lines that were given back
        self._octets = b""  # of `S|` lines, not yet cut into lines
        self.advance()

    def advance(self) -> None:
        """Pass the next step."""
        if self.step is not None:
            self.line = self.step.line
        while True:
            step = self._ahead.popleft() if self._ahead else next(self._steps, None)
            if step is None or step.marker in _ALWAYS_ACTED or not _is_passed_over(step):
                break
        self.step = step
        self.expects = step is not None and step.marker in SERVER_LINES

    def next_event(self) -> str:
        """Return the name of the event that is the next step; empty if that is no event."""
        step = self.step
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
        step = self.step
        if step is None or step.marker not in markers:
            return []
        taken = [step]
        size = len(step.text)
        if step.text != last:
            for step in chain(_popped(self._ahead), self._steps):
                if step.marker in markers:
                    taken.append(step)
                    size += len(step.text)
                    if step.text == last or size >= most or len(taken) == AHEAD_STEPS:
                        break
                elif not _is_passed_over(step):
                    self._ahead.appendleft(step)
                    break
        self.step = taken[-1]
        self.advance()
        return taken

    def put_back(self, steps: Sequence[Step], line: int) -> None:
        """Put back the last of the steps that were returned.

        Args:
            steps: The steps.
            line: Number of the line before them.
        """
        if self.step is not None:
            self._ahead.appendleft(self.step)
        self._ahead.extendleft(reversed(steps))
        self.step = None
        self.advance()
        self.line = line

    def look_ahead(self) -> Iterator[Step]:
        """Yield all the following steps without passing them, as far as the look-ahead goes."""
        if self.step is None:
            return
        yield self.step
        size = len(self.step.text)
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

    def take_expected(self) -> ExpectedReply | None:
        """Pass the next expected reply and return it; None if none is expected here."""
        lines: list[ExpectedLine] = []
        while self.expects:
            line = self._take_line()
            lines.append(line)
            if line.continues is False:
                break
        return ExpectedReply(tuple(lines)) if lines else None

    def put_back_expected(self, lines: Sequence[ExpectedLine]) -> None:
        """Put back the expected lines that belong to the next reply."""
        self._held.extendleft(reversed(lines))
        self.expects = True

    def skip_expected(self) -> None:
        """Pass all that is expected here."""
        while self.expects:
            self._take_line()

    def _take_line(self) -> ExpectedLine:
        if self._held:
            line = self._held.popleft()
        elif not self._octets and self.step is not None and self.step.marker is not Marker.SERVER_OCTETS:
            line = ExpectedLine.parse(self.step)
            self.advance()
        else:
            line = self._take_literal_line()
        if self._held or self._octets:
            self.expects = True
        else:
            self.expects = self.step is not None and self.step.marker in SERVER_LINES
        return line

    def _take_literal_line(self) -> ExpectedLine:
        """Cut the octets of `S|` lines, each of which may hold less or more than one line, after the next LF."""
        while b"\n" not in self._octets and self.step is not None and self.step.marker is Marker.SERVER_OCTETS:
            self._octets += self.step.octets
            self.advance()
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
