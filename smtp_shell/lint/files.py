"""Files linted: transcripts, and messages by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from smtp_shell.lint.findings import Finding, Place, Severity
from smtp_shell.lint.linter import Linter
from smtp_shell.lint.moments import DataFaultSent, HeaderSent, MessageSent, View
from smtp_shell.lint.rules import Rule, all_rules

if TYPE_CHECKING:
    from smtp_shell.lint.rubric import Rubric


class Tally:
    """Findings counted by severity.

    Attributes:
        files: How many files were linted.
    """

    def __init__(self) -> None:
        self.files = 0
        self._counts = dict.fromkeys(Severity, 0)

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        self._counts[finding.severity] += 1

    @property
    def number(self) -> int:
        """How many findings there are."""
        return sum(self._counts.values())

    def __getitem__(self, severity: Severity) -> int:
        return self._counts[severity]

    @property
    def exit_status(self) -> int:
        """The exit status: 1 if there is an error or a warning."""
        return 1 if self[Severity.ERROR] or self[Severity.WARNING] else 0

    def __str__(self) -> str:
        errors, warnings, advice = (self[each] for each in Severity)
        parts = [_counted(errors, "error"), _counted(warnings, "warning"), f"{advice} advice" if advice else ""]
        where = f" in {self.files} files" if self.files > 1 else ""
        return (", ".join(filter(None, parts)) or "nothing to find fault with") + where


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}" if number else ""


def lint_file(
    path: Path,
    rubric: Rubric | None = None,
    name: str = "",
    *,
    warn: Callable[[str], None] | None = None,
    opened: Callable[[BinaryIO], None] | None = None,
) -> Iterator[Finding]:
    """Yield the findings of a transcript, in the order in which they become certain.

    Args:
        path: The file. Mail data in files beside it is read too.
        rubric: What else the dialogue has to hold.
        name: Name of the rubric.
        warn: Takes a sentence about credentials that stand in the file.
        opened: Called with the file before it is read, for whoever follows how far that is.

    Raises:
        TranscriptError: The file cannot be opened or read.
    """
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.transcript.credentials import masking_warning

    linter = make_linter(rubric, name)
    with shown_transcript(path, bodies=True, includes=True, opened=opened) as (shown, found, mask):
        for entry in found:
            yield from linter.feed(entry)
    if warn is not None and (warning := masking_warning(shown, mask)):
        warn(warning)
    yield from linter.finish()


def make_linter(rubric: Rubric | None = None, name: str = "") -> Linter:
    """Return a linter for one dialogue.

    Args:
        rubric: What else the dialogue has to hold, and which rules do not count.
        name: Name of the rubric.
    """
    if rubric is None:
        return Linter()
    from smtp_shell.lint.rubric import RubricCheck

    rules = [rule for rule in all_rules().values() if rule.name not in rubric.ignore]
    return Linter(rules, RubricCheck(rubric, name))


def is_about_messages(rule: Rule) -> bool:
    """Return whether a rule finds what is wrong with a message, and is no advice."""
    about = {HeaderSent, DataFaultSent, MessageSent}
    return rule.severity is not Severity.ADVICE and any(moment in about for moment, _ in rule.checks)


ON_EXTENSIONS = frozenset(
    {"parameter-not-announced", "unknown-parameter", "misplaced-parameter", "obsolete-parameter", "parameter-value"}
    | {"parameters-together", "requiretls-in-the-clear", "parameter-over-limit", "parameter-twice", "size-syntax"}
    | {
        "size-over-limit",
        "body-value",
        "notify-never",
        "smtputf8-missing",
        "bdat-not-announced",
        "binarymime-with-data",
    }
    | {"command-not-announced", "client-attribute", "xclient-in-transaction", "over-announced-limit", "burl-syntax"}
    | {"pipelining-not-announced", "pipelining-after-last"}
)
"""Rules about what the server announced, which the prompt names as soon as the command is sent."""


def prompt_linter() -> Linter:
    """Return a linter for the prompt: what is wrong with messages, and the rules of `ON_EXTENSIONS`."""
    return Linter(rule for rule in all_rules().values() if is_about_messages(rule) or rule.name in ON_EXTENSIONS)


def lint_message(octets: bytes) -> list[Finding]:
    """Return the findings of a message by itself, as a server has stored it. Their lines are those of the message.

    What depends on the envelope or on what was announced is left out, and so is what a server adds to the header.

    Args:
        octets: The message.
    """
    from smtp_shell.lint.mail_data import MessageScan

    view = View(mail_parameters={"SMTPUTF8": b"", "BODY": b"8BITMIME"})
    linter = Linter(rule for rule in all_rules().values() if rule.name not in _OF_A_SERVER)
    scan = MessageScan(transparent=False)
    found: list[Finding] = []
    start = line = 0
    while start < len(octets):
        line += 1
        end = octets.find(b"\n", start) + 1 or len(octets)
        if line > _LINES_COUNTED:
            end = len(octets)
        for moment, place in scan.receive(octets[start:end], Place(line)):
            linter.check(moment, view, place, found)
        start = end
    for last, place in scan.end(Place(line)):
        linter.check(last, view, place, found)
    return found


_LINES_COUNTED = 20_000
_OF_A_SERVER = frozenset({"return-path-sent", "bare-lf-in-data"})
"""What a server adds or changes: the Return-Path, and the line ends of a mailbox file."""
