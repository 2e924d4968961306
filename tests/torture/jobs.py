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
        reports: Files that say what has happened, a failure too: each is well-formed, or empty.
        statuses: Exit statuses that are good beside those of the kind of call.
        is_exact: Whether two good runs print the same. Threads end in any order.
        volatile: Patterns of what differs between two good runs.
        environment: Variables beside the usual ones.
        status: The exit status when nothing fails.
        seconds: After how long a run counts as hung.
        inputs: Files that hold the password because the job puts it there.
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
    inputs: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    is_exact: bool = True
    statuses: frozenset[int] = frozenset()


OLD = b"Transcript: 1\n\nC: NOOP\nS: 250 2.0.0 Ok\n"
TRANSCRIPT = b"""Transcript: 1
Title: torture
Server: practice.example:587

S: 220 practice.example ESMTP
C: EHLO client.example
S: 250-practice.example
S: 250 STARTTLS
C: STARTTLS
S: 220 Ready to start TLS
*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified CN=practice.example
C: EHLO client.example
S: 250-practice.example
S: 250 AUTH PLAIN
C: AUTH PLAIN ${sasl}
S: 235 2.7.0 Authentication successful
C: MAIL FROM:<a@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<b@example.org>
S: 250 2.1.5 Ok
C: DATA
S: 354 End data
C: Subject: torture
C:
C: ..hello
C: .
S: 250 2.0.0 Ok
C: QUIT
S: 221 2.0.0 Bye
"""
TELNET = b"""Trying 192.0.2.1...
Connected to mail.example.org.
Escape character is '^]'.
220 mail.example.org ESMTP
EHLO client.example
250-mail.example.org
250 HELP
MAIL FROM:<a@example.org>
250 2.1.0 Ok
QUIT
221 2.0.0 Bye
Connection closed by foreign host.
"""
FORMATS = ("smtp", "json", "md", "svg", "html", "swaks", "openssl", "curl", "python", "anki", "pcapng")
_SECRET = {"SMTP_SHELL_PASSWORD": PASSWORD}
_CONFIGURATION = """startup = "first-lines"

[settings]
times = false
explain = "on"

[profile.lab]
url = "{server}"
starttls = true
ca_file = "{ca_file}"
user = "{user}"
password_command = "cat secret"
timeout = 3

[alias]
hello = "auth; /status"
to = "mail a@example.org; rcpt $1"
"""


def _message(place: Place) -> None:
    (place.folder / "m.eml").write_bytes(MESSAGE)


def _transcript(place: Place) -> None:
    (place.folder / "in.smtp").write_bytes(TRANSCRIPT)


def _old(place: Place) -> None:
    _transcript(place)
    (place.folder / "out.smtp").write_bytes(OLD)


def _suite(place: Place) -> None:
    folder = place.folder / "suite"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.smtp").write_bytes(TRANSCRIPT)


def _telnet(place: Place) -> None:
    (place.folder / "in.log").write_bytes(TELNET)


def _configured(place: Place) -> None:
    folder = place.folder / "config"
    folder.mkdir(mode=0o700)
    text = _CONFIGURATION.format(server=place.server, ca_file=place.ca_file, user=USER)
    for name, octets in (("config.toml", text.encode()), ("first-lines", b"/set decoded off\n/alias bye = quit\n")):
        (folder / name).write_bytes(octets)
        (folder / name).chmod(0o600)
    (place.folder / "secret").write_text(f"{PASSWORD}\n")


def _dialogue(place: Place) -> list[str]:
    lines = ("auth", "mail a@example.org", "rcpt b@example.org", "data < m.eml", "quit")
    options = ["--starttls", "--ca-file", str(place.ca_file), "--user", USER, "--timeout", "3", "--record", "out.smtp"]
    return [*options, place.server, *(word for line in lines for word in ("-c", line))]


def _replay(*words: str) -> Callable[[Place], list[str]]:
    def made(place: Place) -> list[str]:
        options = ["--server", place.server, "--starttls", "--ca-file", str(place.ca_file), "--user", USER]
        return ["replay", *words, *options, "--timeout", "3"]

    return made


def _convert(form: str) -> Job:
    return Job(
        f"to-{form}",
        f"convert a transcript to {form}",
        lambda place: ["convert", "in.smtp", f"out.{form}", "--to", form],
        _transcript,
        # Its TLS is made up anew each time.
        results=() if form == "pcapng" else (f"out.{form}",),
        reports=("out.pcapng",) if form == "pcapng" else (),
        statuses=frozenset({1}),
    )


def _startup(place: Place) -> list[str]:
    lines = ("/hello", "/to b@example.org", "rset", "quit")
    return ["--profile", "lab", *(word for line in lines for word in ("-c", line))]


_ALL = (
    Job(
        "dialogue",
        "a scripted dialogue with STARTTLS, AUTH and a message, recorded",
        _dialogue,
        _message,
        recordings=("out.smtp", "state/**/*.smtp"),
        environment=_SECRET,
    ),
    Job(
        "replay",
        "a replay that is recorded",
        _replay("in.smtp", "--record", "out.smtp"),
        _transcript,
        recordings=("out.smtp",),
        environment=_SECRET,
    ),
    Job(
        "jobs",
        "six transcripts, four at a time, with reports in files",
        _replay("suite", "--jobs", "4", "--junit", "out.xml", "--tap", "out.tap", "--html", "out.html"),
        _suite,
        reports=("out.xml", "out.tap", "out.html"),
        is_exact=False,
        environment=_SECRET,
    ),
    *map(_convert, FORMATS),
    Job(
        "over-old",
        "convert over a file that is there",
        lambda place: ["convert", "in.smtp", "out.smtp", "--force"],
        _old,
        results=("out.smtp",),
    ),
    Job(
        "from-telnet",
        "convert what telnet has printed",
        lambda place: ["convert", "in.log", "out.smtp"],
        _telnet,
        results=("out.smtp",),
    ),
    Job(
        "startup",
        "start with a configuration: a profile with a program for the password, and aliases",
        _startup,
        _configured,
        recordings=("state/**/*.smtp",),
        inputs=("secret",),
        statuses=frozenset({5}),
    ),
    Job(
        "config-check",
        "check a configuration with a profile, aliases and a start-up file",
        lambda place: ["config", "check"],
        _configured,
        inputs=("secret",),
    ),
    Job(
        "config-init",
        "write a configuration file over one that is there",
        lambda place: ["config", "init", "--force"],
        _configured,
        results=("config/config.toml",),
        inputs=("secret",),
    ),
)
JOBS = {job.name: job for job in _ALL}
"""Name -> job."""
