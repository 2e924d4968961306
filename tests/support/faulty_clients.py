"""Clients of sockets alone, as students write them: five with a fault each, and one that is right.

Each is a function of host, port, and what it needs. None of them waits for more than it must: where one hangs, it waits for the server
for as long as `HANGS` says, and goes away.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable

HANGS = 4.5
"""Seconds that a client waits for a reply that does not come."""

USER = "student"
MESSAGE = (
    "From: <ann@example.org>\r\nTo: <bob@example.org>\r\nSubject: lab 7\r\n\r\nHello,\r\n..and a line with a dot\r\n"
)


class Client:
    """A connection, with a `recv` as in the course sheets."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=HANGS)

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def reply(self) -> str:
        """Read a whole reply, or nothing where none comes in time."""
        octets = b""
        try:
            while not _is_whole(octets):
                piece = self.socket.recv(4096)
                if not piece:
                    break
                octets += piece
        except TimeoutError:
            pass
        return octets.decode()

    def say(self, line: str, end: str = "\r\n") -> str:
        self.send(line + end)
        return self.reply()

    def start_tls(self, cafile: str) -> None:
        context = ssl.create_default_context(cafile=cafile)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def close(self) -> None:
        self.socket.close()


def _is_whole(octets: bytes) -> bool:
    return octets.endswith(b"\r\n") and octets.rstrip().rpartition(b"\n")[2][3:4] != b"-"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def line_feeds(host: str, port: int, cafile: str, password: str) -> None:
    """End each line in LF."""
    client = Client(host, port)
    client.reply()
    for line in ("EHLO lf.example", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA"):
        client.say(line, "\n")
    client.say("Subject: lab 7\n\nHello\n.", "\n")
    client.close()


def no_second_ehlo(host: str, port: int, cafile: str, password: str) -> None:
    """Log in after STARTTLS without EHLO, and do not look at the replies."""
    client = Client(host, port)
    client.reply()
    client.say("EHLO once.example")
    client.say("STARTTLS")
    client.start_tls(cafile)
    client.say("AUTH LOGIN")
    client.say(base64_of(USER))
    client.say(base64_of(password))
    client.reply()
    client.close()


def no_final_dot(host: str, port: int, cafile: str, password: str) -> None:
    """End the message without a dot, and wait for the reply."""
    client = Client(host, port)
    client.reply()
    client.say("HELO nodot.example")
    client.say("MAIL FROM:<ann@example.org>")
    client.say("RCPT TO:<bob@example.org>")
    client.say("DATA")
    client.say("From: <ann@example.org>\r\n\r\nHello")
    client.close()


def base64_with_newline(host: str, port: int, cafile: str, password: str) -> None:
    """Encode with base64.encodebytes, which puts a line end after the digits."""
    client = Client(host, port)
    client.reply()
    client.say("EHLO newline.example")
    client.say("STARTTLS")
    client.start_tls(cafile)
    client.say("EHLO newline.example")
    client.say("AUTH LOGIN")
    client.say(base64.encodebytes(USER.encode()).decode())
    client.say(base64.encodebytes(password.encode()).decode())
    client.say("QUIT")
    client.close()


def one_line_each(host: str, port: int, cafile: str, password: str) -> None:
    """Read one line for each command: after the reply to EHLO every reply is taken for the one to a later command."""
    client = Client(host, port)
    replies = client.socket.makefile("rb")
    replies.readline()
    lines = ("EHLO one.example", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA")
    for line in (*lines, MESSAGE + ".", "QUIT"):
        client.send(line + "\r\n")
        replies.readline()
    client.close()


def right(host: str, port: int, cafile: str, password: str) -> None:
    """Send a message as the sheet of lab 7 asks."""
    client = Client(host, port)
    expected = [client.reply()[:3]]
    for line in ("EHLO lab7.example", "STARTTLS"):
        expected.append(client.say(line)[:3])
    client.start_tls(cafile)
    for line in (
        "EHLO lab7.example",
        "AUTH LOGIN",
        base64_of(USER),
        base64_of(password),
        "MAIL FROM:<ann@example.org>",
        "RCPT TO:<bob@example.org>",
        "DATA",
        f"Date: Fri, 27 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@lab7.example>\r\n{MESSAGE}.",
        "QUIT",
    ):
        expected.append(client.say(line)[:3])
    client.close()
    assert expected == ["220", "250", "220", "250", "334", "334", "235", "250", "250", "354", "250", "221"], expected


FAULTY: dict[str, Callable[[str, int, str, str], None]] = {
    each.__name__: each for each in (line_feeds, no_second_ehlo, no_final_dot, base64_with_newline, one_line_each)
}
