"""Replays of transcripts in which credentials stand: not sent unasked, and in no report, recording or error."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smtp_shell import replay
from smtp_shell.errors import UsageError
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import Act, Decision, Outcome, PendingStep
from smtp_shell.replay.settings import ReplaySettings
from tests.support.peer import Hear, ScriptedServer, Turn
from tests.unit.cli.program import run

GREETING = b"220 mx.example ESMTP\r\n"
BLOB, USER, PASSWORD = "AGFubgBzM2NyZXQ=", "YW5u", "czNjcmV0"
INCLUDED = "Transcript: 1\nSecrets: included\n\n"
LOGIN = f"S: 220\nC: AUTH LOGIN\nS: 334\nC: {USER}\nS: 334\nC: {PASSWORD}\nS= 235 {PASSWORD} s3cret\n"
PLAIN = f"S: 220\nC: AUTH PLAIN {BLOB}\nS= 235 {BLOB}\n"
OCTETS = f"S: 220\nC| NOOP\\r\\nAUTH PLAIN {BLOB}\\r\\n\nS: 250\nS= 235 {BLOB}\n"
GROUP = f"S: 220\nC& AUTH LOGIN\nC& {USER}\nC: {PASSWORD}\nS: 334\nS: 334\nS= 235 {PASSWORD} s3cret\n"
SCRIPT = f"C: AUTH LOGIN\nC: {USER}\nC: {PASSWORD}\n"


def turns(*lines: str, last: str = "235 ok") -> list[Turn]:
    """Hear each line, ask for the next, and end with the last reply."""
    heard = [Hear(f"{line}\r\n".encode()) for line in lines]
    said = [b"334 UGFzc3dvcmQ6\r\n"] * (len(lines) - 1) + [f"{last}\r\n".encode()]
    return [GREETING, *(turn for pair in zip(heard, said, strict=True) for turn in pair)]


LOGIN_TURNS = turns("AUTH LOGIN", USER, PASSWORD, last=f"235 {PASSWORD} s3cret")
PLAIN_TURNS = turns(f"AUTH PLAIN {BLOB}", last=f"235 {BLOB}")
OCTETS_TURNS: list[Turn] = [
    GREETING,
    Hear(f"NOOP\r\nAUTH PLAIN {BLOB}\r\n".encode()),
    f"250 ok\r\n235 {BLOB}\r\n".encode(),
]
GROUP_TURNS: list[Turn] = [
    GREETING,
    Hear(f"AUTH LOGIN\r\n{USER}\r\n{PASSWORD}\r\n".encode()),
    f"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 {PASSWORD} s3cret\r\n".encode(),
]
ALL = [
    pytest.param(LOGIN, LOGIN_TURNS, [4, 6], id="LOGIN"),
    pytest.param(PLAIN, PLAIN_TURNS, [2], id="PLAIN"),
    pytest.param(OCTETS, OCTETS_TURNS, [2], id="octets"),
    pytest.param(GROUP, GROUP_TURNS, [3, 4], id="a group"),
    pytest.param(SCRIPT, LOGIN_TURNS, [2, 3], id="a script"),
]


def is_clean(*texts: str | bytes) -> bool:
    joined = "\n".join(text if isinstance(text, str) else text.decode() for text in texts)
    return not any(secret in joined for secret in (BLOB, USER, PASSWORD, "s3cret"))


@pytest.mark.parametrize(("transcript", "script", "lines"), ALL)
def test_without_the_switch_nothing_is_sent(
    tmp_path: Path, transcript: str, script: list[Turn], lines: list[int]
) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(transcript)
    with ScriptedServer(script) as server:
        done = run("replay", str(path), "--server", server.address)
        assert server.received == b""
    assert done.returncode == 2
    assert done.stdout == b""
    assert is_clean(done.stderr)
    where = (
        f"line {lines[0]} holds a credential"
        if len(lines) == 1
        else f"lines {lines[0]} and {lines[1]} hold credentials"
    )
    assert (
        f"{path}: {where}, and the header does not say `Secrets: included`; nothing was sent." in done.stderr.decode()
    )
    assert b"--send-secrets" in done.stderr


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize(("transcript", "script", "lines"), ALL)
def test_with_it_they_are_sent_and_nothing_shows_them(
    tmp_path: Path, transcript: str, script: list[Turn], lines: list[int], json: bool
) -> None:
    path, recorded = tmp_path / "a.smtp", tmp_path / "b.smtp"
    path.write_text(transcript)
    with ScriptedServer(script) as server:
        options = ["--send-secrets", "--record", str(recorded), *(["--json"] if json else [])]
        done = run("replay", str(path), "--server", server.address, *options)
    assert done.returncode == 0, done.stdout
    assert server.received == b"".join(turn.octets for turn in script if isinstance(turn, Hear))
    assert done.stderr.decode().startswith(f"{path}:{lines[0]}: line")
    assert len(done.stderr.splitlines()) == 1
    assert is_clean(done.stdout, done.stderr, recorded.read_bytes())
    assert b"${sasl}" in done.stdout


def test_a_header_that_says_so_is_enough_and_nothing_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(INCLUDED + LOGIN)
    with ScriptedServer(LOGIN_TURNS) as server:
        done = run("replay", str(path), "--server", server.address)
    assert done.returncode == 0
    assert done.stderr == b""
    assert is_clean(done.stdout)


def test_a_difference_shows_none(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(f"S: 220\nC: AUTH PLAIN {BLOB}\nS= 235 {BLOB} s3cret one\n")
    for json in ([], ["--json"]):
        with ScriptedServer(turns(f"AUTH PLAIN {BLOB}", last=f"235 {BLOB} s3cret two")) as server:
            done = run("replay", str(path), "--server", server.address, "--send-secrets", *json)
        assert done.returncode == 1
        assert is_clean(done.stdout, done.stderr)


def by_hand(seen: list[PendingStep]) -> Callable[[PendingStep], Decision]:
    def decide(pending: PendingStep) -> Decision:
        seen.append(pending)
        return Decision(Act.SEND)

    return decide


@pytest.mark.parametrize(("transcript", "script", "lines"), ALL)
def test_a_person_who_is_asked_does_not_see_them(
    tmp_path: Path, transcript: str, script: list[Turn], lines: list[int]
) -> None:
    path, seen = tmp_path / "a.smtp", list[PendingStep]()
    path.write_text(transcript)
    with ScriptedServer(script) as server:
        settings = ReplaySettings(server=server.address, before_step=by_hand(seen), send_secrets=True)
        assert Replay(path, settings).run().ok
    assert seen
    assert is_clean(*[pending.text for pending in seen])


@pytest.mark.parametrize("keep_going", [False, True])
def test_answers_in_a_script_are_not_sent_as_commands_after_a_refusal(tmp_path: Path, keep_going: bool) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(SCRIPT + "C: NOOP\n")
    with ScriptedServer([GREETING, Hear(b"AUTH LOGIN\r\n"), b"535 no\r\n", Hear(b"NOOP\r\n"), b"250 ok\r\n"]) as server:
        result = Replay(path, ReplaySettings(server=server.address, keep_going=keep_going, send_secrets=True)).run()
    assert [step.outcome for step in result.steps if step.lines in ((2,), (3,))] == [Outcome.SKIPPED] * 2
    assert is_clean(*[step.sent for step in result.steps])


def test_the_python_api_has_the_switch(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(PLAIN)
    with ScriptedServer(PLAIN_TURNS) as server:
        with pytest.raises(UsageError, match="nothing was sent"):
            replay(path, server.address)
        assert replay(path, server.address, send_secrets=True).ok


def test_a_long_transcript_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(
        "# x\n" * 20_000 + "C: DATA\nS: 354\n" + "C: AUTH is a word\n" * 20_000 + f"C: .\nS: 250\n{PLAIN[7:]}"
    )
    with pytest.raises(UsageError, match="line 40005 holds a credential"):
        Replay(path, ReplaySettings(server="127.0.0.1:1")).check()
