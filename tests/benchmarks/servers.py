"""Start the servers of the benchmark: on loopback, on free ports, on a core of their own, stopped even if the benchmark is killed."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.bench import program, script_of
from tests.benchmarks.environments import ROOT
from tests.benchmarks.processes import SERVER_CORES, Failed, Missing, find, pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.benchmarks.bench import Bench

HOST = "127.0.0.1"
START_SECONDS = 30.0
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that offers STARTTLS and then AUTH.

    Args:
        name: Its name in the table.
        port: Port on loopback.
        user: User name for AUTH.
        password: The user's password.
        ca_file: Certificate authority of the server, PEM.
        mail: Folder under which each delivered message is a file.
    """

    name: str
    port: int
    user: str
    password: str = field(repr=False)
    ca_file: str
    mail: Path

    @property
    def delivered(self) -> int:
        """Number of messages delivered so far."""
        return sum(1 for path in self.mail.rglob("new/*") if path.is_file())


def free_port() -> int:
    """Return a port that is free at this moment."""
    with contextlib.closing(socket.create_server((HOST, 0))) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def supervised(bench: Bench, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """Run a server until the block or this process ends."""
    environment = {**bench.env, "PYTHONUNBUFFERED": "1"}
    with pinned(SERVER_CORES), tempfile.TemporaryFile("w+", dir=bench.folder) as err:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.supervisor", *argv],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
    try:
        yield supervisor
    finally:
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        try:
            supervisor.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        assert supervisor.stdout is not None
        supervisor.stdout.close()


@contextlib.contextmanager
def listening(bench: Bench, port: int, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """Run a server until the block ends; wait until it accepts connections.

    Raises:
        Failed: It does not accept any.
    """
    with supervised(bench, *argv) as supervisor:
        deadline = time.monotonic() + START_SECONDS
        while not accepts(port):
            if supervisor.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{' '.join(argv)} does not listen on port {port}")
            time.sleep(0.01)
        yield supervisor


def accepts(port: int) -> bool:
    """Return True if a server listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


@contextlib.contextmanager
def sink(bench: Bench) -> Iterator[int]:
    """Run our own server that discards mail and varies its replies; yield its port."""
    script = str(Path(__file__).with_name("sink.py"))
    with _on_free_port(bench, lambda port: (sys.executable, script, HOST, str(port))) as port:
        yield port


@contextlib.contextmanager
def mock(bench: Bench, path: Path, *options: str) -> Iterator[int]:
    """Run `smtp-shell serve` with a transcript; yield its port.

    Args:
        bench: The run.
        path: The transcript.
        options: Options of the command.
    """
    words = (*program(), "serve", str(path), "--quiet", *options)
    with _on_free_port(bench, lambda port: (*words, "--port", str(port))) as port:
        yield port


@contextlib.contextmanager
def bare_aiosmtpd(bench: Bench) -> Iterator[int]:
    """Run aiosmtpd with a handler that accepts each message and does nothing else; yield its port."""
    script = script_of("aiosmtpd_server.py")
    with _on_free_port(bench, lambda port: (*script, str(port))) as port:
        yield port


@contextlib.contextmanager
def smtp_sink(bench: Bench, *, dump: Path | None = None) -> Iterator[int]:
    """Run Postfix's smtp-sink, which discards mail; yield its port.

    Args:
        bench: The run.
        dump: File to which it appends each message; None for none.

    Raises:
        Missing: It is not installed.
    """
    program = find("smtp-sink")
    options = ["-m", "2000", *(("-D", str(dump)) if dump else ())]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options += ["-u", "nobody"]
        if dump:
            dump.parent.chmod(0o777)
    with _on_free_port(bench, lambda port: (program, *options, f"{HOST}:{port}", "512")) as port:
        yield port


@contextlib.contextmanager
def _on_free_port(bench: Bench, command: Callable[[int], Sequence[str]]) -> Iterator[int]:
    with contextlib.ExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            port = free_port()
            try:
                stack.enter_context(listening(bench, port, *command(port)))
                break
            except Failed:  # another process has taken the port meanwhile
                if attempt == _ATTEMPTS - 1:
                    raise
        yield port


@contextlib.contextmanager
def practice(bench: Bench, *options: str) -> Iterator[MailServer]:
    """Run the practice server in a process of its own; what it prints later is read and thrown away."""
    with supervised(bench, *program(), "practice", "--serve-only", *options) as supervisor:
        facts = _facts_of(supervisor)
        port = int(facts["practice server"].partition(" ")[0].rpartition(":")[2])
        yield MailServer(
            "practice", port, facts["user"], facts["password"], facts["certificate"], Path(facts["mail goes to"])
        )


@contextlib.contextmanager
def relay(bench: Bench, server: MailServer, *options: str) -> Iterator[int]:
    """Run a relay before a server of this machine, in a process of its own; yield its port."""
    with supervised(
        bench, *program(), "relay", f"127.0.0.1:{server.port}", "--ca-file", server.ca_file, *options
    ) as supervisor:
        yield int(_facts_of(supervisor)["relay"].partition(" ")[0].rpartition(":")[2])


def _facts_of(supervisor: subprocess.Popen[str]) -> dict[str, str]:
    """Return what a server of ours prints about itself; what it prints later is read and thrown away.

    Raises:
        Failed: It does not start.
    """
    assert supervisor.stdout is not None
    facts: dict[str, str] = {}
    for line in supervisor.stdout:
        if line.startswith("Ctrl-C"):
            break
        name, _, value = line.partition("  ")
        facts[name] = value.strip()
    else:
        raise Failed("the server does not start")
    threading.Thread(target=supervisor.stdout.read, daemon=True).start()
    return facts


@contextlib.contextmanager
def postfix(bench: Bench) -> Iterator[MailServer]:
    """Run Postfix with a configuration of its own.

    Raises:
        Missing: It is not installed, or this is not root.
    """
    with (
        tempfile.TemporaryDirectory(prefix="postfix-", dir=bench.folder, ignore_cleanup_errors=True) as folder,
        supervised(bench, "postfix", folder) as supervisor,
    ):
        assert supervisor.stdout is not None
        line = supervisor.stdout.readline()
        if not line:
            raise Failed("Postfix does not start")
        facts = json.loads(line)
        if "missing" in facts:
            raise Missing(facts["missing"])
        yield MailServer(
            "Postfix", facts["smtp"], facts["user"], facts["password"], facts["ca_file"], Path(facts["maildir"])
        )
