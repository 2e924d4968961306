"""Judges an answer: with tolerance for case, blanks, punctuation and an article in front, and for nothing else."""

from __future__ import annotations

from smtp_shell.study.question import LETTERS, Question, bare, normal, tight, without_article


def judge(question: Question, answer: str) -> bool | None:
    """Return whether an answer is right.

    Args:
        question: The question.
        answer: What was typed.

    Returns:
        True or False; None if it is no answer: none of the choices, or nothing.
    """
    if not question.choices:
        return _judge_typed(question, answer)
    chosen = chosen_by(question, answer)
    return None if chosen is None else chosen == question.answers[0]


def chosen_by(question: Question, answer: str) -> str | None:
    """Return the choice that an answer names, by its letter or its text; None if it names none, or more than one.

    Args:
        question: A question with choices.
        answer: What was typed.
    """
    letter = normal(answer)
    if len(letter) == 1 and letter in LETTERS[: len(question.choices)]:
        return question.choices[LETTERS.index(letter)]
    for form in (tight, normal, without_article, bare):
        wanted = form(answer)
        found = [each for each in question.choices if wanted and form(each) == wanted]
        if len(found) == 1:
            return found[0]
    return None


def _judge_typed(question: Question, answer: str) -> bool | None:
    if not normal(answer):
        return None
    if question.case_matters:
        return answer.strip().strip("\"'`").strip() in question.answers
    return bare(answer) in map(bare, question.answers)
