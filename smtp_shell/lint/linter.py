"""The linter: a consumer of entries that yields findings as they become certain. Memory does not grow with the dialogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from smtp_shell.lint.findings import Finding, Place
from smtp_shell.lint.rules import At, Rule, all_rules
from smtp_shell.lint.tracker import Tracker
from smtp_shell.protocol.events import MailDataSent

if TYPE_CHECKING:
    from smtp_shell.lint.moments import Moment, View
    from smtp_shell.lint.rubric import RubricCheck
    from smtp_shell.lint.rules import Said
    from smtp_shell.protocol.events import Entry


class Linter:
    """Checks a dialogue against the rules. It may be a live one, or that of a file: the same rules say the same.

    Args:
        rules: The rules; None for all of them.
        rubric: What else the dialogue has to hold; None for nothing.
    """

    def __init__(self, rules: Iterable[Rule] | None = None, rubric: RubricCheck | None = None) -> None:
        self._rubric = rubric
        self._checks: dict[type, list[tuple[Rule, Callable[[View, Any], Said]]]] = {}
        for each in all_rules().values() if rules is None else rules:
            for moment, check in each.checks:
                self._checks.setdefault(moment, []).append((each, check))
        self._tracker = Tracker()

    def feed(self, entry: Entry) -> Sequence[Finding]:
        """Return what an entry makes certain.

        Args:
            entry: The next entry of the dialogue.
        """
        event = entry.event
        if type(event) is MailDataSent and self._tracker.takes_plain(event.octets):
            return ()
        found: list[Finding] = []
        for moment, place in self._tracker.receive(entry):
            self._check(moment, place, found)
        return found

    def view(self) -> View:
        """Return where the dialogue stands after what was fed."""
        return self._tracker.view()

    def finish(self) -> Sequence[Finding]:
        """Return what the end of the entries makes certain. Nothing more is fed after it."""
        found: list[Finding] = []
        for moment, place in self._tracker.end():
            self._check(moment, place, found)
        if self._rubric is not None:
            found += self._rubric.end()
        return found

    def _check(self, moment: Moment, place: Place, found: list[Finding]) -> None:
        if self._rubric is not None or type(moment) in self._checks:
            self.check(moment, self._tracker.view(), place, found)

    def check(self, moment: Moment, view: View, place: Place, found: list[Finding]) -> None:
        """Apply the rules to one moment.

        Args:
            moment: The moment.
            view: Where the dialogue stood before it.
            place: Where it is.
            found: Takes the findings.
        """
        if self._rubric is not None:
            found += self._rubric.feed(moment, view, place)
        for rule, check in self._checks.get(type(moment), ()):
            for said in check(view, moment):
                where, message = (said.place, said.message) if isinstance(said, At) else (place, said)
                found.append(Finding(where.line, where.seq, rule.name, rule.severity, message, rule.sources))
