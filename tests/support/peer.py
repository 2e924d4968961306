"""The scripted peer: the server's end of a connection, controlled by a test.

A script is a function of a `Peer`, or a list of turns (octets to send, `Hear`, `Pause`). Three ways to run one:

- `talking(script)`: a `Session` over a socket pair, for tests of the client.
- `playing(script, sock)`: one end of any connected socket, in a thread; a failure of the script fails the test.
- `ScriptedServer(script)`: a listener on loopback, for tests of the whole program.
"""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.events import Entry, Event, Noticed, NoticeKind, ReplyReceived

PATIENCE = 10.0
"""Timeout of each wait of the peer, in seconds."""

QUICK = Timeouts().all(PATIENCE)
RECEIVED_LIMIT = 1024 * 1024
"""Limit of the octets that a `ScriptedServer` keeps."""


class ClientLeft(AssertionError):
    """The client closed while the script waited for more octets."""


class Peer:
    """The server's end of one connection.

    Args:
        sock: The connected socket.

    Attributes:
        heard: All that `hear` and `hear_end` have read.
        go_on: Set by the test to end the script's `wait`.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        self.sock = sock
        self.heard = b""
        self.go_on = threading.Event()

    def say(self, *lines: str) -> None:
        """Send lines, each with CRLF, in one segment."""
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def hear(self, until: bytes = b"\r\n") -> bytes:
        """Read until the octets read end with `until`, and return them.

        Raises:
            ClientLeft: The client closed before.
        """
        came = b""
        while not came.endswith(until):
            came += self._receive(came)
        self.heard += came
        return came

    def skip_to(self, wanted: bytes) -> Iterator[bytes]:
        """Read until `wanted` has arrived, and yield each piece; the last may hold more than `wanted`.

        Raises:
            ClientLeft: The client closed before.
        """
        tail = b""
        while wanted not in tail:
            piece = self._receive(tail)
            yield piece
            tail = tail[-len(wanted) :] + piece

    def _receive(self, before: bytes) -> bytes:
        piece = self.sock.recv(65536)
        if not piece:
            raise ClientLeft(f"the client closed after {before!r}")
        return piece

    def hear_end(self) -> bytes:
        """Read until the client closes, and return the octets."""
        came = b""
        with suppress(ConnectionResetError):
            while piece := self.sock.recv(65536):
                came += piece
        self.heard += came
        return came

    def wait(self) -> None:
        """Wait until the test sets `go_on`."""
        assert self.go_on.wait(PATIENCE)

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's side of a TLS handshake."""
        self.sock = context.wrap_socket(self.sock, server_side=True)


Script = Callable[[Peer], None]


@contextmanager
def playing(script: Script, sock: socket.socket) -> Iterator[Peer]:
    """Run a script in a thread, at one end of a connection, and raise its failure at the end of the block."""
    peer = Peer(sock)
    failures: list[BaseException] = []

    def play() -> None:
        try:
            script(peer)
        except BaseException as failure:
            failures.append(failure)
        finally:
            peer.sock.close()

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        peer.go_on.set()
        thread.join(2 * PATIENCE)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return ours, theirs


class Log(list[Entry]):
    """A consumer that keeps every entry."""

    def __call__(self, entry: Entry) -> None:
        self.append(entry)

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self]

    @property
    def codes(self) -> list[int]:
        return [event.reply.code for event in self.events if isinstance(event, ReplyReceived)]

    @property
    def notices(self) -> list[NoticeKind]:
        return [event.kind for event in self.events if isinstance(event, Noticed)]


@contextmanager
def talking(
    script: Script,
    *,
    strict: bool = False,
    timeouts: Timeouts = QUICK,
    target: Target | None = None,
    pair: Callable[[], tuple[socket.socket, socket.socket]] = socket.socketpair,
) -> Iterator[tuple[Session, Log, Peer]]:
    """Run a session against a script; the greeting has not been read."""
    ours, theirs = pair()
    log = Log()
    with playing(script, theirs) as peer, ours:
        session = Session(
            target or Target(Way.TCP, "mail.example.com", 25),
            Transport(ours, ""),
            [log],
            timeouts=timeouts,
            strict=strict,
        )
        try:
            yield session, log, peer
        finally:
            session.close()


@dataclass(frozen=True, slots=True)
class Hear:
    """A turn: read until these octets arrive. What follows them in the same segment is dropped."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """A turn: do nothing for some seconds, as between two segments."""

    seconds: float


Turn = bytes | Hear | Pause
"""Octets to send, octets to wait for, or a pause."""


class ScriptedServer:
    """Play a script to each client that connects to a port of loopback, each in a thread.

    A client that closes early, or resets, ends its script without an error: tests of the program check the program's side.

    Args:
        script: The turns, or a function of the peer.
        closes: Whether the server closes after the last turn; otherwise it waits for the client to close.
        resets: Whether it drops the connection with a TCP reset after the last turn.
        clients: How many clients may wait to be accepted.

    Attributes:
        address: Its host and port.
        received: What the clients sent during turns, at most `RECEIVED_LIMIT` octets.
        connections: The number of clients so far.
        over: Set when the test stops the server; a script's waits should end then.
    """

    def __init__(
        self, script: Sequence[Turn] | Script, *, closes: bool = False, resets: bool = False, clients: int = 20
    ) -> None:
        self._script = script
        self._closes = closes
        self._resets = resets
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=clients)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.received = b""
        self.connections = 0
        self.over = threading.Event()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.over.set()
        with suppress(OSError):  # wakes accept up
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        end = time.monotonic() + 2 * PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
            assert not thread.is_alive(), "the scripted server did not end"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        peer = Peer(connection)
        with connection, suppress(OSError, ClientLeft):
            if callable(self._script):
                self._script(peer)
                return
            for turn in self._script:
                self._take(turn, peer)
            if self._resets:
                peer.reset()
            elif not self._closes:
                while octets := peer.sock.recv(65536):
                    self._keep(octets)

    def _take(self, turn: Turn, peer: Peer) -> None:
        match turn:
            case bytes():
                peer.sock.sendall(turn)
            case Pause():
                self.over.wait(turn.seconds)
            case Hear():
                for piece in peer.skip_to(turn.octets):
                    self._keep(piece)

    def _keep(self, octets: bytes) -> None:
        if len(self.received) < RECEIVED_LIMIT:
            self.received += octets
