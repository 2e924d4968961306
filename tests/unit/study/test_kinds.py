"""Every kind of question, on the repository's transcripts and on others: the right answers, checked by hand."""

import re
from collections import Counter
from pathlib import Path

import pytest

from smtp_shell.study.judging import judge
from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.question import LETTERS, Question, bare, is_sound
from smtp_shell.study.quiz import read_file
from tests.unit.study.answers import ANSWERS
from tests.unit.study.transcripts import all_files, asked_about, path_of


def test_there_are_many_kinds_and_each_has_a_name_and_a_sentence_of_its_own() -> None:
    kinds = all_kinds()
    assert len(kinds) > 100
    assert len({each.name for each in kinds}) == len({each.about for each in kinds}) == len(kinds)
    assert all(each.about[0].isupper() and each.about.endswith(".") for each in kinds)


def test_every_kind_has_right_answers_in_the_table_on_two_transcripts() -> None:
    transcripts = Counter(kind for kind, _ in {(kind, name) for kind, name, _, _ in ANSWERS})
    assert {each.name for each in all_kinds() if transcripts[each.name] < 2} == set()


@pytest.mark.parametrize(("kind", "name", "line", "right"), ANSWERS)
def test_the_right_answer_is_the_one_that_was_found_by_hand(
    kind: str, name: str, line: int, right: str, tmp_path: Path
) -> None:
    asked = asked_about(path_of(name, tmp_path), kind)
    found = [each for each in asked if each.line == line and each.answers[0] == right]
    assert len(found) == 1, [(each.line, each.answers[0]) for each in asked]
    assert judge(found[0], right) is True


def test_of_all_questions_the_right_answer_is_accepted_and_every_wrong_choice_refused(tmp_path: Path) -> None:
    number = 0
    for path in all_files(tmp_path):
        for question in asked_about(path):
            number += 1
            assert is_sound(question)
            assert question.line > 0
            assert question.sources
            assert all(each.startswith(("RFC ", "draft-", "IANA ", "https://")) for each in question.sources)
            _assert_judged(question)
    assert number > 1500


def _assert_judged(question: Question) -> None:
    for form in (str, str.upper, str.lower, lambda text: f"  {text}. "):
        for answer in question.answers:
            accepted = judge(question, form(answer))
            assert accepted is True or question.case_matters, (question, form(answer))
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        assert judge(question, choice) is (choice == question.answers[0]), (question, choice)
        assert judge(question, letter) is (choice == question.answers[0])
        for article in ("the", "A", "an"):
            assert judge(question, f"{article} {choice}") in (None, choice == question.answers[0]), (question, choice)
    for answer in () if question.choices else question.answers:
        assert judge(question, f"the {bare(answer)}") is not question.case_matters, (question, answer)
    assert judge(question, "surely not this") is (None if question.choices else False)


def test_a_question_is_about_a_line_of_the_file_and_quotes_it(tmp_path: Path) -> None:
    for path in all_files(tmp_path):
        lines = path.read_text(encoding="utf-8").split("\n")
        for question in asked_about(path):
            line = lines[question.line - 1]
            assert line[:2] in ("C:", "C&", "S:", "S=", "S~", "*:"), (question, line)
            quoted = re.match(
                rf'Line {question.line}: the (?:client|server) (?:sends|says) "([^"…•]+)', question.question
            )
            if quoted is not None:
                assert line[3:].startswith(quoted[1]), (question, line)


def test_the_connections_of_a_file_are_told_apart(tmp_path: Path) -> None:
    path = path_of("twice", tmp_path)
    assert len(read_file(path)[0]) == 2
    greetings = asked_about(path, "greeting")
    assert [each.line for each in greetings] == [2, 9]
    assert "the connection that begins at line 8" in greetings[1].question
