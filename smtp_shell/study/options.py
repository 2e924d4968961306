"""Options of the quiz, which the command line and the shell share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from smtp_shell.study.memory import Memory
    from smtp_shell.study.question import Question

_DEFAULT_QUESTIONS: Final = 10
_MOST_QUESTIONS: Final = 9999


def add_quiz_options(parser: argparse.ArgumentParser) -> None:
    """Add `--questions`, `--seed` and `--kind`."""
    parser.add_argument(
        "--questions",
        type=_number,
        metavar="N",
        default=_DEFAULT_QUESTIONS,
        help=f"how many at most (default {_DEFAULT_QUESTIONS})",
    )
    parser.add_argument(
        "--seed", metavar="N", help="draw the same questions as with the same seed before, whatever is due"
    )
    parser.add_argument("--kind", action="append", default=[], metavar="NAME", help="only this kind; may repeat")


def drawn(questions: dict[str, list[Question]], options: argparse.Namespace, memory: Memory | None) -> list[Question]:
    """Return the questions to ask: with a seed always the same ones, else first those that are due.

    Args:
        questions: What there is, by kind.
        options: The parsed options.
        memory: What was answered before; None where that plays no part.
    """
    from random import Random

    from smtp_shell.study.quiz import draw

    random = Random(options.seed)
    if memory is None or options.seed is not None:
        return draw(questions, options.questions, random)
    return draw(questions, options.questions, random, memory.rank)


def _number(text: str) -> int:
    """Return a number of questions.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= _MOST_QUESTIONS):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of questions from 1 to {_MOST_QUESTIONS}")
    return int(text)
