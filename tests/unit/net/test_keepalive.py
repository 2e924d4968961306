"""Keepalive, on the systems that name its times differently, or not at all."""

import errno
import os
import socket
import sys
from types import SimpleNamespace

import pytest

from smtp_shell.errors import ConnectionLost
from smtp_shell.net import keepalive
from smtp_shell.net.keepalive import IDLE, INTERVAL, PROBES, keep_alive
from smtp_shell.net.transport import Transport

NAMES = {name: number for number, name in enumerate(("IPPROTO_TCP", "SOL_SOCKET", "SO_KEEPALIVE", "SOCK_STREAM"), 1)}
FAMILIES = {"AF_INET": socket.AF_INET, "AF_INET6": socket.AF_INET6}
LINUX = {"TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6}
MACOS = {"TCP_KEEPALIVE": 16, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6}


class Options:
    """A socket that keeps which options are set."""

    type = NAMES["SOCK_STREAM"]

    def __init__(self, family: int = socket.AF_INET, error: OSError | None = None) -> None:
        self.family, self.error = family, error
        self.options: dict[int, int] = {}

    def setsockopt(self, level: int, option: int, value: int) -> None:
        if self.error is not None:
            raise self.error
        self.options[option] = value


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (LINUX, {4: IDLE, 5: INTERVAL, 6: PROBES}),
        (MACOS, {16: IDLE, 5: INTERVAL, 6: PROBES}),
        ({}, {}),
    ],
    ids=["Linux and Windows", "macOS", "neither"],
)
def test_the_times_are_set_by_the_names_that_the_system_has(
    there: dict[str, int], found: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepalive, "socket", SimpleNamespace(**NAMES, **FAMILIES, **there))
    sock = Options()
    keep_alive(sock)  # type: ignore[arg-type]
    assert sock.options == {NAMES["SO_KEEPALIVE"]: 1, **found}


def test_what_is_no_tcp_or_refuses_the_options_is_left_as_it_is() -> None:
    other = Options(family=-1)
    keep_alive(other)  # type: ignore[arg-type]
    keep_alive(Options(error=OSError(errno.ENOPROTOOPT, "no")))  # type: ignore[arg-type]
    assert other.options == {}


@pytest.mark.skipif(sys.platform != "linux", reason="names of Linux")
def test_a_connection_of_this_system_is_probed() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as sock,
    ):
        transport = Transport(sock, "")
        transport.keep_alive()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == IDLE
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == PROBES


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EHOSTUNREACH])
def test_a_server_that_answers_no_probe_is_said_to_be_gone(number: int) -> None:
    class Dead(socket.socket):
        def recv(self, size: int, flags: int = 0) -> bytes:
            raise OSError(number, os.strerror(number))

    one, other = socket.socketpair()
    other.sendall(b"x")
    with other, Dead(one.family, one.type, one.proto, one.detach()) as dead:
        transport = Transport(dead, "")
        with pytest.raises(ConnectionLost, match="the server answers no more: the connection is dead"):
            transport.recv(0.0)
