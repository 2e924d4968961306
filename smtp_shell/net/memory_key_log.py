"""Key logs that are nothing but memory: what this process does with the keys of its own connections needs no file on a disk.

Only Linux has a file in memory that `ssl` can open by a name. There is one for each context, and it ends with the context.
"""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

MOST_LOGGED = 256 * 1024
"""Octets of a log after which it is begun anew; one handshake writes less than 1200."""

_KEPT = 16 * 1024  # what another thread has not fetched yet is near the end


class _Logs:
    """The logs by context."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._descriptors: weakref.WeakKeyDictionary[ssl.SSLContext, int] = weakref.WeakKeyDictionary()

    def add(self, context: ssl.SSLContext) -> None:
        descriptor = os.memfd_create("smtp-shell-keys")
        try:
            context.keylog_filename = f"/proc/self/fd/{descriptor}"
        except OSError:  # no /proc here
            os.close(descriptor)
            return
        with self._lock:
            self._descriptors[context] = descriptor
        weakref.finalize(context, os.close, descriptor)

    def tail(self, context: ssl.SSLContext, most: int) -> bytes | None:
        with self._lock:
            descriptor = self._descriptors.get(context)
            if descriptor is None:
                return None
            size = os.fstat(descriptor).st_size
            found = os.pread(descriptor, most, max(0, size - most))
            if size > MOST_LOGGED:
                kept = os.pread(descriptor, _KEPT, size - _KEPT)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, kept, 0)
        return found


_LOGS = _Logs()


def log_in_memory(context: ssl.SSLContext) -> None:
    """Have a context log the keys of its connections in memory, where the system can, and unless it logs them already."""
    if not context.keylog_filename and hasattr(os, "memfd_create"):
        with suppress(OSError):
            _LOGS.add(context)


def logged_in_memory(context: ssl.SSLContext, most: int = MOST_LOGGED) -> bytes | None:
    """Return the end of a context's log.

    Args:
        context: The context.
        most: How many octets.

    Returns:
        The octets; None for a context that has no log in memory.
    """
    return _LOGS.tail(context, most)
