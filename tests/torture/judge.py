"""What must hold after a run in which a call failed."""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from smtp_shell.errors import TranscriptError
from smtp_shell.transcript.reader import TranscriptReader
from tests.torture.faults import kind_of
from tests.torture.forking import Ended
from tests.torture.jobs import PASSWORD, USER, Job
from tests.torture.plan import Plan
from tests.torture.report import Report

_TRACEBACK = re.compile(rb"Traceback \(most|Exception ignored|Exception in thread|Fatal Python error")
_SENTENCE = re.compile(rb"^(?:smtp-shell: |.*\S\.$)", re.MULTILINE)
_OTHERWISE = frozenset({"EPIPE", "back", "forward", "ENOENT"})
"""Faults with which a good run may differ: nobody reads on, what follows from the time, a file that is not there."""

_TOLD = re.compile(
    rb"^\s*(?:interrupted|stopped|not replayed|failed|error|.*: (?:the|no) \S)", re.MULTILINE | re.IGNORECASE
)
_ALLOWED: dict[str, frozenset[int]] = {
    "socket": frozenset({0, 3, 4, 5, 6, 7}),
    "resolve": frozenset({0, 3}),
    "tls": frozenset({0, 2, 3, 4, 5, 6, 7}),
    "select": frozenset({0, 3, 4, 5, 6, 7}),
    "file": frozenset({0, 1, 2}),
    "folder": frozenset({0, 1, 2}),
    "output": frozenset({0, 1, 2}),
    "process": frozenset({0, 2, 3, 5}),
    "terminal": frozenset({0}),
    "signal": frozenset({0, 2}),
    "clock": frozenset({0, 3, 4, 5, 7}),
    "thread": frozenset({0, 1, 2, 3}),
    "memory": frozenset({0, 1, 2, 3, 4, 5, 6, 7}),
}
_KEPT = {"/memfd:smtp-shell-keys (deleted)": 2}
"""What may be left beyond what a good run leaves: each TLS context has a key log of two, and they are cached by their files' dates."""

