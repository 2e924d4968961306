"""The command line as a process of its own: exit statuses, what goes to which stream, and what is refused."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from smtp_shell.servers.faults import parse_faults
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.peer import Peer
from tests.support.transcripts import check

ROOT = Path(__file__).parents[3]
PROGRAM = (sys.executable, "-m", "smtp_shell")
LETTER = ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data", "Subject: x", "", ".a line", ".")


def run(
    *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 30
) -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(
        [*PROGRAM, *arguments], input=stdin, capture_output=True, timeout=timeout, env={**os.environ, **(env or {})}
    )
    assert b"Traceback" not in done.stderr
    assert b"Traceback" not in done.stdout
    return done


def commands(*lines: str) -> list[str]:
    return [word for line in lines for word in ("-c", line)]


def at(server: PracticeServer) -> str:
    return f"127.0.0.1:{server.port}"


@contextmanager
def serving(script: Callable[[Peer], None]) -> Iterator[str]:
    """Serve one connection as the script says; give the address."""
    failures: list[BaseException] = []

    def serve() -> None:
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection:
                try:
                    script(Peer(connection))
                except BaseException as failure:
                    failures.append(failure)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(20)
    assert not failures


def stay_silent(peer: Peer) -> None:
    peer.hear_end()


@contextmanager
def faulty(*faults: str) -> Iterator[str]:
    with PracticeServer(PracticeSettings(faults=parse_faults(faults))) as server:
        yield at(server)


def sentence(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Give the one line on standard error."""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("smtp-shell: ")
    return line


# --- exit statuses


