"""How much memory a process has had."""

import os
import re
from contextlib import suppress
from pathlib import Path

import psutil

MIB = 1024 * 1024


def most_memory(pid: int | None = None) -> int:
    """Give the most memory that a process has had so far, in octets; where the system does not say, what it has now.

    What the system reports of a child in the end would not do: Linux counts in it what the process that started it had.
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
