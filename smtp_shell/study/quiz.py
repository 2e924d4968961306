"""Draws questions about a dialogue: many kinds before many of one kind, and what was answered wrong before what was answered right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.arguments import did_you_mean
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.question import Kind, Question

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from smtp_shell.study.reading import Reading

MOST_CHOICES: Final = 4
_MOST_OF_A_KIND: Final = 40


def read_file(path: Path) -> tuple[tuple[Reading, ...], str]:
    """Read a transcript for questions, without the credentials in it.

    Returns:
        Its connections, and a warning about credentials that stand in it; empty for none.

    Raises:
        TranscriptError: It cannot be opened or read.
    """
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.study.reader import read_dialogue
    from smtp_shell.transcript.credentials import masking_warning

    with shown_transcript(path) as (name, entries, mask):
        readings = read_dialogue(entries)
    return readings, masking_warning(name, mask)


def questions_about(name: str, readings: Iterable[Reading], names: Sequence[str]) -> dict[str, list[Question]]:
    """Return all questions about a file, by kind.

    Args:
        name: The file, for the message.
        readings: Its connections.
        names: Names of the kinds to draw; none for all.

    Raises:
        UsageError: There is no such kind, or the dialogue allows no question.
    """
    found = questions_of(readings, kinds_named(names))
    if not found:
        which = f" of the kind {' or '.join(names)}" if names else ""
        hint = "; leave --kind out" if names else "; it needs a command and a reply"
        raise UsageError(f"{escape_str(name)} allows no question{which}{hint}.")
    return found


def questions_of(readings: Iterable[Reading], kinds: Sequence[Kind]) -> dict[str, list[Question]]:
    """Return all questions that the kinds draw from a dialogue, by kind, each with all of its choices, the right one first."""
    found: dict[str, dict[tuple[str, ...], Question]] = {}
    for reading in readings:
        for each in kinds:
            for question in islice(each.questions(reading), _MOST_OF_A_KIND):
                found.setdefault(each.name, {}).setdefault((question.question, *question.answers), question)
    return {name: list(questions.values()) for name, questions in found.items()}


def draw(
    questions: dict[str, list[Question]],
    number: int,
    random: Random,
    rank: Callable[[Question], int] = lambda question: 0,
) -> list[Question]:
    """Draw questions, in the order in which to ask them.

    Args:
        questions: What there is to draw from, by kind.
        number: How many to draw at most.
        random: Where chance comes from.
        rank: Which come first: those of the lowest rank.
    """
    mixed = list(_mixed(questions, random))
    chosen = sorted(mixed, key=rank)[:number]
    return [with_few_choices(each, random) for each in chosen]


def _mixed(questions: dict[str, list[Question]], random: Random) -> Iterator[Question]:
    """Yield all questions in a random order, one of each kind before the second of any."""
    rows = [random.sample(each, len(each)) for each in questions.values()]
    random.shuffle(rows)
    for place in range(max(map(len, rows), default=0)):
        yield from (row[place] for row in rows if place < len(row))


def with_few_choices(question: Question, random: Random) -> Question:
    """Return a question with at most four of its choices, in a random order. A question whose answer is typed stays as it is."""
    if not question.choices:
        return question
    right = question.answers[0]
    wrong = [each for each in question.choices if each != right]
    choices = [right, *random.sample(wrong, min(len(wrong), MOST_CHOICES - 1))]
    random.shuffle(choices)
    return replace(question, choices=tuple(choices))


def kinds_named(names: Sequence[str]) -> tuple[Kind, ...]:
    """Return the kinds with these names, or all of them if there is no name.

    Raises:
        UsageError: There is no kind with such a name; the message names the nearest.
    """
    by_name = {each.name: each for each in all_kinds()}
    for name in names:
        if name not in by_name:
            hint = did_you_mean(name, by_name, "--kinds lists them.")
            raise UsageError(f"--kind: {escape_str(name)} is no kind of question; {hint}")
    return tuple(by_name[name] for name in dict.fromkeys(names)) if names else all_kinds()


def as_object(question: Question, number: int) -> dict[str, object]:
    """Return a question as the JSON object that other programs read; what is absent is left out.

    Args:
        question: The question.
        number: Its number in the run, from 1.
    """
    return {
        "n": number,
        "kind": question.kind,
        "question": question.question,
        "line": question.line,
        **({"choices": question.choices} if question.choices else {}),
        "answers": question.answers,
        **({"case_matters": True} if question.case_matters else {}),
        "explanation": question.explanation,
        "sources": question.sources,
    }
