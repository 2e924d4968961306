"""The shell on a pseudo-terminal: latency from key to wire, from reply to screen, and from key to menu."""

from __future__ import annotations

import os
import socket
import statistics
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.benchmarks.at_home import at_home
from tests.benchmarks.bench import program, script_of
from tests.benchmarks.figures import Figure, Findings, Spread, at_most, in_words
from tests.benchmarks.in_process import addresses
from tests.benchmarks.processes import Failed
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import HOST
from tests.benchmarks.terminal import COLUMNS, LIMIT_SECONDS, running
from tests.benchmarks.terminal import ROWS as SCREEN_ROWS
from tests.benchmarks.workload import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.bench import Bench
    from tests.benchmarks.terminal import Terminal

BARE = "bare prompt_toolkit loop"


@dataclass(frozen=True, slots=True)
class _Dialogue:
    """A program on a terminal, and our end of its connection."""

    terminal: Terminal
    connection: socket.socket
    to_wire: list[float] = field(default_factory=list)
    to_screen: list[float] = field(default_factory=list)

    def turn(self, number: int) -> None:
        """Type a command, answer it, and record the latency of each way."""
        self.terminal.type(f"noop {number}".encode())
        self.terminal.settle()
        pressed = time.perf_counter()
        self.terminal.type(b"\r")
        heard = self.hear()
        self.terminal.settle()
        start = len(self.terminal.pieces)
        mark = f"mark-{number}."
        said = time.perf_counter()
        self.connection.sendall(f"250 2.0.0 {mark}\r\n".encode())
        shown = self.terminal.wait_for(mark, start)
        self.to_wire.append(heard - pressed)
        self.to_screen.append(shown - said)
        self.terminal.wait_for(">", start)
        self.terminal.settle()

    def hear(self) -> float:
        """Wait for the line on the wire; read what is written to the screen meanwhile."""
        self.connection.setblocking(False)
        octets = b""
        deadline = time.perf_counter() + LIMIT_SECONDS
        try:
            while time.perf_counter() < deadline:
                try:
                    octets += self.connection.recv(65536)
                except BlockingIOError:
                    # Poll both; the error is at most 0.1 ms.
                    self.terminal.read(0.0001)
                    continue
                if octets.endswith(b"\r\n"):
                    return time.perf_counter()
        finally:
            self.connection.setblocking(True)
        raise Failed(f"the line was not sent: {octets!r}")


@contextmanager
def _dialogue(bench: Bench, argv: Sequence[str], form: str, **variables: str) -> Iterator[_Dialogue]:
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(LIMIT_SECONDS)
        port = listener.getsockname()[1]
        with running(bench, [*argv, form.format(port=port)], **variables) as terminal:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(b"220 mail.example.org\r\n")
                terminal.wait_for(">")
                terminal.settle(0.3)
                yield _Dialogue(terminal, connection)


def _latency(bench: Bench) -> Findings:
    turns = bench.size(20 * bench.rounds, 5)
    with ExitStack() as stack:
        ours = stack.enter_context(_dialogue(bench, program(), "127.0.0.1:{port}"))
        bare = stack.enter_context(_dialogue(bench, script_of("prompt_loop.py"), "{port}"))
        for number in range(turns + 2):
            for each in (ours, bare) if number % 2 else (bare, ours):
                each.turn(number)
    figures = []
    for name, mine, other in (
        ("key to wire", ours.to_wire, bare.to_wire),
        ("reply to screen", ours.to_screen, bare.to_screen),
    ):
        above = [(a - b) * 1e3 for a, b in zip(mine[2:], other[2:], strict=True)]
        figures.append(
            Figure(
                f"{name}: above {BARE}",
                Spread.of(above),
                "ms",
                in_words(statistics.median(mine[2:]), "s"),
                in_words(statistics.median(other[2:]), "s"),
            )
        )
    return Findings(tuple(figures))


_KEYS = b"noop abcdefghijklmnop"
"""Typed one by one. The last ones open no menu that the bare loop has not."""


