"""Questions about a step: what a user is shown, what an answer comes to, and which notes stand before it."""

from __future__ import annotations

import pytest

from smtp_shell.replay.results import Act, Decision, PendingStep
from smtp_shell.replay.stepping import Decided, StepNotes, decide, expected_ahead, shown_steps
from smtp_shell.transcript.included_line import IncludedLine
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import Variables
from tests.unit.replay.fake import steps_of


def asked(
    lines: list[str], *decisions: Decision, mail_data: bool = False, in_exchange: bool = False
) -> tuple[Decided, list[PendingStep]]:
    """Return what came of it, and the questions."""
    questions: list[PendingStep] = []
    left = list(decisions) or [Decision()]

    def ask(step: PendingStep) -> Decision:
        questions.append(step)
        return left.pop(0)

    steps = steps_of(*lines)
    decided = decide(ask, steps, Variables({"to": "bob"}), ("note",), in_exchange=in_exchange, mail_data=mail_data)
    assert left == []
    return decided, questions


@pytest.mark.parametrize(
    ("lines", "text", "filled", "draft"),
    [
        (["C: NOOP"], "NOOP", "", "NOOP"),
        (["C: NOOP ${to}"], "NOOP ${to}", "NOOP bob", "NOOP ${to}"),
        (["C: NOOP \\${to}"], "NOOP \\${to}", "", "NOOP \\${to}"),
        (["C: NOOP ${gone}"], "NOOP ${gone}", "", "NOOP ${gone}"),
        (["C: "], "(an empty line)", "", ""),
        (["C& NOOP", "C: RSET"], "NOOP\nRSET", "", ""),
        (["C& NOOP ${to}", "C: RSET"], "NOOP ${to}\nRSET", "NOOP bob\nRSET", ""),
        (["C: AUTH PLAIN AGFubgBzM2NyZXQ="], "AUTH PLAIN ${sasl}", "", ""),
        (["C: AUTH PLAIN ${sasl}"], "AUTH PLAIN ${sasl}", "", "AUTH PLAIN ${sasl}"),
    ],
)
def test_what_a_user_is_shown_of_lines(lines: list[str], text: str, filled: str, draft: str) -> None:
    decided, (question,) = asked(lines)
    assert question == PendingStep(1, text, notes=("note",), filled=filled, draft=draft)
    assert (decided.act, decided.shown, decided.edited) == (Act.SEND, text, False)


@pytest.mark.parametrize(
    ("line", "mail_data", "act", "done", "shown"),
    [
        ("C: hi", True, Act.SKIP, Act.SEND, "hi"),
        ("C: hi", True, Act.QUIT, Act.QUIT, "hi"),
        ("C: hi", False, Act.SKIP, Act.SKIP, "hi"),
        ("C: hi", False, Act.HAND_OVER, Act.HAND_OVER, "hi"),
        ("*: authenticate PLAIN", False, Act.SKIP, Act.SKIP, "*: authenticate PLAIN"),
        ("*: authenticate PLAIN", False, Act.SEND, Act.SEND, "*: authenticate PLAIN"),
    ],
)
def test_what_an_answer_comes_to(line: str, mail_data: bool, act: Act, done: Act, shown: str) -> None:
    decided, (question,) = asked([line], Decision(act), mail_data=mail_data)
    assert (decided.act, decided.shown) == (done, shown)
    assert (question.mail_data, question.is_event) == (mail_data, line.startswith("*:"))
    assert question.draft == ("" if mail_data or question.is_event else "hi")
    assert decided.steps == tuple(steps_of(line))


@pytest.mark.parametrize(
    ("line", "mail_data", "text", "problem"),
    [
        ("C: hi", True, "x", "mail data cannot be edited"),
        ("*: authenticate", False, "x", "an event cannot be edited"),
        ("C: hi", False, "NOOP ${gone}", "the variable ${gone} has no value"),
        ("C: hi", False, "NOOP ${x", "no closing brace"),
    ],
)
def test_a_line_that_cannot_be_sent_is_asked_for_again(line: str, mail_data: bool, text: str, problem: str) -> None:
    decided, questions = asked([line], Decision(Act.EDIT, text), Decision(), mail_data=mail_data)
    assert problem in questions[1].problem
    assert (questions[0].problem, [each.notes for each in questions]) == ("", [("note",), ()])
    assert decided.act is Act.SEND


def test_a_line_of_the_user_takes_the_place_of_the_step() -> None:
    for line, marker in (("C: hi", Marker.CLIENT), ("C& hi", Marker.CLIENT), ("C| hi", Marker.CLIENT_OCTETS)):
        decided, _ = asked([line], Decision(Act.EDIT, "NOOP ${to}"))
        assert decided == Decided(Act.SEND, (Step(marker, "NOOP ${to}", None, 1),), decided.shown, edited=True)
    decided, _ = asked(["0.5 C& hi", "0.7 C: ho"], Decision(Act.EDIT, "NOOP"))  # of a group that of the first line
    assert decided.steps == (Step(Marker.CLIENT, "NOOP", 0.5, 1),)


def test_a_response_is_not_shown() -> None:
    assert shown_steps(steps_of("C: c2VjcmV0"), in_exchange=True) == "${sasl}"
    assert shown_steps(steps_of("C: NOOP"), in_exchange=False) == "NOOP"
    assert asked(["C: c2VjcmV0"], in_exchange=True)[1][0].draft == ""
    assert shown_steps(steps_of(*["C& NOOP"] * 149, "C: RSET"), in_exchange=False) == "\n".join(["NOOP"] * 100)


def test_which_lines_are_expected_next() -> None:
    assert expected_ahead(steps_of("S: 250-a", "S~ b", "C: NOOP", "S: 250")) == ("S: 250-a", "S~ b")
    assert expected_ahead(steps_of("C: NOOP", "S: 250")) == ()
    assert len(expected_ahead(steps_of(*["S: 250-a"] * 30))) == 20


def test_so_many_notes_are_kept_until_a_step_is_asked_about() -> None:
    steps = [Step(Marker.NOTE, str(number), None, number) for number in range(1, 1_501)]
    notes = StepNotes([*steps, Step(Marker.CLIENT, "NOOP", None, 1_501)])
    assert len(list(notes)) == 1_501
    assert notes.before(600) == tuple(str(number) for number in range(501, 600))
    assert len(notes.before(1_501)) == 901
    assert notes.before(1_501) == ()


def test_notes_of_an_included_file_stand_before_what_follows_it() -> None:
    of_part = Step(Marker.NOTE, "of the part", None, IncludedLine.of(9, "part.smtp"))
    own = Step(Marker.NOTE, "further down", None, 5)
    notes = StepNotes([of_part, own])
    list(notes)
    assert notes.before(3) == ("of the part",)
    notes = StepNotes([own, of_part])
    list(notes)
    assert notes.before(3) == ()
