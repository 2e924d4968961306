"""Files and folders for their owner only: created with modes 0600 and 0700, and never through a link.

What is to be whole or not there at all is written into a draft beside it, which is then given the name. A process that is killed leaves
its draft, and the next one that writes a draft there removes it: a lock tells whether its writer still lives.

Windows has neither these modes nor O_NOFOLLOW. There a file has the permissions of its folder. What is open can neither be moved nor
removed there, so that a file that grows is created under its own name.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, cast

from smtp_shell.config import NOWHERE
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOCK_POLL_SECONDS = 0.02
_DRAFT_BEGINS, _DRAFT_ENDS = ".smtp-shell-", ".draft"
_NO_HARD_LINKS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_STALE = getattr(errno, "ESTALE", errno.EIO)  # not every platform has it
_FOR_NOW = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EINTR, _STALE})
"""Errors that say nothing about a file: too many are open, the disk or its server does not answer."""


def create_private(path: Path, *, overwrite: bool = False, start: bytes = b"") -> BinaryIO:
    """Create a file that grows and open it for writing.

    It is there when its start is in it. Where that fails it is not there, and what was there before is.

    Args:
        path: The file.
        overwrite: Whether a file or link of that name is replaced. A device or a directory never is.
        start: What it begins with.

    Raises:
        UsageError: There is a file already, or it cannot be created.
    """
    with _refusals(path, "created"):
        return open_started(path, start, overwrite=overwrite)


def open_started(path: Path, start: bytes, *, overwrite: bool = False) -> BinaryIO:
    """Create a file that grows and open it for writing, as `create_private` does.

    Raises:
        FileExistsError: There is a file already.
        OSError: It cannot be created.
        ValueError: This is no file name.
    """
    is_there = _check_place(path, overwrite=overwrite)
    if sys.platform != "win32" and (start or is_there):
        return _opened_in_place(path, start, overwrite=overwrite)
    if is_there:
        path.unlink()
    file = open_new(path)
    try:
        file.write(start)
        file.flush()
    except BaseException:
        _abandon(path, file)
        raise
    return file


@contextmanager
def whole_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Write a file that is there, whole, when the block has ended. Where that fails it is not there, and what was there before is.

    Args:
        path: The file.
        overwrite: As for `create_private`.

    Raises:
        UsageError: There is a file already, or it cannot be written.
    """
    with _refusals(path, "written"):
        _check_place(path, overwrite=overwrite)
        draft, file = new_draft(path.parent)
    try:
        with _refusals(path, "written", (OSError, MemoryError)):
            yield file
            _close(file)
            put_in_place(draft, path, overwrite=overwrite)
    except BaseException:
        _abandon(draft, file)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file anew, in one step: a reader finds the old one or the new one, whole. What a link leads to stays as it is.

    Raises:
        OSError: It cannot be written; it is as it was.
    """
    draft, file = new_draft(path.parent)
    try:
        yield file
        _close(file)
        os.replace(draft, path)
    except BaseException:
        _abandon(draft, file)
        raise


def open_new(path: Path, *, buffering: int = -1) -> BinaryIO:
    """Create a file that does not exist yet and open it for writing.

    Args:
        path: The file.
        buffering: As for `open`; 0 for no buffer.

    Raises:
        FileExistsError: Something of that name exists, be it a link that leads nowhere.
        OSError: The file cannot be created.
        ValueError: This is no file name.
    """
    # POSIX follows no link with O_EXCL. O_NOFOLLOW is for file systems that are less strict.
    descriptor = _open(path, os.O_WRONLY | os.O_EXCL)
    try:
        return stream_of(descriptor, "wb", buffering)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise


def open_append(path: Path, *, own: bool = False) -> BinaryIO:
    """Open a file for appending. Create it if it does not exist, else take other users' permissions away.

    Args:
        path: The file. A device or a FIFO keeps its permissions.
        own: Whether it must be a regular file of this user, as for what another user must not get by leaving a file there.

    Raises:
        OSError: It is a link, is not the user's own although it must be, or cannot be opened or created.
        ValueError: This is no file name.
    """
    if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    # O_RDWR: to open a FIFO for writing only would block until it has a reader.
    file = stream_of(_open(path, os.O_RDWR | os.O_APPEND), "ab")
    try:
        facts = os.fstat(file.fileno())
        if own and (problem := _why_not_own(facts)):
            raise OSError(errno.EPERM, problem)
    except OSError:
        file.close()
        raise
    if hasattr(os, "fchmod") and stat.S_ISREG(facts.st_mode):
        with suppress(OSError):  # a file of another owner, or a file system without modes
            os.fchmod(file.fileno(), 0o600)
    return file


def stream_of(descriptor: int, mode: str, buffering: int = -1) -> BinaryIO:
    """Return a file of octets over a descriptor, as `os.fdopen` does, which leaves the descriptor open where it fails.

    Args:
        descriptor: The descriptor, which is closed with the file.
        mode: As for `open`, with a `b`.
        buffering: As for `open`.

    Raises:
        OSError: There is no such file; the descriptor is closed, as it is without memory.
    """
    try:
        return cast("BinaryIO", os.fdopen(descriptor, mode, buffering))
    except BaseException:
        with suppress(OSError):  # closed already, with what was made of it
            os.close(descriptor)
        raise


def append_private(path: Path, octets: bytes) -> None:
    """Add octets to the end of a file of this user, all of them or none. Other processes may do so at the same time.

    Raises:
        OSError: As for `open_append`, or the system refuses to write them.
    """
    with open_append(path, own=True) as file:
        descriptor = file.fileno()
        _hold_lock(descriptor)  # so that nobody's octets but ours are cut off below
        end, rest = os.fstat(descriptor).st_size, octets
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, end)
            raise


def read_private(path: Path, limit: int, *, end: bool = False) -> bytes | None:
    """Return what a file of this user holds, and take other users' permissions away.

    Args:
        path: The file.
        limit: The most octets that such a file can hold.
        end: Whether to return the last octets of one that is longer.

    Returns:
        Its octets. None if there is no such file, or nothing to trust: a link, a device, a file of another user or one that others
        could write to, one that is longer, or one that may not be read.

    Raises:
        OSError: The system cannot read it for now. It may be as good as ever, and nothing may take its place.
    """
    if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):
        return None
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):  # to open a FIFO must not block
        flags |= getattr(os, name, 0)
    try:
        with stream_of(os.open(path, flags), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or not _is_ours(facts):
                return None
            if hasattr(os, "fchmod") and facts.st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
            if end:
                file.seek(max(0, facts.st_size - limit))
            octets = file.read(limit + (not end))
    except ValueError:
        return None
    except OSError as error:
        if error.errno in _FOR_NOW:
            raise
        return None
    return octets if len(octets) <= limit else None


def replace_private(path: Path, octets: bytes) -> None:
    """Write a file in one step, as `replacing` does.

    Raises:
        OSError: It cannot be written; it is as it was.
    """
    with replacing(path) as file:
        file.write(octets)


def new_draft(folder: Path) -> tuple[Path, BinaryIO]:
    """Create a file with a name that means nothing, to be renamed when it is whole, and return its path and the file.

    It is removed by the next process that makes a draft in the folder if this one is killed: it has the lock that tells that its writer
    lives.

    Raises:
        OSError: It cannot be created.
    """
    _sweep(folder)
    while True:
        path = folder / f"{_DRAFT_BEGINS}{os.urandom(8).hex()}{_DRAFT_ENDS}"
        file = open_new(path)
        try:
            _hold_lock(file.fileno())
            if sys.platform == "win32" or os.fstat(file.fileno()).st_nlink:
                return path, file
        except BaseException:
            _abandon(path, file)
            raise
        file.close()  # it was swept between its creation and its lock


def put_in_place(draft: Path, path: Path, *, overwrite: bool = False) -> None:
    """Rename a draft to what it is.

    Args:
        draft: The draft, which is closed on Windows.
        path: Its name from now on.
        overwrite: As for `create_private`.

    Raises:
        FileExistsError: There is something that is not to be replaced.
        OSError: The system refuses.
    """
    if _check_place(path, overwrite=overwrite):
        os.replace(draft, path)
        return
    if sys.platform == "win32":
        os.rename(draft, path)  # which replaces nothing there
        return
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.rename(draft, path)
        return
    with suppress(OSError):
        draft.unlink()


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold a lock that one process at a time can have. It ends with the process, however that ends.

    Args:
        path: The lock's file, which is created and stays.
        seconds: How long to wait for another process.

    Raises:
        TimeoutError: Another process keeps the lock.
        OSError: The file is a link, or cannot be opened or created.
    """
    deadline = time.monotonic() + seconds
    with open_append(path) as file:  # closing it ends the lock
        while not try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_LOCK_POLL_SECONDS)
        yield


