"""How a connection of a server of ours is reset."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


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
