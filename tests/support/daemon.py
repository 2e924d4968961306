"""What the real servers of the tests have in common: a port that is free, a certificate, a start that is waited for, an end."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import trustme

HOST = "127.0.0.1"
MAIL_HOST = "mail.example.org"
MAIL_DOMAIN = "example.org"
USER = "student"
PASSWORD = "s3cret-Pass!"

START_SECONDS = 20.0
STOP_SECONDS = 10.0
# Another process can take a free port before the server binds it. Then try another set of ports.
START_ATTEMPTS = 5


class NotStarted(Exception):
    """A server did not start; the message has its output."""


def program(name: str, *folders: Path) -> str | None:
    """Return where a program is: on the path, in the folders of the system's programs, or in one of `folders`."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *map(str, folders)]
    return shutil.which(name, path=os.pathsep.join(places))


def free_ports(count: int, host: str = HOST) -> list[int]:
    """Return ports that nobody listens on."""
    # Keep all open until the last is known, so that they differ.
    with ExitStack() as stack:
        held = [stack.enter_context(closing(socket.create_server((host, 0)))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in held]


def write_certificates(folder: Path) -> None:
    """Write `ca.pem`, `server.pem` with the server's key and chain, and `client.pem` with those of the user."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf = authority.issue_cert(MAIL_HOST, "localhost", HOST)
    user = authority.issue_cert(f"{USER}@{MAIL_DOMAIN}", common_name=USER)
    for name, issued in (("server.pem", leaf), ("client.pem", user)):
        key_and_chain = folder / name
        key_and_chain.touch(mode=0o600)
        issued.private_key_and_cert_chain_pem.write_to_path(str(key_and_chain))


def make_folder(path: Path, owner: str = "root") -> None:
    """Make a folder that everybody may enter, whatever the umask is."""
    path.mkdir(parents=True)
    path.chmod(0o755)
    shutil.chown(path, owner)


@contextmanager
def child(command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server in a session of its own until the block ends. What it prints is added to the log."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # What it started can outlive a server that was killed or that crashed.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def came_up(process: "subprocess.Popen[bytes]", log: Path, checks: Sequence[Callable[[], bool]]) -> bool:
    """Wait until each check holds. Return False if the server has ended, most likely because a port was taken.

    Raises:
        NotStarted: A check did not hold in time.
    """
    deadline = time.monotonic() + START_SECONDS
    for check in checks:
        while not check():
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise NotStarted(f"No answer on a port; the log ends:\n{end_of(log)}")
            time.sleep(0.05)
    return process.poll() is None


def answers(host: str, port: int, *, greets: bool = True, name: str = "") -> bool:
    """Return whether a port answers, with a greeting (of the server of that name) unless it waits for TLS."""
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            return not greets or connection.recv(512).startswith(b"220 " + name.encode())
    except OSError:
        return False


def end_of(log: Path) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return "(there is no log)"
    return log.read_text(errors="replace")[-2000:]
