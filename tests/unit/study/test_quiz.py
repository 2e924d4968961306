"""Questions drawn: many kinds first, and what is due before what is known."""

from pathlib import Path
from random import Random

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.study.kinds import all_kinds
from smtp_shell.study.question import Question, choose
from smtp_shell.study.quiz import draw, kinds_named, questions_of, read_file, with_few_choices
from tests.unit.study.transcripts import path_of


def drawn_from(folder: Path) -> dict[str, list[Question]]:
    return questions_of(read_file(path_of("02", folder))[0], all_kinds())


def test_each_kind_comes_once_before_any_comes_twice(tmp_path: Path) -> None:
    found = drawn_from(tmp_path)
    kinds = [each.kind for each in draw(found, 999, Random(1))]
    assert len(set(kinds[: len(found)])) == len(found)
    assert len(kinds) == sum(map(len, found.values()))


def test_the_lowest_rank_comes_first(tmp_path: Path) -> None:
    found = drawn_from(tmp_path)
    first, later = draw(found, 2, Random(2))

    def rank(question: Question) -> int:
        return {first.identity: 2, later.identity: 0}.get(question.identity, 1)

    again = draw(found, 999, Random(2), rank)
    assert (again[0].identity, again[-1].identity) == (later.identity, first.identity)


def test_a_question_offers_four_choices_at_most_and_the_right_one_among_them() -> None:
    question = choose(1, "Which?", "right", [f"wrong {number}" for number in range(9)], "So.")
    offered = [with_few_choices(question, Random(seed)) for seed in range(40)]
    assert all(len(each.choices) == 4 and "right" in each.choices for each in offered)
    assert {each.choices.index("right") for each in offered} == {0, 1, 2, 3}
    assert {each.identity for each in offered} == {question.identity}


def test_a_question_is_the_same_in_every_run_and_differs_from_others(tmp_path: Path) -> None:
    first, second = ([each.identity for group in drawn_from(tmp_path).values() for each in group] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    assert kinds_named(["lone-dot", "lone-dot"])[0].name == "lone-dot"
    with pytest.raises(UsageError, match="did you mean lone-dot"):
        kinds_named(["lone-dit"])
