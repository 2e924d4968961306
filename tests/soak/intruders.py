"""Faulty clients that come to the relay and to the server beside `replay`: those of students, and those that mean harm."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle
from typing import Final

from tests.support.faulty_clients import FAULTY, right

HOST: Final = "127.0.0.1"
_SECONDS: Final = 5.0
_RESET: Final = struct.pack("ii", 1, 0)

Act = Callable[[socket.socket], None]


def _nothing(_: socket.socket) -> None:
    """Come, and go."""


def _reset(sock: socket.socket) -> None:
    sock.recv(512)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _sends(*octets: bytes) -> Act:
    """Return a client that sends octets, each after a reply, and goes without QUIT."""

    def act(sock: socket.socket) -> None:
        for each in octets:
            sock.recv(4096)
            sock.sendall(each)
        sock.recv(4096)

    return act


_TLS: Final = (b"EHLO a.example.com\r\n", b"STARTTLS\r\n")
_ACTS: Final[dict[str, Act]] = {
    "comes and goes": _nothing,
    "reset after the greeting": _reset,
    "half a line": _sends(b"EHL"),
    "octets": _sends(bytes(range(256)) * 8),
    "a long line": _sends(b"EHLO " + b"x" * 70_000 + b"\r\n"),
    "a line without end": _sends(b"x" * 300_000),
    "TLS at once": _sends(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64)),
    "HTTP": _sends(b"GET / HTTP/1.1\r\nHost: mail.example.com\r\n\r\n"),
    "no TLS after the 220": _sends(*_TLS, b"MAIL FROM:<ann@example.org>\r\n"),
    "text after STARTTLS": _sends(_TLS[0], _TLS[1] + b"MAIL FROM:<ann@example.org>\r\n"),
    "half a handshake": _sends(*_TLS, b"\x16\x03\x01\x02\x00\x01\x00"),
    "goes at STARTTLS": _sends(*_TLS),
    "goes in mail data": _sends(
        b"EHLO a.example.com\r\nMAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n",
        b"Subject: half\r\n",
    ),
    "commands out of order": _sends(b"DATA\r\n", b"RCPT TO:<bob@example.org>\r\n", b"AUTH PLAIN =\r\n", b"EHLO\r\n"),
    "bare line feeds": _sends(b"EHLO a.example.com\n", b"QUIT\n"),
}


def _by_hand(act: Act, port: int) -> None:
    with socket.create_connection((HOST, port), timeout=_SECONDS) as sock:
        act(sock)


def names() -> tuple[str, ...]:
    """Return all kinds."""
    return (*_ACTS, *FAULTY, "right")


def intruders() -> Iterator[Callable[[int, str, str], str]]:
    """Yield clients without end, each kind in turn: functions of a port, a certificate's file and a password, which return their name."""

    def of_hand(name: str) -> Callable[[int, str, str], str]:
        def come(port: int, ca_file: str, password: str) -> str:
            with suppress(OSError):  # the server may close before all was said
                _by_hand(_ACTS[name], port)
            return name

        return come

    def of_students(name: str) -> Callable[[int, str, str], str]:
        act = FAULTY.get(name, right)

        def come(port: int, ca_file: str, password: str) -> str:
            with suppress(OSError, AssertionError):  # the mock says other codes than the practice server
                act(HOST, port, ca_file, password)
            return name

        return come

    yield from cycle([*map(of_hand, _ACTS), *map(of_students, (*FAULTY, "right"))])
