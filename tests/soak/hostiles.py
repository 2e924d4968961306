"""The hostile scenarios, one server for each dialogue that meets one."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from itertools import count
from typing import Final

from tests.hostile.catalogue import scenarios
from tests.support.hostile.server import HostileServer

_MOST_SECONDS: Final = 8.0
_STRIDE: Final = 40
_HOSTILE_OCTETS: Final = 2 * 1024 * 1024


class Hostile:
    """The hostile scenarios, one server for each dialogue that meets one."""

    def __init__(self) -> None:
        entries = [entry for entry in scenarios().values() if "replay" in entry.ways and entry.seconds <= _MOST_SECONDS]
        # Not in their order, in which neighbours are alike.
        self._entries = deque(entry for start in range(_STRIDE) for entry in entries[start::_STRIDE])
        self._open: dict[str, HostileServer] = {}
        self._order = count(1)

    def next(self) -> tuple[str, int]:
        """Start the next scenario. Return its name, with a number that is its own, and its port."""
        entry = self._entries.popleft()
        self._entries.append(entry)
        server = HostileServer(entry, seconds=20.0, octets=_HOSTILE_OCTETS)
        server.__enter__()
        name = f"{entry.name} {next(self._order)}"
        self._open[name] = server
        return name, server.port

    def over(self, name: str) -> list[str]:
        """End a scenario, without a wait. Return which credentials the client has sent in the clear."""
        server = self._open.pop(name)
        threading.Thread(target=self._leave, args=(server,), daemon=True).start()
        return [each for each in server.broken_promises() if each.startswith("a credential")]

    def close(self) -> None:
        """End all that is open."""
        for server in self._open.values():
            self._leave(server)
        self._open.clear()

    def _leave(self, server: HostileServer) -> None:
        with suppress(RuntimeError):
            server.__exit__(None, None, None)
