"""The switch: a process that passes octets on between the programs of a chain, and does a fault to some dialogues.

`python -m tests.soak.switch SETTINGS` is started by `tests.soak.chain`; it writes its ports first, and then a line for each dialogue that
is over. One thread, one selector: it must cost little beside what it stands between.
"""

from __future__ import annotations

import heapq
import json
import selectors
import signal
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Final

from tests.soak.faults import Fault, Turns, catalogue
from tests.soak.hostiles import Hostile
from tests.soak.links import End, Link
from tests.soak.passage import Passage

HOST: Final = "127.0.0.1"
_PIECE: Final = 64 * 1024
_MOST_HELD: Final = 1024 * 1024
_LATE: Final = 0.15
_BETWEEN_PIECES: Final = 0.01
_CLOSED_FOR: Final = 0.004
_RESET: Final = struct.pack("ii", 1, 0)


class Switch:
    """The switch.

    Args:
        settings: `relay` and `server`: the ports to go on to, `relay` 0 without one; `every`: one dialogue of so many has a fault;
            `warm`: how many dialogues are the warm-up; `relayed`: whether there is a relay.
    """

    def __init__(self, settings: dict[str, int]) -> None:
        self._relay, self._server = settings["relay"], settings["server"]
        self._turns = Turns(catalogue(relayed=settings["relayed"] == 1), settings["every"], settings["warm"])
        self._relayed = settings["relayed"] == 1
        self._selector = selectors.EpollSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._numbers = count(1)
        self._expected: deque[Passage] = deque()
        self._refuser: Passage | None = None  # whose server is not there
        self._hostile = Hostile()
        self._stops = False
        self._listeners: dict[str, socket.socket] = {}
        self._ports: dict[str, int] = {}
        for name in ("main", "relay", "mock", "b"):
            self._listen(name, 0)

    def _listen(self, name: str, port: int) -> None:
        listener = socket.create_server((HOST, port), backlog=128)
        listener.setblocking(False)
        self._listeners[name] = listener
        self._ports[name] = listener.getsockname()[1]
        self._selector.register(listener, selectors.EVENT_READ, name)

    def _close_listener(self, name: str) -> None:
        listener = self._listeners.pop(name)
        with suppress(KeyError):
            self._selector.unregister(listener)
        listener.close()

    def run(self) -> None:
        """Serve until SIGTERM."""
        signal.signal(signal.SIGTERM, self._stop)
        _say({"ports": self._ports})
        while not self._stops:
            wait = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else 0.5
            for key, mask in self._selector.select(wait):
                if isinstance(key.data, str):
                    self._accept(key.data)
                    continue
                end: End = key.data
                if mask & selectors.EVENT_WRITE and end.link.is_open:
                    self._flush(end)
                if mask & selectors.EVENT_READ and end.link.is_open:
                    self._read(end)
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()
        self._hostile.close()
        sys.stdout.flush()

    def _stop(self, number: int, frame: object) -> None:
        self._stops = True

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), call))

    # How a dialogue begins

    def _accept(self, name: str) -> None:
        if name not in self._listeners:
            return
        if name != "b" and self._is_waiting:
            # Whose link of side B comes next must be certain.
            self._pause_accepting(name)
            return
        try:
            sock, _ = self._listeners[name].accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if name == "b":
            self._accept_from_relay(sock)
        else:
            self._accept_client(name, sock)

    @property
    def _is_waiting(self) -> bool:
        return bool(self._expected) or self._refuser is not None

    def _pause_accepting(self, name: str) -> None:
        listener = self._listeners[name]
        with suppress(KeyError):
            self._selector.unregister(listener)
        self._after(0.001, lambda: self._resume_accepting(name))

    def _resume_accepting(self, name: str) -> None:
        if name in self._listeners:
            with suppress(KeyError):
                self._selector.register(self._listeners[name], selectors.EVENT_READ, name)

    def _accept_client(self, name: str, sock: socket.socket) -> None:
        passage = Passage(next(self._numbers), name)
        if name == "main":
            passage.fault = self._turns.next()
        fault = passage.fault
        if fault is not None and fault.side == "B" and fault.act == "refuse":
            self._refuser, passage.fired = passage, True
            self._close_listener("b")
        link = Link(passage, "A")
        passage.links += 1
        link.client = End(sock, link, "c")
        self._selector.register(sock, selectors.EVENT_READ, link.client)
        if fault is not None and fault.side == "A" and self._at_once(link, fault):
            return
        goes_to_relay = self._relayed and name != "mock"
        if goes_to_relay:
            self._expected.append(passage)
        self._go_on(link, self._relay if goes_to_relay else self._server, is_last=not goes_to_relay)

    def _accept_from_relay(self, sock: socket.socket) -> None:
        if not self._expected:
            _say({"stray": "a connection of the relay that no client has asked for"})
            sock.close()
            return
        passage = self._expected.popleft()
        passage.relayed = True
        link = Link(passage, "B")
        passage.links += 1
        link.client = End(sock, link, "c")
        self._selector.register(sock, selectors.EVENT_READ, link.client)
        fault = link.fault()
        if fault is not None and self._at_once(link, fault):
            return
        self._go_on(link, self._server, is_last=True)

    def _go_on(self, link: Link, port: int, *, is_last: bool) -> None:
        sock = socket.socket()
        sock.settimeout(10)
        try:
            sock.connect((HOST, port))
        except OSError as error:
            # A server may have reset the connection before `connect` returned: it has had it all the same.
            if is_last:
                link.passage.port = sock.getsockname()[1]
            sock.close()
            if not isinstance(error, ConnectionResetError):
                _say({"stray": f"the switch cannot go on to port {port}: {error}"})
            self._end(link, reset=True)
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_last:
            link.passage.port = sock.getsockname()[1]
        link.server = End(sock, link, "s")
        link.server.other, link.client.other = link.client, link.server
        self._selector.register(sock, selectors.EVENT_READ, link.server)

    def _at_once(self, link: Link, fault: Fault) -> bool:
        """Do a fault that is due at the connection. Return whether the dialogue does not go on from here."""
        passage = link.passage
        if fault.at:
            return False
        passage.fired = True
        if fault.act == "hostile":
            passage.note, port = self._hostile.next()
            self._go_on(link, port, is_last=False)
        elif fault.act == "refuse":
            # Who comes now is refused, and who waits in the queue is reset; this dialogue too.
            self._close_listener("main")
            self._after(_CLOSED_FOR, lambda: self._listen("main", self._ports["main"]))
            self._end(link, reset=True)
        elif fault.act == "hang":
            link.is_stuck = True
        else:
            self._end(link, reset=fault.act == "reset")
        return True

    # What passes

    def _read(self, end: End) -> None:
        link = end.link
        try:
            octets = end.sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end(link, reset=True)
            return
        if not octets:
            self._ended(end)
            return
        end.chunks += 1
        passage = link.passage
        if end.chunks == 1:
            self._first(end, octets)
        if link.is_stuck or link.server is None:
            return
        fault = link.fault()
        if fault is not None and fault.at == f"{end.way}{end.chunks}":
            passage.fired = True
            self._do(fault, end, octets)
        elif link.waits is not None:
            link.waits.append((end.other, octets))
        else:
            self._send(end.other, octets)

    def _first(self, end: End, octets: bytes) -> None:
        """Look at what comes first of one side."""
        passage = end.link.passage
        if end.way == "c" and end.link.side == "A":
            passage.look(octets)
        elif (
            end.way == "s" and end.link.side == "A" and self._refuser is passage
        ):  # the relay has said that its server is not there
            self._end_refusal(passage)

    def _ended(self, end: End) -> None:
        """Pass the end of one direction on, after all that was sent before it."""
        link = end.link
        if link.is_stuck or link.server is None:
            self._end(link)
            return
        end.has_ended = end.other.shut = True
        self._set_interest(end)
        if not end.other.held and link.waits is None:
            self._shut(end.other)

    def _shut(self, end: End) -> None:
        if end.has_ended:
            self._end(end.link)
            return
        with suppress(OSError):
            end.sock.shutdown(socket.SHUT_WR)

    def _set_interest(self, end: End) -> None:
        wanted = (0 if end.has_ended else selectors.EVENT_READ) | (selectors.EVENT_WRITE if end.held else 0)
        if wanted == end.interest:
            return
        if not end.interest:
            self._selector.register(end.sock, wanted, end)
        elif wanted:
            self._selector.modify(end.sock, wanted, end)
        else:
            self._selector.unregister(end.sock)
        end.interest = wanted

    def _send(self, end: End, octets: bytes) -> None:
        if not end.held:
            try:
                sent = end.sock.send(octets)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self._end(end.link, reset=True)
                return
            if sent == len(octets):
                return
            octets = octets[sent:]
        end.held += octets
        if len(end.held) > _MOST_HELD:
            self._end(end.link, reset=True)
            return
        self._set_interest(end)

    def _flush(self, end: End) -> None:
        try:
            sent = end.sock.send(end.held)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end(end.link, reset=True)
            return
        del end.held[:sent]
        if not end.held:
            self._set_interest(end)
            if end.shut and end.link.waits is None:
                self._shut(end)

    # What goes wrong

    def _do(self, fault: Fault, end: End, octets: bytes) -> None:
        link, other = end.link, end.other
        match fault.act:
            case "close" | "reset":
                self._end(link, reset=fault.act == "reset")
            case "hang":
                link.is_stuck = True
            case "replace":
                self._send(other, fault.octets)
            case "inject":
                self._send(other, octets + fault.octets)
            case "damage":
                self._send(other, octets[:-1] + bytes((octets[-1] ^ 1,)))
            case "half":
                self._send(other, octets[: len(octets) // 2])
                self._end(link)
            case "late":
                self._hold(link, [(other, octets)], _LATE)
            case "pieces":
                size = max(1, len(octets) // 8)
                self._hold(
                    link, [(other, octets[at : at + size]) for at in range(0, len(octets), size)], _BETWEEN_PIECES
                )

    def _hold(self, link: Link, pieces: list[tuple[End, bytes]], seconds: float) -> None:
        """Send pieces one after the other, and what comes meanwhile after them."""
        link.waits = deque(pieces)

        def one() -> None:
            if not link.is_open or link.waits is None:
                return
            if link.waits:
                self._send(*link.waits.popleft())
            if link.waits:
                self._after(seconds, one)
                return
            link.waits = None
            for end in (link.client, link.server):  # an end of one direction came meanwhile
                if end is not None and end.shut and not end.held and link.is_open:
                    self._shut(end)

        self._after(seconds, one)

    # How a dialogue ends

    def _end_refusal(self, passage: Passage) -> None:
        self._refuser = None
        if passage in self._expected:
            self._expected.remove(passage)
        self._listen("b", self._ports["b"])

    def _end(self, link: Link, *, reset: bool = False) -> None:
        if not link.is_open:
            return
        link.is_open = False
        for end in (link.client, link.server):
            if end is not None:
                with suppress(KeyError, ValueError):
                    self._selector.unregister(end.sock)
                if reset:
                    with suppress(OSError):
                        end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.sock.close()
        passage = link.passage
        passage.links -= 1
        if link.side == "A" and self._refuser is passage:
            self._end_refusal(passage)
        if passage.links == 0 and passage not in self._expected:
            self._over(passage)
        elif passage.links == 0:
            # The relay may still come for a client that is gone.
            self._after(3.0, lambda: self._never_came(passage))

    def _never_came(self, passage: Passage) -> None:
        if passage in self._expected:
            self._expected.remove(passage)
            self._over(passage)

    def _over(self, passage: Passage) -> None:
        if passage.note:
            passage.broken = self._hostile.over(passage.note)
        sys.stdout.write(f"{passage.line()}\n")
        if passage.number % 20 == 0 or passage.fired:
            sys.stdout.flush()


def _say(values: dict[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(values)}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run the switch with settings in JSON."""
    Switch(json.loads(arguments[0])).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
