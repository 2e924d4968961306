"""Load with Locust: real runs on loopback, a master with workers against smtp-sink, and one process with STARTTLS and AUTH.

Locust replaces the sockets of its process, so that it always runs as a process of its own.
"""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.daemon import HOST, answers, came_up, child, end_of, free_ports, program

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(find_spec("locust") is None, reason="Locust is missing; install the extra locust")

# A run ends when it has seen enough and has written it, however long that takes on the machine.
LOCUSTFILE = """
from pathlib import Path

import gevent
from locust import constant, events
from locust.runners import WorkerRunner
from smtp_shell.integrations.locust import TranscriptUser

@events.init.add_listener
def end_when_enough(environment, **_):
    def total():  # Locust takes another total when a run starts
        return environment.stats.total.num_requests

    def written():
        rows = Path("out_stats.csv").read_text().splitlines() if Path("out_stats.csv").exists() else []
        return int(rows[-1].split(",")[2]) if len(rows) > 1 else 0

    def watch():
        while total() < 60:
            gevent.sleep(0.1)
        workers = len(getattr(environment.runner, "clients", ()))
        environment.runner.stop()
        while written() != total():
            gevent.sleep(0.1)
        # A worker that has stopped reports again, and only then it can be told of the end.
        while len(getattr(environment.runner, "clients", ())) < workers:
            gevent.sleep(0.1)
        environment.runner.quit()

    if not isinstance(environment.runner, WorkerRunner):
        gevent.spawn(watch)

@events.test_stop.add_listener
def report_at_once(environment, **_):
    if isinstance(environment.runner, WorkerRunner):  # all its users have ended; it would wait as long as they might have taken
        environment.stop_timeout = 0

class Sender(TranscriptUser):
    transcript, wait_time = "lab.smtp", constant(0)
"""
MESSAGE = (
    "S: 220\nC: EHLO client.example.org\nS: 250\nC: MAIL FROM:<ann@example.org>\nS: 250\nC: RCPT TO:<bob@example.org>\n"
    "S: 250\nC: DATA\nS: 354\nC: Subject: ${count}\nC: \nC: hello\nC: .\nS: 250\nC: QUIT\nS: 221\n"
)
LOGIN = (
    "S: 220\nC: EHLO a\nS: 250\nC: STARTTLS\nS: 220\nC: EHLO a\nS: 250\nC: AUTH PLAIN ${sasl}\nS: 235\nC: VRFY bob\nS: 252\n"
    "C: QUIT\nS: 221\n"
)
BOUND = 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE, encoding="utf-8")
    (tmp_path / "lab.smtp").write_text(MESSAGE, encoding="utf-8")
    return tmp_path


@contextmanager
def sink(folder: Path, *options: str) -> Iterator[str]:
    """Run smtp-sink; yield its URL."""
    name = program("smtp-sink")
    if name is None:
        pytest.skip("smtp-sink not found; install Postfix (Debian: apt-get install postfix)")
    for _ in range(3):
        (port,) = free_ports(1)
        log = folder / "sink.log"
        with child([name, "-u", "nobody", *options, f"{HOST}:{port}", "100"], log) as process:
            if came_up(process, log, [partial(answers, HOST, port)]):
                yield f"smtp://{HOST}:{port}"
                return
    pytest.fail(f"smtp-sink did not start: {end_of(log)}")


def locust(*words: str) -> list[str]:
    return [sys.executable, "-m", "locust", "--skip-log-setup", *words]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run(folder: Path, url: str, *words: str, **more: str) -> tuple[int, str]:
    """Run Locust without workers; return its exit status and what it printed."""
    options = ["--host", url, "--headless", "--stop-timeout", "60", "--csv", "out", *words]
    done = subprocess.run(
        locust(*options),
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BOUND,
        check=False,
    )
    return done.returncode, done.stdout


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"out_{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def names(found: Sequence[dict[str, str]]) -> set[str]:
    return {row["Name"] for row in found}


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.name == "nt", reason="smtp-sink does not run on Windows")
def test_a_master_with_two_workers_loads_a_server(folder: Path) -> None:
    (port,) = free_ports(1)
    with sink(folder, "-c") as url, ExitStack() as stack:
        for number in range(2):
            command = locust("--worker", "--master-host", HOST, "--master-port", str(port))
            stack.enter_context(started(command, folder, f"worker-{number}.log"))
        status, said = run(
            folder,
            url,
            "--master",
            *("--master-bind-host", HOST, "--master-bind-port", str(port), "--expect-workers", "2"),
            *("-u", "4", "-r", "4", "-t", "80s"),
        )
    assert status == 0, said
    stats = rows(folder, "stats")
    assert rows(folder, "failures") == []
    assert names(stats) == {
        "connect",
        "greeting lab.smtp:1",
        "EHLO lab.smtp:2",
        "MAIL lab.smtp:4",
        "RCPT lab.smtp:6",
        "DATA lab.smtp:8",
        "mail data lab.smtp:10",
        "QUIT lab.smtp:15",
        "Aggregated",
    }
    for row in stats:
        assert int(row["Request Count"]) > 0
        assert int(row["Failure Count"]) == 0
        assert row["Type"] == ("" if row["Name"] == "Aggregated" else "SMTP")
    assert float(next(row["Average Content Size"] for row in stats if row["Name"].startswith("EHLO"))) > len("250 \r\n")


