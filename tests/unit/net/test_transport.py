"""Octets sent and received over an open connection, and how it ends."""

import errno
import socket
import threading
import time
from collections.abc import Callable

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConnectionLost, TlsFailed, WaitTimedOut
from smtp_shell.net.transport import Transport
from tests.support.peer import Peer, playing, tcp_pair


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def receive_all(transport: Transport) -> bytes:
    """Receive until the other end closes."""
    came = b""
    while piece := transport.recv(soon()):
        came += piece
    return came


def test_nothing_came_in_time() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    start = time.monotonic()
    assert transport.recv(soon(0.05)) is None
    assert transport.recv(0) is None
    assert time.monotonic() - start < 1
    theirs.send(b"x")
    assert transport.recv(soon()) == b"x"
    theirs.close()
    assert transport.recv(0) == b""
    assert transport.recv(0) == b""
    transport.close()


def test_busy_polling_receives_quick_and_late_octets_and_ends_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    transport.busy_poll = True
    for delay in (0.0, 0.0, 0.05, 0.0, 0.0):
        sender = threading.Timer(delay, theirs.send, [b"x"])
        sender.start()
        assert transport.recv(soon()) == b"x"
        sender.join()
    start = time.monotonic()
    assert transport.recv(soon(0.05)) is None
    assert 0.05 <= time.monotonic() - start < 1
    theirs.close()
    assert transport.recv(soon()) == b""
    transport.close()


def test_busy_polling_stops_once_the_server_is_slow() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    transport.busy_poll = True
    assert transport.recv(soon(0.2)) is None
    before = time.thread_time()
    assert transport.recv(soon(0.5)) is None
    assert time.thread_time() - before < 0.1
    theirs.close()
    transport.close()


def test_a_reset_is_a_loss() -> None:
    ours, theirs = tcp_pair()
    transport = Transport(ours, "")
    Peer(theirs).reset()
    with pytest.raises(ConnectionLost, match="the server dropped the connection"):
        transport.recv(soon())
    with pytest.raises(ConnectionLost):
        transport.send(b"x" * 1_000_000, 1)
    transport.close()


def test_what_the_server_says_while_we_send_is_kept() -> None:
    """Two ends that only write, with full buffers, would wait for each other for ever."""
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    much = 600_000

    def write_then_read(peer: Peer) -> None:
        peer.sock.sendall(b"s" * much)
        left = much
        while left:
            left -= len(peer.sock.recv(65536))

    with playing(write_then_read, theirs):
        transport.send(b"c" * much, 5)
        assert receive_all(transport) == b"s" * much
    transport.close()


def test_a_server_that_never_reads_stalls_the_send() -> None:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    transport = Transport(ours, "")
    start = time.monotonic()
    with pytest.raises(WaitTimedOut, match=r"the server read nothing for 0\.2 s"):
        transport.send(b"x" * 1_000_000, 0.2)
    assert 0.2 <= time.monotonic() - start < 2
    theirs.close()
    transport.close()


def test_a_server_that_reads_slowly_but_steadily_stalls_nothing() -> None:
    """The time is for each 64 KiB: all of it takes far longer."""
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    transport = Transport(ours, "")
    heard = 0

    def read_slowly(peer: Peer) -> None:
        nonlocal heard
        while octets := peer.sock.recv(32 * 1024):
            heard += len(octets)
            time.sleep(0.05)

    start = time.monotonic()
    with playing(read_slowly, theirs):
        transport.send(b"x" * 1_000_000, 0.5)
        took = time.monotonic() - start
        transport.close()
    assert heard == 1_000_000
    assert took > 0.75


def test_a_server_that_floods_and_never_reads_is_not_kept_whole() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")

    def flood(peer: Peer) -> None:
        try:
            while True:
                peer.sock.sendall(b"x" * 65536)
        except OSError:
            pass

    with playing(flood, theirs):
        with pytest.raises(WaitTimedOut):
            transport.send(b"x" * 10_000_000, 0.5)
        held = transport.recv(0)
        assert held is not None
        assert len(held) < 1024 * 1024 + 65536
        transport.close()


