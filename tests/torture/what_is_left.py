"""What must hold for the files and the process of a server once a call of it has failed, whatever that call was.

Each check returns what is wrong, a sentence each; nothing is wrong where it returns none.
"""

from __future__ import annotations

import re
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smtp_shell.errors import SmtpShellError
from smtp_shell.transcript.reader import open_scan
from smtp_shell.transcript.step import SERVER_LINES, Marker
from tests.support.transcripts import faults
from tests.torture.mail_clients import secret_forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.torture.mail_clients import Told

SETTLES_SECONDS: Final = 15.0
"""How long what a connection held may take to be gone: servers linger for some seconds for a client that is slow to close."""

_RANDOM = re.compile(r"-[a-z0-9_]{8}\.run$")
"""What differs from run to run in the name of a temporary folder's lock."""

_OF_A_CONTEXT = ("memfd:smtp-shell-keys (deleted)",) * 2
"""What one more TLS context holds, which is kept for the next connection to the same server."""

_BY_THE_RELAY = "the relay told the client: "
_TRACE_ENDS = b"\r\n\t"


def files_below(*folders: Path) -> Iterator[Path]:
    """Yield the regular files below folders that may not exist."""
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def secrets_in(texts: Iterable[bytes], paths: Iterable[Path]) -> Iterator[str]:
    """Find the password where it must not be."""
    for text in texts:
        if any(form in text for form in secret_forms()):
            yield "the password was printed"
    for path in paths:
        if any(form in path.read_bytes() for form in secret_forms()):
            yield f"the password is in {path.name}"


def tracebacks_in(texts: Iterable[bytes]) -> Iterator[str]:
    """Find what Python prints where an exception was not caught, in the main thread, in another, or where nobody could."""
    for text in texts:
        for sign in (b"Traceback (most", b"Exception ignored", b"Exception in thread", b"Fatal Python error"):
            if sign in text:
                yield f"{sign.decode()} ... was printed"


def mail_in(maildir: Path, tolds: Sequence[Told]) -> Iterator[str]:
    """Check that acknowledged mail is in the mailbox, once and whole, and that nothing half is."""
    stored = [path.read_bytes() for path in files_below(maildir / "new", maildir / "cur")]
    for told in tolds:
        for body in told.acknowledged:
            times = sum(each.endswith(body) for each in stored)
            if times != 1:
                yield f"a message that was acknowledged is in the mailbox {times} times"
    offered = [body for told in tolds for body in told.offered]
    for octets in stored:
        if not any(octets.endswith(body) and _is_trace(octets[: -len(body)]) for body in offered):
            yield f"a file of {len(octets)} octets in the mailbox is no whole message"


def _is_trace(octets: bytes) -> bool:
    """Whether these are the trace header fields that the practice server adds, and nothing else."""
    fields = octets.replace(_TRACE_ENDS, b" ").split(b"\r\n")
    names = [field.partition(b":")[0] for field in fields]
    return names == [b"Return-Path", b"Delivered-To", b"Received", b""]


def certificates_in(*folders: Path) -> Iterator[str]:
    """Check that what is under the name of a certificate, a password or a token is whole."""
    for path in files_below(*folders):
        octets = path.read_bytes()
        if path.suffix == ".pem":
            is_whole = octets.rstrip().endswith(b"-----END CERTIFICATE-----") and _can_be_read(octets)
            if not is_whole:
                yield f"{path.name} is no whole file of certificates"
        if path.name in ("password", "token") and not (octets.endswith(b"\n") and len(octets) > len(b"\n")):
            yield f"the file {path.name} is not whole"


def _can_be_read(octets: bytes) -> bool:
    try:
        ssl.create_default_context(cadata=octets[octets.index(b"-----BEGIN CERT") :].decode("ascii"))
    except (ValueError, ssl.SSLError):
        return False
    return True


def recordings_in(folder: Path, tolds: Sequence[Told], stderr: bytes) -> Iterator[str]:
    """Check that each dialogue is recorded as the client had it, unless it was said that it is not, and up to then.

    Args:
        folder: Where the transcripts are.
        tolds: What the clients were told.
        stderr: What the server has complained of.
    """
    excused = stderr.count(b"--keep: ") + stderr.count(b" has stopped: ")
    recorded: list[list[str]] = []
    for path in files_below(folder):
        if path.suffix != ".smtp":
            continue
        problems = [str(each) for each in _faults(path)]
        is_cut = any(f"{path.name} {what}: ".encode() in stderr for what in ("has stopped", "cannot be written to"))
        if [each for each in problems if not (is_cut and "no steps" in each)]:
            yield f"{path.name}: {problems[0]}"
        else:
            recorded.append([] if problems else _replies(path))
    for told in tolds:
        if told.replies and not any(_holds(lines, told.replies) for lines in recorded):
            excused -= 1
            if excused < 0:
                yield f"what the client was told is not recorded: {told.replies[-1]!r} was its last reply"


def _holds(lines: Iterable[str], replies: Sequence[str]) -> bool:
    """Whether a recording has these replies, in this order. That of a relay may have one more, of the server, that it kept to itself."""
    rest = iter(lines)
    return all(reply in rest for reply in replies)


def _faults(path: Path) -> list[object]:
    try:
        return list(faults(path))
    except SmtpShellError as error:
        return [error]


def _replies(path: Path) -> list[str]:
    """Return what the client was told, with the replies that a relay gave in the place of its server."""
    found = []
    with open_scan(path) as scan:
        for step in (step for block in scan for step in block.steps):
            if step.marker in SERVER_LINES:
                found.append(step.octets.decode("utf-8", "replace"))
            elif step.marker is Marker.NOTE and _BY_THE_RELAY in step.text:
                found.append(step.text.partition(_BY_THE_RELAY)[2])
    return found


def sentences_in(stderr: bytes, most: int) -> Iterator[str]:
    """Check that what is on standard error is sentences of ours, and not too many for one failure."""
    lines = stderr.decode(errors="replace").splitlines()
    if strangers := [line for line in lines if not line.startswith("smtp-shell: ")]:
        yield f"standard error has what is no sentence of ours: {strangers[0][:160]!r}"
    if len(lines) > most:
        yield f"standard error has {len(lines)} sentences: {lines[-1][:160]!r} is the last"


def descriptors_of(pid: int) -> list[str]:
    """Return what the descriptors of a process lead to, sorted; those of sockets by their kind alone. Nothing where it has ended."""
    found = []
    with suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.append(_RANDOM.sub("-N.run", entry.readlink().name.partition(":[")[0]))
    return sorted(found)


def threads_of(pid: int) -> int:
    """Return how many threads a process has; none where it has ended."""
    with suppress(FileNotFoundError):
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    return 0


def left_over(pid: int, descriptors: Sequence[str], threads: int) -> Iterator[str]:
    """Check that a process holds no more than in a run without a failure, once what lingers is gone.

    Args:
        pid: The process.
        descriptors: What it holds in such a run.
        threads: How many threads it has then.
    """
    deadline = time.monotonic() + SETTLES_SECONDS
    while True:
        more = _without(descriptors_of(pid), [*descriptors, *_OF_A_CONTEXT])
        running = threads_of(pid)
        if not more and running <= threads:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if more:
        yield f"descriptors are left: {', '.join(more)}"
    if running > threads:
        yield f"{running - threads} threads are left"


def _without(found: Sequence[str], expected: Sequence[str]) -> list[str]:
    left = list(found)
    for each in expected:
        if each in left:
            left.remove(each)
    return left
