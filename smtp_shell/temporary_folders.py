"""Folders for the time of one run, below the system's folder for temporary files.

A process that is killed leaves its folder. The next one that makes such a folder removes it: a lock on the folder itself tells whether its
process still lives. Windows has no such lock, and nothing is removed there.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress

from smtp_shell.private_files import try_lock

_BEGINS, _ENDS = "smtp-shell-", ".run"


class TemporaryFolder:
    """A folder of this process, for its owner alone. A context manager, which removes it.

    Args:
        what: What it is for, a word that becomes part of its name.

    Attributes:
        name: Its path.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, what: str) -> None:
        _sweep()
        while True:
            self._folder = tempfile.TemporaryDirectory(
                prefix=f"{_BEGINS}{what}-", suffix=_ENDS, ignore_cleanup_errors=True
            )
            self.name = self._folder.name
            self._lock = _locked(self.name)
            if os.path.isdir(self.name):
                return
            self.cleanup()  # another process swept it before it had its lock

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *_: object) -> None:
        self.cleanup()

    def cleanup(self) -> None:
        """Remove it with all that is in it. Doing so twice does nothing."""
        self._folder.cleanup()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def _locked(path: str) -> int:
    """Return a descriptor that keeps the lock of a folder; -1 where there is none."""
    if sys.platform == "win32":
        return -1
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return -1
    with suppress(OSError):  # a file system without locks
        try_lock(descriptor)
    return descriptor


def _sweep() -> None:
    """Remove the folders of processes that have ended."""
    if sys.platform == "win32":
        return
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        found = [each.path for each in entries if each.name.startswith(_BEGINS) and each.name.endswith(_ENDS)]
        for path in found:
            with suppress(OSError):
                _remove_if_abandoned(path)


def _remove_if_abandoned(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        is_ours = facts.st_uid == os.geteuid() and stat.S_IMODE(facts.st_mode) == 0o700
        if is_ours and try_lock(descriptor):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)
