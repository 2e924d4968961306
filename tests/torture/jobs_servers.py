"""The jobs in which a server of ours is tortured: `practice`, `practice` with a shell that reads the inbox, `serve` and `relay`.

Beside what is asked of each job: a call that fails while clients are served costs one dialogue at most, acknowledged mail is stored, each
dialogue is recorded as its client had it, the descriptors and threads of a connection are gone with it, and the server ends on a signal
with its status. POSIX only.
"""

from __future__ import annotations

import re
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.torture.mail_clients import PASSWORD, SERVED, USER, recorded, submission
from tests.torture.tortured_server import Served, TorturedServer, environment, failed_dialogues, serve
from tests.torture.what_is_left import certificates_in, files_below, mail_in, recordings_in, secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.torture.forking import Starter
    from tests.torture.mail_clients import Dialogue
    from tests.torture.plan import Plan

_NOT_STARTED: Final = frozenset({1, 2, 3})
"""Exit statuses of a server that could not be started: its standard output is lost, a folder cannot be used, it cannot listen."""


_ITS_SCREEN: Final = frozenset({"stdout", "stderr"})
"""Calls without which a server has nobody to show anything to. A failure of one may end it: with status 0 where the pipe is closed."""

_OF_REMOVING: Final = frozenset({"unlink", "scandir"})
"""Calls without which a temporary folder cannot be removed."""

NEVER: Final = frozenset({"SSLWantRead", "SSLSyscall", "send:MemoryError"})
"""Failures that do not happen: TLS over buffers in memory reads octets that are there, and makes no system call; to send takes no
memory of Python's, and asyncio does not expect it of the octet with which one thread wakes another."""


@dataclass(frozen=True)
class Place:
    """Where a job runs.

    Attributes:
        folder: A folder of its own, empty.
        upstream: The practice server that a relay leads to.
    """

    folder: Path
    upstream: PracticeServer

    @property
    def maildir(self) -> Path:
        return self.folder / "Maildir"

    @property
    def kept(self) -> Path:
        return self.folder / "kept"


@dataclass(frozen=True)
class ServerJob:
    """One job.

    Attributes:
        name: Its name.
        words: The words of its command line, which may write what it needs into its folder.
        dialogue: What its clients say.
        judge: What else must hold afterwards.
        by_signal: The exit statuses after SIGTERM and after SIGINT.
        with_failed: The exit status if a dialogue was not whole; None for the same.
        never: Failures to leave out.
        spare_threads: How many threads may wait for work that are not there in a run without a failure.
    """

    name: str
    words: Callable[[Place], Sequence[str]]
    dialogue: Dialogue
    judge: Callable[[Place, Served], Iterator[str]]
    by_signal: tuple[int, int] = (0, 130)
    with_failed: int | None = None
    never: frozenset[str] = NEVER
    spare_threads: int = 0

    def run(self, starter: Starter, plan: Plan, place: Place, expected: Served | None) -> Served:
        """Run the job once.

        Args:
            starter: Forks the server.
            plan: What is to fail.
            place: Where.
            expected: What came of the run without a failure; None for that run.
        """
        which = (
            plan.number % 2 if plan.call not in _ITS_SCREEN else 0
        )  # Ctrl-C where it ends by itself would be one too many
        env = environment(place.folder, {"SMTP_SHELL_PASSWORD": PASSWORD})
        server = TorturedServer(starter, self.words(place), plan, place.folder, env)
        served = serve(server, self.dialogue, (signal.SIGTERM, signal.SIGINT)[which], expected, self.spare_threads)
        served.problems += self._problems(place, served, plan.call, self.by_signal[which])
        return served

    def _problems(self, place: Place, served: Served, call: str, status: int) -> Iterator[str]:
        if not served.is_ready:
            if served.status not in _NOT_STARTED and not (call in _ITS_SCREEN and served.status == 0):
                yield f"the exit status of a server that was not started is {served.status}"
            elif len(served.stderr.splitlines()) != 1 and call not in _ITS_SCREEN:
                yield f"a server that was not started says {len(served.stderr.splitlines())} sentences"
        elif call in _ITS_SCREEN and served.status in (0, 1):
            pass
        elif served.ended_by_itself:
            yield f"the server ended by itself, with status {served.status}"
        else:
            yield from failed_dialogues(served)
            allowed = {status} if all(told.is_whole for told in served.tolds) else {status, self.with_failed}
            if served.status not in allowed:
                yield f"the exit status is {served.status}, and not {status}"
        served.is_screen_lost = call in _ITS_SCREEN
        yield from secrets_in((), files_below(place.kept, place.folder / "state", place.folder / "tmp"))
        yield from certificates_in(place.folder / "state")
        yield from self.judge(place, served)
        left = [each for each in (place.folder / "tmp").iterdir() if each.is_dir()]
        if left and call not in _OF_REMOVING:
            yield f"a temporary folder is left: {left[0].name}"


def _practice(place: Place) -> Sequence[str]:
    return ("practice", "--serve-only", "--maildir", str(place.maildir), "--keep", str(place.kept), "--watch")


def _judge_practice(place: Place, served: Served) -> Iterator[str]:
    yield from mail_in(place.maildir, served.tolds)
    yield from recordings_in(place.kept, served.tolds, served.stderr)


def _serve(place: Place) -> Sequence[str]:
    transcript = place.folder / "served.smtp"
    transcript.write_text(SERVED, encoding="utf-8")
    return ("serve", str(transcript), "--keep", str(place.kept))


def _judge_serve(place: Place, served: Served) -> Iterator[str]:
    yield from recordings_in(place.kept, served.tolds, served.stderr)
    if not served.is_ready or served.is_screen_lost:
        return
    found = re.search(rb"^([0-9]+) sessions?: ([0-9]+) as in the transcript", served.stdout, re.MULTILINE)
    whole = sum(told.is_whole for told in served.tolds)
    if found is None:
        yield "serve ends without its report"
    elif int(found[2]) < whole:
        yield f"{whole} clients had the whole dialogue, and serve counts {found[2].decode()}"


def _relay(place: Place) -> Sequence[str]:
    upstream = place.upstream
    ca_file = ("--ca-file", str(upstream.ca_file))
    return ("relay", f"localhost:{upstream.port}", *ca_file, "--keep", str(place.kept), "--watch")


def _judge_relay(place: Place, served: Served) -> Iterator[str]:
    yield from mail_in(place.upstream.maildir, served.tolds)
    yield from recordings_in(place.kept, served.tolds, served.stderr)


SERVER_JOBS: Final = (
    ServerJob("practice", _practice, submission, _judge_practice),
    ServerJob("serve", _serve, recorded, _judge_serve, (0, 0), with_failed=1),
    ServerJob("relay", _relay, submission, _judge_relay, spare_threads=3),
)


@contextmanager
def upstream(folder: Path) -> Iterator[PracticeServer]:
    """Run the server that relays lead to, and that clients in terminals talk to."""
    settings = PracticeSettings(user=USER, password=Secret(PASSWORD), maildir=folder / "Maildir")
    with PracticeServer(settings) as server:
        yield server
