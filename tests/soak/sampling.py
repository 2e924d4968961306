"""Memory, descriptors and threads of a process, seen from outside: `/proc`, Linux."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_GROWTH: Final = 5 * 1024
"""KiB by which memory may have grown since the first thousand."""

_SHARE: Final = 20
"""The first and the last 1/20 of the samples after the warm-up are compared, by their medians: one sample is noise."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process had at one moment.

    Attributes:
        done: How many dialogues or lines were over.
        seconds: Seconds since the start.
        memory: Its own memory, resident or swapped out, in KiB: neither the pages of files, which the system takes and gives as it
            likes, nor a share that changes with how many other processes of Python there are.
        resident: Its resident memory (RSS), in KiB.
        descriptors: Its open files and sockets.
        threads: Its threads.
        cpu: Seconds of processor time that it has used.
    """

    done: int
    seconds: float
    memory: int
    resident: int
    descriptors: int
    threads: int
    cpu: float


def sample(pid: int, done: int, seconds: float) -> Sample | None:
    """Return what a process has now; None when it is gone."""
    place = Path("/proc", str(pid))
    with suppress(OSError, ValueError, IndexError, KeyError):
        rollup = (place / "smaps_rollup").read_text("ascii")
        sizes = {
            name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in rollup.splitlines()[1:])
        }
        times = (place / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        cpu = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        descriptors = os.listdir(place / "fd")
        return Sample(
            done,
            round(seconds, 1),
            sizes["Anonymous"] + sizes["Swap"] + _files_in_memory(place, descriptors),
            sizes["Rss"],
            len(descriptors),
            len(os.listdir(place / "task")),
            round(cpu, 2),
        )
    return None


def _files_in_memory(place: Path, descriptors: Sequence[str]) -> int:
    """Return the KiB of files that are in memory alone, such as logs of the keys of TLS: no process's memory includes them."""
    found = 0
    for name in descriptors:
        with suppress(OSError):
            if os.readlink(place / "fd" / name).startswith("/memfd:"):
                found += os.stat(place / "fd" / name).st_size
    return found // 1024


@dataclass(slots=True)
class Watched:
    """A process and its samples.

    Attributes:
        name: What it is.
        pid: Its number.
        slack: How many descriptors more than when it is idle may be open while dialogues are under way.
        threads: How many threads it may have at most, as its code says; 0 for as many as after the first thousand.
        samples: While there was work.
        before: Idle, before the work.
        after: Idle, after it; None for a process that ends with its work.
    """

    name: str
    pid: int
    slack: int
    threads: int = 0
    samples: list[Sample] = field(default_factory=list)
    before: Sample | None = None
    after: Sample | None = None

    def growth(self, warm: int) -> int:
        """Return by how many KiB memory has grown since the first `warm` dialogues."""
        early, late = self._compared(warm)
        if not early:
            return 0
        return round(median(each.memory for each in late) - median(each.memory for each in early))

    def _compared(self, warm: int) -> tuple[Sequence[Sample], Sequence[Sample]]:
        counted = [each for each in self.samples if each.done >= warm]
        few = max(1, len(counted) // _SHARE)
        return counted[:few], counted[-few:]

    def faults(self, warm: int, most: int) -> list[str]:
        """Return what has grown.

        Args:
            warm: How many dialogues or lines are the warm-up.
            most: KiB by which memory may have grown since.
        """
        found: list[str] = []
        counted = [each for each in self.samples if each.done >= warm]
        if not counted:
            return [f"{self.name}: there is no sample after the first {warm:,}"]
        if (grown := self.growth(warm)) > most:
            found.append(f"{self.name}: memory has grown by {grown:,} KiB, more than {most:,}")
        early, _ = self._compared(warm)
        descriptors = max(each.descriptors for each in (*early, *filter(None, [self.before]))) + self.slack
        if (seen := max(each.descriptors for each in counted)) > descriptors:
            found.append(f"{self.name}: {seen} descriptors were open, more than {descriptors}")
        threads = self.threads or max(each.threads for each in early)
        if (seen := max(each.threads for each in counted)) > threads:
            found.append(f"{self.name}: there were {seen} threads, more than {threads}")
        if self.before is not None and self.after is not None and self.after.descriptors > self.before.descriptors:
            found.append(
                f"{self.name}: {self.after.descriptors} descriptors are open after the work, {self.before.descriptors} were before"
            )
        return found

    def line(self, warm: int) -> str:
        """Return the figures in a line."""
        early, late = self._compared(warm)
        if not early:
            return f"{self.name:<10} no samples"
        first, last = (round(median(each.memory for each in some)) for some in (early, late))
        most = max(each.memory for each in self.samples)
        last_one = self.samples[-1]
        return (
            f"{self.name:<10} memory {first:,} KiB after the first {warm:,}, {last:,} at the end ({last - first:+,}), at most {most:,}; "
            f"RSS {early[-1].resident:,} and {late[-1].resident:,} KiB; descriptors {early[-1].descriptors} and "
            f"{late[-1].descriptors}; threads {early[-1].threads} and {late[-1].threads}; "
            f"{last_one.cpu:,.0f} s of processor time"
        )

    def report(self) -> dict[str, object]:
        """Return all of it for the report."""
        return asdict(self)
