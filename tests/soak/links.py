"""The two sockets of a link of the switch, and what is still to be sent to each."""

from __future__ import annotations

import selectors
import socket
from collections import deque

from tests.soak.faults import Fault
from tests.soak.passage import Passage


class End:
    """One socket of a link."""

    __slots__ = ("chunks", "has_ended", "held", "interest", "link", "other", "shut", "sock", "way")

    def __init__(self, sock: socket.socket, link: Link, way: str) -> None:
        self.sock, self.link, self.way = sock, link, way
        self.other: End
        self.held = bytearray()
        self.chunks = 0
        self.interest = selectors.EVENT_READ
        self.has_ended = False  # it sends no more
        self.shut = False  # nothing more is to be sent to it


class Link:
    """Two sockets between which octets are passed on."""

    __slots__ = ("client", "is_open", "is_stuck", "passage", "server", "side", "waits")

    def __init__(self, passage: Passage, side: str) -> None:
        self.passage, self.side = passage, side
        self.client: End
        self.server: End | None = None
        self.is_open = True
        self.is_stuck = False  # nothing is passed on any more
        self.waits: deque[tuple[End, bytes]] | None = None  # octets that are late

    def fault(self) -> Fault | None:
        """Return the fault that is to be done on this side, unless it was done."""
        passage = self.passage
        return (
            passage.fault
            if passage.fault is not None and not passage.fired and passage.fault.side == self.side
            else None
        )
