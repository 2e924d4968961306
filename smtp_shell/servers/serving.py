"""The thread in which a server of ours takes connections: how it starts, and how it stops."""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from smtp_shell.errors import ConnectFailed, SmtpShellError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

    from smtp_shell.servers.closing import Abortable

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
"""The names of this machine that a certificate is made for, whatever else it is for."""

_START_LIMIT: Final = 10.0  # seconds
_LOOK: Final = 0.005  # seconds between looks whether the connections are gone
_ACCEPT_AGAIN: Final = (
    1.0  # seconds, where there are no descriptors for another connection; asyncio's servers wait as long
)


class ServerThread:
    """A thread with an event loop of its own, in which connections are taken.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has been started, and not been stopped since."""
        return self._thread is not None

    def start(
        self,
        listeners: Sequence[socket.socket],
        accept: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol],
        leave: Callable[[], Awaitable[None]],
    ) -> None:
        """Start, and return when connections are accepted.

        Args:
            listeners: The sockets that listen. They are closed when it stops.
            accept: Makes the protocol of a connection.
            leave: Ends the open connections, when it stops.

        Raises:
            OSError: The sockets cannot be used.
            RuntimeError: The thread cannot be started.
            TimeoutError: It does not accept connections within some seconds.
        """
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listeners, accept, leave, ready), name=self._name, daemon=True
        )
        self._thread.start()
        ready.result(_START_LIMIT)

    def stop(self) -> None:
        """End the connections and the thread. Does nothing when stopped already."""
        if self._loop is not None and self._ended is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # the loop has closed in between
                self._loop.call_soon_threadsafe(self._ended.set)
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join(_START_LIMIT)
        self._thread = self._loop = self._ended = None

    def _run(
        self,
        listeners: Sequence[socket.socket],
        accept: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol],
        leave: Callable[[], Awaitable[None]],
        ready: Future[None],
    ) -> None:
        try:
            with asyncio.Runner(loop_factory=_make_loop) as runner:
                runner.run(self._serve(listeners, accept, leave, ready))
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)
        finally:
            _close(listeners)  # nobody is to wait for a server that has ended

    async def _serve(
        self,
        listeners: Sequence[socket.socket],
        accept: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol],
        leave: Callable[[], Awaitable[None]],
        ready: Future[None],
    ) -> None:
        loop = asyncio.get_running_loop()
        # What goes wrong on one connection ends that connection; the default would print a traceback.
        loop.set_exception_handler(lambda _loop, _context: None)
        ended = asyncio.Event()
        self._loop, self._ended = loop, ended
        takers = [loop.create_task(_take(loop, listener, accept)) for listener in listeners]
        ready.set_result(None)
        await ended.wait()
        for taker in takers:
            taker.cancel()
        await asyncio.wait(takers)
        _close(listeners)
        await leave()


def _close(listeners: Sequence[socket.socket]) -> None:
    for listener in listeners:
        with suppress(OSError):  # its descriptor is gone whatever the system says
            listener.close()


async def _take(
    loop: asyncio.AbstractEventLoop,
    listener: socket.socket,
    accept: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol],
) -> None:
    """Accept connections, one after the other.

    A server of asyncio leaves a connection open, with nobody who serves it, where the system refuses an option for it.
    """
    while True:
        try:
            connection, _ = await loop.sock_accept(listener)
        except ConnectionAbortedError:
            continue  # the client has gone before
        except (OSError, MemoryError):
            await asyncio.sleep(_ACCEPT_AGAIN)
            continue
        try:
            # asyncio does so too, but where it is refused its half made transport claims the descriptor's number, until it is collected.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(lambda: accept(loop), connection)
        except Exception:
            _close((connection,))


class _Selector(selectors.DefaultSelector):
    """Waits again where the system could not wait for now. The loop would end, and all connections with it."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; nothing where the system could not say."""
        try:
            return super().select(timeout)
        except OSError:
            time.sleep(_LOOK)
            return []


class _Loop(asyncio.SelectorEventLoop):
    """A loop that prints nothing when it is freed half made or half closed, such as when it could not have or close its own sockets."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def close(self) -> None:
        """Close it. Python does so again when it is freed, if the first time failed half-way."""
        with suppress(OSError, ValueError, AttributeError):
            super().close()


def _make_loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop() if sys.platform == "win32" else _Loop()


@contextmanager
def starting(what: str, listeners: Sequence[socket.socket], undo: Callable[[], None]) -> Iterator[None]:
    """Undo what was begun where a server cannot be started.

    Args:
        what: What starts, for messages.
        listeners: The sockets that listen.
        undo: Undoes the rest.

    Raises:
        ConnectFailed: The system refused something.
    """
    try:
        yield
    except BaseException as error:
        _close(listeners)
        undo()
        if isinstance(error, OSError | RuntimeError | TimeoutError) and not isinstance(error, SmtpShellError):
            reason = reason_of(error) if isinstance(error, OSError) else escape_str(str(error))
            raise ConnectFailed(f"{what} could not start: {reason}.") from None
        raise


async def abort_all(connections: Collection[Abortable], seconds: float) -> None:
    """Close connections at once, and wait until they are gone.

    Args:
        connections: Those that are open; each goes from it when it is gone.
        seconds: How long to wait at most.
    """
    for connection in tuple(connections):
        connection.abort()
    for _ in range(round(seconds / _LOOK)):
        if not connections:
            return
        await asyncio.sleep(_LOOK)


def local_host(address: str) -> str:
    """Return the address or name at which this machine reaches a server.

    Args:
        address: The address that it listens on.
    """
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