def _echoes(dialogue: _Dialogue) -> list[float]:
    """Type one key after the other; return how long the echo of each took, in seconds."""
    terminal, found = dialogue.terminal, []
    for number in range(len(_KEYS)):
        before = len(terminal.pieces)
        pressed = time.perf_counter()
        terminal.type(_KEYS[number : number + 1])
        if not terminal.read(LIMIT_SECONDS):  # a blank is no more than a move of the cursor
            raise Failed("a key has no echo")
        found.append(terminal.pieces[before][0] - pressed)
        terminal.settle()
    terminal.type(b"\x15")  # Ctrl-U: the line is empty again
    terminal.settle(0.1)
    return found


def _echo(bench: Bench) -> Findings:
    with ExitStack() as stack:
        ours = stack.enter_context(_dialogue(bench, program(), "127.0.0.1:{port}", **at_home(bench)))
        bare = stack.enter_context(_dialogue(bench, script_of("prompt_loop.py"), "{port}"))
        mine: list[float] = []
        other: list[float] = []
        for number in range(bench.rounds + 1):
            for each, found in ((ours, mine), (bare, other)) if number % 2 else ((bare, other), (ours, mine)):
                found += _echoes(each)
    first = len(_KEYS)  # the first round loads what is loaded late
    above = [(a - b) * 1e3 for a, b in zip(mine[first:], other[first:], strict=True)]
    return Findings(
        (
            Figure(
                f"key to echo: above {BARE}",
                Spread.of(above),
                "ms",
                in_words(statistics.median(mine[first:]), "s"),
                in_words(statistics.median(other[first:]), "s"),
            ),
        )
    )


_PASTED = 10_000


def _pasted_lines() -> bytes:
    return b"\n".join(b"line %d of the message" % number for number in range(_PASTED))


def _until_heard(dialogue: _Dialogue, octets: bytes) -> float:
    """Type octets; return the time until the last pasted line was on the wire, in seconds.

    Both sides are drained meanwhile, or neither would get on.
    """
    terminal, connection = dialogue.terminal, dialogue.connection
    connection.setblocking(False)
    os.set_blocking(terminal.descriptor, False)
    last, heard, pressed = b"line %d of the message" % (_PASTED - 1), b"", time.perf_counter()
    try:
        while last not in heard:
            if time.perf_counter() - pressed > LIMIT_SECONDS:
                raise Failed("the paste was not sent")
            with suppress(BlockingIOError):
                octets = octets[os.write(terminal.descriptor, octets[:4096]) :] if octets else b""
            terminal.read(0.0 if octets else 0.001)
            with suppress(BlockingIOError):
                heard = heard[-100:] + connection.recv(1 << 20)
        return time.perf_counter() - pressed
    finally:
        connection.setblocking(True)
        os.set_blocking(terminal.descriptor, True)


def _reach_mail_data(dialogue: _Dialogue) -> None:
    """Go through the dialogue up to the 354. The lines that follow go out as they are typed, and not from the editor."""
    start = len(dialogue.terminal.pieces)
    dialogue.terminal.type(b"/set mail-editor off\r")
    dialogue.terminal.wait_for(">", start)
    dialogue.terminal.settle(0.1)
    for line, reply in (("ehlo", "250 hi"), ("mail <>", "250 Ok"), ("rcpt <a@b>", "250 Ok"), ("data", "354 go on")):
        start = len(dialogue.terminal.pieces)
        dialogue.terminal.type(f"{line}\r".encode())
        dialogue.hear()
        dialogue.connection.sendall(f"{reply}\r\n".encode())
        dialogue.terminal.wait_for("mail data:" if line == "data" else ">", start)
        dialogue.terminal.settle(0.1)


def _paste(bench: Bench) -> Findings:
    pasted = b"\x1b[200~" + _pasted_lines() + b"\x1b[201~"
    mine, other = [], []
    for _ in range(bench.size(bench.rounds, 1)):
        with _dialogue(bench, program(), "127.0.0.1:{port}", **at_home(bench)) as ours:
            _reach_mail_data(ours)
            mine.append(_until_heard(ours, pasted + b"\r"))
        with _dialogue(bench, script_of("prompt_loop.py"), "{port}") as bare:
            other.append(_until_heard(bare, pasted + b"\r"))
    return Findings(
        (
            Figure(
                f"paste to wire: above {BARE}",
                Spread.of([a - b for a, b in zip(mine, other, strict=True)]),
                "s",
                in_words(statistics.median(mine), "s"),
                in_words(statistics.median(other), "s"),
            ),
        )
    )


