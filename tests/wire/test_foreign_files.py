"""What other tools wrote, wherever a transcript is taken: shown, judged, compared, replayed, served, tested and loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from smtp_shell import Transcript, replay, serve
from tests.unit.cli.program import run_text

IMPORTERS = Path(__file__).parents[1] / "unit" / "importers"
FILES = {
    "swaks": "recorded/swaks_tls_plain.txt",
    "telnet": "terminals/telnet_basic.txt",
    "pcapng": "captures/pcapng_basic.pcapng",
    "postfix": "server_logs/postfix_basic.log",
    "s_client": "terminals/s_client_starttls_pipe.txt",
    "sendmail": "corpus/sendmail_v.txt",
}
PASSWORD = "canary-4f9Q.parrot"


@pytest.fixture(params=FILES)
def log(request: pytest.FixtureRequest) -> Path:
    return IMPORTERS / FILES[request.param]


@pytest.mark.parametrize("words", [("show",), ("lint",), ("quiz", "--json"), ("convert", "-", "--to", "json")])
def test_it_is_shown_judged_asked_about_and_converted(log: Path, words: tuple[str, ...]) -> None:
    command, *more = words
    done = run_text(command, str(log), *more) if command != "quiz" else run_text(*words, str(log))
    assert done.returncode in ((0, 1) if command == "lint" else (0,)), done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr
    assert "the header does not say" not in done.stderr


def test_it_is_compared_with_itself_and_with_another_one(log: Path) -> None:
    assert run_text("diff", str(log), str(log)).returncode == 0
    other = next(IMPORTERS / name for name in FILES.values() if log != IMPORTERS / name)
    done = run_text("diff", "--json", str(log), str(other))
    assert json.loads(done.stdout.splitlines()[-1])["exit_status"] == done.returncode == 1


def test_it_is_served_and_replayed(log: Path) -> None:
    with serve(log, user="ann", password=PASSWORD) as server:
        result = replay(
            log, server.url, user="ann", password=PASSWORD, ca_file=server.ca_file, match="text", insecure_auth=True
        )
        server.results(1)
        assert result.ok, result.failure
        assert server.ok, server.report()


def test_it_is_read_written_and_served_from_memory(log: Path, tmp_path: Path) -> None:
    read = Transcript.read(log)
    assert read.steps
    path = tmp_path / "read.smtp"
    read.write(path)
    assert Transcript.read(path).format() == read.format()
    with serve(read, user="ann", password=PASSWORD) as server:
        result = replay(
            read, server.url, user="ann", password=PASSWORD, ca_file=server.ca_file, match="text", insecure_auth=True
        )
        assert result.ok, result.failure


def test_the_command_serves_it_at_standard_input(log: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "smtp_shell", "serve", str(log), "--stdio"],
        input="QUIT\r\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("220")
    assert "221" in done.stdout
    assert done.returncode == 1
    assert "1 differed" in done.stderr


def test_it_is_a_test_of_pytest_where_it_is_named(log: Path, tmp_path: Path) -> None:
    installed = any(each.name == "smtp_shell" for each in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "smtp_shell.integrations.pytest_plugin"]
    copy = tmp_path / log.name
    copy.write_bytes(log.read_bytes())
    (tmp_path / "notes.txt").write_text("nothing of a dialogue\n", encoding="utf-8")
    words = [*plugin, "-p", "no:cacheprovider", "-p", "no:locust", "-q", "--rootdir", str(tmp_path), "--collect-only"]
    for named, found in ((copy, True), (tmp_path / "notes.txt", False), (tmp_path, False)):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words, str(named)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            cwd=tmp_path,
        )
        assert (f"{log.name}::replay" in done.stdout) is found, done.stdout + done.stderr


@pytest.mark.skipif(find_spec("locust") is None, reason="Locust is missing; install the extra locust")
def test_it_is_a_task_of_locust(tmp_path: Path) -> None:
    log = IMPORTERS / FILES["telnet"]
    (tmp_path / "locustfile.py").write_text(
        "from locust import constant, events\n"
        "from smtp_shell.integrations.locust import TranscriptUser\n\n"
        "class Sender(TranscriptUser):\n"
        f"    transcript, wait_time = {str(log)!r}, constant(0)\n\n"
        "@events.request.add_listener\n"
        "def end(name, **_):\n"
        "    if name.startswith('RCPT'):\n"
        "        events.told.environment.runner.quit()\n\n"
        "@events.init.add_listener\n"
        "def begin(environment, **_):\n"
        "    class Told: pass\n"
        "    events.told = Told()\n"
        "    events.told.environment = environment\n",
        encoding="utf-8",
    )
    with serve(log) as server:
        done = subprocess.run(
            [sys.executable, "-m", "locust", "--headless", "--users", "1", "--host", server.url, "--only-summary"],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            cwd=tmp_path,
        )
    said = done.stdout + done.stderr
    assert f"MAIL {log.name}:" in said, said
