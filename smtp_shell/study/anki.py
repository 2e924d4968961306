"""Questions as cards for Anki: text with tabs between front, back and tags, which it imports as it stands."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from random import Random
from typing import TYPE_CHECKING, Final, TextIO

from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.question import LETTERS, Question
from smtp_shell.study.quiz import questions_of, with_few_choices
from smtp_shell.study.reader import read_dialogue

if TYPE_CHECKING:
    from smtp_shell.protocol.events import Entry

_TAG: Final = "smtp"
# What Anki reads before the first card: the separator, that fields hold HTML, and which column has the tags.
_HEADER: Final = "#separator:tab\n#html:true\n#tags column:3\n"
_BREAK: Final = "<br>"


def write_anki(entries: Iterable[Entry], out: TextIO, title: str) -> None:
    """Write a card for every question about a dialogue. The same dialogue makes the same cards.

    Args:
        entries: The dialogue. Credentials in it must be masked.
        out: Where the cards go.
        title: Stands above the question of each card.
    """
    out.write(_HEADER)
    random = Random(0)
    for questions in questions_of(read_dialogue(entries), all_kinds()).values():
        for question in questions:
            out.write(_card(with_few_choices(question, random), title))


def _card(question: Question, title: str) -> str:
    answer = f"{question.letter}) {question.answers[0]}" if question.choices else question.answers[0]
    front = _lines((title, question.question, *_choices(question)))
    back = _lines((answer, question.explanation, f"({', '.join(question.sources)})"))
    return f"{front}\t{back}\t{_TAG} {question.kind}\n"


def _choices(question: Question) -> Iterator[str]:
    return (f"{letter}) {choice}" for letter, choice in zip(LETTERS, question.choices, strict=False))


def _lines(texts: Iterable[str]) -> str:
    """Return lines as one field: HTML, without tabs and line ends. Blanks that HTML would join stay apart.

    `[` begins Anki's own marks for sounds and LaTeX, and `#` at the start of a line what is about the file.
    """
    field = _BREAK.join(
        html.escape(each).replace("\t", " ").replace("\n", " ").replace("  ", " &nbsp;") for each in texts
    )
    field = field.replace("[", "&#91;")
    return f"&#35;{field[1:]}" if field.startswith("#") else field