@contextmanager
def started(command: list[str], folder: Path, log: str) -> Iterator[None]:
    """Run a worker in a folder until the block ends."""
    with (folder / log).open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.name == "nt", reason="smtp-sink does not run on Windows")
def test_refusals_are_failures_by_their_code(folder: Path) -> None:
    with sink(folder, "-f", "RCPT") as url:
        status, said = run(folder, url, "-u", "2", "-r", "2", "-t", "80s")
    assert status == 1, said
    (failure,) = rows(folder, "failures")
    assert (failure["Method"], failure["Name"]) == ("SMTP", "RCPT lab.smtp:6")
    assert failure["Error"].endswith("reply 500, expected 250")
    assert int(failure["Occurrences"]) > 0


def test_tls_auth_labels_and_variables_under_gevent(folder: Path, practice: PracticeServer) -> None:
    (folder / "lab.smtp").write_text(LOGIN, encoding="utf-8")
    more = f'    user, ca_file, labels = "student", {str(practice.ca_file)!r}, {{10: "lookup"}}\n    match = "code"\n'
    (folder / "locustfile.py").write_text(LOCUSTFILE + more, encoding="utf-8")
    url = f"smtp://{practice.host}:{practice.port}"
    status, said = run(folder, url, "-u", "2", "-r", "2", "-t", "80s", SMTP_SHELL_PASSWORD=practice.password.reveal())
    assert status == 0, said
    assert names(rows(folder, "stats")) == {
        "connect",
        "greeting lab.smtp:1",
        "EHLO lab.smtp:2",
        "STARTTLS lab.smtp:4",
        "tls",
        "EHLO lab.smtp:6",
        "AUTH lab.smtp:8",
        "lookup",
        "QUIT lab.smtp:12",
        "Aggregated",
    }
    assert rows(folder, "failures") == []
    assert practice.password.reveal() not in said


def test_a_transcript_beside_a_locustfile_elsewhere_and_processes_of_one_machine(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, practice: PracticeServer
) -> None:
    (folder / "lab.smtp").write_text("S: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n", encoding="utf-8")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    words = ["-f", str(folder / "locustfile.py"), "-u", "2", "-r", "2", "-t", "80s"]
    processes = [] if os.name == "nt" else ["--processes", "2"]
    status, said = run(elsewhere, f"{practice.host}:{practice.port}", *words, *processes)
    assert status == 0, said
    assert "NOOP lab.smtp:2" in names(rows(elsewhere, "stats"))


def test_no_connection_is_a_failure(folder: Path) -> None:
    with socket.socket() as taken:  # bound, so that no other server gets the port, and not listened at
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        status, said = run(folder, f"{HOST}:{port}", "-u", "1", "-r", "1", "-t", "80s")
    assert status == 1, said
    (failure,) = rows(folder, "failures")
    assert failure["Name"].startswith("connect")
    assert f"no connection to {HOST}:{port}" in failure["Error"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("hello\n", "lab.smtp:1: 'hello' has no marker"), ("C: NOOP ${word}\n", "${word} has no value")],
)
def test_a_transcript_that_cannot_be_replayed_ends_the_test_with_a_sentence(
    folder: Path, text: str, sentence: str
) -> None:
    (folder / "lab.smtp").write_text(text, encoding="utf-8")
    status, said = run(folder, f"{HOST}:1", "-u", "2", "-r", "2", "-t", "60s")
    assert (status, sentence in said, "Traceback" in said) == (2, True, False), said
