"""The shell on lines from options and standard input: exit statuses, output, recording and passwords."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.peer import Peer
from tests.support.transcripts import check
from tests.unit.cli.program import (
    LETTER,
    PROGRAM,
    at,
    commands,
    faulty,
    run,
    run_where_files_end,
    sentence,
    serving,
    stay_silent,
)


def test_0_everything_happened(practice: PracticeServer) -> None:
    done = run(at(practice), *commands(*LETTER, "quit"))
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode().splitlines()
    assert "   C: MAIL FROM:<ann@example.org>" in shown
    assert "   C: ..a line" in shown
    assert "+  S: 221 2.0.0 Bye" in shown
    assert "\x1b" not in done.stdout.decode()


def test_1_a_refusal_ends_the_lines(practice: PracticeServer) -> None:
    done = run(at(practice), *commands("ehlo", "mail <>", "rcpt nobody@example.net", "noop"))
    assert done.returncode == 1
    assert b"noop" not in done.stdout


def test_1_after_all_lines_with_keep_going(practice: PracticeServer) -> None:
    done = run(at(practice), "--keep-going", *commands("FOO", "noop"))
    assert done.returncode == 1
    assert b"C: noop" in done.stdout


@pytest.mark.parametrize("fault", ["CONNECT=554", "DATA=451", "DOT=550"])
def test_1_at_whichever_command_the_server_refuses(fault: str) -> None:
    with faulty(fault) as address:
        assert run(address, *commands(*LETTER)).returncode == 1


def test_2_lines_that_end_inside_mail_data(practice: PracticeServer) -> None:
    done = run(at(practice), *commands(*LETTER[:-1]))
    assert done.returncode == 2
    assert "no message was sent" in sentence(done)


def test_2_a_value_that_would_be_two_lines(practice: PracticeServer) -> None:
    done = run(at(practice), "--ehlo", "x\r\nQUIT", *commands("ehlo"))
    assert done.returncode == 2
    assert "CR" in sentence(done)


def test_3_no_such_name() -> None:
    done = run("no-such-host.invalid", "--timeout", "5", *commands("ehlo"))
    assert done.returncode == 3
    assert "no connection to no-such-host.invalid:25" in sentence(done)


def test_3_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    done = run(f"127.0.0.1:{port}", *commands("ehlo"))
    assert done.returncode == 3
    assert "refused" in sentence(done)


def test_3_the_server_sends_no_greeting() -> None:
    with serving(stay_silent) as address:
        done = run(address, "--timeout", "0.3", *commands("ehlo"))
    assert done.returncode == 3
    assert "the greeting did not come within 0.3 s" in sentence(done)


def test_3_the_server_drops_the_connection() -> None:
    with faulty("MAIL=drop") as address:
        done = run(address, *commands(*LETTER))
    assert done.returncode == 3


def test_4_the_certificate_is_not_trusted(practice: PracticeServer) -> None:
    done = run(at(practice), "--starttls", *commands("noop"))
    assert done.returncode == 4
    assert "--insecure" in sentence(done)
    assert b"noop" not in done.stdout


def test_4_starttls_is_not_offered_or_refused() -> None:
    with faulty("STARTTLS=454") as address:
        assert run(address, "--starttls", *commands("noop")).returncode == 4
        assert run(address, *commands("ehlo", "starttls")).returncode in (1, 4)
    with faulty("EHLO=502") as address:
        assert run(address, "--starttls", *commands("noop")).returncode in (1, 4)


def test_5_a_wrong_password(practice: PracticeServer) -> None:
    done = run(
        at(practice), "--starttls", "--ca-file", str(practice.ca_file), "--user", "student", *commands("auth"),
        env={"SMTP_SHELL_PASSWORD": "wrong password"},
    )  # fmt: skip
    assert done.returncode == 5
    assert b"wrong password" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "line", "words"),
    [
        ((), "auth", "--user NAME"),
        (("--user", "student"), "auth", "--password-command CMD or set SMTP_SHELL_PASSWORD"),
        (("--user", "student", "--password-command", "exit 1"), "auth", "--password-command"),
        (("--user", "student"), "auth xoauth2", "--token-command"),
    ],
)
def test_5_the_missing_option_is_named(practice: PracticeServer, options: Sequence[str], line: str, words: str) -> None:
    done = run(at(practice), "--starttls", "--ca-file", str(practice.ca_file), *options, *commands(line))
    assert done.returncode == 5
    assert words in done.stderr.decode()


def test_5_credentials_are_not_sent_in_the_clear_by_default(practice: PracticeServer) -> None:
    blob = "AHN0dWRlbnQAb3BlbiBzZXNhbWU="
    done = run(at(practice), *commands("ehlo", f"AUTH PLAIN {blob}"))
    assert done.returncode == 5
    assert "--insecure-auth" in sentence(done)
    assert blob.encode() not in done.stdout + done.stderr


def test_5_an_answer_that_is_not_sent_is_not_shown() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        assert peer.hear() == b"AUTH LOGIN\r\n"
        peer.say("334 VXNlcm5hbWU6")
        assert peer.hear_end() == b""

    with serving(script) as address:
        done = run(address, *commands(r"/raw AUTH LOGIN\r\n", "/wait", "b3BlbiBzZXNhbWU="))
    assert done.returncode == 5
    assert b"b3BlbiBzZXNhbWU" not in done.stdout + done.stderr


def test_6_the_server_does_not_speak_smtp() -> None:
    def http(peer: Peer) -> None:
        peer.say("HTTP/1.1 400 Bad Request")
        peer.hear_end()

    with serving(http) as address:
        done = run(address, *commands("ehlo"))
    assert done.returncode == 6
    assert "it speaks HTTP" in sentence(done)


def test_7_the_outcome_is_unknown() -> None:
    with faulty("DOT=drop") as address:
        done = run(address, *commands(*LETTER))
    assert done.returncode == 7
    assert "the message may have been accepted" in sentence(done)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_130_interrupted() -> None:
    with serving(stay_silent) as address:
        program = subprocess.Popen([*PROGRAM, address, "-c", "noop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert program.stdout is not None
        assert b"connect" in program.stdout.readline()
        program.send_signal(signal.SIGINT)
        _, words = program.communicate(timeout=10)
    assert program.returncode == 130
    assert b"Traceback" not in words


def test_lines_of_standard_input(practice: PracticeServer) -> None:
    done = run(at(practice), stdin="\r\n".join((*LETTER, "quit")).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().count("queued as") == 1


def test_an_error_names_the_line_of_standard_input(practice: PracticeServer) -> None:
    done = run(at(practice), stdin=b"noop\n\n/tpyo\n")
    assert done.returncode == 2
    assert "standard input:3: /tpyo" in sentence(done)


def test_c_and_f_run_in_the_order_given(practice: PracticeServer, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_bytes(b"noop 2\nnoop 3\n")
    done = run(at(practice), "-c", "noop 1", "-f", str(lines), "-c", "noop 4\nnoop 5", "-f", "-", stdin=b"noop 6\n")
    assert done.returncode == 0
    sent = [line[6:] for line in done.stdout.decode().splitlines() if line.startswith("   C: ")]
    assert sent == [f"noop {number}" for number in range(1, 7)]


def test_octets_that_are_not_utf8_are_sent_unchanged(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        assert peer.hear() == b"NOOP \xff\xfe\x80\r\n"
        peer.say("250 Ok")
        peer.hear_end()

    lines = tmp_path / "lines"
    lines.write_bytes(b"NOOP \xff\xfe\x80\n")
    with serving(script) as address:
        done = run(address, "-f", str(lines))
    assert done.returncode == 0
    assert rb"C: NOOP \xff\xfe\x80" in done.stdout


def test_lines_run_without_a_server() -> None:
    done = run("-c", "/help", "-c", "/set timeout 3", "-c", "/set timeout")
    assert done.returncode == 0
    assert "timeout 3" in done.stderr.decode()


def test_json_is_an_object_a_line(practice: PracticeServer) -> None:
    done = run(at(practice), "--json", *commands(*LETTER, "quit"))
    assert (done.returncode, done.stderr) == (0, b"")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["n"] for step in steps] == list(range(1, len(steps) + 1))
    assert [step["data"] for step in steps if "data" in step] == ["Subject: x\r\n\r\n.a line\r\n"]
    assert [step["code"] for step in steps if step["dir"] == "S"] == [220, 250, 250, 250, 354, 250, 221]
    assert {step["phase"] for step in steps} == {"plain"}


def test_json_stays_valid_when_the_dialogue_breaks_in_mail_data() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        for said in ("250 hi", "250 Ok", "250 Ok", "354 go"):
            peer.hear()
            peer.say(said)
        peer.hear()
        peer.reset()

    with serving(script) as address:
        done = run(address, "--json", *commands(*LETTER[:-1], *["x"] * 50))
    assert done.returncode in (2, 3)
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["data"].startswith("Subject: x\r\n") for step in steps if "data" in step] == [True]


@pytest.mark.parametrize(
    ("arguments", "env", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "never"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
    ],
)
def test_colour_needs_a_terminal_or_an_option(
    practice: PracticeServer, arguments: list[str], env: Mapping[str, str], coloured: bool
) -> None:
    done = run(at(practice), *arguments, *commands("noop"), env=env)
    assert done.returncode == 0
    assert (b"\x1b[" in done.stdout) is coloured


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("limit", [250, 450])
@pytest.mark.parametrize("command", ["lines", "send"])
def test_1_where_the_recording_that_was_asked_for_is_not_whole(
    practice: PracticeServer, tmp_path: Path, limit: int, command: str
) -> None:
    path = tmp_path / "mine.smtp"
    record = ("--no-record", "--record", str(path))
    words: tuple[str, ...] = (*record, at(practice), *commands(*LETTER, "quit"))
    if command == "send":
        words = (
            "send",
            "--server",
            at(practice),
            "--from",
            "ann@example.org",
            "--to",
            "bob@example.org",
            *record,
            "--json",
        )
    done = run_where_files_end(limit, *words)
    assert done.returncode == 1
    assert done.stderr.decode().count(f"the recording {path} has stopped: file too large") == 1
    assert b"250 2.0.0 Ok: queued" in done.stdout  # the mail is not the recording's to stop
    check(path)
    if command == "send":
        assert json.loads(done.stdout.splitlines()[-1])["exit_status"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_1_where_the_capture_that_was_asked_for_is_not_whole(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.pcapng"
    done = run_where_files_end(1000, "--no-record", "--capture", str(path), at(practice), *commands(*LETTER, "quit"))
    assert done.returncode == 1
    assert f"the capture {path} has stopped: file too large" in done.stderr.decode()


def test_record_and_force(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    assert run(at(practice), "--record", str(path), *commands("noop 1")).returncode == 0
    check(path)
    before = path.read_bytes()
    done = run(at(practice), "--record", str(path), *commands("noop 2"))
    assert done.returncode == 2
    assert "is there already" in sentence(done)
    assert done.stdout == b""
    assert path.read_bytes() == before
    assert run(at(practice), "--record", str(path), "--force", *commands("noop 3")).returncode == 0
    check(path)
    assert b"C: noop 3" in path.read_bytes()


def test_sessions_are_recorded_unless_no_record_is_given(practice: PracticeServer, state_dir: Path) -> None:
    run(at(practice), "--no-record", *commands("noop"))
    assert not list(state_dir.rglob("*.smtp"))
    run(at(practice), *commands("noop"))
    (path,) = state_dir.rglob("*.smtp")
    check(path)


def test_passwords_from_a_command_and_from_the_environment(practice: PracticeServer, state_dir: Path) -> None:
    password = practice.password.reveal()
    tls = (at(practice), "--starttls", "--ca-file", str(practice.ca_file), "--user", "student")
    for options, env in (
        (("--password-command", f"echo '{password}'"), {}),
        ((), {"SMTP_SHELL_PASSWORD": password}),
    ):
        done = run(*tls, *options, *commands("auth plain", "quit"), env=env)
        assert done.returncode == 0
        assert b"235 2.7.0" in done.stdout
        files = b"".join(path.read_bytes() for path in state_dir.rglob("*") if path.is_file())
        assert password.encode() not in done.stdout + done.stderr + files


@pytest.mark.skipif(sys.platform == "win32", reason="programs as servers need a POSIX system")
def test_the_password_is_not_in_the_environment_of_programs() -> None:
    code = (
        "import os, sys; "
        "print('220', 'SMTP_SHELL_PASSWORD' in os.environ, end=chr(13) + chr(10), flush=True); "
        "sys.stdin.readline()"
    )
    server = f'{sys.executable} -c "{code}"'
    done = run(f"pipe:{server}", *commands("/status"), env={"SMTP_SHELL_PASSWORD": "open sesame"})
    assert b"S: 220 False" in done.stdout
