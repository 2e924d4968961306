"""How a server of ours starts, what is said where it cannot, and its thread: where the system refuses a call, the others are served."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import selectors
import socket
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.servers import serving
from smtp_shell.servers.listening import listen
from smtp_shell.servers.serving import ServerThread, starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 20.0


class Greeter(asyncio.Protocol):
    """Says hello, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


@contextmanager
def running(
    accept: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol] = lambda loop: Greeter(),
) -> Iterator[int]:
    async def leave() -> None:
        return

    listeners = listen("127.0.0.1", 0)
    thread = ServerThread("greeter")
    thread.start(listeners, accept, leave)
    try:
        yield listeners[0].getsockname()[1]
    finally:
        thread.stop()
    assert all(each.fileno() == -1 for each in listeners)


def said_to_a_client(port: int) -> bytes:
    octets = b""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as client:
        try:
            while piece := client.recv(100):
                octets += piece
        except ConnectionResetError:
            return octets
    return octets


def refusing_once(number: int, real: Callable[..., Any], applies: Callable[..., bool] = lambda *words: True) -> Any:
    """Return a call that fails the first time that it applies."""
    left = [number]

    def call(*words: Any, **named: Any) -> Any:
        if left and applies(*words):
            raise OSError(left.pop(), os.strerror(number))
        return real(*words, **named)

    return call


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOBUFS, errno.ECONNABORTED])
def test_a_connection_that_cannot_be_accepted_yet_is_accepted_later(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_ACCEPT_AGAIN", 0.01)
    with running() as port:
        monkeypatch.setattr(socket.socket, "accept", refusing_once(number, socket.socket.accept))
        assert [said_to_a_client(port) for _ in range(2)] == [b"hello", b"hello"]


@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")  # asyncio's own, half made
def test_a_connection_that_an_option_is_refused_for_is_closed_and_the_next_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_option = lambda sock, *words: words[:2] == (socket.IPPROTO_TCP, socket.TCP_NODELAY)  # noqa: E731
    with running() as port:
        refusing = refusing_once(errno.EINVAL, socket.socket.setsockopt, is_option)
        monkeypatch.setattr(socket.socket, "setsockopt", refusing)
        assert [said_to_a_client(port) for _ in range(2)] == [b"", b"hello"]
    gc.collect()


def test_a_connection_without_a_protocol_is_closed_and_the_next_is_served() -> None:
    def accept(loop: asyncio.AbstractEventLoop) -> asyncio.BaseProtocol:
        if faults:
            raise faults.pop()
        return Greeter()

    faults = [RuntimeError("no protocol")]
    with running(accept) as port:
        assert [said_to_a_client(port) for _ in range(2)] == [b"", b"hello"]


def test_a_wait_that_the_system_refuses_ends_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as port:
        assert said_to_a_client(port) == b"hello"
        name = selectors.DefaultSelector.select
        monkeypatch.setattr(selectors.DefaultSelector, "select", refusing_once(errno.ENOMEM, name))
        assert said_to_a_client(port) == b"hello"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "folder"), "It could not start: no space left on device."),
        (RuntimeError("can't start new thread"), "It could not start: can't start new thread."),
    ],
)
def test_what_the_system_refuses_is_a_sentence_and_what_was_begun_is_undone(error: Exception, sentence: str) -> None:
    undone: list[str] = []

    def start() -> None:
        with starting("It", (), lambda: undone.append("yes")):
            raise error

    with pytest.raises(ConnectFailed) as caught:
        start()
    assert (str(caught.value), undone) == (sentence, ["yes"])


def test_what_is_a_sentence_already_stays() -> None:
    with pytest.raises(UsageError, match="its own words"), starting("It", (), lambda: None):
        raise UsageError("its own words")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it is closed half-way
def test_a_loop_whose_own_socket_cannot_be_closed_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with running() as port:
        assert said_to_a_client(port) == b"hello"
        left = [errno.EIO]

        def close(self: socket.socket) -> None:
            real(self)
            if left and self.family == socket.AF_UNIX:
                raise OSError(left.pop(), "made to fail")

        real = socket.socket.close
        monkeypatch.setattr(socket.socket, "close", close)
    gc.collect()
    assert left == []
    assert capfd.readouterr() == ("", "")