_VOLATILE = (
    rb"queued as \w+",
    rb"127\.0\.0\.1:\d+",
    rb"[A-Za-z0-9+/_-]{16,}={0,2}",
    rb"\d+(?:\.\d+)? ?(?:ms|s|%|seconds?)\b",
    rb"\d\d:\d\d(?::\d\d)?(?: \+\d{4})?",
    rb"\d+\.\d{3,6}\b",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is known of a run.

    Args:
        ended: How the process ended.
        output: What it printed on standard output.
        errors: What it printed on standard error.
        report: What it said at its end; None if it did not come to that.
        files: Every file that is in its folder afterwards.
        before: Every file that was in it before.
    """

    ended: Ended
    output: bytes
    errors: bytes
    report: Report | None
    files: dict[str, bytes]
    before: dict[str, bytes]


def complaints(job: Job, plan: Plan, run: Outcome, good: Outcome) -> list[str]:
    """Return what a run did that it must not do, a sentence each.

    Args:
        job: What was run.
        plan: What failed.
        run: The run.
        good: The run in which nothing failed.
    """
    killed = plan.fault.startswith("kill")
    found = list(_secrets(job, run))
    if run.ended.hung:
        found.append(f"it hung: killed after {run.ended.seconds:.0f} s.")
    for name in ("output", "errors"):
        if _TRACEBACK.search(getattr(run, name)):
            found.append(f"a traceback on standard {name}.")
    found += _files(job, plan, run, good, killed)
    if not killed and not run.ended.hung:
        found += [*_status(job, plan, run, good), *_left(plan, run, good)]
    return found


def _status(job: Job, plan: Plan, run: Outcome, good: Outcome) -> list[str]:
    status, found = run.ended.status, []
    is_pressed = plan.fault == "interrupt" and run.report is not None and run.report.fired
    allowed = {130} if is_pressed else _ALLOWED[kind_of(plan.call)] | job.statuses | {job.status}
    if plan.fault == "MemoryError":
        allowed = allowed | _ALLOWED["memory"]
    if status not in allowed:
        found.append(f"exit status {status}; good are {', '.join(map(str, sorted(allowed)))}.")
    says = run.errors.strip() and plain(job, run.errors) != plain(job, good.errors)
    told = says and _SENTENCE.search(run.errors)
    if not told and plain(job, run.output) != plain(job, good.output):  # a report of what failed
        told = _TOLD.search(run.output)
    if status != job.status and plan.call not in ("stderr", "stdout") and not told:
        found.append(f"exit status {status} without a sentence.")
    if status == job.status and not says and plan.fault not in _OTHERWISE:
        found += _same(job, run, good)
    return found


def _same(job: Job, run: Outcome, good: Outcome) -> list[str]:
    """Check that a run that calls itself good, and says nothing, has done all that a good one does."""
    found: list[str] = []
    if not job.is_exact:
        return found
    if plain(job, run.output) != plain(job, good.output):
        found.append("success, but standard output is not what it is otherwise.")
    for name in job.results:
        if plain(job, run.files.get(name, b"")) != plain(job, good.files[name]):
            found.append(f"success, but {name} is not what it is otherwise.")
    return found


def _left(plan: Plan, run: Outcome, good: Outcome) -> list[str]:
    if run.report is None:
        return ["it ended without its report."]
    assert good.report is not None
    found = []
    for what, number in (
        Counter(map(_sort, run.report.descriptors)) - Counter(map(_sort, good.report.descriptors))
    ).items():
        # subprocess leaves its pipes where one of them becomes no file.
        if number > _KEPT.get(what, 0) and not (plan.call == "fdopen" and what.startswith("pipe:")):
            found.append(f"{number} descriptors left open: {what}.")
    if run.report.threads:
        found.append(f"threads left running: {', '.join(run.report.threads)}.")
    return found


def _sort(descriptor: str) -> str:
    return re.sub(r"\d+", "N", descriptor.partition(": ")[2])


def _files(job: Job, plan: Plan, run: Outcome, good: Outcome, killed: bool) -> list[str]:
    found = []
    wanted = {_nameless(name) for name in good.files}
    for name, octets in run.files.items():
        path = Path(name)
        is_stuck = plan.call == "unlink" or (name.startswith("tmp/") and plan.call == "rename")
        if _nameless(name) not in wanted and not killed and not run.ended.hung and not is_stuck:
            found.append(f"a file was left that is not there otherwise: {name}.")
        if any(path.match(pattern) for pattern in job.recordings) and octets:
            found += _recording(name, octets)
        is_told = f"{name} is not complete: ".encode() in run.errors
        if name in job.reports and octets and not is_told and (problem := _malformed(name, octets)):
            found.append(f"the report {name} is not whole: {problem}.")
        if (
            name in job.results
            and name in run.files
            and octets != run.before.get(name)
            and not _whole(job, octets, good.files[name])
        ):
            found.append(f"half a file under its final name: {name}, {len(octets)} octets.")
    return found


def _malformed(name: str, octets: bytes) -> str:
    """Return what is wrong with a report; empty for nothing."""
    if name.endswith(".xml"):
        try:
            ElementTree.fromstring(octets)
        except ElementTree.ParseError as error:
            return str(error)
    if name.endswith(".html") and not octets.rstrip().endswith(b"</html>"):
        return "its end is missing"
    if name.endswith(".pcapng"):
        place = 0
        while place + 8 <= len(octets) and (size := int.from_bytes(octets[place + 4 : place + 8], "little")) >= 12:
            place += size
        return "" if place == len(octets) else f"a block at {place} is not whole"
    if name.endswith(".tap") and not re.search(rb"^1\.\.\d+|^Bail out!", octets, re.MULTILINE):
        return "its plan is missing"
    return ""


def _whole(job: Job, octets: bytes, good: bytes) -> bool:
    return plain(job, octets) == plain(job, good)


def _recording(name: str, octets: bytes) -> list[str]:
    import io

    reader = TranscriptReader(io.BytesIO(octets), name)
    try:
        for _ in reader:
            pass
    except TranscriptError as error:
        return [f"the recording cannot be read: {error}."]
    return []


def _nameless(name: str) -> str:
    """Return a file's name without what differs from run to run: dates, random letters."""
    return re.sub(r"[0-9a-f]{16}|\d+|(?<=-)[a-z0-9_]{8}\b", "N", name)


def _secrets(job: Job, run: Outcome) -> list[str]:
    found = []
    plain_blob = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    forms = (PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), plain_blob)
    places = {"standard output": run.output, "standard error": run.errors, **run.files}
    for place, octets in places.items():
        if place not in job.inputs and any(form in octets for form in forms):
            found.append(f"the password is in {place}.")
    return found


def plain(job: Job, octets: bytes) -> bytes:
    """Return octets without what differs between two good runs."""
    for pattern in (*_VOLATILE, *(each.encode() for each in job.volatile)):
        octets = re.sub(pattern, b"~", octets)
    return octets
