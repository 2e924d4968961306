"""Profiles with real servers: what they say holds for their own server, and for no other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.peer import Peer, ScriptedServer
from tests.unit.cli.program import LETTER, PROGRAM, at, commands, run_text


@pytest.fixture
def file(tmp_path: Path, practice: PracticeServer) -> Path:
    """Return a configuration with a profile of the practice server, with its user."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "ca.pem").write_bytes(practice.ca_file.read_bytes())
    path = tmp_path / "config" / "config.toml"
    path.write_text(
        f"""\
[profile.lab]
host = "127.0.0.1"
port = {practice.port}
starttls = true
ca_file = "ca.pem"
user = "student"
password_command = "echo {practice.password.reveal()}"
ehlo = "lab.example.org"
match = "code"

[profile.plain]
url = "smtp://127.0.0.1:{practice.port}"
match = "enhanced"
variables = {{ to = "bob@example.org", other = "x" }}

[alias]
hello = "ehlo; auth"
""",
        "utf-8",
    )
    return path


def test_a_shell_takes_over_a_profile_by_its_name(file: Path, practice: PracticeServer) -> None:
    done = run_text("lab", *commands("/hello", "/set --origin ehlo", "/status", "quit"))
    assert (done.returncode, "verified" in done.stdout) == (0, True)
    assert " | C: EHLO lab.example.org" in done.stdout
    assert "235 2.7.0" in done.stdout
    assert "  ehlo           lab.example.org profile lab" in done.stdout
    assert "  profile      lab" in done.stderr
    assert practice.password.reveal() not in done.stdout + done.stderr
    done = run_text("--profile", "lab", "--ehlo", "words.example.org", *commands("quit"))
    assert "C: EHLO words.example.org" in done.stdout


def test_its_user_and_its_settings_are_for_no_other_server(file: Path, practice: PracticeServer) -> None:
    def talk(peer: Peer) -> None:
        peer.say("220 other.example")
        while line := peer.hear():
            peer.say("250-other.example", "250 AUTH PLAIN LOGIN") if line.startswith(b"EHLO") else peer.say("250 ok")

    with ScriptedServer(talk) as server:
        lines = (
            "auth",
            f"/connect {server.address}",
            "/set --origin ehlo",
            "ehlo",
            "/set insecure-auth on",
            "auth plain",
        )
        done = run_text("lab", *commands("ehlo", *lines))
        assert done.returncode == 5  # nobody is there to say who
        assert "--user NAME" in done.stderr
        assert b"AUTH" not in server.received
        assert b"lab.example.org" not in server.received
    assert "default" in done.stdout


def test_connect_and_reconnect_go_back_to_a_profile(file: Path, practice: PracticeServer) -> None:
    plain = f"/connect {at(practice)}"
    done = run_text(*commands(plain, "/status", "/connect lab", "/status", plain, "/reconnect", "/set --origin ehlo"))
    assert done.returncode == 0
    assert done.stderr.count("  profile      lab") == 1
    assert done.stdout.splitlines()[-2].split() == ["ehlo", "''", "default"]
    done = run_text("lab", *commands("/reconnect", "auth", "/reconnect", "/set --origin ehlo"))
    assert (done.returncode, "235 2.7.0" in done.stdout) == (0, True)
    assert "ehlo           lab.example.org profile lab" in done.stdout


def test_a_profile_that_cannot_be_used_leaves_the_connection_its_own(file: Path, practice: PracticeServer) -> None:
    text = file.read_text("utf-8")
    other = f'\n[profile.other]\nhost = "127.0.0.1"\nport = {practice.port}\nca_file = "none.pem"\nuser = "mallory"\n'
    file.write_text(text + other, "utf-8")
    done = run_text("lab", "--keep-going", *commands("ehlo", "/connect other", "/status", "auth"))
    assert done.returncode == 2
    assert "none.pem: there is no such file" in done.stderr
    assert "  profile      lab" in done.stderr
    assert "auth SCRAM-SHA-256-PLUS student" in done.stdout


