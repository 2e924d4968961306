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
PART = asked("header")
SERVER = asked("the server")
LETTER = asked("a")
ARTICLES = choose(1, "Which?", "the header", ["the envelope", "a body"], "So.", "RFC 5321")
SUBJECTS = choose(1, "Which?", "A test", ["test", "an apple"], "So.", "RFC 5321")
CHOICE = choose(1, "Which?", ".bashrc", ["..bashrc", "bashrc", "line 7, C: EHLO a"], "So.", "RFC 5321")


@pytest.mark.parametrize(
    ("question", "answer", "verdict"),
    [
        (CODE, "220", True),
        (CODE, " Code  220. ", True),
        (CODE, "`220`", True),
        (CODE, "the 220", True),
        (CODE, "The code 220", True),
        (CODE, "a `220`", True),
        (CODE, "the 221", False),
        (CODE, "the the 220", False),
        (CODE, "the220", False),
        (CODE, "the", False),
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
        (COMMAND, "a MAIL", True),
        (COMMAND, "an 'MAIL FROM'", True),
        (COMMAND, "the RCPT command", False),
        (COMMAND, "then MAIL", False),
        (COMMAND, "another MAIL", False),
        (COMMAND, "MAIL the", False),
        (COMMAND, "RCPT", False),
        (ENCODED, "Ym9i", True),
        (ENCODED, ' "Ym9i" ', True),
        (ENCODED, "ym9i", False),
        (ENCODED, "the Ym9i", False),
        (PART, "header", True),
        (PART, "The header", True),
        (PART, "a header.", True),
        (PART, "the envelope", False),
        (PART, "an", False),
        (SERVER, "server", True),
        (SERVER, "A Server", True),
        (SERVER, "the client", False),
        (LETTER, "a", True),
        (LETTER, "the a", True),
        (LETTER, "b", False),
        (CHOICE, "a", True),
        (CHOICE, "A)", True),
        (CHOICE, "b", False),
        (CHOICE, ".bashrc", True),
        (CHOICE, "..BASHRC", False),
        (CHOICE, "bashrc", False),
        (CHOICE, "the .bashrc", True),
        (CHOICE, "the ..bashrc", False),
        (CHOICE, "a bashrc", False),
        (CHOICE, "the a", None),
        (ARTICLES, "header", True),
        (ARTICLES, "the header", True),
        (ARTICLES, "envelope", False),
        (ARTICLES, "an envelope", False),
        (SUBJECTS, "a test", True),
        (SUBJECTS, "test", False),
        (SUBJECTS, "the test", None),
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