def try_lock(descriptor: int) -> bool:
    """Lock an open file, if no other process has its lock; return whether that was done.

    Raises:
        OSError: There are no locks here.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)  # the lock is on the octet at the position
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def paths_of(folder: str | Path, begins: str, ends: str) -> list[str]:
    """Return the paths of what is in a folder and has a name that begins and ends so; none where the folder cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        return [each.path for each in entries if each.name.startswith(begins) and each.name.endswith(ends)]
    return []


@contextmanager
def abandoned(path: str, flags: int, is_ours: Callable[[os.stat_result], bool]) -> Iterator[os.stat_result | None]:
    """Hold the lock of what a process of ours has left, so that it can be removed. POSIX only.

    Args:
        path: The file or folder.
        flags: Of `os.open`.
        is_ours: Whether it is ours to remove.

    Yields:
        What it is; None if it is not ours, or its process lives.

    Raises:
        OSError: It cannot be opened, or has no lock here.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        yield facts if is_ours(facts) and try_lock(descriptor) else None
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Create a folder, and those above it that do not exist, for this user alone. A folder that exists keeps its permissions.

    Raises:
        OSError: It cannot be created.
    """
    if NOWHERE in (path, *path.parents):
        raise OSError(errno.ENOTSUP, "this user has no home folder")
    if not os.path.isdir(path) and path.parent != path:
        make_folder(path.parent)  # pathlib's `parents` would make those above for everybody
    path.mkdir(mode=0o700, exist_ok=True)


