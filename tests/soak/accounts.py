"""Whether each dialogue ended as it must: what was done to it beside what the programs say of it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from smtp_shell.servers.faults import Fault as ServedFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.soak.faults import Fault
    from tests.soak.programs import Replayed, Served, Switched

FAILS: Final = frozenset({1, 3, 4, 5, 6, 7})
MATCHED: Final = 9
"""How many things of a whole dialogue the mock finds as in the transcript. The last is QUIT, the one before it the message."""

_MOST_SHOWN: Final = 20


@dataclass(slots=True)
class Account:
    """What became of all dialogues.

    Attributes:
        dialogues: How many `replay` has had.
        passed: How many matched.
        refused: How many could not connect.
        by_fault: Kind of fault -> exit status -> how many dialogues; -1 for those that ended before they had said who they are.
        at_the_start: Exit status -> how many of those there were, and of those that were refused.
        intruded: How many came from faulty clients.
        stored: How many messages the server took whole.
        wrong: What is not as it must be, in sentences.
    """

    dialogues: int = 0
    passed: int = 0
    refused: int = 0
    by_fault: dict[str, Counter[int]] = field(default_factory=dict)
    at_the_start: Counter[int] = field(default_factory=Counter)
    intruded: int = 0
    stored: int = 0
    wrong: list[str] = field(default_factory=list)

    def complain(self, sentence: str) -> None:
        """Note what is not as it must be; the first of many."""
        if len(self.wrong) < _MOST_SHOWN:
            self.wrong.append(sentence)
        elif len(self.wrong) == _MOST_SHOWN:
            self.wrong.append("and more")

    def count(self, kind: str, status: int) -> None:
        """Count a dialogue that something was done to."""
        self.by_fault.setdefault(kind, Counter())[status] += 1

    def report(self) -> dict[str, object]:
        """Return the figures for the report."""
        return {
            "dialogues": self.dialogues,
            "passed": self.passed,
            "refused": self.refused,
            "by_fault": {kind: dict(ends) for kind, ends in self.by_fault.items()},
            "at_the_start": dict(self.at_the_start),
            "intruded": self.intruded,
            "stored": self.stored,
        }

    def lines(self) -> Iterator[str]:
        """Yield the figures to read: all dialogues, and what became of those with each kind of fault."""
        faults = sum(each.total() for each in self.by_fault.values())
        yield (
            f"{self.dialogues:,} dialogues: {self.passed:,} passed, {self.dialogues - self.passed:,} did not; "
            f"{faults:,} with a fault, {self.refused:,} refused, {self.intruded:,} faulty clients beside them"
        )
        for kind, ends in sorted(self.by_fault.items()):
            yield f"  {kind:<24} {ends.total():>5,}: {_shown(ends)}"
        yield f"  {'at the start':<24} {self.at_the_start.total():>5,}: {_shown(self.at_the_start)}"


def _shown(ends: Counter[int]) -> str:
    """Return exit statuses and how often each came."""
    words = (
        f"{number:,} ended at the start" if status < 0 else f"{number:,} with {status}"
        for status, number in sorted(ends.items())
    )
    return ", ".join(words)


def account(replayed: Replayed, switched: Switched, served: Served | None, known: Mapping[str, Fault]) -> Account:
    """Compare what was done with what the programs say.

    Args:
        replayed: What `replay` says.
        switched: What the switch did.
        served: What the mock says; None where the server says nothing of its sessions.
        known: The switch's faults by their names.
    """
    found = Account(dialogues=replayed.done)
    runs = {name: run for run, name in replayed.names.items()}
    settled: set[int] = set()
    unnamed: list[tuple[str, frozenset[int]]] = []
    for each in switched.over:
        session = _session(served.sessions, each["port"]) if served is not None else None
        if served is not None and each["port"] and session is None:
            found.complain(f"the mock says nothing of dialogue {each['dialogue']}, which went on to it")
        for broken in each["broken"]:
            found.complain(f"dialogue {each['dialogue']}, {each['note']}: {broken}")
        if each["source"] != "main":
            found.intruded += 1
            continue
        kinds, statuses = _expected(each, session, known)
        run = runs.get(each["name"])
        if run is None:
            unnamed.append((kinds, statuses))
            continue
        settled.add(run)
        _settle(found, replayed, run, kinds, statuses)
        if served is not None:
            _compare(found, run, replayed.statuses.get(run), kinds, session)
    _settle_unnamed(found, replayed, settled, unnamed, switched)
    if served is not None and (left := sum(map(len, served.sessions.values()))):
        found.complain(f"the mock has had {left} sessions that did not come through the switch")
    return found


def _session(sessions: Mapping[int, deque[dict[str, Any]]], port: int) -> dict[str, Any] | None:
    """Return what the mock says of the dialogue that came from a port: the oldest of those, as the switch's lines are in order too."""
    of_port = sessions.get(port)
    return of_port.popleft() if of_port else None


