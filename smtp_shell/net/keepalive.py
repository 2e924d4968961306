"""Keepalive of TCP: how a connection is noticed to be dead while nobody sends anything, such as after a laptop has slept."""

from __future__ import annotations

import contextlib
import socket

IDLE, INTERVAL, PROBES = 30, 10, 3
"""Seconds of silence before the first probe, seconds between probes, and how many may go unanswered.

A dead connection is noticed within a minute.
"""

_OPTIONS = (("TCP_KEEPIDLE", IDLE), ("TCP_KEEPINTVL", INTERVAL), ("TCP_KEEPCNT", PROBES))
_IDLE_OF_MACOS = "TCP_KEEPALIVE"


def keep_alive(sock: socket.socket) -> None:
    """Have the system probe the other end of a connection while it is silent. Does nothing where there is no TCP below.

    Where the system has no option for a time, its own times count: two hours on most.

    Source: RFC 9293 section 3.8.4
    """
    if sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            if name == "TCP_KEEPIDLE" and not hasattr(socket, name):
                name = _IDLE_OF_MACOS
            if (option := getattr(socket, name, None)) is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
