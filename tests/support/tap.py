"""A reader of TAP 14, strict in what a producer must write: versions, plans, numbers, YAML blocks, subtests."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

_POINT = re.compile(r"(not )?ok ([0-9]+) - ((?:[^#\\]|\\.)*?)(?: # SKIP (.*))?")


@dataclass
class Point:
    """One test point."""

    ok: bool
    title: str
    skipped: str | None = None
    facts: dict[str, object] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)


@dataclass
class Tap:
    """A whole document."""

    points: list[Point]
    bailed_out: str = ""


def read_tap(text: str) -> Tap:
    """Read a document, and check that it is one."""
    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines[0] == "TAP version 14"
    points, bailed = _read(lines[1:])
    return Tap(points, bailed)


def _read(lines: list[str]) -> tuple[list[Point], str]:
    points: list[Point] = []
    bailed, plan, inner = "", None, []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("    "):
            inner.append(line[4:])
        elif line == "  ---":
            assert points
            assert not points[-1].facts
            while lines[at] != "  ...":
                name, _, value = lines[at].removeprefix("  ").partition(": ")
                points[-1].facts[name] = json.loads(value)
                at += 1
            at += 1
        elif found := _POINT.fullmatch(line):
            assert int(found[2]) == len(points) + 1
            points.append(Point(found[1] is None, re.sub(r"\\(.)", r"\1", found[3]), found[4]))
            points[-1].points, inner = _read(inner)[0] if inner else [], []
        elif line.startswith("Bail out!"):
            bailed = line
        elif line.startswith("1.."):
            assert plan is None
            plan = int(line[3:])
        else:
            assert line.startswith("# "), line
    assert bailed or plan == len(points)
    assert not inner or bailed
    return points, bailed
