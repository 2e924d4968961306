"""A server that says what a test tells it to, in lock-step, octet by octet."""

import contextlib
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

LIMIT = 10.0
KEPT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hear:
    """Read until these octets have come."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while, as a server does whose segments come apart."""

    seconds: float


Turn = bytes | Hear | Pause
"""What the server says, what it hears, or a pause."""


class ScriptedServer:
    """Act out turns with each client that connects; then close, or wait until the client has closed.

    Args:
        turns: The turns.
        closes: Whether the server closes behind the last turn.
        resets: Whether it does so with a TCP reset.

    Attributes:
        received: What the clients sent, of which no more than `KEPT` octets are kept.
        connections: How many there were.
    """

    def __init__(self, turns: Sequence[Turn], *, closes: bool = False, resets: bool = False) -> None:
        self._turns = turns
        self._closes = closes
        self._resets = resets
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.received = b""
        self.connections = 0

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # wakes accept up
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "the scripted server did not end"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(LIMIT)
            with connection, contextlib.suppress(OSError):
                self._act(connection)

    def _act(self, connection: socket.socket) -> None:
        for turn in self._turns:
            match turn:
                case bytes():
                    connection.sendall(turn)
                case Pause():
                    threading.Event().wait(turn.seconds)
                case Hear():
                    if not self._hear(connection, turn.octets):
                        return
        if self._resets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        elif not self._closes:
            while octets := connection.recv(65536):
                self._keep(octets)

    def _hear(self, connection: socket.socket, wanted: bytes) -> bool:
        tail = b""
        while wanted not in tail:
            octets = connection.recv(65536)
            if not octets:
                return False
            self._keep(octets)
            tail = tail[-len(wanted) :] + octets
        return True

    def _keep(self, octets: bytes) -> None:
        if len(self.received) < KEPT:
            self.received += octets
