"""A replay of the Python API, against the practice server."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell import Transcript, replay
from smtp_shell.errors import NotSendable, TranscriptError, UsageError
from smtp_shell.replay.results import Outcome, StepResult
from smtp_shell.servers.practice import PracticeServer

TEXT = "Transcript: 1\nTitle: Lab\n\nS: 220\nC: EHLO client.example.org\nS: 250\nC: STARTTLS\nS: 220\n"
TEXT += "C: EHLO client.example.org\nS: 250\nC: AUTH PLAIN ${sasl}\nS: 235\nC: QUIT\nS: 221\n"


def address(practice: PracticeServer) -> str:
    return f"{practice.host}:{practice.port}"


def test_a_replay(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(TEXT, encoding="utf-8")
    told: list[Outcome] = []
    result = replay(
        path,
        address(practice),
        user=practice.user,
        password=practice.password.reveal(),
        ca_file=practice.ca_file,
        on_step=lambda step: told.append(step.outcome),
    )
    assert (result.failure, result.exit_status) == (None, 0)
    assert told == [Outcome.MATCHED] * 6
    assert replay(path, address(practice)).exit_status == 4


def test_a_transcript_in_memory(practice: PracticeServer) -> None:
    told: list[StepResult] = []
    script = Transcript.parse("S: 220\nC: NOOP ${word}\nS: 250\nC: VRFY bob\nS: 550\n")
    result = replay(script, address(practice), variables={"word": "x"}, on_step=told.append)
    assert not result.ok
    assert {result.path, *(step.path for step in (*result.steps, *told))} == {"<transcript>"}
    assert result.failure is not None
    assert result.failure.startswith("<transcript>:4: ")
    assert [(step.line, step.expected_line, step.code) for step in result.mismatches] == [(4, 5, 252)]
    assert replay(Transcript.parse("C: NOOP\n"), address(practice)).mismatches == ()


def test_captures_are_those_of_the_last_match(practice: PracticeServer) -> None:
    script = Transcript.parse(
        "S~ ^220 (?P<host>\\S+)\nC: EHLO a\nS: 250\nC: NOOP ${host}\nS~ (?P<code>\\d+) \nC: QUIT\nS~ (?P<code>\\d+) \n"
    )
    result = replay(script, address(practice))
    assert result.ok, result.failure
    assert result.captures == {"host": "practice.example", "code": "221"}


def test_what_is_wrong_with_a_transcript_in_memory_names_no_file() -> None:
    with pytest.raises(TranscriptError, match=r"^<transcript>:1: the variable"):
        replay(Transcript.parse("C: NOOP ${word}\n"), "127.0.0.1:1")
    with pytest.raises(UsageError, match=r"^<transcript> names no server"):
        replay(Transcript.parse("C: NOOP\n"))
    with pytest.raises(UsageError, match="no folder for the mail data"):
        replay(Transcript.parse("C: DATA\nC< letter.eml\n"), "127.0.0.1:1")
    with pytest.raises(NotSendable):
        replay(Transcript.parse("C: NOOP ${word}\n"), "127.0.0.1:1", variables={"word": "a\r\nb"})
    with pytest.raises(ValueError, match="choose one of code"):
        replay(Transcript.parse("C: NOOP\n"), "127.0.0.1:1", match="loosely")
