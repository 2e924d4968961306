"""The jobs: what smtp-shell is run to do while its calls fail. Each is a command line, the files it reads, and the files it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PASSWORD = "Canary-7hQ2x9-of-torture"
USER = "student"
MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: torture\r\n\r\n.hello\r\n" + b"a line of the body\r\n" * 20
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run takes place.

    Args:
        folder: Its working folder, empty but for what the job puts there.
        server: Host and port of the server.
        ca_file: The authority that the server's certificate is from.
    """

    folder: Path
    server: str
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Job:
    """Something that smtp-shell is run for.

    Args:
        name: Its name.
        says: What it is, in a sentence.
        words: Makes the command line.
        prepare: Puts files into the folder before the run.
        recordings: Transcripts that it makes, as patterns below the folder: complete up to the break, whatever happens.
        results: Files that it makes in one piece: whole, as they were before, or not there.
        volatile: Patterns of what differs between two good runs.
        environment: Variables beside the usual ones.
        status: The exit status when nothing fails.
        seconds: After how long a run counts as hung.
        wipes: Whether the folder is made anew for each run.
    """

    name: str
    says: str
    words: Callable[[Place], list[str]]
    prepare: Callable[[Place], None] = lambda place: None
    recordings: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    seconds: float = 30.0


def _message(place: Place) -> None:
    (place.folder / "m.eml").write_bytes(MESSAGE)


def _dialogue(place: Place) -> list[str]:
    lines = ("auth", "mail a@example.org", "rcpt b@example.org", "data < m.eml", "quit")
    options = ["--starttls", "--ca-file", str(place.ca_file), "--user", USER, "--timeout", "3", "--record", "out.smtp"]
    return [*options, place.server, *(word for line in lines for word in ("-c", line))]


JOBS = {
    job.name: job
    for job in (
        Job(
            "dialogue",
            "a scripted dialogue with STARTTLS, AUTH and a message, recorded",
            _dialogue,
            _message,
            recordings=("out.smtp", "state/**/*.smtp"),
            environment={"SMTP_SHELL_PASSWORD": PASSWORD},
        ),
    )
}
"""Name -> job."""
