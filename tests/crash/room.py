"""The folder of one run: what the program may write to, what was there before, and how the run went."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PASSWORD = "s3cret-Pass-of-the-canary"
"""The password of the runs, which no leftover may hold."""


class Kept(NamedTuple):
    """A file as it was found.

    Args:
        mode: Its permissions.
        octets: What it holds.
        written: When it was last written, in nanoseconds. A second recording of one dialogue may hold the same octets, to the millisecond.
    """

    mode: int
    octets: bytes
    written: int


@dataclass(frozen=True, slots=True)
class Room:
    """A folder with the places that the program writes to.

    Args:
        path: The folder.
        server: Address of a practice server, whose user is `student` with `PASSWORD`.
        ca: File with the certificate to trust there.
    """

    path: Path
    server: str = ""
    ca: str = ""

    @property
    def work(self) -> Path:
        """The working directory."""
        return self.path / "work"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.path / "state"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.path / "config" / "config.toml"

    @property
    def temporary(self) -> Path:
        """The folder for temporary files."""
        return self.path / "tmp"

    def make(self) -> None:
        """Make the folders that exist on any machine."""
        for folder in (self.work, self.temporary, self.path / "home"):
            folder.mkdir(parents=True, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """Return the environment of a run."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.path / "home"),
            "TMPDIR": str(self.temporary),
            "SMTP_SHELL_STATE_DIR": str(self.state),
            "SMTP_SHELL_CONFIG_DIR": str(self.config.parent),
            "SMTP_SHELL_PASSWORD": PASSWORD,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
        }

    def files(self) -> dict[str, Kept]:
        """Return every file by its name below the folder, links not followed. Folders have no octets."""
        found: dict[str, Kept] = {}
        for folder, folders, names in os.walk(self.path):
            for name in (*folders, *names):
                path = Path(folder, name)
                facts = path.lstat()
                octets = path.read_bytes() if stat.S_ISREG(facts.st_mode) else b""
                found[str(path.relative_to(self.path))] = Kept(stat.S_IMODE(facts.st_mode), octets, facts.st_mtime_ns)
        return found

    def copy_to(self, path: Path) -> Room:
        """Copy everything to another folder."""
        shutil.copytree(self.path, path, symlinks=True, dirs_exist_ok=True)
        return Room(path, self.server, self.ca)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went.

    Args:
        status: Its exit status; a signal's number with a minus sign.
        out: What it wrote to standard output, or to its terminal.
        err: What it wrote to standard error.
        calls: The calls that were counted, each with its file.
        late: Whether it had to be ended.
    """

    status: int
    out: str
    err: str
    calls: tuple[str, ...] = ()
    late: bool = False

    @property
    def text(self) -> str:
        """All that it said."""
        return self.out + self.err


@dataclass(frozen=True, slots=True)
class Case:
    """One run to judge.

    Args:
        room: Where it ran.
        before: The files before it.
        outcome: How it went.
        kind: What was made to happen; empty for nothing.
        call: The call at which it happened; empty for none.
        clean: The files after the same run without a fault.
        after: The files after it.
    """

    room: Room
    before: dict[str, Kept]
    outcome: Outcome
    kind: str
    call: str
    clean: dict[str, Kept]
    after: dict[str, Kept] = field(default_factory=dict)

    @property
    def is_killed(self) -> bool:
        """Whether the process was killed, as it was to be."""
        return self.kind.startswith("kill") and self.outcome.status < 0
