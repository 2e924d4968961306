"""The listener of the hostile server, and what a client must do in no scenario."""

from __future__ import annotations

import socket
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Self

from tests.support.hostile.peer import TICK, Bounds, HostilePeer, Over, PeerGone, RunLog
from tests.support.hostile.scenario import Scenario, secret_forms
from tests.support.memory import MIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class HostileServer:
    """Play one scenario to each client that connects, until the `with` block ends.

    Args:
        entry: The scenario.
        seconds: Lifetime of a connection.
        octets: Octets that may be sent over a connection.
        pace: Factor for the scenario's pauses.

    Attributes:
        connections: The number of clients so far.
        outcomes: How each finished connection ended: played, the client left, over, or failed with the error.
    """

    CONNECTIONS = 8

    def __init__(self, entry: Scenario, *, seconds: float = 30.0, octets: int = 32 * MIB, pace: float = 1.0) -> None:
        self.scenario = entry
        self.log = RunLog()
        self.connections = 0
        self.outcomes: list[str] = []
        self._stop = threading.Event()
        self._bounds = Bounds(seconds, octets, pace, self._stop)
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TICK)

    @cached_property
    def port(self) -> int:
        """The port that the server listens on."""
        port = self._listener.getsockname()[1]
        assert isinstance(port, int)
        return port

    @property
    def received(self) -> bytes:
        """What the client sent, decrypted, up to the limit of the log."""
        return bytes(self.log.received)

    @property
    def received_clear(self) -> bytes:
        """What the client sent outside TLS, up to the limit of the log."""
        return bytes(self.log.received_clear)

    def broken_promises(self) -> list[str]:
        """Return what the client did that it must not do in this scenario or in any."""
        broken = list(self.log.violations)
        received = self.received.upper()  # a line is sent as it was typed
        broken += [f"the server received {octets!r}" for octets in self.scenario.never if octets.upper() in received]
        twice = [octets for octets in self.scenario.once if received.count(octets.upper()) > 1]
        broken += [f"the server received {octets!r} twice" for octets in twice]
        broken += [f"a credential in the clear: {form!r}" for form in secret_forms() if form in self.received_clear]
        expected = 1 + self.scenario.script.count("/reconnect")
        if self.connections > expected:
            broken.append(f"{self.connections} connections, expected at most {expected}")
        return broken

    def wait(self, seconds: float) -> bool:
        """Return whether at least one client connected and all connections ended in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.outcomes and len(self.outcomes) == self.connections:
                return True
            time.sleep(0.01)
        return False

    def __enter__(self) -> Self:
        self.port  # noqa: B018 - asked for while the listener is open
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5.0)
        self._listener.close()
        if any(thread.is_alive() for thread in self._threads):
            raise RuntimeError(f"the scenario {self.scenario.name} did not end")

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=f"hostile {self.scenario.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set() and self.connections < self.CONNECTIONS:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        peer = HostilePeer(connection, self.log, self._bounds)
        outcome = "played"
        try:
            self.scenario.play(peer)
        except PeerGone:
            outcome = "the client left"
        except Over:
            outcome = "over"
        except Exception as wrong:  # a bug in the scenario: the test must see it
            outcome = f"failed: {wrong!r}"
        finally:
            peer.close()
            connection.close()
            self.outcomes.append(outcome)
