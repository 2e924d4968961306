"""Connections that come about, and those that do not, and why."""

import os
import select
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from smtp_shell.errors import ConnectFailed, ConnectionLost, WaitTimedOut
from smtp_shell.net.connect import connect
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from tests.support.peer import Peer, playing, tcp_pair

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such thing")


def tcp(port: int, host: str = "127.0.0.1") -> Target:
    return Target(Way.TCP, host, port)


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def receive_all(transport: Transport) -> bytes:
    """Receive until the other end closes."""
    came = b""
    while piece := transport.recv(soon()):
        came += piece
    return came


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# --- connecting


def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        transport = connect(tcp(port), 5)
        sock, _ = listener.accept()
    with playing(lambda peer: peer.say("220 hi"), sock):
        assert receive_all(transport) == b"220 hi\r\n"
        assert transport.peer == f"127.0.0.1:{port}"
        assert transport.local_host == "127.0.0.1"
        assert not transport.in_tls
    transport.close()


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_tcp_over_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        transport = connect(tcp(port, "::1"), 5)
        assert transport.peer == f"[::1]:{port}"
        transport.close()


def test_a_name_whose_first_address_refuses_is_tried_at_its_others() -> None:
    """`localhost` is often ::1 first, and the server on 127.0.0.1 alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = connect(tcp(listener.getsockname()[1], "localhost"), 5)
        assert transport.peer.startswith("127.0.0.1:")
        transport.close()


def test_the_local_address_can_be_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = connect(tcp(listener.getsockname()[1]), 5, source="127.0.0.1", family=socket.AF_INET)
        sock, address = listener.accept()
        assert address[0] == "127.0.0.1"
        sock.close()
        transport.close()


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", ["the connection was refused", "check the host, the port"]),
        ("host.invalid", ["the name is not known", "check the name"]),
        ("a" * 64 + ".example", ["no valid host name"]),
        ("a..b", ["no valid host name"]),
    ],
)
def test_why_there_is_no_connection(host: str, words: list[str]) -> None:
    target = tcp(unused_port(), host)
    with pytest.raises(ConnectFailed) as caught:
        connect(target, 5)
    message = str(caught.value)
    assert message.startswith(f"no connection to {target}: ")
    assert all(word in message for word in words), message
    assert caught.value.exit_status == 3


def test_a_refused_port_25_has_its_own_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(ConnectFailed, match="many networks block port 25: try port 587"):
        connect(tcp(25), 5)


def test_a_name_that_is_looked_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: over.wait(5) and [])
    try:
        with pytest.raises(ConnectFailed, match="the name was not found in time"):
            connect(tcp(25, "mail.example.com"), 0.1)
    finally:
        over.set()


def test_a_foreign_local_address_is_refused() -> None:
    with pytest.raises(ConnectFailed):
        connect(tcp(unused_port()), 5, source="192.0.2.1")


@posix
def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        transport = connect(Target(Way.UNIX, str(path)), 5)
        sock, _ = listener.accept()
    with playing(lambda peer: peer.say("220 hi"), sock):
        assert receive_all(transport) == b"220 hi\r\n"
    assert (transport.peer, transport.local_host) == ("", "")
    transport.close()


@posix
@pytest.mark.parametrize("path", ["/no/such/socket", "/", "x" * 200, "/a\0b"])
def test_no_unix_socket(path: str) -> None:
    with pytest.raises(ConnectFailed, match="check the path") as caught:
        connect(Target(Way.UNIX, path), 5)
    assert str(caught.value).isprintable()


def pipe(code: str) -> Target:
    return Target(Way.PIPE, f'{sys.executable} -c "{code}"')


@posix
def test_a_program_as_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_SHELL_PASSWORD", "canary")
    transport = connect(
        pipe("import os; print('220', input(), os.environ.get('SMTP_SHELL_PASSWORD'), os.getpgid(0))"), 5
    )
    transport.send(b"hello\r\n", 5)
    said = receive_all(transport).split()
    assert said[:3] == [b"220", b"hello", b"None"]
    assert int(said[3]) != os.getpgid(0), "Ctrl-C at the prompt would end the program too"
    transport.close()


@posix
def test_a_program_that_does_not_end_is_ended() -> None:
    transport = connect(pipe("import time; print('220', flush=True); time.sleep(60)"), 5)
    assert transport.recv(soon())
    start = time.monotonic()
    transport.close()
    assert time.monotonic() - start < 4


@posix
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/program -bs", "check the command"),
        ("sh -c 'open", "open quote"),
        ("''", "check the command"),
        ("a\0b", "check the command"),
    ],
)
def test_no_program(command: str, words: str) -> None:
    with pytest.raises(ConnectFailed, match=words) as caught:
        connect(Target(Way.PIPE, command), 5)
    assert str(caught.value).isprintable()


# --- sending and receiving


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


def test_an_attentive_wait_hears_what_comes_at_once_and_what_comes_late_and_ends_in_time() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    transport.attentive = True
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


def test_an_attentive_wait_sleeps_as_soon_as_the_server_is_slow() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours, "")
    transport.attentive = True
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
    assert transport.local_host == ""
    theirs.close()


@pytest.mark.parametrize("watch", ["_watch_by_poll", "_watch_by_select"])
def test_both_ways_of_watching(watch: str) -> None:
    import smtp_shell.net.transport as module

    if watch == "_watch_by_poll" and not hasattr(select, "poll"):
        pytest.skip("Windows has no poll")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        is_readable = getattr(module, watch)(ours)  # within milliseconds
        assert not is_readable(0)
        start = time.monotonic()
        assert not is_readable(100)
        assert 0.09 <= time.monotonic() - start < 2
        theirs.sendall(b"x")
        assert is_readable(5000)
        ours.recv(1)
        theirs.close()
        assert is_readable(5000)


@pytest.mark.parametrize("waiter", ["_wait_by_poll", "_wait_by_select"])
def test_both_ways_of_waiting(waiter: str) -> None:
    import smtp_shell.net.transport as module

    if not hasattr(select, "poll") and "poll" in waiter:
        pytest.skip("Windows has no poll")
    wait = getattr(module, waiter)
    ours, theirs = socket.socketpair()
    assert wait(ours, 0) == (False, False)
    assert wait(ours, 0, read=False, write=True) == (False, True)
    theirs.send(b"x")
    assert wait(ours, 1, write=True) == (True, True)
    theirs.close()
    assert wait(ours, 0)[0]
    ours.close()


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
