"""Clients of sockets alone for the tortured servers: each says what it was told, and which of its messages were acknowledged.

A client never retries, and never waits longer than `PATIENCE` for a reply: where neither a reply nor the end of the connection comes, the
server hangs.
"""

from __future__ import annotations

import base64
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Dialogue = Callable[["Line", Path, int], None]

PATIENCE: Final = 12.0
"""Seconds that a client waits for a reply. The servers' own limits, of 10 s for a handshake, are shorter."""

USER: Final = "student"
PASSWORD: Final = "canary-Pa55word"
"""The secret that must be nowhere."""

_SENDER, _RECIPIENT = "ann@example.org", "bob@example.org"
_PADDING = "x" * 70


class Ended(Exception):
    """The dialogue has ended early: what was expected, and what came."""


class Hung(Exception):
    """The server has neither answered nor closed the connection."""


@dataclass
class Told:
    """What a client was told.

    Attributes:
        replies: Each line of each reply, in order.
        acknowledged: The bodies of the messages that were answered with 250.
        offered: The bodies of all messages that were sent, be it in part.
        why: Why the dialogue ended early; empty where it came to its end.
        hung: Whether the server neither answered nor closed.
    """

    replies: list[str] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)
    offered: list[bytes] = field(default_factory=list)
    why: str = ""
    hung: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the dialogue came to its end with each reply as it should be."""
        return not self.why


class Line:
    """One connection."""

    def __init__(self, port: int, told: Told) -> None:
        self.told = told
        self._buffer = b""
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def hear(self, code: int) -> list[str]:
        """Return the lines of a reply that must have this code."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            lines.append(self._line())
        self.told.replies += lines
        if not lines[-1].startswith(str(code)):
            raise Ended(f"{code} was expected, and {lines[-1]!r} came")
        return lines

    def say(self, text: str, code: int) -> list[str]:
        """Send a line, and return the lines of its reply."""
        self.send(text.encode() + b"\r\n")
        return self.hear(code)

    def start_tls(self, ca_file: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")

    def hear_end(self) -> None:
        """Wait until the server has closed: what it owes by then it says before."""
        while octets := self._socket.recv(4096):
            self._buffer += octets
        if self._buffer:
            raise Ended(f"{self._buffer[:80]!r} came after the reply to QUIT")

    def close(self) -> None:
        self._socket.close()

    def _line(self) -> str:
        while b"\n" not in self._buffer:
            octets = self._socket.recv(4096)
            if not octets:
                raise Ended("the server closed the connection")
            self._buffer += octets
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode().removesuffix("\r")


def converse(port: int, ca_file: Path, number: int, dialogue: Dialogue) -> Told:
    """Go through a dialogue, up to its end or to the first thing that is not as it should be.

    Args:
        port: The server's port.
        ca_file: The certificate to trust.
        number: The client's number, which its messages carry.
        dialogue: What it says.
    """
    told = Told()
    line: Line | None = None
    try:
        line = Line(port, told)
        dialogue(line, ca_file, number)
    except TimeoutError:
        told.hung, told.why = True, f"nothing came for {PATIENCE:g} s"
    except (Ended, OSError) as error:
        told.why = f"{type(error).__name__}: {error}"
    finally:
        if line is not None:
            line.close()
    return told


def submission(line: Line, ca_file: Path, number: int) -> None:
    """Begin TLS, authenticate, and deliver three messages: line by line, pipelined, and with BDAT."""
    line.hear(220)
    line.say(f"EHLO client{number}.example.org", 250)
    line.say("STARTTLS", 220)
    line.start_tls(ca_file)
    announced = line.say(f"EHLO client{number}.example.org", 250)
    if not {"250-PIPELINING", "250-CHUNKING"} <= {each.replace(" ", "-", 1) for each in announced}:
        raise Ended(f"PIPELINING or CHUNKING is not announced: {announced}")
    line.say(f"AUTH PLAIN {_plain()}", 235)
    _deliver(line, number)
    _pipeline(line, number)
    _chunk(line, number)
    line.say("QUIT", 221)
    line.hear_end()


def recorded(line: Line, ca_file: Path, number: int) -> None:
    """Say the client's side of the transcript `SERVED`."""
    line.hear(220)
    line.say("EHLO client.example.org", 250)
    line.say("STARTTLS", 220)
    line.start_tls(ca_file)
    line.say("EHLO client.example.org", 250)
    line.say(f"AUTH PLAIN {_plain()}", 235)
    line.send(f"MAIL FROM:<{_SENDER}>\r\nRCPT TO:<{_RECIPIENT}>\r\nDATA\r\n".encode())
    for code in (250, 250, 354):
        line.hear(code)
    line.say("Subject: recorded\r\n\r\n..a dot\r\n.", 250)
    line.say("QUIT", 221)
    line.hear_end()


SERVED: Final = """\
S: 220 mail.example.com ESMTP; Fri, 27 Nov 2026 10:00:00 +0100
C: EHLO client.example.org
S: 250-mail.example.com
S: 250-PIPELINING
S: 250 STARTTLS
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
C: EHLO client.example.org
S: 250-mail.example.com
S: 250-PIPELINING
S: 250 AUTH PLAIN
C: AUTH PLAIN ${sasl}
S: 235 2.7.0 Authentication successful
C: MAIL FROM:<ann@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 Ok
C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
C: Subject: recorded
C:
C: ..a dot
C: .
S: 250 2.0.0 Ok: queued as 4TABC
C: QUIT
S: 221 2.0.0 Bye
"""


def _plain() -> str:
    return base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


def secret_forms() -> tuple[bytes, ...]:
    """Return the octets in which the password may show."""
    return PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), _plain().encode()


def _message(line: Line, number: int, way: str) -> bytes:
    """Return a message, and count it as offered. It is longer than what a server writes in one piece."""
    body = f"Subject: {way} {number}\r\n\r\n" + f"{_PADDING}\r\n" * 150 + f"the end of {way} {number}\r\n"
    line.told.offered.append(body.encode())
    return body.encode()


def _take(line: Line, message: bytes) -> None:
    line.hear(250)
    line.told.acknowledged.append(message)


def _deliver(line: Line, number: int) -> None:
    line.say(f"MAIL FROM:<{_SENDER}>", 250)
    line.say(f"RCPT TO:<{_RECIPIENT}>", 250)
    line.say("DATA", 354)
    message = _message(line, number, "data")
    line.send(message)
    line.send(b".\r\n")
    _take(line, message)


def _pipeline(line: Line, number: int) -> None:
    line.send(f"MAIL FROM:<{_SENDER}>\r\nRCPT TO:<{_RECIPIENT}>\r\nDATA\r\n".encode())
    for code in (250, 250, 354):
        line.hear(code)
    message = _message(line, number, "pipelined")
    line.send(message + b".\r\n")
    _take(line, message)


def _chunk(line: Line, number: int) -> None:
    message = _message(line, number, "chunked")
    half = len(message) // 2
    parts: Sequence[bytes] = (
        f"MAIL FROM:<{_SENDER}>\r\nRCPT TO:<{_RECIPIENT}>\r\nBDAT {half}\r\n".encode(),
        message[:half],
        f"BDAT {len(message) - half} LAST\r\n".encode(),
        message[half:],
    )
    line.send(b"".join(parts))
    for _ in range(3):
        line.hear(250)
    _take(line, message)
