"""An SMTP server that discards mail and never sends the same reply twice: `python sink.py HOST PORT`.

Postfix's smtp-sink answers every command with the same text, from which a client's cache of replies would profit. One thread serves
all connections, because several would wait for the GIL. The row `sink` holds it to the speed of smtp-sink.
"""

from __future__ import annotations

import selectors
import socket
import sys
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = (
    "anvil",
    "basin",
    "cairn",
    "dune",
    "easel",
    "flint",
    "gable",
    "hinge",
    "ivory",
    "joist",
    "kiln",
    "latch",
    "mortar",
)
_END_OF_DATA = b"\r\n.\r\n"
# Odd, so that multiplication modulo a power of two gives each message another queue id.
_MULTIPLIER, _MASK = 0x9E3779B97F4A7C15, (1 << 48) - 1


class Connection:
    """One client: octets in, octets out.

    Args:
        numbers: Source of the number that is in each reply; the same one for all connections.

    Attributes:
        ended: Whether the client has sent QUIT, after whose reply the server closes.
    """

    def __init__(self, numbers: Iterator[int]) -> None:
        self.ended = False
        self._numbers = numbers
        self._buffer = b""
        self._in_data = False

    def receive(self, octets: bytes) -> bytes:
        """Return the replies to what a client has sent; an incomplete line is kept for the next call."""
        buffer, said = self._buffer + octets, ""
        while buffer:
            if self._in_data:
                end = buffer.find(_END_OF_DATA)
                if end < 0:
                    buffer = buffer[-4:]
                    break
                buffer, self._in_data = buffer[end + 5 :], False
                said += self._reply(b"")
            else:
                line, end_of_line, rest = buffer.partition(b"\r\n")
                if not end_of_line:
                    break
                buffer = rest
                said += self._reply(line)
                if line[:4].upper() == b"DATA":
                    buffer = b"\r\n" + buffer  # the final dot may follow at once
        self._buffer = buffer
        return said.encode()

    def greeting(self) -> bytes:
        """Return the greeting."""
        number = next(self._numbers)
        return f"220 mx{number}.example.org ESMTP {WORDS[number % 13]}\r\n".encode()

    def _reply(self, line: bytes) -> str:
        number = next(self._numbers)
        word = WORDS[number % 13]
        match line[:4].upper():
            case b"MAIL":
                return f"250 2.1.0 {line[10:].decode()} {word} {number}: sender ok\r\n"
            case b"RCPT":
                return f"250 2.1.5 {line[8:].decode()} {word} {number}: recipient ok\r\n"
            case b"DATA":
                self._in_data = True
                return f"354 {word} {number}: end data with <CR><LF>.<CR><LF>\r\n"
            case b"":
                return f"250 2.0.0 {word} Ok: queued as {number * _MULTIPLIER & _MASK:012X}\r\n"
            case b"EHLO":
                size = f"250-mx{number}.example.org\r\n250-PIPELINING\r\n250-SIZE {1_000_000 + number}\r\n"
                return f"{size}250 ENHANCEDSTATUSCODES\r\n"
            case b"QUIT":
                self.ended = True
                return f"221 2.0.0 {word} {number}: bye\r\n"
            case _:
                return f"250 2.0.0 {word} {number}: Ok\r\n"


def serve(host: str, port: int) -> None:
    """Serve until the process is killed."""
    numbers = count(1)
    listener = socket.create_server((host, port), backlog=512)
    listener.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                client = key.fileobj
                assert isinstance(client, socket.socket)
                if key.data is None:
                    _accept(selector, client, Connection(numbers))
                    continue
                octets = _received(client)
                if replies := key.data.receive(octets):
                    client.send(replies)
                if not octets or key.data.ended:
                    selector.unregister(client)
                    client.close()


def _accept(selector: selectors.BaseSelector, listener: socket.socket, connection: Connection) -> None:
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.send(connection.greeting())
    selector.register(client, selectors.EVENT_READ, connection)


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except OSError:  # reset by the client
        return b""


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
