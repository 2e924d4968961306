"""Options of a replay, and the questions of `--step`."""

import argparse

import pytest

from smtp_shell.replay.options import add_replay_options, with_replay_options
from smtp_shell.replay.results import Act, PendingStep
from smtp_shell.replay.settings import ReplaySettings


def settings_of(*words: str, ask: "list[tuple[str, bool]] | None" = None) -> ReplaySettings:
    """Return the settings of options; questions are kept, and the answers are `e` and then a line."""
    parser = argparse.ArgumentParser()
    add_replay_options(parser)
    parser.add_argument("--keep-going", action="store_true")

    def answer(question: str, hidden: bool) -> str:
        assert ask is not None
        ask.append((question, hidden))
        return "e" if "[e] edit" in question else "NOOP"

    return with_replay_options(ReplaySettings(), parser.parse_args(words), answer)


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
