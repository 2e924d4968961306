"""A run: what is asked when, what is said, and the score."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from smtp_shell.study.asking import Ending, hold_quiz
from smtp_shell.study.memory import Memory
from smtp_shell.study.question import Question, choose, typed

QUESTIONS = [
    typed(number, f"What is {number}?", [str(number)], f"It is {number}.", "RFC 5321") for number in range(1, 7)
]
CHOICE = choose(9, "Which?", "this one", ["that one", "no one"], "So it is.", "RFC 5322 section 3")


def held(
    questions: Sequence[Question], *answers: str | type[BaseException], folder: Path
) -> tuple[Ending, list[str], list[str]]:
    """Hold a run; return how it ended, what was said, and the questions as they came."""
    left, said = list(answers), []

    def ask(prompt: str) -> str:
        answer = left.pop(0)
        if isinstance(answer, str):
            return answer
        raise answer

    ending = hold_quiz(questions, "lab.smtp", ask, lambda text, style: said.append(text), Memory(folder / "quiz.json"))
    assert left == []
    return ending, said, [text for text in said if text.endswith("?")]


def test_a_right_answer_is_explained_with_its_source(tmp_path: Path) -> None:
    ending, said, _ = held([CHOICE], "this ONE", folder=tmp_path)
    assert ending is Ending.DONE
    assert said[3:] == [
        "1 of 1",
        "Which?",
        "  a) this one",
        "  b) that one",
        "  c) no one",
        "+ Right.",
        "So it is.",
        "(RFC 5322 section 3)",
        "",
        "1 of 1 right at the first try.",
    ]


def test_a_wrong_answer_comes_again_after_three_others(tmp_path: Path) -> None:
    _, said, asked = held(QUESTIONS[:5], "0", "2", "3", "4", "1", "5", folder=tmp_path)
    assert asked == [f"What is {number}?" for number in (1, 2, 3, 4, 1, 5)]
    assert "! No: 1" in said
    assert said[-1] == "4 of 5 right at the first try, 1 more when asked again."


def test_a_question_is_asked_three_times_at_most(tmp_path: Path) -> None:
    _, said, asked = held(QUESTIONS[:1], "0", "", "?", folder=tmp_path)
    assert len(asked) == 3
    assert said[-1] == "0 of 1 right at the first try."


def test_what_is_no_choice_is_asked_for_again(tmp_path: Path) -> None:
    _, said, asked = held([CHOICE], "d", "none of them", "a", folder=tmp_path)
    assert said.count("Type a letter from a to c, or nothing to see the answer.") == 2
    assert len(asked) == 1


def test_the_letters_are_others_when_a_question_comes_again(tmp_path: Path) -> None:
    _, said, _ = held([CHOICE], "b", "c", folder=tmp_path)
    assert said[-6:-3] == ["  c) this one", "+ Right.", "So it is."]


@pytest.mark.parametrize(("end", "ending"), [(EOFError, Ending.LEFT), (KeyboardInterrupt, Ending.STOPPED)])
def test_whoever_leaves_sees_the_score_and_keeps_it(end: type[BaseException], ending: Ending, tmp_path: Path) -> None:
    found, said, _ = held(QUESTIONS[:3], "1", "0", end, folder=tmp_path)
    assert found is ending
    assert said[-1] == "1 of 2 right at the first try; 1 of 3 were not asked."
    memory = Memory(tmp_path / "quiz.json")
    assert [memory.rank(each) for each in QUESTIONS[:3]] == [2, 0, 1]


def test_whoever_leaves_at_once_has_no_score(tmp_path: Path) -> None:
    assert held(QUESTIONS, EOFError, folder=tmp_path)[1][-1] == "No question was answered."
    assert not (tmp_path / "quiz.json").exists()


def test_answers_that_cannot_be_kept_end_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    ending, said, _ = held(QUESTIONS[:1], "1", folder=tmp_path / "file")
    assert ending is Ending.DONE
    assert "cannot be made" in said[-1]
