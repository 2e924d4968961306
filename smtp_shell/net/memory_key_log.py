"""Key logs that are nothing but memory: what this process does with the keys of its own connections needs no file on a disk.

Only Linux has a file in memory that `ssl` can open by a name. There is one for each context; it is kept on the context, and ends with it.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

MOST_LOGGED = 256 * 1024
"""Octets of a log after which it is begun anew; one handshake writes less than 1200."""

_KEPT = 16 * 1024  # what another thread has not fetched yet is near the end
_ATTRIBUTE = "_smtp_shell_key_log"


class _MemoryKeyLog:
    """The log of one context.

    `threading` is not imported for its lock: that and what it imports would be a fiftieth of a short process.

    Raises:
        OSError: The system has no room for it.
    """

    _descriptor = -1  # what has none yet is freed too

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._descriptor = os.memfd_create("smtp-shell-keys")

    def __del__(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):  # Python would print a traceback
                os.close(self._descriptor)

    @property
    def name(self) -> str:
        """The name by which this process opens it."""
        return f"/proc/self/fd/{self._descriptor}"

    def tail(self, most: int) -> bytes:
        """Return the last octets, and begin the log anew if it has become long.

        Args:
            most: How many octets.
        """
        with self._lock:
            size = os.fstat(self._descriptor).st_size
            found = os.pread(self._descriptor, most, max(0, size - most))
            if size > MOST_LOGGED:
                kept = os.pread(self._descriptor, _KEPT, size - _KEPT)
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, kept, 0)
        return found


def log_in_memory(context: ssl.SSLContext) -> None:
    """Have a context log the keys of its connections in memory, where the system can, and unless it logs them already."""
    if context.keylog_filename or not hasattr(os, "memfd_create"):
        return
    with suppress(OSError):  # no memory, or no /proc
        log = _MemoryKeyLog()
        context.keylog_filename = log.name
        vars(context)[_ATTRIBUTE] = log


def logged_in_memory(context: ssl.SSLContext, most: int = MOST_LOGGED) -> bytes | None:
    """Return the end of a context's log.

    Args:
        context: The context.
        most: How many octets.

    Returns:
        The octets; empty if it cannot be read, None for a context that has no log in memory.
    """
    log: _MemoryKeyLog | None = vars(context).get(_ATTRIBUTE)
    if log is None:
        return None
    with suppress(OSError):
        return log.tail(most)
    return b""
