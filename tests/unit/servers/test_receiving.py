"""What a connection of the mock server and of the relay receives: all of it, in order, and without much memory for a little."""

import asyncio
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from smtp_shell.servers.mock.connection import MockConnection
from smtp_shell.servers.receiving import Receiving
from smtp_shell.servers.relay.half import Half

A_RECORD = 16 * 1024
FEW = 64 * 1024


class Noting(Receiving):
    """Keeps the pieces that it receives, and the most memory that was in use meanwhile."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.over = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def eof_received(self) -> None:
        self.over.set()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Noting, socket.socket]]:
    """Yield a protocol and the socket of the other end."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setblocking(False)
        transport, protocol = await asyncio.get_running_loop().create_connection(Noting, sock=ours)
        try:
            yield protocol, theirs
        finally:
            transport.close()


@pytest.mark.parametrize("size", [1, A_RECORD, A_RECORD + 1, 300_000])
def test_all_comes_in_order_and_no_piece_changes_afterwards(size: int) -> None:
    octets = bytes(i * 7 % 251 for i in range(size))

    async def receive() -> list[bytes]:
        async with connected() as (protocol, theirs):
            await asyncio.get_running_loop().sock_sendall(theirs, octets)
            theirs.shutdown(socket.SHUT_WR)
            await protocol.over.wait()
            return protocol.pieces

    pieces = asyncio.run(receive())
    assert b"".join(pieces) == octets
    assert max(map(len, pieces)) <= A_RECORD


def test_a_line_is_received_without_an_object_of_256_kib() -> None:
    async def receive() -> int:
        async with connected() as (protocol, theirs):
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(theirs, b"NOOP\r\n")
            while not protocol.pieces:
                await asyncio.sleep(0)
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                for i in range(2, 50):
                    await loop.sock_sendall(theirs, b"NOOP %d\r\n" % i)
                    while len(protocol.pieces) < i:
                        await asyncio.sleep(0)
                return tracemalloc.get_traced_memory()[1] - before
            finally:
                tracemalloc.stop()

    assert asyncio.run(receive()) < FEW


@pytest.mark.parametrize("connection", [MockConnection, Half])
def test_the_mock_server_and_the_relay_receive_like_this(connection: type) -> None:
    assert issubclass(connection, Receiving)
