"""Folders for one run: gone with it, and with the next one where it was killed."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from smtp_shell import temporary_folders
from smtp_shell.temporary_folders import TemporaryFolder, temporary_file

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no lock of a folder")
KILLED = """
import os, pathlib, signal
from smtp_shell.temporary_folders import TemporaryFolder, temporary_file
kept = temporary_file("keys")
folder = TemporaryFolder("practice")
pathlib.Path(folder.name, "server.pem").write_text("a key")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_it_is_its_owners_alone_and_gone_at_the_end(place: Path) -> None:
    with TemporaryFolder("practice") as name:
        Path(name, "a").write_text("x")
        assert Path(name).parent == place
        assert os.name == "nt" or stat.S_IMODE(os.stat(name).st_mode) == 0o700
    assert not [*place.iterdir()]
    folder = TemporaryFolder("practice")
    folder.cleanup()
    folder.cleanup()
    assert not [*place.iterdir()]


@POSIX
def test_that_of_a_killed_process_is_removed_and_no_other(place: Path) -> None:
    mine = [place / name for name in ("smtp-shell-notes", "smtp-shell-practice-mine1234", "smtp-shell-shared.run")]
    for path in mine:
        path.mkdir(mode=0o700)
    mine[-1].chmod(0o755)
    (place / "smtp-shell-file.run").write_text("mine")
    (place / "smtp-shell-file.run").chmod(0o644)
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", KILLED], check=False)
        assert killed.returncode == -signal.SIGKILL
        # The second one has removed those of the first.
        assert [len([*place.glob(f"smtp-shell-{what}-*.run")]) for what in ("practice", "keys")] == [1, 1]
    temporary_folders._sweep.cache_clear()
    with TemporaryFolder("relay") as one, TemporaryFolder("relay") as other:
        assert {each.name for each in place.iterdir()} == {
            *(each.name for each in mine), "smtp-shell-file.run", Path(one).name, Path(other).name,
        }  # fmt: skip


@POSIX
def test_a_file_that_was_swept_before_it_had_its_lock_is_made_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, names = tempfile.mkstemp, []

    def swept(prefix: str, suffix: str) -> tuple[int, str]:
        descriptor, name = real(prefix=prefix, suffix=suffix)
        names.append(name)
        if len(names) == 1:
            os.unlink(name)
        return descriptor, name

    monkeypatch.setattr(tempfile, "mkstemp", swept)
    descriptor, name = temporary_file("keys")
    os.close(descriptor)
    assert [str(each) for each in place.iterdir()] == [name] == names[1:]


@POSIX
def test_a_folder_that_was_swept_before_it_had_its_lock_is_made_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, names = temporary_folders._locked, []

    def locked(path: str) -> int:
        names.append(path)
        if len(names) == 1:
            os.rmdir(path)
        return real(path)

    monkeypatch.setattr(temporary_folders, "_locked", locked)
    with TemporaryFolder("practice") as name:
        assert [name] == names[1:]
        assert [str(each) for each in place.iterdir()] == [name]


@POSIX
def test_a_lock_that_cannot_be_closed_keeps_nobody_from_ending(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def close(descriptor: int) -> None:
        real(descriptor)
        if descriptor == lock:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    real, folder = os.close, TemporaryFolder("test")
    lock = folder._lock
    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close)
        folder.cleanup()
    assert not os.path.lexists(folder.name)


@POSIX
def test_a_file_that_cannot_be_looked_at_is_not_left_behind(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    look = os.fstat

    def fails(descriptor: int) -> os.stat_result:
        if look(descriptor).st_dev == place.stat().st_dev and stat.S_ISREG(look(descriptor).st_mode):
            opened.append(descriptor)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return look(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", fails)
        with pytest.raises(OSError, match="Input/output error"):
            temporary_file("keys")
    assert list(place.iterdir()) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        look(opened[-1])
