"""Folders and files for the time of one run, in the system's folder for temporary files.

A process that is killed leaves them. The next one that makes some removes them: a lock on each tells whether its process still lives.
Windows has no lock of a folder, and nothing is removed there.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from functools import cache

from smtp_shell.private_files import abandoned, paths_of, try_lock

_BEGINS, _ENDS = "smtp-shell-", ".run"
_FOLDER, _FILE = stat.S_IFDIR | 0o700, stat.S_IFREG | 0o600


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
        _sweep(tempfile.gettempdir())
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
            with suppress(OSError):  # the descriptor is gone whatever the system says
                os.close(lock)


def temporary_file(what: str) -> tuple[int, str]:
    """Create a file of this process, for its owner alone, and return its descriptor, which keeps its lock, and its path.

    Args:
        what: What it is for, a word that becomes part of its name.

    Raises:
        OSError: It cannot be created.
    """
    _sweep(tempfile.gettempdir())
    while True:
        descriptor, name = tempfile.mkstemp(prefix=f"{_BEGINS}{what}-", suffix=_ENDS)
        with suppress(OSError):  # a file system without locks
            if sys.platform != "win32":
                try_lock(descriptor)
        try:
            if sys.platform == "win32" or os.fstat(descriptor).st_nlink:
                return descriptor, name
        except OSError:
            with suppress(OSError):  # what the system said first is raised
                os.unlink(name)
            os.close(descriptor)
            raise
        os.close(descriptor)  # another process swept it before it had its lock


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


@cache
def _sweep(place: str) -> None:
    """Remove what processes that have ended have left in a folder. Once in a process."""
    if sys.platform == "win32":
        return
    for path in paths_of(place, _BEGINS, _ENDS):
        with suppress(OSError), abandoned(path, os.O_RDONLY, _is_ours) as facts:
            if facts is not None and facts.st_mode == _FOLDER:
                shutil.rmtree(path, ignore_errors=True)
            elif facts is not None:
                os.unlink(path)


def _is_ours(facts: os.stat_result) -> bool:
    return sys.platform != "win32" and facts.st_uid == os.geteuid() and facts.st_mode in (_FOLDER, _FILE)
