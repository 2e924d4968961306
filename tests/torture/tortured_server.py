"""A server of ours in a process of its own, one call of which fails: how it is started, talked to, and ended, and what is asked of it."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from tests.torture.mail_clients import converse
from tests.torture.what_is_left import descriptors_of, left_over, secrets_in, sentences_in, threads_of, tracebacks_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.torture.forking import Ended, Starter
    from tests.torture.mail_clients import Dialogue, Told
    from tests.torture.plan import Plan

CLIENTS: Final = 2
"""Clients in a run without a failure, one after the other."""

MOST_SECONDS: Final = 150.0
"""After how long a child is killed, whatever became of whoever talks to it."""

_ROOT = Path(__file__).parents[2]
_READY = "Ctrl-C "
_START_SECONDS, _END_SECONDS = 60.0, 30.0
_ENDING_SECONDS = 2.0  # that a server has which closes a connection because it ends
_ADDRESS = re.compile(r"^(?:practice server|mock server|relay) +(?:smtp://)?127\.0\.0\.1:([0-9]+)", re.MULTILINE)
_CERTIFICATE = re.compile(r"^certificate +(/.*)$", re.MULTILINE)


@dataclass
class Served:
    """What came of a server's run.

    Attributes:
        tolds: What each client was told, in order.
        status: The exit status, or minus the signal; None where it had to be killed.
        is_ready: Whether it came so far that it takes clients.
        ended_by_itself: Whether it ended without a signal.
        is_screen_lost: Whether what it prints could not be written.
        problems: What is wrong, a sentence each.
        descriptors: What it held when its clients were gone.
        threads: How many threads it had then.
    """

    tolds: list[Told] = field(default_factory=list)
    status: int | None = None
    is_ready: bool = False
    ended_by_itself: bool = False
    is_screen_lost: bool = False
    problems: list[str] = field(default_factory=list)
    descriptors: list[str] = field(default_factory=list)
    threads: int = 0
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def printed(self) -> bytes:
        """What it printed, the end of standard output before all of standard error."""
        return self.stdout[-1500:] + b"\n" + self.stderr


class Attended:
    """A child of the starter that runs while somebody talks to it.

    Args:
        starter: Forks it.
        words: Its command line.
        plan: What is to fail.
        folder: Its working folder.
        environment: Its whole environment.
        streams: Its standard input, output and error.
    """

    def __init__(
        self,
        starter: Starter,
        words: Sequence[str],
        plan: Plan,
        folder: Path,
        environment: Mapping[str, str],
        streams: tuple[str, Path, Path],
    ) -> None:
        self._starter = starter
        self._ended: Ended | None = None
        stdin, output, errors = streams

        def run() -> None:
            self._ended = starter.run(
                words,
                plan,
                folder=folder,
                environment=environment,
                output=output,
                errors=errors,
                seconds=MOST_SECONDS,
                stdin=stdin,
            )

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its process id; 0 once it has ended."""
        return next((each.pid for each in psutil.Process(self._starter.pid).children()), 0)

    @property
    def ended(self) -> Ended | None:
        """How it ended; None while it runs."""
        return self._ended

    def wait(self, seconds: float) -> Ended | None:
        """Wait until it has ended, and return how; None if it does not in time."""
        self._thread.join(seconds)
        return self._ended

    def send(self, number: int) -> None:
        """Send it a signal, if it runs."""
        pid = self.pid
        if pid and self._ended is None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End it, whatever it does."""
        while self._ended is None and self._thread.is_alive():
            self.send(signal.SIGKILL)
            self._thread.join(1.0)


class TorturedServer:
    """A server's process.

    Args:
        starter: Forks it.
        words: Its command line.
        plan: What is to fail.
        folder: Its working folder, beside which its output goes.
        environment: Its whole environment.
    """

    def __init__(
        self, starter: Starter, words: Sequence[str], plan: Plan, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._out, self._err = folder.parent / "output", folder.parent / "errors"
        for path in (self._out, self._err):
            path.write_bytes(b"")
        self.process = Attended(starter, words, plan, folder, environment, (os.devnull, self._out, self._err))

    @property
    def stdout(self) -> bytes:
        return self._out.read_bytes()

    @property
    def stderr(self) -> bytes:
        return self._err.read_bytes()

    def wait_ready(self) -> tuple[int, Path] | None:
        """Wait until it takes clients; return its port and the certificate to trust, None if it has ended instead.

        Raises:
            TimeoutError: It does neither.
        """
        deadline = time.monotonic() + _START_SECONDS
        while True:
            has_ended = self.process.ended is not None
            said = self.stdout.decode()
            if _READY in said:
                port, certificate = _ADDRESS.search(said), _CERTIFICATE.search(said)
                if port is not None and certificate is not None:
                    return int(port[1]), Path(certificate[1])
            if has_ended:
                return None
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.005)

    def end(self, number: int) -> int | None:
        """Send a signal, and return the exit status; None if it does not end."""
        self.process.send(number)
        ended = self.process.wait(_END_SECONDS)
        return ended.status if ended is not None else None


def converse_in_turn(server: TorturedServer, served: Served, port: int, ca_file: Path, dialogue: Dialogue) -> None:
    """Have the clients talk, one after the other; and one more where the last of them got no whole dialogue."""
    for number in range(1, CLIENTS + 2):
        if number > CLIENTS and served.tolds[-1].is_whole:
            return
        told = converse(port, ca_file, number, dialogue)
        served.tolds.append(told)
        if told.hung:
            served.problems.append(f"client {number} hung: {told.why}")
        if server.process.ended is not None:
            return


def failed_dialogues(served: Served) -> list[str]:
    """Return what is wrong if more than one client has had no whole dialogue."""
    failed = [f"client {number}: {told.why}" for number, told in enumerate(served.tolds, 1) if not told.is_whole]
    return [f"more than one dialogue failed: {'; '.join(failed)}"] if len(failed) > 1 else []


def serve(
    server: TorturedServer, dialogue: Dialogue, ending: int, expected: Served | None, spare_threads: int
) -> Served:
    """Take a server from its start to its end.

    Args:
        server: The server, just started.
        dialogue: What its clients say.
        ending: The signal that ends it.
        expected: What came of a run without a failure; None for that run.
        spare_threads: How many threads more than then may wait for work.
    """
    served = Served()
    try:
        found = server.wait_ready()
        served.is_ready = found is not None
        if found is not None:
            converse_in_turn(server, served, *found, dialogue)
            is_ending = not served.tolds[-1].is_whole and server.process.wait(_ENDING_SECONDS) is not None
            if not is_ending and server.process.ended is None:
                _look_at(server, served, expected, spare_threads)
        served.ended_by_itself = server.process.ended is not None
        served.status = server.end(ending)
        if served.status is None:
            served.problems.append(f"the server does not end on {signal.Signals(ending).name}")
    except TimeoutError:
        served.problems.append("the server neither starts nor ends")
    finally:
        server.process.kill()
    served.stdout, served.stderr = server.stdout, server.stderr
    texts = (served.stdout, served.stderr)
    served.problems += (*tracebacks_in(texts), *secrets_in(texts, ()), *sentences_in(served.stderr, 2))
    return served


def _look_at(server: TorturedServer, served: Served, expected: Served | None, spare_threads: int) -> None:
    pid = server.process.pid
    if expected is not None:
        served.problems += left_over(pid, expected.descriptors, expected.threads + spare_threads)
        return
    time.sleep(1.5)  # what lingers after a dialogue is gone
    served.descriptors, served.threads = descriptors_of(pid), threads_of(pid)


def environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server that keeps to a folder, with the password that must be nowhere."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(_ROOT),
        "LANG": "C.UTF-8",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "SMTP_SHELL_STATE_DIR": str(folder / "state"),
        "SMTP_SHELL_CONFIG_DIR": str(folder / "config"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        **extra,
    }
