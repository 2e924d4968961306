"""smtp-shell as a process of its own, and servers for it."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from smtp_shell.servers.faults import parse_faults
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.peer import Peer

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


def run_where_files_end(octets: int, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run it where the system lets no file become longer than so many octets, as on a full disk. POSIX only."""
    code = (
        f"import resource, sys, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, ({octets}, {octets})); "
        "sys.argv[0] = 'smtp-shell'; runpy.run_module('smtp_shell', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr + done.stdout
    return done


def run_text(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run it as `run` does, and decode what it wrote."""
    done = run(*arguments, env=env, timeout=60)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def commands(*lines: str) -> list[str]:
    return [word for line in lines for word in ("-c", line)]


def at(server: PracticeServer) -> str:
    return f"127.0.0.1:{server.port}"


@contextmanager
def serving(script: Callable[[Peer], None], *, unix: bool = False) -> Iterator[str]:
    """Serve one connection with a script, and yield the address: host and port, or the path of a Unix socket."""
    failures: list[BaseException] = []

    def serve() -> None:
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection:
                try:
                    script(Peer(connection))
                except BaseException as failure:
                    failures.append(failure)

    with (
        tempfile.TemporaryDirectory(prefix="smtp-shell-") as folder,  # a short path, for Unix sockets
        socket.socket(socket.AF_UNIX) if unix else socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        if unix:
            listener.bind(f"{folder}/smtp")
            listener.listen()
        listener.settimeout(20)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname() if unix else f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(20)
    assert not failures


def stay_silent(peer: Peer) -> None:
    peer.hear_end()


@contextmanager
def faulty(*faults: str) -> Iterator[str]:
    with PracticeServer(PracticeSettings(faults=parse_faults(faults))) as server:
        yield at(server)


def sentence(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Return the only line on standard error."""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("smtp-shell: ")
    return line
