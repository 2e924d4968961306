"""Waiting for sockets by poll and by select."""

import select
import socket
import time
from collections.abc import Iterator

import pytest

from smtp_shell.net import waiting
from smtp_shell.net.waiting import TICK, tick

WAYS = [
    pytest.param(
        "_wait_by_poll", marks=pytest.mark.skipif(not hasattr(select, "poll"), reason="Windows has no poll"), id="poll"
    ),
    pytest.param("_wait_by_select", id="select"),
]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("way", WAYS)
def test_a_socket_is_readable_writable_or_closed(way: str, pair: tuple[socket.socket, socket.socket]) -> None:
    wait = getattr(waiting, way)
    ours, theirs = pair
    assert wait(ours, 0) == (False, False)
    assert wait(ours, 0, read=False, write=True) == (False, True)
    theirs.send(b"x")
    assert wait(ours, 1, write=True) == (True, True)
    assert wait(ours, 5)[0]
    ours.recv(1)
    theirs.close()
    assert wait(ours, 0)[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_wait_ends_after_its_seconds(way: str, pair: tuple[socket.socket, socket.socket]) -> None:
    start = time.monotonic()
    assert getattr(waiting, way)(pair[0], 0.1) == (False, False)
    assert 0.09 <= time.monotonic() - start < 2


def test_a_tick_is_short_and_ends_at_the_deadline() -> None:
    now = time.monotonic()
    assert tick(now + 60) == TICK
    assert 0 < (tick(now + 0.1) or 0) <= 0.1
    assert tick(now) is None
    assert tick(0) is None
