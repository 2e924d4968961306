"""A mock server on standard input and output: for clients that start their server as a program, and for inetd."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import TYPE_CHECKING

from smtp_shell.servers.mock.dialogue import MockDialogue
from smtp_shell.servers.mock.results import ServedSession
from smtp_shell.servers.mock.wire import MockWire

if TYPE_CHECKING:
    from smtp_shell.servers.mock.results import Difference
    from smtp_shell.servers.mock.shared import MockShared
    from smtp_shell.servers.mock.wire import Observer

_PIECE = 64 * 1024
_MOST_WAITING = 16  # pieces that are read before the dialogue takes them


def serve_stdio(shared: MockShared, source: int, sink: int, observer: Observer | None = None) -> ServedSession | None:
    """Hold one dialogue over two file descriptors, and return its result.

    Args:
        shared: The script, and how it is served.
        source: The descriptor that the client's octets are read from.
        sink: The descriptor that replies are written to.
        observer: Is told what passes; None for nobody.

    Returns:
        The session; None if the script has none.
    """
    began = time.monotonic()
    dialogue = MockDialogue(shared.script, shared.settings, shared.picker, shared.faults, _ignore)
    wire = MockWire(dialogue, observer)
    pieces: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
    # A thread, because a pipe cannot be awaited with a time limit on Windows.
    threading.Thread(target=_read, args=(source, pieces), name="standard input", daemon=True).start()
    try:
        _hold(wire, shared, pieces, sink)
    except OSError:  # the client does not read any more
        wire.end()
    wire.pause, wire.wants_certificate = None, False
    if wire.hang_up is None:
        wire.end()
        wire.proceed()
    session = dialogue.session
    if session is None:
        return None
    result = ServedSession(
        shared.count(),
        "",
        session.file,
        session.line,
        dialogue.matched,
        tuple(dialogue.differences),
        dialogue.differed,
        tuple(dialogue.made),
        round(time.monotonic() - began, 6),
    )
    shared.add(result)
    return result


def _hold(wire: MockWire, shared: MockShared, pieces: queue.Queue[bytes], sink: int) -> None:
    wire.proceed()
    while True:
        _write(sink, wire.take())
        if wire.hang_up is not None:
            return
        if wire.pause is not None:
            time.sleep(wire.pause)
            wire.resume()
            continue
        if wire.wants_certificate:
            wire.begin_tls(shared.certificate().result())
            continue
        try:
            piece = pieces.get(timeout=shared.settings.idle_limit)
        except queue.Empty:
            wire.dialogue.broke(f"the client said nothing for {shared.settings.idle_limit:g} s")
            return
        if piece:
            wire.receive(piece)
        else:
            wire.end()
        wire.proceed()


def _read(source: int, pieces: queue.Queue[bytes]) -> None:
    while True:
        try:
            piece = os.read(source, _PIECE)
        except OSError:
            piece = b""
        pieces.put(piece)
        if not piece:
            return


def _write(sink: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(sink, octets) :]


def _ignore(_: Difference) -> None:
    pass