def _memory(bench: Bench) -> Findings:
    """The resident memory of a shell at its prompt, once a menu was shown and a command was answered."""
    import psutil

    found = []
    for _ in range(bench.size(bench.rounds, 1)):
        with _dialogue(bench, program(), "127.0.0.1:{port}", **at_home(bench)) as ours:
            ours.turn(0)
            ours.terminal.type(b"rcpt user0001")
            ours.terminal.settle(0.3)
            found.append(psutil.Process(ours.terminal.pid).memory_info().rss / MIB)
    return Findings((Figure("resident", Spread.of(found), "MiB"),))


def _until_shown(terminal: Terminal, before: int, wanted: str) -> float:
    """Render the output piece by piece; return the time at which the text was on the screen.

    Args:
        terminal: The terminal.
        before: Number of pieces that came before the key was pressed.
        wanted: The text.
    """
    import pyte

    screen = pyte.Screen(COLUMNS, SCREEN_ROWS)
    stream = pyte.ByteStream(screen)
    for number, (moment, octets) in enumerate(terminal.pieces):
        stream.feed(octets)
        if any(wanted in row for row in screen.display):
            if number < before:
                raise Failed(f"{wanted} was on the screen too early")
            return moment
    raise Failed(f"{wanted} is not on the screen: {screen.display}")


def _menu(bench: Bench, argv: Sequence[str], prompt: str, typed: str, **variables: str) -> float:
    """Measure the time from a key until the menu shows the matches, in seconds."""
    with running(bench, argv, **variables) as terminal:
        terminal.wait_for(prompt)
        terminal.settle(0.4)
        for character in f"{typed}user00":
            terminal.type(character.encode())
            terminal.settle(0.05)
        terminal.settle(0.2)
        before = len(terminal.pieces)
        pressed = time.perf_counter()
        terminal.type(b"0")
        terminal.settle(0.2)
        # Newest first; before this key the first match was user00999.
        return _until_shown(terminal, before, "user00099@example.org") - pressed


def _completion(bench: Bench) -> Findings:
    variables = at_home(bench)
    words = bench.folder / "words"
    words.write_text("\n".join(reversed(addresses())), encoding="utf-8")
    mine, bare = [], []
    for _ in range(bench.rounds):
        mine.append(_menu(bench, program(), "smtp-shell>", "rcpt ", **variables))
        bare.append(_menu(bench, (*script_of("prompt_words.py"), str(words)), "bare>", ""))
    return Findings(
        (
            Figure(
                "key to menu",
                Spread.of([seconds * 1e3 for seconds in mine]),
                "ms",
                in_words(statistics.median(mine), "s"),
                in_words(statistics.median(bare), "s"),
            ),
            Figure(
                "bare prompt_toolkit with a WordCompleter", Spread.of([a / b for a, b in zip(mine, bare, strict=True)])
            ),
        )
    )


ROWS = (
    Row(
        "latency",
        "in the shell: Enter to the wire, and a reply to the screen",
        {f"{way}: above {BARE}": at_most(2.0) for way in ("key to wire", "reply to screen")},
        _latency,
    ),
    Row(
        "completion",
        "from a key to the menu, 10,000 addresses in the history",
        {"key to menu": at_most(10.0)},
        _completion,
    ),
    Row(
        "echo",
        "in the shell: from a key to its echo",
        {f"key to echo: above {BARE}": at_most(2.0)},
        _echo,
    ),
    Row(
        "paste",
        "in the shell: 10,000 lines of mail data, from the paste to the wire",
        {f"paste to wire: above {BARE}": at_most(1.0)},
        _paste,
    ),
    Row(
        "shell-memory",
        "resident memory of the shell at its prompt, with a configuration file and 10,000 lines of history",
        {"resident": at_most(60.0)},
        _memory,
    ),
)
