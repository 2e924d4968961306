"""The keys of TLS for whoever captures a connection: kept in a file without a name, and handed out one connection at a time.

OpenSSL gives its keys to `ssl`, and `ssl` writes them to a file that is opened by its name, and to nothing else. That file is made for its
owner alone and loses its name as soon as `ssl` has opened it, so that nothing of it is left however the process ends.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.net.memory_key_log import log_in_memory, logged_in_memory

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

_TAIL = 256 * 1024  # octets at the end of a log that are looked through
_LABELS = re.compile(
    rb"(?:CLIENT_RANDOM|(?:CLIENT|SERVER)_(?:HANDSHAKE_TRAFFIC_SECRET|TRAFFIC_SECRET_0)|EXPORTER_SECRET|EARLY_EXPORTER_SECRET"
    rb"|CLIENT_EARLY_TRAFFIC_SECRET) [0-9a-f]{64} [0-9a-f]{32,128}"
)


class SessionKeys:
    """The keys of the connections of some contexts.

    Args:
        memory_only: Keep them in memory (`memory_key_log`) or not at all: they never reach a disk.
    """

    def __init__(self, *, memory_only: bool = False) -> None:
        self._memory_only = memory_only
        self._lock = threading.Lock()
        self._descriptors: list[int] = []
        self._named: list[str] = []  # files that have kept their name: a system that does not remove what is open
        self._shared: set[Path] = set()  # the user's own key log
        self._in_memory: weakref.WeakSet[ssl.SSLContext] = weakref.WeakSet()

    def follow(self, context: ssl.SSLContext) -> None:
        """Have a context write the keys of its connections where they are found. If it has a key log of the user's, that one is read.

        Raises:
            OSError: The file cannot be made.
        """
        with self._lock:
            if context.keylog_filename:
                self._shared.add(Path(str(context.keylog_filename)))
                return
            if self._memory_only:
                log_in_memory(context)
                self._in_memory.add(context)
                return
            # Late: tempfile takes longer to load than a handshake.
            from smtp_shell.temporary_folders import temporary_file

            descriptor, name = temporary_file("keys")
            self._descriptors.append(descriptor)
            try:
                context.keylog_filename = name
            finally:
                try:
                    os.unlink(name)
                except OSError:
                    self._named.append(name)

    def find(self, client_random: bytes) -> bytes:
        """Return the lines of a key log for one connection; empty if none are known yet.

        Args:
            client_random: The random octets of its ClientHello, by which a log names a connection.
        """
        wanted = client_random.hex().encode()
        found: list[bytes] = []
        with self._lock:
            for octets in self._logs():
                found += [line for line in lines_with(octets, wanted) if _LABELS.fullmatch(line)]
        return b"".join(line + b"\n" for line in dict.fromkeys(found))

    def close(self) -> None:
        """Forget all keys."""
        with self._lock:
            for descriptor in self._descriptors:
                with suppress(OSError):
                    os.close(descriptor)
            for name in self._named:
                with suppress(OSError):
                    os.unlink(name)
            self._descriptors.clear()
            self._named.clear()
            self._in_memory.clear()

    def _logs(self) -> list[bytes]:
        logs = [octets for context in self._in_memory if (octets := logged_in_memory(context))]
        for descriptor in self._descriptors:
            size = os.lseek(descriptor, 0, os.SEEK_END)
            os.lseek(descriptor, max(0, size - _TAIL), os.SEEK_SET)
            logs.append(os.read(descriptor, _TAIL))
        for path in self._shared:
            with suppress(OSError), open(path, "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - _TAIL))
                logs.append(file.read(_TAIL))
        return logs


def lines_with(log: bytes, wanted: bytes) -> Iterator[bytes]:
    """Yield the lines that hold some octets, without their ends.

    A log has up to 256 KiB of other connections: to split that into lines takes 3.5 ms, as long as the rest of a dialogue; this 0.25 ms.

    Args:
        log: Lines that end in LF, the last perhaps not.
        wanted: The octets, without LF.
    """
    at = log.find(wanted)
    while at >= 0:
        end = log.find(b"\n", at)
        end = len(log) if end < 0 else end
        yield log[log.rfind(b"\n", 0, at) + 1 : end].rstrip()
        at = log.find(wanted, end + 1)


@cache
def handshake_keys() -> SessionKeys:
    """Return where the keys go with which what a server sent in a handshake is read later; one for all contexts, which are cached too."""
    return SessionKeys(memory_only=True)


def are_complete(keys: bytes) -> bool:
    """Return whether lines of a key log decrypt a whole connection: of TLS 1.2 or older one line does, of TLS 1.3 it takes four."""
    labels = {line.partition(b" ")[0] for line in keys.splitlines()}
    needed = {
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET",
        b"CLIENT_TRAFFIC_SECRET_0",
        b"SERVER_TRAFFIC_SECRET_0",
    }
    return b"CLIENT_RANDOM" in labels or needed <= labels
