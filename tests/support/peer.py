"""A server for tests that says exactly what it is told to, at the other end of a socket."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.events import Entry, Event, Noticed, NoticeKind, ReplyReceived

PATIENCE = 10.0
QUICK = Timeouts().all(PATIENCE)


class Peer:
    """The server's end, used by the script in its own thread.

    Args:
        sock: The connected socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        self.sock = sock
        self.heard = b""
        self.go_on = threading.Event()

    def say(self, *lines: str) -> None:
        """Send lines, CRLF behind each, in one segment."""
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def hear(self, until: bytes = b"\r\n") -> bytes:
        """Read until these octets end what came; give all of it."""
        came = b""
        while not came.endswith(until):
            piece = self.sock.recv(65536)
            if not piece:
                raise AssertionError(f"the client closed after {came!r}")
            came += piece
        self.heard += came
        return came

    def wait(self) -> None:
        """Wait until the test lets it go on."""
        assert self.go_on.wait(PATIENCE)

    def hear_end(self) -> bytes:
        """Read until the client closes; give what came."""
        came = b""
        with suppress(ConnectionResetError):
            while piece := self.sock.recv(65536):
                came += piece
        self.heard += came
        return came

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's side of a handshake."""
        self.sock = context.wrap_socket(self.sock, server_side=True)


Script = Callable[[Peer], None]


@contextmanager
def playing(script: Script, sock: socket.socket) -> Iterator[Peer]:
    """Let the script play at its end of a connection; its failure is the test's."""
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
    """Give two ends of a TCP connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return ours, theirs


class Log(list[Entry]):
    """A consumer that keeps all."""

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
    """Run a session with a scripted server; the greeting is still to be read."""
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
