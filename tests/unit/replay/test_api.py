"""A replay of the Python API, against the practice server."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell import Transcript, replay
from smtp_shell.config import Place, Timeouts, TlsSettings
from smtp_shell.errors import NotSendable, TranscriptError, UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.sasl import mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.api import credentials_of
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import Outcome, ReplayResult, StepResult, no_counts
from smtp_shell.replay.settings import ReplaySettings
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
    result = replay(Transcript.parse("*: connect 127.0.0.1:1\n*: error refused\n*: connect pipe:cat\n"))
    assert result.ending == result.failure
    assert result.ending.startswith("<transcript> was made with pipe:cat")


def test_a_traceback_with_local_variables_shows_no_password() -> None:
    with pytest.raises(ValueError, match="choose one of code") as caught:
        replay(Transcript.parse("C: NOOP\n"), "127.0.0.1:1", password="c4nary", match="loosely")
    shown = [repr(entry.frame.f_locals) for entry in caught.traceback if Path(entry.path).name == "api.py"]
    assert len(shown) == 1
    assert "c4nary" not in shown[0]


CLEAR = "S: 220\nC: EHLO a\nS: 250\nC: AUTH PLAIN ${sasl}\nS: 235\nC: QUIT\nS: 221\n"
LITERAL = "S: 220\nC: EHLO a\nS: 250\nC: AUTH PLAIN AGFubgBjYW5hcnk=\nS: 235\nC: QUIT\nS: 221\n"


@pytest.mark.parametrize(
    ("place", "server", "password", "in_the_clear", "literal"),
    [
        (Place.COMMAND_LINE, "--server URL", "--user and --password-command", "--insecure-auth", "--send-secrets"),
        (Place.PYTHON, "with server.", "user and password", "insecure_auth=True", "send_secrets=True"),
        (Place.PYTEST, "--smtp-server URL", "--smtp-user and SMTP_SHELL_PASSWORD", "", ""),
        (Place.LOCUST, "--host URL", "user and password or SMTP_SHELL_PASSWORD", "insecure_auth=True", ""),
    ],
)
def test_a_message_names_what_can_be_given_where_the_user_is(
    practice: PracticeServer, tmp_path: Path, place: Place, server: str, password: str, in_the_clear: str, literal: str
) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(CLEAR, encoding="utf-8")
    settings = ReplaySettings(tls_settings=TlsSettings(place=place))
    with pytest.raises(UsageError) as caught:
        Replay(path, settings).run()
    assert server in caught.value.message
    settings = replace(settings, server=address(practice))
    assert password in (Replay(path, settings).run().failure or "")
    credentials = credentials_of("ann", Secret("canary"))
    failure = Replay(path, replace(settings, credentials=credentials)).run().failure or ""
    assert "use starttls first" in failure
    assert in_the_clear in failure
    path.write_text(LITERAL, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        Replay(path, settings).run()
    assert literal in caught.value.message
    if place is not Place.COMMAND_LINE:
        assert not any(
            option in failure + caught.value.message for option in ("--server ", "--insecure", "--send", "--user")
        )


def test_credentials_go_in_the_clear_where_that_is_asked_for(practice: PracticeServer) -> None:
    script = Transcript.parse(CLEAR.replace("S: 235", "S: 538|504|503|502|530"))
    result = replay(script, address(practice), user="ann", password="canary", insecure_auth=True)
    assert result.ok, result.failure


class Asked:
    """Notes how a replay is made, and runs nothing."""

    def __init__(self, made: list[tuple[Path, ReplaySettings]]) -> None:
        self._made = made

    def __call__(self, path: Path, settings: ReplaySettings) -> Asked:
        self._made.append((path, settings))
        return self

    def run(self, *consumers: object) -> ReplayResult:
        return ReplayResult("", "", (), no_counts(), 0, None, float(len(consumers)))


def test_what_a_caller_says_becomes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Path, ReplaySettings]] = []
    monkeypatch.setattr("smtp_shell.replay.api.Replay", Asked(made))
    python = TlsSettings(place=Place.PYTHON)
    assert replay("a.smtp").seconds == 0
    assert made.pop() == (Path("a.smtp"), ReplaySettings(tls_settings=python))
    told: list[StepResult] = []
    result = replay(
        Path("b.smtp"),
        "mx.example",
        tls=True,
        starttls=True,
        variables={"a": "b"},
        match="text",
        keep_going=True,
        ca_file="ca.pem",
        insecure=True,
        timeout=2.5,
        overall=7.0,
        send_secrets=True,
        insecure_auth=True,
        on_step=told.append,
    )
    assert result.seconds == 1
    assert made.pop() == (
        Path("b.smtp"),
        ReplaySettings(
            server="mx.example",
            tls=True,
            starttls=True,
            tls_settings=replace(python, ca_file=Path("ca.pem"), insecure=True),
            timeouts=Timeouts().all(2.5),
            variables={"a": "b"},
            strictness=Strictness.TEXT,
            keep_going=True,
            overall=7.0,
            send_secrets=True,
            allow_cleartext=True,
        ),
    )


@pytest.mark.parametrize(
    ("user", "password", "named", "found"),
    [
        ("ann", "canary", "", ("ann", "canary")),
        ("ann", Secret("canary"), "bob", ("ann", "canary")),
        ("", "canary", "bob", ("bob", "canary")),
        ("ann", None, "bob", None),
        ("ann", "", "bob", None),
    ],
)
def test_a_password_is_that_of_the_user_or_of_whom_the_transcript_names(
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    password: str | Secret | None,
    named: str,
    found: tuple[str, str] | None,
) -> None:
    made: list[tuple[Path, ReplaySettings]] = []
    monkeypatch.setattr("smtp_shell.replay.api.Replay", Asked(made))
    replay("a.smtp", user=user, password=password)
    find = made[0][1].credentials
    if found is None:
        assert find is None
        return
    assert find is not None
    credentials = find(mechanism("PLAIN"), named)
    assert (credentials.user, credentials.password.reveal()) == found


def test_without_a_user_the_transcript_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Path, ReplaySettings]] = []
    monkeypatch.setattr("smtp_shell.replay.api.Replay", Asked(made))
    replay("a.smtp", password="canary")
    find = made[0][1].credentials
    assert find is not None
    assert find(mechanism("PLAIN"), "bob").user == "bob"
