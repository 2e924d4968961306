"""Runs a writer at each of its points, and what follows in what is left."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash.judge import OF_PYTHON, problems
from tests.crash.layer import kinds_for
from tests.crash.processes import Starter
from tests.crash.room import Case, Kept, Outcome, Room
from tests.crash.writer import Writer


@dataclass(frozen=True, slots=True)
class Point:
    """A call of a writer, and what happens at it.

    Args:
        writer: Name of the writer.
        number: Which call, from 1.
        kind: What happens.
        call: Its name, and its file.
    """

    writer: str
    number: int
    kind: str
    call: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.writer}:{self.number}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a point.

    Args:
        point: The point.
        sentence: What is wrong.
        output: What the program said.
    """

    point: Point
    sentence: str
    output: str = ""

    def __str__(self) -> str:
        return f"{self.point} ({self.point.call}): {self.sentence}"


class Bench:
    """A writer, with its room as it is before each run and what a run without a fault does in it.

    Args:
        writer: The writer.
        starter: Starts the runs.
        folder: A folder for the rooms.
        server: Address of a practice server.
        ca: File with the certificate to trust there.
    """

    def __init__(self, writer: Writer, starter: Starter, folder: Path, server: str = "", ca: str = "") -> None:
        self.writer = writer
        self._starter = starter
        self._folder = folder / writer.name
        self._template = Room(self._folder / "template", server, ca)
        self._template.make()
        writer.prepare(self._template)
        self.before = self._template.files()
        self.clean: dict[str, Kept] = {}
        self.calls: tuple[str, ...] = ()
        self.problems = [*self._run_clean()]

    def points(self) -> list[Point]:
        """Return all points. A quota that is used up is met once for each call to each file: it differs in its words only."""
        return [
            Point(self.writer.name, number, kind, call)
            for number, call in enumerate(self.calls, 1)
            for kind in kinds_for(call.split(" ", 1)[0])
            if kind != "edquot" or self.calls.index(call) == number - 1
        ]

    def run(self, point: Point) -> Iterator[Finding]:
        """Run a point, and the writer once more in what is left; yield what is wrong."""
        room = self.new_room()
        outcome = self._starter.run(self.writer.command(room), room, number=point.number, kind=point.kind)
        call = outcome.calls[point.number - 1] if len(outcome.calls) >= point.number else point.call
        point = replace(point, call=call)
        case = self._case(room, outcome, point)
        for sentence in problems(self.writer, case):
            yield Finding(point, sentence, outcome.text)
        for sentence, output in self._again(room, case):
            yield Finding(point, f"afterwards, {sentence}", output)
        shutil.rmtree(room.path)

    def run_short(self, room: Room, point: Point, make_room: Callable[[], None], most: int = -1) -> Iterator[Finding]:
        """Run the writer where the kernel refuses by itself, and once more where it does not; yield what is wrong.

        Args:
            room: Where.
            point: The point, for the findings.
            make_room: Ends the shortage.
            most: The most octets that a file may have; -1 for no limit.
        """
        outcome = self._starter.run(self.writer.command(room), room, counts=False, most=most)
        case = self._case(room, outcome, point)
        for sentence in problems(self.writer, case):
            yield Finding(point, sentence, outcome.text)
        make_room()
        for sentence, output in self._again(room, case):
            yield Finding(point, f"afterwards, {sentence}", output)
        shutil.rmtree(room.path)

    def _run_clean(self) -> Iterator[str]:
        room = self.new_room()
        outcome = self._starter.run(self.writer.command(room), room)
        self.clean = room.files()
        self.calls = outcome.calls
        case = Case(room, self.before, outcome, "", "", self.clean, self.clean)
        yield from problems(self.writer, case)
        shutil.rmtree(room.path)

    def _again(self, room: Room, case: Case) -> Iterator[tuple[str, str]]:
        """Run the writer in what is left; yield what is wrong, with what it said."""
        make = self.writer.again or self.writer.command
        outcome = self._starter.run(make(room), room, counts=False)
        after = room.files()
        left = set(case.after) - set(case.before)
        then = Case(room, case.after, outcome, "", "", self.clean, after)
        for sentence in problems(self.writer, then):
            yield sentence, outcome.text
        for name in sorted(left & set(after)):
            is_known = name in self.clean or self.writer.is_final(name) or self.writer.may_stay(name)
            if not is_known and not OF_PYTHON.fullmatch(name):
                yield f"the leftover {name} is still there", outcome.text

    def _case(self, room: Room, outcome: Outcome, point: Point) -> Case:
        return Case(room, self.before, outcome, point.kind, point.call, self.clean, room.files())

    def new_room(self, path: Path | None = None) -> Room:
        """Return a room as it is before a run, at a path or at any."""
        return self._template.copy_to(path or Path(tempfile.mkdtemp(prefix="room-", dir=self._folder)))


@dataclass(slots=True)
class Tally:
    """What a run of many points came to.

    Attributes:
        points: How many points were tried, by writer and kind.
        findings: What is wrong.
    """

    points: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def run(self, bench: Bench, points: Iterable[Point]) -> Iterator[Finding]:
        """Run points, and yield what is wrong."""
        for point in points:
            self.points[point.writer, point.kind] += 1
            for finding in bench.run(point):
                self.findings.append(finding)
                yield finding


def select(points: Sequence[Point], wanted: str) -> list[Point]:
    """Return the points that `NUMBER:KIND` names; either may be left out."""
    number, _, kind = wanted.partition(":")
    return [each for each in points if number in ("", str(each.number)) and kind in ("", each.kind)]
