"""A cursor over the steps of a transcript, with a bounded look-ahead."""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.rawlines import is_proxy_header
from smtp_shell.transcript.events import ACTED_EVENTS, seconds_of
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

AHEAD_STEPS: Final = 1_000
"""Look-ahead in steps."""

AHEAD_SIZE: Final = 1024 * 1024
"""Look-ahead in characters of content."""

_READ_AHEAD = 16
_LONGEST_SIGN = 16  # octets by which a PROXY header is known
_LINES = frozenset((Marker.CLIENT, Marker.PIPELINED))
_DROPS = (("dropped",), ("reset",))
_WITHIN = ("within",)
_WAITS = (("wait",), ("timeout",))
_ALWAYS_ACTED = frozenset((*CLIENT_LINES, Marker.MAIL_DATA_FILE, Marker.SERVER))


class StepCursor:
    """The steps, one after the other. Notes and events that a replay does not act on are passed over, and `*: within` is noted.

    Args:
        steps: The steps, as a stream.
        name: The transcript's name, escaped.

    Attributes:
        name: The transcript's name, escaped.
        step: The next step; None at the end.
        expects: Whether what comes next is an expectation.
        line: Number of the line that was passed last.
        within: Seconds in which the next reply that is awaited must come, by a `*: within` that was passed; None for no such bound.
            Who awaits the reply takes it, and sets None.
        within_ahead: The same of a `*: within` before the next step. It counts once that step is passed.
    """

    def __init__(self, steps: Iterable[Step], name: str = "") -> None:
        self.name = name
        self.step: Step | None = None
        self.expects = False
        self.line = 0
        self.within: float | None = None
        self.within_ahead: float | None = None
        self._steps = iter(steps)
        self._ahead: deque[Step] = deque()  # read, and neither passed nor next
        self._held: deque[ExpectedLine] = deque()  # expected lines that were given back
        self._octets = b""  # of `S|` lines, not yet cut into lines
        self.advance()

    def advance(self) -> None:
        """Pass the next step."""
        passed = self.step
        if passed is not None:
            self.line = passed.line
        if self.within_ahead is not None:
            self.within, self.within_ahead = self.within_ahead, None
        ahead, steps = self._ahead, self._steps
        within: Step | None = None
        while True:
            step = ahead.popleft() if ahead else next(steps, None)
            if step is None or step.marker in _ALWAYS_ACTED or not _is_passed_over(step):
                break
            if step.event[:1] == _WITHIN:
                within = step
        self.step = step
        self.expects = step is not None and step.marker in SERVER_LINES
        if within is not None:
            self._note_within(within, passed, step)

    def _note_within(self, within: Step, passed: Step | None, following: Step | None) -> None:
        """Note a `*: within` for the reply that it counts for."""
        seconds = float(within.event[1])
        if passed is not None and _ends_wait(passed, following):
            self.within = seconds
        else:
            self.within_ahead = seconds

    def next_event(self) -> str:
        """Return the name of the event that is the next step; empty if that is no event."""
        step = self.step
        return step.event[0] if step is not None and step.marker is Marker.EVENT else ""

    @property
    def recorded_wait(self) -> float | None:
        """Seconds in which no whole reply came when the transcript was recorded; None if the next step is no `timeout` that says so."""
        words = self.step.event if self.step is not None else ()
        return seconds_of(words[1]) if words[:1] == ("timeout",) and len(words) > 1 else None

    @property
    def ends_unanswered(self) -> bool:
        """Whether the client ends the connection next, or a wait for a reply that the transcript does not measure."""
        words = self.step.event if self.step is not None else ()
        return words == ("timeout",) or (words[:1] == ("close",) and words[1:2] != ("server",))

    def read_ahead(self) -> None:
        """Read some of the following steps, if few are at hand."""
        if len(self._ahead) < _READ_AHEAD:
            self._ahead.extend(islice(self._steps, _READ_AHEAD))

    def count_after_octets(self) -> int:
        """Return how many replies are expected next, without those to the lines before them; octets may precede and have some, or none."""
        expected = lines = 0
        for step in self.look_ahead_acted():
            if step.marker in SERVER_LINES:
                expected += ExpectedLine.parse(step).continues is False
            elif expected or not (step.marker in CLIENT_LINES or step.event[:1] in _WAITS):
                break
            else:
                lines += step.marker in _LINES
        return expected - lines

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
                elif step.event[:1] == _WITHIN:
                    self.within = float(step.event[1])
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

    def greeting_follows(self) -> bool:
        """Return whether the client speaks first: a PROXY header comes next, or lines or octets, and the greeting after them."""
        step = self.step
        if step is None or step.marker not in CLIENT_LINES:
            return False
        if is_proxy_header(step.octets[:_LONGEST_SIGN]):
            return True
        if step.marker is not Marker.CLIENT_OCTETS:
            return self._greeting_follows_lines()
        following = (each for each in self.look_ahead_acted() if each.marker is not Marker.CLIENT_OCTETS)
        first = next(following, None)
        return first is not None and first.marker is Marker.SERVER and ExpectedLine.parse(first).accepts(220)

    def _greeting_follows_lines(self) -> bool:
        """Return whether the `S` lines after a line, or a group of them, begin with the greeting: they have one reply too many for them."""
        sent = expected = 0
        is_whole = False  # whether the line that ends the group was passed
        for step in self.look_ahead_acted():
            if step.marker in SERVER_LINES:
                line = ExpectedLine.parse(step)
                if not expected and "220" not in line.codes:
                    return False
                expected += line.continues is False
            elif is_whole or expected or step.marker not in _LINES:
                break
            elif Command.parse(step.octets).verb == "STARTTLS":  # its own reply is a 220
                return False
            else:
                sent += 1
                is_whole = step.marker is Marker.CLIENT
        return expected == sent + 1

    @property
    def drops_next(self) -> bool:
        """Whether the client drops the connection next, without waiting for anything."""
        words = self.step.event if self.step is not None and not self.expects else ()
        return words[:1] == ("close",) and words[1:2] in _DROPS

    @property
    def server_closes(self) -> bool:
        """Whether the server closes the connection next."""
        return self.step is not None and not self.expects and self.step.event[:2] == ("close", "server")

    @property
    def closes_next(self) -> bool:
        """Whether the client closes the connection next, in whichever way."""
        words = self.step.event if self.step is not None and not self.expects else ()
        return words[:1] == ("close",) and words[1:2] != ("server",)

    def take_expected(self) -> ExpectedReply | None:
        """Pass the next expected reply and return it; None if none is expected here."""
        lines: list[ExpectedLine] = []
        is_open = False
        while self.expects:
            line = self._take_line()
            lines.append(line)
            # A `*: within` stands before a reply, never inside one.
            if line.continues is False or self.within_ahead is not None:
                break
            is_open = is_open or line.continues is None
        return ExpectedReply(tuple(lines), is_open) if lines else None

    def count_expected(self) -> int:
        """Return how many replies the following lines expect, if a pattern that does not say so ends none of them."""
        found = 0
        is_begun = False
        for line in chain(self._held, _expected_lines(self.look_ahead_acted())):
            is_begun = line.continues is not False
            found += not is_begun
        return found + is_begun

    def put_back_expected(self, lines: Sequence[ExpectedLine]) -> None:
        """Put back the expected lines that belong to the next reply."""
        self._held.extendleft(reversed(lines))
        self.expects = True

    def skip_expected(self) -> None:
        """Pass all that is expected here, and a `*: within` that counts for it."""
        while self.expects:
            self._take_line()
        self.within = None

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
        number = self.line if self._octets or self.step is None else self.step.line
        while b"\n" not in self._octets and self.step is not None and self.step.marker is Marker.SERVER_OCTETS:
            self._octets += self.step.octets
            self.advance()
        end = self._octets.find(b"\n") + 1 or len(self._octets)
        line, self._octets = self._octets[:end], self._octets[end:]
        return ExpectedLine.literal(line, number)


def _popped(steps: deque[Step]) -> Iterator[Step]:
    while steps:
        yield steps.popleft()


def _expected_lines(steps: Iterable[Step]) -> Iterator[ExpectedLine]:
    for step in steps:
        if step.marker not in SERVER_LINES:
            return
        yield ExpectedLine.parse(step)


def _ends_wait(passed: Step, following: Step | None) -> bool:
    """Return whether a `*: within` between these two can only mean the reply to the first: nothing more is sent or expected."""
    if passed.marker not in CLIENT_LINES and passed.marker is not Marker.MAIL_DATA_FILE:
        return False
    if following is None:
        return True
    event = following.event
    return event[:1] in (("timeout",), ("error",)) or (event[:1] == ("close",) and event[1:2] != ("server",))


def _is_passed_over(step: Step) -> bool:
    marker = step.marker
    if marker is Marker.EVENT:
        name = step.event[0]
        return name == "within" or name not in ACTED_EVENTS
    return marker is Marker.NOTE or (marker is Marker.SERVER_OCTETS and not step.text)