def private_folder(path: Path) -> Path:
    """Create a folder for the files of this program, as `make_folder` does, and return it.

    Raises:
        ConfigError: It cannot be created.
    """
    try:
        make_folder(path)
    except OSError as error:
        raise ConfigError(
            f"the folder {escape_str(str(path))} cannot be made: {reason_of(error)}; set SMTP_SHELL_STATE_DIR."
        ) from None
    return path


def reason_of(error: OSError | MemoryError) -> str:
    """Return why the system refused, in words: escaped, without the file's name, and without a full stop."""
    if isinstance(error, MemoryError):
        return "there is no memory left"
    match error:
        # It is tempfile's, where all folders are full.
        case FileNotFoundError() if (error.strerror or "").startswith("No usable temporary"):
            return "no folder for temporary files can be written to"
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError() if error.filename is not None:  # else it is about a socket
            return "its permissions do not allow it"
        case ConnectionRefusedError():
            return "the connection was refused"
        case TimeoutError():
            return "it did not answer in time"
    text = error.strerror or str(error)
    return escape_str(text[:1].lower() + text[1:]) or type(error).__name__


def refusal_of(error: OSError | MemoryError) -> str:
    """Return what the system refused and why: the file's name, where it is about one, and `reason_of`."""
    name = error.filename if isinstance(error, OSError) and isinstance(error.filename, str) else ""
    return f"{escape_str(name) or 'the system refused a call'}: {reason_of(error)}"


def _hold_lock(descriptor: int) -> None:
    """Wait for the lock of an open file, where there are locks: not on Windows, nor on each file system."""
    if sys.platform != "win32":
        import fcntl

        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_ours(facts: os.stat_result) -> bool:
    if sys.platform == "win32":
        return True
    return facts.st_uid == os.geteuid() and not facts.st_mode & 0o022


def _open(path: Path, flags: int) -> int:
    for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):  # each where the platform has it
        flags |= getattr(os, name, 0)
    return os.open(path, flags | os.O_CREAT, 0o600)


def _why_not_own(facts: os.stat_result) -> str:
    if not stat.S_ISREG(facts.st_mode):
        return "it is no regular file"
    # Windows has no user ids, and zero for every file.
    return "it belongs to another user" if hasattr(os, "geteuid") and facts.st_uid != os.geteuid() else ""


@contextmanager
def _refusals(
    path: Path, done: str, kinds: tuple[type[Exception], ...] = (OSError, MemoryError, ValueError)
) -> Iterator[None]:
    """Raise what the system refuses as a sentence about a file that cannot be `done`."""
    shown = escape_str(str(path))
    try:
        yield
    except kinds as error:
        if isinstance(error, FileExistsError):
            sentence = f"{shown} is there already and is left as it is; choose another name, or use --force."
        elif isinstance(error, OSError | MemoryError):
            sentence = f"{shown} cannot be {done}: {reason_of(error)}; choose another place."
        else:
            sentence = f"{shown} is no file name; choose another."
        raise UsageError(sentence) from None


def _check_place(path: Path, *, overwrite: bool) -> bool:
    """Return whether there is a file or a link to replace.

    Raises:
        FileExistsError: There is something that is not to be replaced.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not overwrite or not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    return True


@cache
def _sweep(folder: Path) -> None:
    """Remove the drafts of processes that have ended. Once in a process: a folder of many transcripts takes milliseconds to read."""
    for path in paths_of(folder, _DRAFT_BEGINS, _DRAFT_ENDS):
        with suppress(OSError):
            if sys.platform == "win32":  # refuses to remove what is open
                os.unlink(path)
                continue
            with abandoned(path, os.O_RDWR, lambda facts: not _why_not_own(facts)) as facts:
                if facts is not None:
                    os.unlink(path)


def _opened_in_place(path: Path, start: bytes, *, overwrite: bool) -> BinaryIO:
    draft, file = new_draft(path.parent)
    try:
        file.write(start)
        file.flush()
        put_in_place(draft, path, overwrite=overwrite)
        return file
    except BaseException:
        _abandon(draft, file)
        raise


def _close(file: BinaryIO) -> None:
    """Close a file so that a power cut after its renaming finds it whole."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _abandon(draft: Path, file: BinaryIO) -> None:
    with suppress(OSError):  # closing writes the buffer again
        file.close()
    with suppress(OSError):
        draft.unlink()