def test_closing_twice_is_harmless() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    transport.close()
    transport.close()
    assert transport.local is None
    theirs.close()


def test_the_end_that_was_met_while_sending_is_there_to_be_received() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(WaitTimedOut):
        transport.send(b"x" * 8 * 1024 * 1024, 0.2)
    seen = [transport.readable]
    assert transport.recv(soon()) == b""
    seen.append(transport.readable)
    assert seen == [True, False]
    transport.close()
    theirs.close()


def test_whether_something_is_there_to_be_received() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    seen = [transport.readable]
    theirs.send(b"x")
    seen.append(transport.readable)
    transport.recv(soon())
    seen.append(transport.readable)
    theirs.close()
    seen.append(transport.readable)
    transport.recv(soon())
    seen.append(transport.readable)
    assert seen == [False, True, False, True, False]
    transport.close()


def failing(error: Exception) -> Callable[..., object]:
    """Return a call that raises this, whatever it is called with."""

    def fail(*args: object, **named: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(errno.ENOMEM, "Cannot allocate memory"), "cannot allocate memory"), (MemoryError(), "no memory left")],
)
@pytest.mark.parametrize("call", ["recv", "poll"])
def test_what_the_system_refuses_while_receiving_breaks_the_connection(
    call: str, error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with theirs, ours:
        transport = Transport(ours, "")
        theirs.send(b"x")
        if call == "recv":
            monkeypatch.setattr(socket.socket, "recv", failing(error))
        else:
            monkeypatch.setattr(transport, "_poll", failing(error))
        assert transport.readable, "recv returns at once, with the error"
        with pytest.raises(ConnectionLost, match=f"the connection broke: .*{reason}"):
            transport.recv(soon())


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(errno.ENOBUFS, "No buffer space available"), "no buffer space"), (MemoryError(), "no memory left")],
)
@pytest.mark.parametrize("call", ["send", "wait_for"])
def test_what_the_system_refuses_while_sending_breaks_the_connection(
    call: str, error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with theirs, ours:
        transport = Transport(ours, "")
        if call == "send":
            monkeypatch.setattr(socket.socket, "send", failing(error))
        else:
            monkeypatch.setattr("smtp_shell.net.transport.wait_for", failing(error))
        with pytest.raises(ConnectionLost, match=f"the connection broke: .*{reason}"):
            transport.send(b"x" * 16 * 1024 * 1024, 5.0)


@pytest.mark.parametrize("ends", [Transport.close, Transport.abort])
def test_an_end_never_fails_whatever_the_system_says(
    ends: Callable[[Transport], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with theirs, ours, monkeypatch.context() as patched:
        transport = Transport(ours, "")
        patched.setattr(socket.socket, "close", failing(OSError(errno.EIO, "Input/output error")))
        ends(transport)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
            "the server closed the connection in the middle",
        ),
        (
            OSError(errno.ENOMEM, "Cannot allocate memory"),
            "in the TLS handshake the connection broke: cannot allocate memory",
        ),
        (MemoryError(), "in the TLS handshake the connection broke: there is no memory left"),
    ],
)
def test_a_handshake_that_breaks_says_whose_doing_it_was(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with theirs, ours:
        transport = Transport(ours, "")
        theirs.send(b"x")
        monkeypatch.setattr(socket.socket, "recv", failing(error))
        with pytest.raises(TlsFailed, match=f"^{says}"):
            transport.start_tls(TlsSettings(insecure=True), "mail.example.com", 5.0)


def test_ctrl_c_while_the_connection_is_closed_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        transport = Transport(ours, "")

        def press(*args: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(socket.socket, "shutdown", press)
        with pytest.raises(KeyboardInterrupt):
            transport.close()
        assert ours.fileno() == -1