def test_0_all_happened(practice: PracticeServer) -> None:
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
def test_1_wherever_it_is_refused(fault: str) -> None:
    with faulty(fault) as address:
        assert run(address, *commands(*LETTER)).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nonsense"], "--nonsense"),
        (["--color", "pink"], "pink"),
        (["--timeout", "soon", "x"], "--timeout"),
        (["--timeout", "0", "x"], "--timeout"),
        (["--tls", "--starttls", "x"], "exclude each other"),
        (["--starttls"], "need a server"),
        (["one", "two"], "two"),
        (["http://mail.example.org"], "no scheme for mail"),
        (["smtp://mail.example.org:x"], "is no address"),
        (["mail.example.org:99999"], "is no address"),
        (["mail.example.org:0"], "port 0"),
        (["smtp://ann:secret@mail.example.org"], "does not belong into the address"),
        (["smtp://a b"], "is no address"),
        (["pipe:"], "names nothing"),
        (["\x1b[2J\u202e://x"], r"\x1b[2j\xe2\x80\xae"),
        (["-f", "/nonexistent/lines"], "/nonexistent/lines cannot be read"),
        (["-c", "/tpyo"], "-c /tpyo: /tpyo is no command of the shell, and nothing was sent"),
        (["-c", "noop"], "there is no connection"),
        (["practice", "--fault", "nonsense"], "nonsense"),
        (["practice", "--port", "99999"], "--port"),
        (["practice", "--tls"], "--starttls"),
        (["practice", "--serve-only", "-c", "ehlo"], "opens no shell"),
        (["show"], "file"),
        (["show", "/nonexistent.smtp"], "/nonexistent.smtp"),
        (["replay"], "replay"),
        (["--password", "hunter2", "x"], "--password: a password is never an option's value"),
        (["--password=hunter2", "x"], "--password: a password is never an option's value"),
        (["practice", "--password", "hunter2"], "--password: a password is never an option's value"),
        (["--password-com", "hunter2", "x"], "unrecognized arguments: --password-com"),
        (["--insec", "x"], "--insec"),
    ],
)
def test_2_wrong_usage_is_one_sentence(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in sentence(done)
    assert sentence(done).isprintable()
    assert "secret" not in sentence(done)
    assert "hunter2" not in sentence(done) or arguments[0] == "--password-com"


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


def test_3_the_server_says_nothing() -> None:
    with serving(stay_silent) as address:
        done = run(address, "--timeout", "0.3", *commands("ehlo"))
    assert done.returncode == 3
    assert "the greeting did not come within 0.3 s" in sentence(done)


def test_3_the_server_goes_away() -> None:
    with faulty("MAIL=drop") as address:
        done = run(address, *commands(*LETTER))
    assert done.returncode == 3


def test_4_a_certificate_that_nobody_vouches_for(practice: PracticeServer) -> None:
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
def test_5_what_is_missing_is_named(practice: PracticeServer, options: Sequence[str], line: str, words: str) -> None:
    done = run(at(practice), "--starttls", "--ca-file", str(practice.ca_file), *options, *commands(line))
    assert done.returncode == 5
    assert words in done.stderr.decode()


def test_5_no_credential_in_the_clear_unasked(practice: PracticeServer) -> None:
    blob = "AHN0dWRlbnQAb3BlbiBzZXNhbWU="
    done = run(at(practice), *commands("ehlo", f"AUTH PLAIN {blob}"))
    assert done.returncode == 5
    assert "--insecure-auth" in sentence(done)
    assert blob.encode() not in done.stdout + done.stderr


def test_5_an_answer_that_may_not_go_out_is_not_shown() -> None:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        assert peer.hear() == b"AUTH LOGIN\r\n"
        peer.say("334 VXNlcm5hbWU6")
        assert peer.hear_end() == b""

    with serving(script) as address:
        done = run(address, *commands(r"/raw AUTH LOGIN\r\n", "/wait", "b3BlbiBzZXNhbWU="))
    assert done.returncode == 5
    assert b"b3BlbiBzZXNhbWU" not in done.stdout + done.stderr


def test_6_what_comes_is_no_smtp() -> None:
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


# --- where lines come from


def test_lines_of_standard_input(practice: PracticeServer) -> None:
    done = run(at(practice), stdin="\r\n".join((*LETTER, "quit")).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().count("queued as") == 1


def test_a_place_in_standard_input_is_named(practice: PracticeServer) -> None:
    done = run(at(practice), stdin=b"noop\n\n/tpyo\n")
    assert done.returncode == 2
    assert "standard input:3: /tpyo" in sentence(done)


def test_options_run_in_the_order_in_which_they_stand(practice: PracticeServer, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_bytes(b"noop 2\nnoop 3\n")
    done = run(at(practice), "-c", "noop 1", "-f", str(lines), "-c", "noop 4\nnoop 5", "-f", "-", stdin=b"noop 6\n")
    assert done.returncode == 0
    sent = [line[6:] for line in done.stdout.decode().splitlines() if line.startswith("   C: ")]
    assert sent == [f"noop {number}" for number in range(1, 7)]


def test_octets_that_are_no_utf8_go_out_as_they_are(tmp_path: Path) -> None:
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


def test_without_a_server_lines_run_all_the_same() -> None:
    done = run("-c", "/help", "-c", "/set timeout 3", "-c", "/set timeout")
    assert done.returncode == 0
    assert "timeout 3" in done.stderr.decode()


# --- what comes out


def test_json_is_an_object_a_line(practice: PracticeServer) -> None:
    done = run(at(practice), "--json", *commands(*LETTER, "quit"))
    assert (done.returncode, done.stderr) == (0, b"")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["n"] for step in steps] == list(range(1, len(steps) + 1))
    assert [step["data"] for step in steps if "data" in step] == ["Subject: x\r\n\r\n.a line\r\n"]
    assert [step["code"] for step in steps if step["dir"] == "S"] == [220, 250, 250, 250, 354, 250, 221]
    assert {step["phase"] for step in steps} == {"plain"}


def test_json_of_a_dialogue_that_breaks_in_mail_data_is_whole() -> None:
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
def test_colour_is_for_terminals_or_on_demand(
    practice: PracticeServer, arguments: list[str], env: Mapping[str, str], coloured: bool
) -> None:
    done = run(at(practice), *arguments, *commands("noop"), env=env)
    assert done.returncode == 0
    assert (b"\x1b[" in done.stdout) is coloured


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes there")
def test_a_reader_that_has_had_enough(practice: PracticeServer) -> None:
    lines = " ".join("-c help" for _ in range(200))
    done = subprocess.run(
        f"{{ {sys.executable} -m smtp_shell {at(practice)} {lines}; echo status $? >&2; }} | head -n 1",
        shell=True, capture_output=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.startswith(b"   *: connect")
    assert done.stderr == b"status 0\n"


def test_a_locale_without_utf8(practice: PracticeServer) -> None:
    done = run(at(practice), *commands("noop jörg"), env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert done.returncode == 0
    assert b"C: noop j" in done.stdout


# --- recording


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


def test_sessions_are_recorded_by_themselves_unless_told_otherwise(practice: PracticeServer, state_dir: Path) -> None:
    run(at(practice), "--no-record", *commands("noop"))
    assert not list(state_dir.rglob("*.smtp"))
    run(at(practice), *commands("noop"))
    (path,) = state_dir.rglob("*.smtp")
    check(path)


def test_show_gives_the_dialogue_back(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    done = run(at(practice), "--record", str(path), *commands(*LETTER, "quit"))
    shown = run("show", str(path))
    assert shown.returncode == 0

    def dialogue(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if b"*:" not in line]

    assert dialogue(shown.stdout) == dialogue(done.stdout)


# --- passwords


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


# --- help


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith(b"smtp-shell ")
    done = run("--help")
    assert done.returncode == 0
    assert b"exit status: 0 all happened" in done.stdout
    for command in ("practice", "replay", "show"):
        assert run(command, "--help").returncode == 0


def test_practice_serves_until_it_is_told_to_stop() -> None:
    program = subprocess.Popen(
        [*PROGRAM, "practice", "--serve-only"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    where = program.stdout.readline().split()[2]
    host, _, port = where.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        assert connection.recv(4) == b"220 "
    program.terminate()
    _, words = program.communicate(timeout=10)
    assert program.returncode == (0 if sys.platform != "win32" else 1)
    assert words == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only: a device that is always full")
@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["show", "a.smtp"],
        ["show", "--color", "always", "a.smtp"],
        ["convert", "--to", "json", "a.smtp", "-"],
    ],
)
def test_a_full_disk_is_one_sentence(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "a.smtp").write_text("C: NOOP\nS: 250\n", encoding="utf-8")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smtp_shell", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert done.returncode == 1
    assert done.stderr == (
        "smtp-shell: the results cannot be written: no space left on device; make room, or send them elsewhere.\n"
    )


LEAVING = """
import atexit, sys, threading, time
sys.path.insert(0, {root!r})
sys.argv = ["smtp-shell", "show", {path!r}]
atexit.register(lambda: print("registered"))
{more}
from smtp_shell.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", ["registered"]),
        ("threading.Thread(target=lambda: (time.sleep(0.3), print('a thread'))).start()", ["a thread", "registered"]),
    ],
    ids=["at once", "a thread still works"],
)
def test_all_that_is_to_be_done_at_the_end_is_done(tmp_path: Path, more: str, said: list[str]) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("C: NOOP\nS: 250\n", encoding="utf-8")
    code = LEAVING.format(root=str(ROOT), path=str(path), more=more)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert any("NOOP" in line for line in lines)
    assert lines[-1 - len(said) : -1] == said
