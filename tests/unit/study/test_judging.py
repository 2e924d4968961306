"""Answers, and what is tolerated in them."""

import pytest

from smtp_shell.study.judging import judge
from smtp_shell.study.question import (
    Question,
    address_forms,
    choose,
    code_forms,
    is_sound,
    number_forms,
    typed,
    verb_forms,
)


def asked(*answers: str, case_matters: bool = False) -> Question:
    return typed(1, "What?", answers, "So.", "RFC 5321", case_matters=case_matters)


CODE = asked(*code_forms(220))
ADDRESS = asked(*address_forms("bob@example.org"))
SIZE = asked(*number_forms(10485760, "octets"))
FEW = asked(*number_forms(3, "recipients"))
COMMAND = asked(*verb_forms("MAIL", "MAIL FROM"))
ENCODED = asked("Ym9i", case_matters=True)
CHOICE = choose(1, "Which?", ".bashrc", ["..bashrc", "bashrc", "line 7, C: EHLO a"], "So.", "RFC 5321")


@pytest.mark.parametrize(
    ("question", "answer", "verdict"),
    [
        (CODE, "220", True),
        (CODE, " Code  220. ", True),
        (CODE, "`220`", True),
        (CODE, "221", False),
        (CODE, "2200", False),
        (CODE, "22", False),
        (CODE, "220 250", False),
        (CODE, "", None),
        (CODE, " . ", None),
        (ADDRESS, "bob@example.org", True),
        (ADDRESS, "<Bob@Example.org>", True),
        (ADDRESS, "bob@example.org.", True),
        (ADDRESS, "bob@example.com", False),
        (ADDRESS, "bob", False),
        (ADDRESS, "bob @example.org", False),
        (SIZE, "10485760", True),
        (SIZE, "10,485,760 octets", True),
        (SIZE, "10 485 760", True),
        (SIZE, "1,048,5760", False),
        (SIZE, "10485761", False),
        (FEW, "three", True),
        (FEW, "3 recipients", True),
        (FEW, "33", False),
        (COMMAND, "mail from:", True),
        (COMMAND, "the MAIL command", True),
        (COMMAND, "RCPT", False),
        (ENCODED, "Ym9i", True),
        (ENCODED, ' "Ym9i" ', True),
        (ENCODED, "ym9i", False),
        (CHOICE, "a", True),
        (CHOICE, "A)", True),
        (CHOICE, "b", False),
        (CHOICE, ".bashrc", True),
        (CHOICE, "..BASHRC", False),
        (CHOICE, "bashrc", False),
        (CHOICE, "e", None),
        (CHOICE, "line 7, c:  ehlo a", False),
        (CHOICE, "what", None),
        (CHOICE, "", None),
    ],
)
def test_an_answer_is_judged_by_what_it_says(question: Question, answer: str, verdict: bool | None) -> None:
    assert judge(question, answer) is verdict


def test_a_wrong_choice_that_reads_like_another_is_left_out() -> None:
    question = choose(1, "Which?", "BOB", ["bob", "ann", "Ann "], "So.")
    assert question.choices == ("BOB", "ann")


@pytest.mark.parametrize(
    "question",
    [
        choose(1, "Which?", "bob", [], "So."),
        choose(1, "Which?", "a", ["b c"], "So."),
        choose(1, "Which?", "", ["b c"], "So."),
        asked(),
        asked("."),
        asked("250", ""),
    ],
)
def test_a_question_that_cannot_be_judged_is_not_sound(question: Question) -> None:
    assert not is_sound(question)
