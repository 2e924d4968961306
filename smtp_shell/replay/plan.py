"""The plan of a replay: a whole transcript, checked before anything of it is sent."""

from __future__ import annotations

import os.path
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.step_checker import StepChecker
from smtp_shell.transcript.header import MOST_FAULTS, Header
from smtp_shell.transcript.reader import open_scan, open_transcript
from smtp_shell.transcript.step import Step
from smtp_shell.transcript.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from smtp_shell.transcript.credentials import CredentialMask

KEPT_SIZE: Final = 32 * 1024
"""How much of a checked transcript is kept in memory, in characters of content and `KEPT_OVERHEAD` for each step."""

KEPT_OVERHEAD: Final = 100


class ReplayPlan(Struct, frozen=True):
    """A checked transcript.

    Args:
        header: Its header, if it has one.
        address: The server of its first `connect`, else of its header; empty when it names none.
        tls: Whether its first connection begins with TLS.
        uses_sasl: Whether it needs credentials.
        variables: The names of the variables in its client lines.
        starts_tls: Whether it is short, and has STARTTLS in it.
        steps: Its steps, if they are few and short; None when they are to be read again.
        warnings: What a user should look at, and what does not keep the transcript from being replayed.
        credentials: The credentials that stand in it; None if there are none.
        captured: The names of the variables that its patterns capture.
        defaults: Defaults of variables: those of its header, and then of the headers of what it includes.
        includes: Whether it includes other files.
        has_finally: Whether a part of it is done in any case.
    """

    header: Header | None
    address: str
    tls: bool
    uses_sasl: bool
    variables: frozenset[str]
    starts_tls: bool
    steps: tuple[Step, ...] | None
    warnings: tuple[Fault, ...]
    credentials: CredentialMask | None
    captured: frozenset[str]
    defaults: Mapping[str, str]
    includes: bool
    has_finally: bool


def plan(path: Path, given: Mapping[str, str], *, outside: bool = False, keep: bool = True) -> ReplayPlan:
    """Read a whole transcript as a stream, and check that it can be replayed.

    Args:
        path: The file.
        given: Values of variables from the caller.
        outside: Whether mail data may stand outside the transcript's folder.
        keep: Whether the steps of a short transcript are kept, and not read again.

    Raises:
        TranscriptError: It cannot be replayed; with the first `MOST_FAULTS` faults.
        UsageError: A variable that the caller gave cannot be one.
        NotSendable: Its value would not stay inside one line.
    """
    name = escape_str(str(path))
    Variables(given)
    found: list[Fault] = []
    kept = _Kept(KEPT_SIZE if keep else 0)
    # A pipe could be read only once, and a device for ever.
    if _is_special(path):
        raise TranscriptError(name, Fault(0, "cannot be read: it is no file", "a transcript"))
    with open_scan(path) as scan:
        found += scan.header_faults
        checker = StepChecker(path, None if found else scan.header, given, found, outside=outside)
        for block in scan:
            known = len(found)
            checker.lacks_header = checker.lacks_header or scan.has_stray_field
            checker.check(block.steps)
            kept.add(checker.with_included(block.steps))
            if block.faults:
                found[known:] = sorted([*found[known:], *block.faults], key=_place_of)
            if len(found) > MOST_FAULTS:
                break
        checker.check_end()
        if not found:
            checker.check_whole()
    if len(found) > MOST_FAULTS:
        found[MOST_FAULTS:] = [Fault(0, f"there are more faults after these {MOST_FAULTS}")]
    if found:
        raise TranscriptError(name, *found)
    if not checker.may_hold_credentials:
        return _plan_of(checker, kept.steps, None)
    variables = {each: value for each, value in checker.defaults.items() if each not in given}
    return _plan_of(
        checker, kept.steps, _credentials_of(path, kept.steps, variables, includes=checker.includes, outside=outside)
    )


def _plan_of(checker: StepChecker, steps: tuple[Step, ...] | None, credentials: CredentialMask | None) -> ReplayPlan:
    header = checker.header
    return ReplayPlan(
        header,
        checker.address or (header.server if header else ""),
        checker.tls,
        checker.uses_sasl,
        frozenset(checker.used),
        not {"STARTTLS", "starttls"}.isdisjoint([step.text for step in steps or ()]),
        steps,
        tuple(checker.warnings),
        credentials,
        frozenset(checker.captured),
        checker.defaults,
        checker.includes,
        checker.has_finally,
    )


def planned_steps(checked: ReplayPlan, path: Path, *, outside: bool) -> AbstractContextManager[Iterable[Step]]:
    """Return the steps that were checked, as a stream; of a long transcript they are read again.

    Args:
        checked: The plan.
        path: The transcript.
        outside: Whether what it includes may stand outside its folder.
    """
    if checked.steps is not None:
        return nullcontext(checked.steps)
    return _read_again(path, includes=checked.includes, outside=outside)


@contextmanager
def _read_again(path: Path, *, includes: bool, outside: bool) -> Iterator[Iterable[Step]]:
    with open_transcript(path) as steps:
        if not includes:
            yield steps
            return
        from smtp_shell.transcript.including import with_includes

        yield with_includes(steps, path, outside=outside)


def _credentials_of(
    path: Path, kept: tuple[Step, ...] | None, variables: Mapping[str, str], *, includes: bool, outside: bool
) -> CredentialMask | None:
    """Find the credentials that stand in a transcript with AUTH in it; None if there are none.

    A pass of its own: most transcripts have no AUTH, and those that have it are short.
    """
    from smtp_shell.transcript.credentials import CredentialMask, masked_steps

    mask = CredentialMask(variables)
    with _read_again(path, includes=includes, outside=outside) if kept is None else nullcontext(kept) as steps:
        for _ in masked_steps(steps, mask):
            pass
    return mask if mask.count else None


def _is_special(path: Path) -> bool:
    """Return whether something that is no file has this name."""
    try:
        return os.path.exists(path) and not os.path.isfile(path)
    except ValueError:  # NUL in the name, on Windows
        return False


class _Kept:
    """The steps of a short transcript: those that were checked are those that are sent, and they are read once."""

    def __init__(self, room: int) -> None:
        self._steps: list[Step] = []
        self.room = room

    def add(self, steps: Iterable[Step]) -> None:
        if self.room <= 0:
            return
        self._steps += steps
        self.room -= sum([len(step.text) + KEPT_OVERHEAD for step in steps])

    @property
    def steps(self) -> tuple[Step, ...] | None:
        return tuple(self._steps) if self.room > 0 else None


def _place_of(fault: Fault) -> tuple[bool, int]:
    """Return where a fault comes in a report: those of included files after those of the transcript itself, in their order."""
    return (True, 0) if fault.file else (False, fault.line)
