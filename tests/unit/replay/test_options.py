"""Options of a replay, and the questions of `--step`."""

from __future__ import annotations

import argparse

import pytest

from smtp_shell.replay.options import Edit, add_replay_options, with_replay_options
from smtp_shell.replay.results import Act, Decision, PendingStep
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.transcript.included_line import IncludedLine


def settings_of(*words: str, ask: list[tuple[str, bool]] | None = None, edit: Edit | None = None) -> ReplaySettings:
    """Return the settings of options; questions are kept, and the answers are `e` and then a line."""
    parser = argparse.ArgumentParser()
    add_replay_options(parser)
    parser.add_argument("--keep-going", action="store_true")

    def answer(question: str, hidden: bool) -> str:
        assert ask is not None
        ask.append((question, hidden))
        return "e" if "[e] edit" in question else "NOOP"

    return with_replay_options(ReplaySettings(), parser.parse_args(words), answer, edit)


@pytest.mark.parametrize(("words", "outcome"), [(["a.smtp"], False), (["a.smtp", "--send-secrets"], True)])
def test_literal_credentials_are_sent_only_where_it_is_asked_for(words: list[str], outcome: bool) -> None:
    assert settings_of(*words).send_secrets is outcome


@pytest.mark.parametrize(("text", "hidden"), [("${sasl}", True), ("NOOP", False), ("AUTH PLAIN ${sasl}", False)])
def test_what_takes_the_place_of_a_response_is_typed_hidden(text: str, hidden: bool) -> None:
    asked: list[tuple[str, bool]] = []
    decide = settings_of("a.smtp", "--step", ask=asked).before_step
    assert decide is not None
    assert decide(PendingStep(3, text)).act is Act.EDIT
    assert [each for _, each in asked] == [False, hidden]


def test_the_notes_before_a_step_are_shown_with_it_and_wrapped() -> None:
    asked: list[tuple[str, bool]] = []
    decide = settings_of("a.smtp", "--step", ask=asked).before_step
    assert decide is not None
    decide(PendingStep(3, "NOOP", notes=("short", "word " * 30)))
    rows = asked[0][0].split("\n")
    assert rows[0] == "     # short"
    assert rows[1].startswith("     # word")
    assert rows[2].startswith("      : word")
    assert max(map(len, rows)) < 80


def test_a_step_is_shown_with_its_variables_filled_in_and_what_it_expects() -> None:
    asked: list[tuple[str, bool]] = []
    decide = settings_of("a.smtp", "--step", ask=asked).before_step
    assert decide is not None
    decide(PendingStep(3, "MAIL FROM:<${to}>", filled="MAIL FROM:<a@x>", expected=("S: 250-a", "S~ 250 (?P<b>.*)")))
    assert asked[0][0].split("\n")[:4] == [
        "next 3: C: MAIL FROM:<${to}>",
        "     filled in: MAIL FROM:<a@x>",
        "     expects: S: 250-a",
        "     expects: S~ 250 (?P<b>.*)",
    ]


def test_a_whole_exchange_is_shown_as_the_event_that_it_is_and_with_its_file() -> None:
    asked: list[tuple[str, bool]] = []
    decide = settings_of("a.smtp", "--step", ask=asked).before_step
    assert decide is not None
    line = IncludedLine.of(6, "login.smtp")
    assert decide(PendingStep(line, "*: authenticate", is_event=True)) == Decision(Act.EDIT)
    assert asked[0][0].split("\n")[0] == "next login.smtp:6: *: authenticate"
    assert len(asked) == 1


def test_an_edit_begins_with_the_line_of_the_file_unless_that_is_hidden() -> None:
    asked: list[tuple[str, bool]] = []
    edits: list[str] = []

    def edit(question: str, line: str) -> str:
        edits.append(line)
        return f"{line} edited"

    decide = settings_of("a.smtp", "--step", ask=asked, edit=edit).before_step
    assert decide is not None
    assert decide(PendingStep(3, "NOOP", draft="NOOP")).text == "NOOP edited"
    assert decide(PendingStep(3, "${sasl}", draft="${sasl}")).text == "NOOP"
    assert decide(PendingStep(3, "AUTH PLAIN ${sasl}")).text == "NOOP"
    assert edits == ["NOOP"]