def _expected(
    each: Mapping[str, Any], session: Mapping[str, Any] | None, known: Mapping[str, Fault]
) -> tuple[str, frozenset[int]]:
    """Return what was done to a dialogue, empty for nothing, and how it may have ended."""
    kinds: list[str] = []
    statuses = frozenset({0})
    if each["fault"]:
        fault = known[each["fault"]]
        kinds.append(f"{fault.side} {fault.act}")
        statuses = fault.statuses
    for name in (session or {}).get("faults", ()):
        made = ServedFault.parse(name)
        kinds.append(f"mock {made.mischief.value}")
        if not made.kind.is_harmless:
            # Two faults in one dialogue: whichever came first.
            statuses = FAILS if statuses == {0} else statuses | FAILS
    return " and ".join(kinds), statuses


def _settle(
    found: Account,
    replayed: Replayed,
    run: int,
    kinds: str,
    statuses: frozenset[int],
) -> None:
    status = replayed.statuses.get(run)
    if status is None:
        found.complain(f"run {run} of replay has no end")
        return
    found.passed += status == 0
    if kinds:
        found.count(kinds, status)
    if status not in statuses:
        why = replayed.failures.get(run, "it passed")
        found.complain(f"run {run} has the exit status {status} after {kinds or 'nothing'}: {why}")


def _compare(found: Account, run: int, status: int | None, kinds: str, session: Mapping[str, Any] | None) -> None:
    """Compare a run that passed with what the mock says of it: the message was taken, and all was as in the transcript."""
    is_whole = session is not None and session["matched"] == MATCHED and not session["differed"]
    found.stored += session is not None and session["matched"] >= MATCHED - 1
    if status == 0 and not is_whole and "hostile" not in kinds:
        found.complain(f"run {run} passed, and the mock says otherwise: {session}")


def _settle_unnamed(
    found: Account,
    replayed: Replayed,
    settled: set[int],
    unnamed: list[tuple[str, frozenset[int]]],
    switched: Switched,
) -> None:
    """Account for dialogues that ended before the client had said its name: as many as failed, whichever is which."""
    runs = sorted(replayed.statuses.keys() - settled)
    came = sum(each["source"] == "main" for each in switched.over)
    found.refused = len(replayed.statuses) - came
    if found.refused < 0:
        found.complain(f"{came} dialogues came to the switch, and replay has had {len(replayed.statuses)}")
    if len(runs) != len(unnamed) + found.refused:
        found.complain(
            f"{len(runs)} runs have no name, but {len(unnamed)} dialogues and {found.refused} that were refused"
        )
    for run in runs:
        if replayed.statuses[run] == 0:
            found.complain(f"run {run} passed, and nothing came to the switch")
    for kinds, statuses in unnamed:
        if statuses == {0}:
            found.complain(f"a dialogue ended before its name was said, after {kinds or 'nothing'}")
        found.count(kinds, -1)
    found.at_the_start.update(replayed.statuses[run] for run in runs)
