"""`smtp-shell practice`: what it serves, prints and keeps."""

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import PROGRAM, commands, run, sentence

AUTH = commands("ehlo", "starttls", "ehlo", "auth plain")


@contextlib.contextmanager
def serving(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Run `practice --serve-only`, and yield what it prints, by name."""
    program = subprocess.Popen(
        [*PROGRAM, "practice", "--serve-only", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    assert program.stdout is not None
    printed: dict[str, str] = {}
    try:
        for line in program.stdout:
            name, _, value = line.strip().partition("  ")
            printed[name] = value.strip()
            if line.startswith("Ctrl-C"):
                break
        yield printed
    finally:
        program.terminate()
        _, words = program.communicate(timeout=10)
    assert program.returncode == (0 if sys.platform != "win32" else 1)
    assert words == ""


def address(printed: Mapping[str, str]) -> str:
    return printed["practice server"].split()[0]


def python_client(printed: Mapping[str, str]) -> str:
    """Run the line that is printed for Python in a client of sockets alone; return the version of TLS."""
    host, _, port = address(printed).partition(":")
    names: dict[str, ssl.SSLContext] = {}
    exec(printed["in Python"], {"ssl": ssl}, names)
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        for line in (None, b"EHLO client.example", b"STARTTLS"):
            if line is not None:
                plain.sendall(line + b"\r\n")
            while not re.search(rb"(?m)^2\d\d .*\r\n\Z", plain.recv(4096)):
                pass
        with names["context"].wrap_socket(plain, server_hostname=host) as secured:
            secured.sendall(b"NOOP\r\n")
            assert secured.recv(100).startswith(b"250 ")
            return secured.version() or ""


def test_serve_only_runs_until_sigterm() -> None:
    with serving() as printed:
        host, _, port = address(printed).partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            assert connection.recv(4) == b"220 "


@pytest.mark.parametrize("folder", ["state", "a folder's name"])
def test_a_python_client_trusts_the_server_by_the_line_that_is_printed(tmp_path: Path, folder: str) -> None:
    with serving(env={"SMTP_SHELL_STATE_DIR": str(tmp_path / folder)}) as printed:
        assert printed["in Python"].startswith("context = ssl.create_default_context(cafile=")
        assert python_client(printed) == "TLSv1.3"


def test_password_and_certificate_are_the_same_at_each_start(state_dir: Path) -> None:
    with serving() as first, serving() as second:
        assert {name: first[name] for name in ("user", "password", "certificate", "in Python")} == {
            name: second[name] for name in ("user", "password", "certificate", "in Python")
        }
        assert python_client(first) == python_client(second) == "TLSv1.3"
    assert first["certificate"] == str(state_dir / "practice" / "ca.pem")
    done = run("practice", *AUTH, "-c", "/status")
    assert done.returncode == 0
    assert f"its password {first['password']}" in done.stderr.decode()


@pytest.mark.parametrize(
    ("user", "password"),
    [("ann", ""), ("student", "wörter im keller"), ("zoë", "xylophone"), ("ann", "first-second-1234")],
)
def test_user_and_password_can_be_chosen(user: str, password: str) -> None:
    chosen = {"SMTP_SHELL_PASSWORD": password} if password else {}
    with serving("--user", user, env=chosen) as printed:
        assert printed["user"] == user
        assert password not in printed["password"] or not password
        given = {"SMTP_SHELL_PASSWORD": password or printed["password"]}
        ca_file = printed["certificate"]
        done = run(address(printed), "--ca-file", ca_file, "--user", user, *AUTH, env=given)
        assert done.returncode == 0, done.stderr
        other = run(address(printed), "--ca-file", ca_file, "--user", "eve", *AUTH, env=given)
        assert other.returncode != 0
    with_shell = run("practice", "--user", user, *AUTH, "-c", "/status", "-c", "/inbox", env=chosen)
    assert with_shell.returncode == 0, with_shell.stderr
    words = with_shell.stderr.decode()
    assert f"its user     {user}" in words
    assert ("from SMTP_SHELL_PASSWORD" in words) is bool(password)
    assert not password or password not in with_shell.stdout.decode() + words


def test_an_empty_password_is_none_given() -> None:
    with serving(env={"SMTP_SHELL_PASSWORD": ""}) as empty:
        pass
    with serving() as unset:
        assert empty["password"] == unset["password"] != ""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-c", "ehlo"], "-c"),
        (["-f", "x"], "-f"),
        (["--json"], "--json"),
        (["--ehlo", "x", "-4"], "-4, --ehlo"),
        (["--timeout", "3"], "--timeout"),
        (["--password-command", "x"], "--password-command"),
        (["--ca-file", "x"], "--ca-file"),
        (["--keep-going"], "--keep-going"),
        (["--starttls"], "--starttls"),
    ],
)
def test_no_option_is_ignored_in_silence(arguments: list[str], named: str) -> None:
    done = run("practice", "--serve-only", *arguments)
    assert done.returncode == 2
    assert named in sentence(done)


@pytest.mark.parametrize("user", ["", "a\rb", "a\nb", "\x7f"])
def test_a_user_that_cannot_be(user: str) -> None:
    done = run("practice", "--serve-only", "--user", user)
    assert done.returncode == 2
    assert "--user" in sentence(done)


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's")
@pytest.mark.parametrize("problem", ["no folder", "a link"])
def test_where_nothing_can_be_kept_it_serves_and_says_so(tmp_path: Path, problem: str) -> None:
    state = tmp_path / "state"
    if problem == "no folder":
        state.write_text("")
    else:
        state.mkdir()
        (tmp_path / "elsewhere").mkdir()
        (state / "practice").symlink_to(tmp_path / "elsewhere")
    with serving(env={"SMTP_SHELL_STATE_DIR": str(state)}) as printed:
        assert any(line.startswith("Password and certificate are for this run only: ") for line in printed)
        assert python_client(printed) == "TLSv1.3"
    assert not (tmp_path / "elsewhere").exists() or not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("back", ["/connect practice", "/reconnect", "/connect practice --starttls"])
def test_after_a_failed_connect_there_is_a_way_back(back: str) -> None:
    lines = commands("/connect 127.0.0.1:1", back, "ehlo", "starttls" if back[-1] != "s" else "noop", "ehlo", "noop")
    done = run("practice", "--keep-going", "--json", *lines)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["text"] for each in said if each.get("dir") == "C"][-1] == "noop"
    assert sum(str(each.get("text", "")).startswith("tls ") for each in said) == 1
    assert done.returncode == 3


def test_the_practice_password_is_in_no_transcript_or_other_file(state_dir: Path) -> None:
    done = run("practice", *AUTH, "-c", "/status", "-c", "/inbox", "-c", "mail <>", "-c", "quit")
    assert done.returncode == 0
    password = (state_dir / "practice" / "password").read_text().strip()
    assert password in done.stderr.decode()
    assert password not in done.stdout.decode()
    recordings = [path for path in state_dir.rglob("*") if path.is_file() and path.parent.name != "practice"]
    assert recordings
    assert all(password.encode() not in path.read_bytes() for path in recordings)


@pytest.mark.parametrize("arguments", [[], ["practice"]])
def test_the_practice_server_begins_tls_with_starttls_only(arguments: list[str]) -> None:
    done = run(*arguments, "-c", "/connect practice --tls")
    assert done.returncode == 2
    assert "practice" in sentence(done)


def test_where_no_practice_server_runs_one_is_started_and_ends_with_the_shell() -> None:
    words = ("ehlo", "starttls", "ehlo", "auth plain", "mail ann@example.org", "rcpt bob@example.org")
    done = run(
        *commands("/connect practice", *words, "/sessions", "/reconnect", "ehlo", "/connect practice", "/status")
    )
    assert done.returncode == 0, done.stderr
    assert b"*: auth PLAIN student" in done.stdout
    said = done.stderr.decode()
    assert said.count("practice server  127.0.0.1:") == 1
    port = int(said.split("practice server  127.0.0.1:")[1].split()[0])
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=10):
        pass


def test_the_password_of_a_practice_server_is_for_no_other_server(practice: PracticeServer) -> None:
    other = f"127.0.0.1:{practice.port}"
    words = ("ehlo", "starttls", "ehlo", "auth plain student")
    trusting = ("--ca-file", str(practice.ca_file))
    done = run(*trusting, *commands("/connect practice", f"/connect {other}", *words))
    assert done.returncode == 5
    assert b"smtp-shell: -c: no password: give --password-command CMD" in done.stderr


def test_auth_without_tls_is_offered_where_that_is_asked_for() -> None:
    with serving("--insecure-auth") as printed:
        assert "base64 hides nothing" in printed["WARNING"]
        given = {"SMTP_SHELL_PASSWORD": printed["password"]}
        words = ("--user", "student", "--insecure-auth", *commands("ehlo", "auth login"))
        assert run(address(printed), *words, env=given).returncode == 0
    with serving() as printed:
        given = {"SMTP_SHELL_PASSWORD": printed["password"]}
        assert run(address(printed), *words, env=given).returncode != 0


@pytest.mark.parametrize(
    ("listen", "named"),
    [
        (["--listen", "0.0.0.0"], "--yes"),
        (["--listen", "127.0.0.1"], "leave it out"),
        (["--listen", "localhost"], "leave it out"),
        (["--listen", "mail.example.org"], "IP address"),
        (["--listen", ""], "IP address"),
    ],
)
def test_it_listens_on_no_other_address_without_a_yes(listen: list[str], named: str) -> None:
    done = run("practice", "--serve-only", *listen)
    assert done.returncode == 2
    assert named in sentence(done)
    assert done.stdout == b""


def test_with_a_yes_it_listens_on_every_address_and_says_which(state_dir: Path) -> None:
    with serving("--listen", "0.0.0.0", "--yes") as printed:
        port = address(printed).rpartition(":")[2]
        assert address(printed) == f"127.0.0.1:{port}"
        assert "another machine" in printed
        assert "whoever reaches this machine" in printed["WARNING"]
        assert printed["certificate"] == str(state_dir / "practice" / "network" / "ca.pem")
        elsewhere = printed["another machine"].partition(":")[0]
        if re.fullmatch(r"[0-9.]+", elsewhere):
            done = run(
                f"{elsewhere}:{port}",
                "--ca-file",
                printed["certificate"],
                *commands("ehlo", "starttls", "ehlo", "quit"),
            )
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("problem", ["a file", "no permission"])
def test_a_folder_that_cannot_be_kept_in_is_named_before_anything_starts(tmp_path: Path, problem: str) -> None:
    folder = tmp_path / "kept"
    if problem == "a file":
        folder.write_text("")
    elif os.name == "nt" or os.geteuid() == 0:
        folder = Path("/proc/kept")
        if not folder.parent.is_dir():
            pytest.skip("there is no folder here in which nothing can be made")
    else:
        folder.mkdir(mode=0o500)
    done = run("practice", "--serve-only", "--keep", str(folder))
    assert done.returncode == 2
    assert "--keep" in sentence(done)
    assert done.stdout == b""
