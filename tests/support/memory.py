"""The peak memory of a process, and a time without the collector."""

import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

KIB = 1024
MIB = 1024 * KIB


def most_memory(pid: int | None = None) -> int:
    """Return the peak memory of a process in octets, or its present memory where the system keeps no peak.

    `ru_maxrss` of a finished child is no substitute: on Linux it includes the parent's memory at the fork.
    """
    pid = os.getpid() if pid is None else pid
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii", "replace"))
        if found:
            return int(found[1]) * 1024
    try:
        info = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return int(getattr(info, "peak_wset", info.rss))


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the collector from what only it would find, until the end."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