def test_send_replay_and_relay_take_a_profile(file: Path, practice: PracticeServer, tmp_path: Path) -> None:
    kept = tmp_path / "sent.smtp"
    letter = ("--from", "ann@example.org", "--to", "bob@example.org", "--subject", "x", "--body", "y")
    done = run_text("send", "--profile", "lab", *letter, "--record", str(kept))
    assert (done.returncode, "235 2.7.0" in done.stdout, "EHLO lab.example.org" in done.stdout) == (0, True, True)
    done = run_text("replay", "--profile", "lab", str(kept))
    assert (done.returncode, f"{kept} -> lab" in done.stdout) == (0, True)
    mine = tmp_path / "mine.smtp"
    mine.write_text("S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<>\nS: 250 2.9.9 x\nC: RCPT TO:<${to}>\nS: 250\n", "utf-8")
    assert run_text("replay", str(mine), "--server", at(practice)).returncode == 2  # the variable has no value
    done = run_text("replay", "--profile", "plain", str(mine))
    assert (done.returncode, "2.9.9" in done.stdout) == (1, True)
    assert run_text("replay", "--profile", "plain", "--match", "code", str(mine)).returncode == 0
    words = ("--match", "code", "--var", "to=nobody@example.net")
    assert run_text("replay", "--profile", "plain", *words, str(mine)).returncode == 1
    assert "--profiles a file of others" in run_text("replay", "--profile", "lab", "--profiles", "x", str(mine)).stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--profile", "la", *commands("ehlo")),
        ("send", "--profile", "la", "--from", "a@b", "--to", "c@d"),
        ("replay", "--profile", "la", "x.smtp"),
        ("relay", "--profile", "la"),
    ],
)
def test_a_profile_that_there_is_not_is_2_and_the_nearest_is_named(file: Path, words: tuple[str, ...]) -> None:
    done = run_text(*words)
    assert (done.returncode, "la is no profile; did you mean lab?" in done.stderr) == (2, True)


def test_replay_at_the_prompt_knows_the_profile_of_the_connection(
    file: Path, practice: PracticeServer, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.smtp"
    mine.write_text("S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<>\nS: 250 2.9.9 x\nC: RCPT TO:<${to}>\nS: 250\n", "utf-8")
    done = run_text("plain", *commands(f"/replay {mine}"))
    assert (done.returncode, f"{mine} -> plain" in done.stderr, "2.9.9" in done.stderr) == (1, True, True)
    done = run_text("plain", *commands(f"/replay --match code {mine}"))
    assert (done.returncode, "0 differed" in done.stderr or " matched" in done.stderr) == (0, True)
    done = run_text("plain", *commands(f"/connect {at(practice)}", f"/replay {mine}"))
    assert (done.returncode, "${to} has no value" in done.stderr or "variable" in done.stderr) == (2, True)


def test_a_relay_stands_before_the_server_of_a_profile(file: Path, practice: PracticeServer) -> None:
    relay = subprocess.Popen([*PROGRAM, "relay", "--profile", "lab"], stdout=subprocess.PIPE, text=True)
    try:
        assert relay.stdout is not None
        facts = [relay.stdout.readline() for _ in range(2)]
        port = facts[0].split()[1].rpartition(":")[2]
        assert facts[1].split() == ["server", at(practice)]
        done = run_text("--insecure", "--no-config", f"127.0.0.1:{port}", *commands("ehlo", "starttls", "ehlo", "quit"))
        assert (done.returncode, "tls TLSv1" in done.stdout) == (0, True)
    finally:
        relay.kill()
        relay.communicate()


def test_a_host_that_is_nearly_a_profile_is_taken_for_one_in_the_message(file: Path) -> None:
    done = run_text("labb", *commands("ehlo"))
    assert (done.returncode, "If the profile was meant: smtp-shell lab." in done.stderr) == (3, True)
    done = run_text(*commands("/connect labb"))
    assert (done.returncode, "If the profile was meant: /connect lab." in done.stderr) == (3, True)


def test_a_server_is_still_needed_where_no_profile_names_one() -> None:
    assert "--server is missing" in run_text("send", "--from", "a@b", "--to", "c@d").stderr
    assert "relay needs a server" in run_text("relay").stderr
    done = run_text("--no-config", "--profile", "lab", *commands("ehlo"))
    assert (done.returncode, "--no-config leaves out" in done.stderr) == (2, True)


def test_the_whole_letter_goes_through_an_alias(file: Path, practice: PracticeServer) -> None:
    text = file.read_text("utf-8")
    file.write_text(f'{text}letter = "{"; ".join(["mail <>", "rcpt $1", *LETTER[3:5], "$2", "."])}"\n', "utf-8")
    done = run_text("lab", *commands("/hello", '/letter bob@example.org "two words"', "quit"))
    assert done.returncode == 0, done.stderr
    assert " | C: two words" in done.stdout
