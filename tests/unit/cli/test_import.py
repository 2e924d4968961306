"""Files of other tools on the command line: converted, and read wherever a transcript is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.unit.cli.program import at, run, sentence

RECORDED = Path(__file__).parents[1] / "importers" / "recorded"
SWAKS = """\
=== Trying mail.example.com:25...
=== Connected to mail.example.com.
<-  220 mail.example.com ESMTP
 -> EHLO laptop.example
<-  250-mail.example.com
<-  250 AUTH PLAIN
 -> AUTH PLAIN AHJvYmluAHNlc2FtZQ==
<-  235 2.7.0 Authentication successful
 -> QUIT
<-  221 2.0.0 Bye
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "swaks.log"
    path.write_text(SWAKS)
    return path


def test_convert_says_what_it_took_the_file_for_and_how_sure_it_is(log: Path) -> None:
    done = run("convert", str(log), "-", "--to", "smtp")
    assert done.returncode == 0
    assert done.stderr.decode().splitlines()[0] == f"smtp-shell: {log}: taken for: swaks (sure)"
    assert b"*: connect mail.example.com:25\n" in done.stdout


def test_credentials_are_masked_unless_asked_for(log: Path) -> None:
    masked = run("convert", str(log), "-", "--to", "smtp")
    assert b"C: AUTH PLAIN ${sasl}" in masked.stdout
    assert b"line 7 holds a credential" in masked.stderr
    kept = run("convert", str(log), "-", "--to", "smtp", "--keep-secrets")
    assert b"C: AUTH PLAIN AHJvYmluAHNlc2FtZQ==" in kept.stdout
    assert kept.stdout.startswith(b"Transcript: 1\nSecrets: included\n")


@pytest.mark.parametrize("words", [["show"], ["lint"], ["quiz", "--json"], ["convert", "--to", "md"]], ids=" ".join)
def test_a_log_is_read_wherever_a_transcript_is_and_hides_its_secrets(log: Path, words: list[str]) -> None:
    arguments = [*words, str(log), *(["-"] if words[0] == "convert" else [])]
    done = run(*arguments)
    assert done.returncode in (0, 1)
    assert b"AHJvYmluAHNlc2FtZQ" not in done.stdout + done.stderr
    assert b"has no marker" not in done.stderr


def test_standard_input_is_read(log: Path) -> None:
    done = run("convert", "-", "-", "--to", "json", stdin=log.read_bytes())
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["code"] for step in steps if step["dir"] == "S"] == [220, 250, 235, 221]


def test_a_form_can_be_named(log: Path) -> None:
    log.write_text("> NOOP\n< 250 ok\n")
    named = run("convert", "--from", "curl", str(log), "-", "--to", "smtp")
    assert named.stdout.decode().split() == ["#", "taken", "for:", "curl", "(sure)", "C:", "NOOP", "S:", "250", "ok"]
    own = run("convert", "--from", "smtp", str(log), "-", "--to", "smtp")
    assert own.returncode == 2
    assert "has no marker" in sentence(own)


def test_a_form_that_nobody_knows_is_refused_with_those_that_are_known(log: Path) -> None:
    done = run("convert", "--from", "swax", str(log), "-", "--to", "smtp")
    assert done.returncode == 2
    assert sentence(done).startswith(
        "smtp-shell: swax is no form that can be read; use one of auto, smtp, json, swaks, "
    )


def test_a_log_without_a_dialogue_is_refused_as_what_it_was_called(log: Path) -> None:
    log.write_text("nothing of the kind\n")
    done = run("convert", "--from", "swaks", str(log), "-", "--to", "smtp")
    assert done.returncode == 2
    assert "nothing that a client or a server said was found in it as swaks" in done.stderr.decode()


@pytest.mark.parametrize(
    "text",
    [
        "S: 220 a\nC: EHLO x\nEHLO again\nS: 250 a\n",
        "Title: Lab 7\n\nS: 220 a\nC: QUIT\nS: 221 a\n",
        "Transcript: 2\n\nS: 220 a\n",
        "C: NOOP\n> QUIT\n",
    ],
)
def test_a_transcript_with_a_fault_is_no_file_of_another_tool(log: Path, text: str) -> None:
    log.write_text(text)
    done = run("show", str(log))
    assert done.returncode == 2
    assert "expected" in done.stderr.decode()


@pytest.mark.parametrize("name", ["swaks_plain", "smtplib1_plain", "javamail_plain", "phpmailer_2_echo"])
def test_a_log_is_replayed(name: str) -> None:
    path = RECORDED / f"{name}.txt"
    with PracticeServer(PracticeSettings()) as server:
        done = run("replay", str(path), "--server", at(server), timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_credentials_of_a_log_are_those_of_the_caller_in_a_replay(log: Path) -> None:
    done = run("replay", str(log), "--server", "127.0.0.1:1", env={"SMTP_SHELL_PASSWORD": "x"})
    assert b"AHJvYmluAHNlc2FtZQ" not in done.stdout + done.stderr


@pytest.mark.parametrize("header", ["Transcript: 1\n\n", "", "# by hand\n\n"])
def test_a_transcript_loads_no_importer(header: str, tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(f"{header}  0.1  C: NOOP\nS: 250 ok\n")
    code = (
        "import sys\n"
        "from smtp_shell.transcript.transcript import Transcript\n"
        f"Transcript.read({str(path)!r})\n"
        "assert not [name for name in sys.modules if name.startswith('smtp_shell.importers')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_mail_data_that_a_log_hides_is_not_judged(log: Path) -> None:
    done = run("lint", str(RECORDED / "curl_plain.txt"))
    assert b"no-header" not in done.stdout
    assert b"empty-message" not in done.stdout
