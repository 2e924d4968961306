"""Words of the command line in another order than smtp-shell's: what is run, and what is said."""

import json
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import at, run, sentence


@pytest.fixture
def noop(tmp_path: Path) -> Path:
    path = tmp_path / "noop.smtp"
    path.write_text("C: NOOP\nS: 250\n")
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["127.0.0.1 25010"], "write 127.0.0.1:25010."),
        (["localhost", "port"], "one server at a time: port after localhost"),
        (["a", "b", "c"], "one server at a time: b c after a"),
        (["a", "--json", "b"], "one server at a time: b after a"),
        (["localhost:25", "replay", "f"], "smtp-shell replay f --server localhost:25."),
        (["smtps://mail.example.org", "replay", "f"], "smtp-shell replay f --server smtps://mail.example.org."),
        (["localhost:25", "practice"], "a command comes first, and its options after it: smtp-shell practice"),
        (["--match", "exact", "replay", "f"], "a command comes first, and its options after it: smtp-shell replay"),
        (["repaly", "f"], "repaly is no command; did you mean smtp-shell replay?"),
        (["smpt://localhost"], "did you mean smtp://?"),
        (["smtp:s//localhost"], "is no address"),
        (["localhost:port"], "smtp-shell: localhost:port is no address"),
        (["pipe:sendmail", "-bs"], "'pipe:sendmail -bs'"),
        (["-c", "/connect smpt://x"], "did you mean smtp://?"),
        (["replay", "f", "127.0.0.1:25010"], "--server 127.0.0.1:25010."),
        (["replay", "f", "[::1]"], "--server [::1]."),
        (["replay", "smtps://mail.example.org", "f"], "--server smtps://mail.example.org."),
        (["-c", "/replay f 127.0.0.1:25010"], "--server 127.0.0.1:25010."),
        (["replay", "f"], "f: cannot be opened"),
        (["--bogus", "x"], "unrecognized arguments: --bogus;"),
    ],
)
def test_it_says_what_was_meant(words: list[str], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in sentence(done)


@pytest.mark.parametrize(
    "words",
    [
        ["smtp://ann:hunter2@localhost", "25"],
        ["smtp://ann:hunter2@localhost:x"],
        ["ann:hunter2@localhost", "replay", "f"],
        ["replay", "f", "smtp://ann:hunter2@localhost:25"],
        ["--passwort", "hunter2", "localhost"],
        ["--passwort=hunter2", "localhost", "25"],
    ],
)
def test_no_password_is_repeated(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "hunter2" not in sentence(done)


def test_options_in_front_of_a_command_are_taken(practice: PracticeServer, noop: Path) -> None:
    done = run("--json", "--user", "replay", "replay", "--server", at(practice), str(noop))
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["summary"]


def test_a_command_after_options_is_no_host() -> None:
    done = run("--ehlo", "practice", "--starttls", "practice", "-c", "noop")
    assert done.returncode == 0
    assert b"C: EHLO practice" in done.stdout
    assert b"*: tls TLSv1.3" in done.stdout


@pytest.mark.parametrize(("host", "hint"), [("repaly", "smtp-shell replay."), ("nohost", ""), ("repaly.invalid", "")])
def test_a_host_that_is_not_known_may_have_been_a_command(host: str, hint: str) -> None:
    done = run(host)
    assert done.returncode == 3
    assert sentence(done).endswith(hint or "network.") or not hint
    assert ("If the command was meant" in sentence(done)) is bool(hint)


def test_a_file_that_is_named_like_a_server_is_a_file(
    practice: PracticeServer, noop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(noop.parent)
    noop.rename("host:25")
    assert run("replay", "host:25", "--server", at(practice)).returncode == 0
