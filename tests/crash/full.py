"""The kernel's own refusals: a small tmpfs that is full, or has no more files, and a limit of the size of files.

A tmpfs is mounted in a namespace of its own, which takes root and `unshare`: nobody else sees it, and it ends with the process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.crash.driver import Bench, Finding, Point

PAGES: Final = range(7)
"""How many pages are free on a full disk: a tmpfs has no smaller pieces."""

FILES: Final = range(5)
"""How many files can be created where there is room for octets."""

_PAGE = 4096
_MOUNTED = "SMTP_SHELL_CRASH_MOUNTED"
_SIZE = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shortage:
    """What is short.

    Args:
        kind: `pages`, `files` or `fsize`.
        left: How many pages or files are left, or how many octets a file may have.
    """

    kind: str
    left: int

    def __str__(self) -> str:
        return f"{self.kind}={self.left}"


def why_no_mount() -> str:
    """Return why a tmpfs cannot be mounted, in a sentence; empty where it can."""
    if os.geteuid() != 0:
        return "only root can mount a tmpfs"
    if shutil.which("unshare") is None:
        return "there is no unshare"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return f"mount is refused: {tried.stderr.decode(errors='replace').strip()}" if tried.returncode else ""


def enter_own_mounts(words: Sequence[str]) -> None:
    """Start this command anew in a namespace of mounts of its own, unless it is in one."""
    if _MOUNTED not in os.environ:
        os.environ[_MOUNTED] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, "-m", "tests.crash", *words])


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a tmpfs until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def run_on_disks(bench: Bench, folder: Path) -> Iterator[tuple[Shortage, list[Finding]]]:
    """Run a writer where there is no room, for each amount that is left; yield what is wrong."""
    for shortage in (*(Shortage("pages", left) for left in PAGES), *(Shortage("files", left) for left in FILES)):
        with small_disk(folder / "disk") as disk:
            yield shortage, [*_run_on_disk(bench, disk, shortage)]


def _run_on_disk(bench: Bench, disk: Path, shortage: Shortage) -> Iterator[Finding]:
    room = bench.new_room(disk / "room")
    filler = disk / "filler"
    filler.touch()
    facts = os.statvfs(disk)
    if shortage.kind == "pages":
        with filler.open("wb") as file:
            file.truncate(0)
            for _ in range(facts.f_bavail * facts.f_frsize // _PAGE - shortage.left):
                file.write(b"\0" * _PAGE)
    else:
        used = facts.f_files - facts.f_ffree
        subprocess.run(["mount", "-o", f"remount,nr_inodes={used + shortage.left}", str(disk)], check=True)

    def make_room() -> None:
        filler.write_bytes(b"")
        subprocess.run(["mount", "-o", "remount,nr_inodes=100000", str(disk)], check=True)

    point = Point(bench.writer.name, shortage.left, shortage.kind, str(shortage))
    yield from bench.run_short(room, point, make_room)


def run_with_limits(bench: Bench, limits: Sequence[int]) -> Iterator[tuple[Shortage, list[Finding]]]:
    """Run a writer where no file may have more octets than this, for each limit; yield what is wrong."""
    for limit in limits:
        shortage = Shortage("fsize", limit)
        point = Point(bench.writer.name, limit, shortage.kind, str(shortage))
        yield shortage, [*bench.run_short(bench.new_room(), point, lambda: None, most=limit)]


def limits_of(bench: Bench) -> list[int]:
    """Return the limits that are worth a run: some octets less than each file has at the end, and within each."""
    sizes = sorted({len(kept.octets) for name, kept in bench.clean.items() if bench.before.get(name) != kept})
    wanted = {0, 1, 200}
    for size in sizes:
        wanted |= {size - 1, size // 2, size // 3}
    return sorted(each for each in wanted if each >= 0)
