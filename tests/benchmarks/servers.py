"""The servers that dialogues go to: on loopback, on free ports, and gone with the benchmark however that ends."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.bench import Bench, program
from tests.benchmarks.processes import SERVER_CORES, Failed, Missing, find, pinned

HOST = "127.0.0.1"
PATIENCE = 30.0
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that offers STARTTLS and then AUTH.

    Args:
        name: What to call it.
        port: Where it listens.
        user: Who may log in.
        password: That one's password.
        ca_file: What its certificate is verified with, PEM.
        mail: The folder under which each message becomes a file.
    """

    name: str
    port: int
    user: str
    password: str = field(repr=False)
    ca_file: str
    mail: Path

    @property
    def delivered(self) -> int:
        """How many messages have come so far."""
        return sum(1 for path in self.mail.rglob("new/*") if path.is_file())


def free_port() -> int:
    """Give a port that nobody listens on at this moment."""
    with contextlib.closing(socket.create_server((HOST, 0))) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def kept(bench: Bench, *argv: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a server until the block ends, or this process does."""
    environment = {**bench.env, "PYTHONUNBUFFERED": "1"}
    with pinned(SERVER_CORES), tempfile.TemporaryFile("w+", dir=bench.folder) as err:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.keeper", *argv],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
    try:
        yield keeper
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        try:
            keeper.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        assert keeper.stdout is not None
        keeper.stdout.close()


@contextlib.contextmanager
def listening(bench: Bench, port: int, *argv: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a server until the block ends; it accepts connections when the block begins.

    Raises:
        Failed: It does not.
    """
    with kept(bench, *argv) as keeper:
        deadline = time.monotonic() + PATIENCE
        while not accepts(port):
            if keeper.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{' '.join(argv)} does not listen on port {port}")
            time.sleep(0.01)
        yield keeper


def accepts(port: int) -> bool:
    """Say whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


@contextlib.contextmanager
def smtp_sink(bench: Bench, *, dump: Path | None = None) -> Iterator[int]:
    """Run Postfix's smtp-sink, which throws mail away; give its port.

    Args:
        bench: The run.
        dump: A file to which it appends each message; None for none.

    Raises:
        Missing: It is not installed.
    """
    options = ["-m", "2000", *(("-D", str(dump)) if dump else ())]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options += ["-u", "nobody"]
        if dump:
            dump.parent.chmod(0o777)
    sink = find("smtp-sink")
    with contextlib.ExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            port = free_port()
            try:
                stack.enter_context(listening(bench, port, sink, *options, f"{HOST}:{port}", "512"))
                break
            except Failed:  # somebody else was quicker to take the port
                if attempt == _ATTEMPTS - 1:
                    raise
        yield port


@contextlib.contextmanager
def practice(bench: Bench) -> Iterator[MailServer]:
    """Run the practice server in a process of its own."""
    with kept(bench, *program(), "practice", "--serve-only") as keeper:
        assert keeper.stdout is not None
        facts: dict[str, str] = {}
        for line in keeper.stdout:
            if line.startswith("Ctrl-C"):
                break
            name, _, value = line.partition("  ")
            facts[name] = value.strip()
        else:
            raise Failed("the practice server does not start")
        port = int(facts["practice server"].partition(" ")[0].rpartition(":")[2])
        yield MailServer(
            "practice", port, facts["user"], facts["password"], facts["certificate"], Path(facts["mail goes to"])
        )


@contextlib.contextmanager
def postfix(bench: Bench) -> Iterator[MailServer]:
    """Run a Postfix of our own.

    Raises:
        Missing: It is not installed, or this is not root.
    """
    with (
        tempfile.TemporaryDirectory(prefix="postfix-", dir=bench.folder, ignore_cleanup_errors=True) as folder,
        kept(bench, "postfix", folder) as keeper,
    ):
        assert keeper.stdout is not None
        told = keeper.stdout.readline()
        if not told:
            raise Failed("Postfix does not start")
        facts = json.loads(told)
        if "missing" in facts:
            raise Missing(facts["missing"])
        yield MailServer(
            "Postfix", facts["smtp"], facts["user"], facts["password"], facts["ca_file"], Path(facts["maildir"])
        )
