"""A reply as the lines of a transcript have it: as it came, or as a written transcript expects it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from smtp_shell.matching.expectation import ExpectedLine
from smtp_shell.protocol.foreseen import FORESEEN
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.phases import Asked, Owed
from smtp_shell.transcript.step import Marker, Step

MOST_LINES: Final = 10_000
MOST_CHARACTERS: Final = 1024 * 1024

_DIGITS = "0123456789"
_CLASSES = "2345"
_GOOD = (250,)
# The reply that goes on comes last: without its challenge nobody knows whether an AUTH exchange does.
_PREFERRED = {
    "RCPT": (250, 251, 252),
    "VRFY": (250, 251, 252),
    "EXPN": (250, 252),
    "HELP": (214, 211),
    "AUTH": (235, 334),
}

_DECIDE = frozenset({"AUTH", "BDAT", "DATA", "STARTTLS"})


def leaves_replies_out(owed: Sequence[Owed], *, is_recording: bool) -> bool:
    """Return whether replies that are owed when the next line comes are taken for good ones that a transcript leaves out.

    A script leaves them out. A recording has all that came, so that its line was sent before them. Only where a reply decides what the
    next line is, a good one is taken for granted there too: the replies to mail data that did not wait for 354 make no sense otherwise.

    Args:
        owed: The replies that are owed.
        is_recording: Whether a program recorded the transcript.
    """
    return not is_recording or any(each.verb in _DECIDE for each in owed)


class TranscriptReply:
    """The lines of one reply, one after the other.

    Attributes:
        steps: The lines so far.
        is_literal: Whether all of them say what a server said, with its code, and not what is expected.
        continues: Whether more lines of it follow; None where a pattern does not say.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.is_literal = True
        self.continues: bool | None = True
        self._demands: list[ExpectedLine] = []
        self._size = 0
        self._rest = b""  # a line of S| lines that has no end yet

    @property
    def is_full(self) -> bool:
        """Whether it is as long as a reply may be."""
        return len(self.steps) >= MOST_LINES or self._size >= MOST_CHARACTERS

    @property
    def octets(self) -> Iterator[bytes]:
        """What the server sent, if that is literal, line by line."""
        for step in self.steps:
            yield step.octets if step.marker is Marker.SERVER_OCTETS else step.octets + CRLF

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of its lines in the file; empty where each stands in the line after the one before it."""
        first, last = self.steps[0].line, self.steps[-1].line
        if last - first == len(self.steps) - 1 and all(step.marker is not Marker.SERVER_OCTETS for step in self.steps):
            return ()
        numbers: list[int] = []
        is_open = False
        for step in self.steps:
            octets = step.octets if step.marker is Marker.SERVER_OCTETS else CRLF
            numbers += [step.line] * (octets.count(b"\n") + (not octets.endswith(b"\n")) - is_open)
            is_open = not octets.endswith(b"\n")
        return tuple(numbers)

    def add(self, step: Step) -> None:
        """Add a line.

        Args:
            step: A line with what the server said, or is expected to say.
        """
        self.steps.append(step)
        self._size += len(step.text)
        if step.marker is Marker.SERVER_OCTETS:
            *lines, self._rest = (self._rest + step.octets).split(b"\n")
            self.continues = bool(self._rest) or (lines or [b""])[-1][3:4] == b"-"
            return
        try:
            demand = ExpectedLine.parse(step)
        except ValueError:  # no reply at all, or no pattern
            self.is_literal = self.continues = False
            return
        self.is_literal = self.is_literal and step.marker is Marker.SERVER and not demand.is_wild
        self.continues = demand.continues
        self._demands.append(demand)

    def code_for(self, owed: Owed) -> int:
        """Return a reply code that is expected here: the best of those that the command can have, else any; 0 if there is none.

        Args:
            owed: What the reply answers.
        """
        good = [code for code in good_codes(owed) if self._may_begin(str(code))]
        return next(chain(good, self._codes(_CLASSES)), 0)

    def fits(self, owed: Owed) -> bool:
        """Return whether it can be the reply to this: a refusal, or a code that the command can have.

        Args:
            owed: What it may answer.
        """
        return self.digit in (4, 5) or self.code_for(owed) in good_codes(owed)

    @property
    def code(self) -> int:
        """The reply code that is expected; 0 if it is not only one."""
        codes = list(islice(self._codes(_CLASSES), 2))
        return codes[0] if len(codes) == 1 else 0

    @property
    def digit(self) -> int:
        """The first digit of the reply codes that are expected; 0 if it is not only one."""
        digits = [digit for digit in _CLASSES if next(self._codes(digit), 0)]
        return int(digits[0]) if len(digits) == 1 else 0

    def _codes(self, classes: str) -> Iterator[int]:
        """Yield the reply codes that every line can have."""
        for first in filter(self._may_begin, classes):
            for second in _DIGITS:
                for third in _DIGITS if self._may_begin(first + second) else "":
                    if self._may_begin(first + second + third):
                        yield int(first + second + third)

    def _may_begin(self, start: str) -> bool:
        return all(demand.may_begin(start) for demand in self._demands)


def good_codes(owed: Owed) -> Sequence[int]:
    """Return the reply codes of success, the best first.

    Args:
        owed: What the reply answers.
    """
    if owed.asked is Asked.GREETING:
        return (220,)
    if owed.ends_message:
        return _GOOD
    return _PREFERRED.get(owed.verb) or tuple(FORESEEN.get(owed.verb, _GOOD))
