"""How a connection of a server of ours is reset, and how it ends when a callback fails."""

from __future__ import annotations

import contextlib
import socket
import struct
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Abortable(Protocol):
    """A connection that can be closed at once."""

    def abort(self) -> None:
        """Close at once, whatever the other side does."""


_Connection = TypeVar("_Connection", bound=Abortable)
_Words = ParamSpec("_Words")


def or_abort(
    callback: Callable[Concatenate[_Connection, _Words], None],
) -> Callable[Concatenate[_Connection, _Words], None]:
    """Have a callback of the event loop close its connection if it fails.

    asyncio tells its exception handler alone of a callback that failed. The connection would stay open, with nobody who serves it.
    """

    @wraps(callback)
    def guarded(self: _Connection, /, *words: _Words.args, **named: _Words.kwargs) -> None:
        try:
            callback(self, *words, **named)
        except Exception:
            self.abort()

    return guarded


def reset_on_close(transport: asyncio.BaseTransport | None) -> None:
    """Make the end of a connection a TCP reset.

    Args:
        transport: The connection, inside TLS or not; None to do nothing.
    """
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
