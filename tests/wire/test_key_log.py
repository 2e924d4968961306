"""The key log of `SSLKEYLOGFILE`: who can read it, and that it is never written or lost in silence."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.unit.cli.program import PROGRAM, at, commands, run

POSIX = pytest.mark.skipif(os.name == "nt", reason="file modes and links are POSIX's")


@pytest.fixture(scope="module")
def practice() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings()) as server:
        yield server


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "keys.log"


def in_tls(practice: PracticeServer, log: Path, *options: str) -> "subprocess.CompletedProcess[bytes]":
    options = options or ("--ca-file", str(practice.ca_file))
    return run(at(practice), "--starttls", *options, *commands("/tls"), env={"SSLKEYLOGFILE": str(log)})


@pytest.mark.parametrize("how", ["verified", "insecure"])
def test_the_keys_are_written_for_their_owner_alone_and_it_is_said(
    practice: PracticeServer, log: Path, how: str
) -> None:
    done = in_tls(practice, log, *(["--insecure"] if how == "insecure" else []))
    assert done.returncode == 0, done.stderr
    assert "CLIENT_TRAFFIC_SECRET_0" in log.read_text()
    if os.name != "nt":
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
    said = f"whoever reads this file can decrypt the connection: the keys of TLS are written to it: {log}"
    assert said in done.stdout.decode()
    assert f"keys         are written to {log} (SSLKEYLOGFILE)" in done.stdout.decode()


def test_other_programs_are_told_too(practice: PracticeServer, log: Path) -> None:
    done = in_tls(practice, log, "--json", "--ca-file", str(practice.ca_file))
    texts = [json.loads(line).get("text", "") for line in done.stdout.splitlines()]
    assert [text for text in texts if "the keys of TLS are written" in text and str(log) in text]


def test_without_a_log_nothing_is_said(practice: PracticeServer) -> None:
    done = run(at(practice), "--starttls", "--insecure", *commands("/tls"), env={"SSLKEYLOGFILE": ""})
    assert b"keys" not in done.stdout + done.stderr


@POSIX
def test_a_log_that_all_could_read_is_taken_from_them(practice: PracticeServer, log: Path) -> None:
    log.write_text("# mine\n")
    log.chmod(0o644)
    assert in_tls(practice, log).returncode == 0
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.read_text().startswith("# mine\n")


def make_link(log: Path) -> None:
    (log.parent / "elsewhere").touch()
    log.symlink_to(log.parent / "elsewhere")


def make_fifo(log: Path) -> None:
    os.mkfifo(log)


UNWRITABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a link": (make_link, "it is a link"),
    "a directory": (Path.mkdir, "is a directory"),
    "a FIFO": (make_fifo, "it is no regular file"),
}


@POSIX
@pytest.mark.parametrize("options", [(), ("--insecure",)], ids=["verified", "insecure"])
@pytest.mark.parametrize("kind", UNWRITABLE)
def test_a_log_that_cannot_be_written_is_told_before_the_connection(
    practice: PracticeServer, log: Path, kind: str, options: tuple[str, ...]
) -> None:
    make, words = UNWRITABLE[kind]
    make(log)
    done = in_tls(practice, log, *options)
    said = done.stderr.decode()
    assert done.returncode == 2
    assert done.stdout == b""
    assert said.startswith(f"smtp-shell: SSLKEYLOGFILE {log}: the keys of TLS cannot be written there: ")
    assert words in said
    assert "--ca-file" not in said
    assert not (log.parent / "elsewhere").exists() or (log.parent / "elsewhere").read_bytes() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_log_that_cannot_be_written_any_more_ends_the_handshake(
    practice: PracticeServer, log: Path, tmp_path: Path
) -> None:
    code = (
        "import resource, sys, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); sys.argv[0] = 'smtp-shell'; "
        "runpy.run_module('smtp_shell', run_name='__main__')"
    )
    options = [at(practice), "--starttls", "--insecure", "--no-record", "-c", "noop"]
    done = subprocess.run(
        [sys.executable, "-c", code, *options],
        env={**os.environ, "SSLKEYLOGFILE": str(log)}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert done.returncode == 4, done.stderr
    assert (
        f"SSLKEYLOGFILE {log}: the keys of TLS cannot be written there: nothing arrives in it" in done.stderr.decode()
    )


def test_a_replay_says_so_too(practice: PracticeServer, log: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "a.smtp"
    transcript.write_text("S: 220\nC: EHLO client.example.org\nS: 250\nC: STARTTLS\nS: 220\nC: QUIT\nS: 221\n")
    done = run(
        "replay", str(transcript), "--server", at(practice), "--ca-file", str(practice.ca_file),
        env={"SSLKEYLOGFILE": str(log)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"SSLKEYLOGFILE is set: the keys of TLS are written to {log}." in done.stderr.decode()
    assert "CLIENT_TRAFFIC_SECRET_0" in log.read_text()


@POSIX
def test_the_practice_server_writes_no_log_that_all_can_read(log: Path) -> None:
    code = (
        "from smtp_shell.servers.practice import PracticeServer, PracticeSettings\n"
        "with PracticeServer(PracticeSettings()) as server: server.ca_file\n"
    )
    subprocess.run([PROGRAM[0], "-c", code], env={**os.environ, "SSLKEYLOGFILE": str(log)}, timeout=60, check=True)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
