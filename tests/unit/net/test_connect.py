"""Connections that are made, and why others are not."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.connect import connect
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from tests.support.peer import playing

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
        transport = connect(
            tcp(listener.getsockname()[1]), 5, ConnectSettings(source="127.0.0.1", family=socket.AF_INET)
        )
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


def test_a_foreign_local_address_is_refused() -> None:
    with pytest.raises(ConnectFailed):
        connect(tcp(unused_port()), 5, ConnectSettings(source="192.0.2.1"))


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
    assert (transport.peer, transport.local) == ("", None)
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


def test_a_slow_server_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(self: socket.socket, address: object) -> None:
        raise BlockingIOError

    def wait(sock: socket.socket, seconds: float, **_: bool) -> tuple[bool, bool]:
        time.sleep(min(seconds, 0.02))
        return False, False

    monkeypatch.setattr(socket.socket, "connect", begin)
    monkeypatch.setattr("smtp_shell.net.sockets.wait_for", wait)
    start = time.monotonic()
    with pytest.raises(ConnectFailed, match="it did not answer in time"):
        connect(tcp(2525), 0.1)
    assert 0.1 <= time.monotonic() - start < 2
