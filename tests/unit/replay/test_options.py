"""Options of a replay, and the questions of `--step`."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.replay.budget import Budget
from smtp_shell.replay.options import (
    Edit,
    add_replay_options,
    add_suite_options,
    add_update_options,
    refuse_servers,
    seed_of,
    with_replay_options,
)
from smtp_shell.replay.reporting import add_report_options
from smtp_shell.replay.results import Act, Decision, PendingStep
from smtp_shell.replay.selection import TagCondition
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


def test_a_question_has_the_problem_the_lines_of_a_group_and_what_can_be_answered() -> None:
    asked: list[tuple[str, bool]] = []
    decide = settings_of("a.smtp", "--step", ask=asked).before_step
    assert decide is not None
    decide(PendingStep(3, "NOOP ${a}\nNOOP ${b}", problem="a line has no CR", filled="NOOP 1\nNOOP 2"))
    assert asked[0][0].split("\n") == [
        "     a line has no CR",
        "next 3: C: NOOP ${a}",
        "        C: NOOP ${b}",
        "     filled in: NOOP 1",
        "     filled in: NOOP 2",
        "     [Enter] send, [k] skip, [e] edit, [g] go on by hand, [q] quit: ",
    ]
    assert [question for question, _ in asked[1:]] == ["     send instead: "]


def test_an_edit_begins_with_nothing_where_no_line_can_be_edited() -> None:
    decide = settings_of("a.smtp", "--step", ask=[]).before_step
    assert decide is not None
    assert decide(PendingStep(3, "RSET", draft="RSET")).text == "NOOP"


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


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_replay_options(parser)
    add_update_options(parser)
    add_suite_options(parser)
    return parser.parse_args(words)


def test_what_the_options_are_without_a_word() -> None:
    assert vars(parsed("a.smtp")) == {
        "files": [Path("a.smtp")],
        "server": None,
        "match": None,
        "var": [],
        "step": False,
        "overall": None,
        "repeat": 1,
        "jobs": 1,
        "send_secrets": False,
        "allow_outside": False,
        "update": False,
        "yes": False,
        "check": False,
        "tag": [],
        "profiles": None,
        "shuffle": False,
        "seed": None,
        "max_failures": 0,
        "budget": [],
    }


def test_what_the_options_are_with_all_words() -> None:
    words = "a.smtp b --server x --server y --match text --var a=b --var c=d --step --overall 2.5 --repeat 3 --jobs 4"
    words += " --send-secrets --allow-outside --update --yes --check --tag a,b --tag c --profiles p.toml --shuffle"
    words += " --seed 7 --max-failures 8 --budget p95=50ms --budget max=1s"
    assert vars(parsed(*words.split())) == {
        "files": [Path("a.smtp"), Path("b")],
        "server": ["x", "y"],
        "match": Strictness.TEXT,
        "var": ["a=b", "c=d"],
        "step": True,
        "overall": 2.5,
        "repeat": 3,
        "jobs": 4,
        "send_secrets": True,
        "allow_outside": True,
        "update": True,
        "yes": True,
        "check": True,
        "tag": [TagCondition.parse("a,b"), TagCondition.parse("c")],
        "profiles": Path("p.toml"),
        "shuffle": True,
        "seed": 7,
        "max_failures": 8,
        "budget": [Budget("p95", 0.05), Budget("max", 1.0)],
    }
    assert parsed("a.smtp", "-x").max_failures == 1
    assert (parsed("a", "--jobs", "1000").jobs, parsed("a", "--repeat", "1000000000").repeat) == (1000, 1_000_000_000)


@pytest.mark.parametrize(
    "words",
    [
        *("--match odd", "--overall 0", "--overall x", "--repeat 0", "--repeat 1000000001", "--jobs 0", "--jobs 1001"),
        *("--tag ,", "--seed x", "--seed 1000000001", "--max-failures 1000000001", "--budget p95"),
    ],
)
def test_a_value_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(argparse.ArgumentError):
        parsed("a.smtp", *words.split())


def test_the_options_become_settings() -> None:
    words = "a.smtp --match text --var a=b --var c=d=e --overall 2.5 --send-secrets --allow-outside --keep-going"
    assert settings_of(*words.split()) == ReplaySettings(
        overall=2.5,
        strictness=Strictness.TEXT,
        variables={"a": "b", "c": "d=e"},
        keep_going=True,
        send_secrets=True,
        outside=True,
    )
    assert settings_of("a.smtp") == ReplaySettings()
    with pytest.raises(UsageError, match=r"^--var: 'a' is not of the form name=value\.$"):
        settings_of("a.smtp", "--var", "a")


def test_where_nobody_can_be_asked_nobody_is() -> None:
    parser = argparse.ArgumentParser()
    add_replay_options(parser)
    parser.add_argument("--keep-going", action="store_true")
    assert with_replay_options(ReplaySettings(), parser.parse_args(["a.smtp", "--step"]), None).before_step is None


def test_a_seed_is_made_only_to_shuffle() -> None:
    assert seed_of(parsed("a.smtp")) is None
    assert seed_of(parsed("a.smtp", "--seed", "7")) == 7
    assert seed_of(parsed("a.smtp", "--seed", "7", "--shuffle")) == 7
    made = seed_of(parsed("a.smtp", "--shuffle"))
    assert made is not None
    assert 1 <= made <= 1_000_000


@pytest.mark.parametrize(
    ("answers", "decision"),
    [
        ([""], Decision(Act.SEND)),
        ([" S "], Decision(Act.SEND)),
        (["k"], Decision(Act.SKIP)),
        (["g"], Decision(Act.HAND_OVER)),
        (["q"], Decision(Act.QUIT)),
        (["x", "send", "k"], Decision(Act.SKIP)),
        (["e", "NOOP"], Decision(Act.EDIT, "NOOP")),
        ([EOFError()], Decision(Act.QUIT)),
        ([KeyboardInterrupt()], Decision(Act.QUIT)),
    ],
)
def test_each_answer_is_an_act(answers: list[str | BaseException], decision: Decision) -> None:
    left = list(answers)

    def ask(question: str, hidden: bool, *more: str) -> str:
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    parser = argparse.ArgumentParser()
    add_replay_options(parser)
    parser.add_argument("--keep-going", action="store_true")
    decide = with_replay_options(ReplaySettings(), parser.parse_args(["a.smtp", "--step"]), ask).before_step
    assert decide is not None
    assert decide(PendingStep(3, "RSET")) == decision
    assert left == []


@pytest.mark.parametrize(
    ("file", "server"),
    [
        ("mx.example:25", "mx.example:25"),
        ("smtp:/mx.example", "smtp://mx.example"),
        ("smtps:/mx.example:465", "smtps://mx.example:465"),
        ("lmtp:/mx.example", "lmtp://mx.example"),
        ("[::1]:25", "[::1]:25"),
        ("[::1]", "[::1]"),
    ],
)
def test_a_server_among_the_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, server: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as raised:
        refuse_servers([Path(file)])
    assert raised.value.message == f"{server} is a server and no file; name it with --server {server}."


def test_a_file_is_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mx.example:25").write_text("C: NOOP")
    refuse_servers([Path(name) for name in ("mx.example:25", "a.smtp", "mx:123456", "folder/mx:25", "gone")])
    with pytest.raises(UsageError) as raised:
        refuse_servers([Path("mx.example:25"), Path("a.smtp"), Path("smtp:/ann:s3cret@mx.example")])
    assert "s3cret" not in raised.value.message


def test_the_help_has_a_title_for_each_group_and_says_what_each_option_takes_and_does() -> None:
    parser = argparse.ArgumentParser()
    add_replay_options(parser)
    add_update_options(parser)
    add_suite_options(parser)
    add_report_options(parser)
    groups = {group.title: [a for a in group._group_actions if a.dest != "help"] for group in parser._action_groups}
    assert {
        title: {(each.option_strings or [each.dest])[-1]: each.metavar for each in actions}
        for title, actions in groups.items()
        if actions
    } == {
        "positional arguments": {"files": "FILE|DIR"},
        "replay": {
            **{"--server": "URL", "--match": "LEVEL", "--var": "NAME=VALUE", "--step": None, "--overall": "S"},
            **{"--repeat": "N", "--jobs": "N", "--send-secrets": None, "--allow-outside": None},
        },
        "transcripts": {"--update": None, "--yes": None, "--check": None},
        "suite": {
            **{"--tag": "TAG", "--profiles": "FILE", "--shuffle": None, "--seed": "N", "--max-failures": "N"},
            **{"-x": None, "--budget": "p95=50ms"},
        },
        "reports": {
            **{"--junit": "FILE", "--tap": "FILE", "--html": "FILE", "--times": None, "--only-failures": None},
            **{"--failures-first": None, "--print": "NAME"},
        },
    }
    assert [each.option_strings for each in parser._actions if not each.help] == []
