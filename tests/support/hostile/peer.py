"""The server's end of a hostile connection: raw octets, TLS over memory buffers, and ordinary behaviour to deviate from."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.support.hostile.certificates import CertificateName, server_context
from tests.support.memory import KIB, MIB

CAPABILITIES = (b"PIPELINING", b"SIZE 10485760", b"8BITMIME", b"ENHANCEDSTATUSCODES")
TICK = 0.05
"""Seconds between two checks of the bounds while a connection waits."""


class PeerGone(Exception):
    """The client closed before the scenario reached its point."""


class Over(Exception):
    """The scenario has used up its time or its octets, or the test has stopped the server."""


Answer: TypeAlias = "bytes | Callable[[HostilePeer, bytes], bytes | None]"
"""The octets of a reply, or a function of the peer and the command line that returns them, or None if it has sent them itself."""


@dataclass(slots=True)
class RunLog:
    """What a run received, and what the client did that it must not do.

    Attributes:
        limit: Octets kept of `received` and of `received_clear`; the rest is dropped.
    """

    limit: int = 2 * MIB
    received: bytearray = field(default_factory=bytearray)
    received_clear: bytearray = field(default_factory=bytearray)
    violations: list[str] = field(default_factory=list)
    tls_failures: list[str] = field(default_factory=list)
    sent: int = 0

    def note(self, octets: bytes, *, clear: bool) -> None:
        """Keep octets of the client, up to the limit."""
        for log in (self.received, self.received_clear) if clear else (self.received,):
            log += octets[: max(0, self.limit - len(log))]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a run.

    Args:
        seconds: Lifetime of a connection.
        octets: Octets that may be sent over a connection.
        pace: Factor for the pauses; tests of the server itself use a small one.
        stop: Set when the test is done.
    """

    seconds: float
    octets: int
    pace: float
    stop: threading.Event


class HostilePeer:
    """The server's end of one connection. TLS runs over memory buffers, so that a scenario can touch each record.

    Args:
        connection: A connected socket; it is closed by `close`, `reset` or the server.
        log: Keeps what is received.
        bounds: The limits of the run.
    """

    def __init__(self, connection: socket.socket, log: RunLog, bounds: Bounds) -> None:
        self.log = log
        self.capabilities: tuple[bytes, ...] = CAPABILITIES
        self.answers: dict[bytes, Answer] = {}
        self.is_lmtp = False
        self._socket = connection
        self._socket.settimeout(TICK)
        self._bounds = bounds
        self._deadline = time.monotonic() + bounds.seconds
        self._buffer = bytearray()
        self._sent = 0
        self._open = True
        self._has_spoken = False
        self._recipients = 0
        self._tls: ssl.SSLObject | None = None
        self._tls_in = ssl.MemoryBIO()
        self._tls_out = ssl.MemoryBIO()

    def blame(self, violation: str) -> None:
        """Record a violation that the received octets alone do not show."""
        self.log.violations.append(violation)

    @property
    def in_tls(self) -> bool:
        """Whether the TLS handshake is done."""
        return self._tls is not None

    def send(self, octets: bytes) -> None:
        """Send octets, encrypted once TLS has started.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        self._has_spoken = True
        if self._tls is None:
            self._send_raw(octets)
            return
        for start in range(0, len(octets), 16 * KIB):
            self._tls.write(octets[start : start + 16 * KIB])
            self._flush()

    def send_clear(self, octets: bytes) -> None:
        """Send octets as they are, even within a TLS session.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        self._has_spoken = True
        self._send_raw(octets)

    def _send_raw(self, octets: bytes) -> None:
        rest = memoryview(octets)
        while rest:
            self._check()
            try:
                count = self._socket.send(rest[: 64 * KIB])
            except TimeoutError:
                continue
            except OSError as gone:
                raise PeerGone from gone
            rest = rest[count:]
            self._sent += count
            self.log.sent += count

    def send_slowly(self, octets: bytes, seconds: float, *, size: int = 1) -> None:
        """Send octets in pieces, each in a segment (and a TLS record) of its own, with a pause before each but the first."""
        for start in range(0, len(octets), size):
            if start:
                self.pause(seconds)
            self._glance()
            self.send(octets[start : start + size])

    def send_endlessly(self, octets: bytes, *, total: int = 20 * MIB, reading: bool = True) -> None:
        """Send octets repeatedly until `total` is reached or the client closes.

        Args:
            octets: The octets to repeat.
            total: Octets to send in all, approximately.
            reading: Whether to read what the client sends meanwhile; otherwise both sides may block.
        """
        many = octets * max(1, 64 * KIB // len(octets))
        with contextlib.suppress(PeerGone):
            for _ in range(total // len(many)):
                self.send(many)
                if reading:
                    self._glance()

    def pause(self, seconds: float) -> None:
        """Wait without reading.

        Raises:
            Over: The bounds are reached.
        """
        left = self._deadline - time.monotonic()
        if self._bounds.stop.wait(max(0.0, min(seconds * self._bounds.pace, left))):
            raise Over
        self._check()

    def _check(self) -> None:
        if self._bounds.stop.is_set() or time.monotonic() > self._deadline or self._sent > self._bounds.octets:
            raise Over
        if not self._open:
            raise PeerGone

    def _flush(self, seconds: float = 0.0) -> None:
        octets = self._tls_out.read()
        if seconds:
            for octet in octets:
                self._send_raw(bytes([octet]))
                self.pause(seconds)
        else:
            self._send_raw(octets)

    def read_line(self) -> bytes:
        """Read one line, up to LF, and return it without its line end.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        while b"\n" not in self._buffer:
            if not self._more() or len(self._buffer) > MIB:
                raise PeerGone
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        return line.removesuffix(b"\r")

    def has_heard(self, *, wait: bool = True) -> bool:
        """Return whether the client has sent octets that are not read yet.

        Args:
            wait: Whether to wait one `TICK` for them.
        """
        if self._buffer and wait:
            return True
        self._socket.settimeout(TICK if wait else 0.0)
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False
        finally:
            self._socket.settimeout(TICK)

    def read_exactly(self, count: int) -> bytes:
        """Read exactly `count` octets.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        while len(self._buffer) < count:
            if not self._more():
                raise PeerGone
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        return octets

    def read_mail_data(self) -> int:
        """Read mail data up to and including the final dot, and return the number of its octets.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        count, line = 0, b""
        while line != b".":
            line = self.read_line()
            count += len(line) + 2
        return count

    def hold(self) -> None:
        """Send nothing, and read until the client closes or the bounds are reached."""
        while self._more():
            self._buffer.clear()

    def hold_after_220(self) -> None:
        """Read without a handshake until the client closes. After a 220 to STARTTLS, anything but TLS is a violation."""
        octets = bytes(self._buffer)
        while len(octets) < 64 * KIB and (raw := self._receive()):
            octets += raw
        self._blame_clear_text(octets)

    def _blame_clear_text(self, octets: bytes) -> bool:
        clear = _after_records(octets)
        if clear:
            self.log.note(clear, clear=True)
            self.blame(f"clear text where TLS was to begin: {clear[:40]!r}")
        return bool(clear)

    def read_client_hello(self) -> bytes:
        """Read the client's first TLS record without answering it.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        octets = bytes(self._buffer)
        self._buffer.clear()
        while len(octets) < 5 or len(octets) < 5 + int.from_bytes(octets[3:5], "big"):
            raw = self._receive()
            if not raw:
                raise PeerGone
            octets += raw
            if self._blame_clear_text(octets):
                raise PeerGone
        return octets

    def _receive(self) -> bytes:
        while True:
            self._check()
            try:
                return self._socket.recv(64 * KIB)
            except TimeoutError:
                continue
            except OSError:
                return b""

    def _glance(self) -> None:
        """Read what has arrived, without waiting."""
        if self._open and self.has_heard(wait=False):
            self._more()

    def _more(self) -> bool:
        raw = self._receive()
        if self._tls is None:
            self.log.note(raw, clear=True)
            self._buffer += raw
            return bool(raw)
        if raw:
            self._tls_in.write(raw)
        else:
            self._tls_in.write_eof()
        return self._decrypt() and bool(raw)

    def _decrypt(self) -> bool:
        assert self._tls is not None
        while True:
            try:
                text = self._tls.read(64 * KIB)
            except ssl.SSLWantReadError:
                self._flush()
                return True
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return False
            except ssl.SSLError as failed:
                self.log.tls_failures.append(str(failed))
                return False
            if not text:
                return False
            self.log.note(text, clear=False)
            self._buffer += text

    def start_tls(
        self,
        certificate: CertificateName = "good",
        *,
        context: ssl.SSLContext | None = None,
        pause: float = 0.0,
    ) -> None:
        """Do the server's side of the handshake.

        Args:
            certificate: The certificate to present.
            context: A context to use in place of the certificate's.
            pause: Seconds between the octets of the handshake.

        Raises:
            PeerGone: The client has closed, or the handshake failed.
            Over: The bounds are reached.
        """
        tls = (context or server_context(certificate)).wrap_bio(self._tls_in, self._tls_out, server_side=True)
        if self._buffer:
            self.blame(f"octets sent before the reply to STARTTLS: {bytes(self._buffer[:40])!r}")
        first = True
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush(pause)
            except ssl.SSLError as failed:
                self.log.tls_failures.append(str(failed))
                self._flush()
                raise PeerGone from failed
            raw = self._receive()
            if not raw:
                raise PeerGone
            if first:
                self._blame_clear_text(raw)
            first = False
            self._tls_in.write(raw)
        self._flush(pause)
        self._buffer.clear()
        self._tls = tls
        self._decrypt()  # the client's next line may have arrived with the end of its handshake

    def close(self, *, notify: bool = True) -> None:
        """Close in order: close_notify, then FIN, then read what the client still sends for up to a second.

        Args:
            notify: Whether to send TLS's close_notify; without it the close looks like a truncation.
        """
        if not self._open:
            return
        try:
            if self._tls is not None and notify:
                self._say_close_notify(self._tls)
            self._socket.shutdown(socket.SHUT_WR)
            until = time.monotonic() + 1.0
            while time.monotonic() < until and self._more():
                self._buffer.clear()
        except (OSError, PeerGone, Over):
            pass
        self._open = False
        self._socket.close()

    def _say_close_notify(self, tls: ssl.SSLObject) -> None:
        with contextlib.suppress(ssl.SSLError):
            tls.unwrap()
        self._flush()

    def close_writing(self) -> None:
        """Close the sending direction only."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as gone:
            raise PeerGone from gone

    def reset(self) -> None:
        """Close with a TCP reset; octets in flight are lost."""
        if not self._open:
            return
        self._open = False
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()

    def greet(self, text: bytes = b"hostile.example.org ESMTP") -> None:
        """Send an ordinary greeting."""
        self.send(b"220 " + text + b"\r\n")

    def ordinary(self, answers: Mapping[bytes, Answer] | None = None) -> None:
        """Behave as an ordinary server until the client closes, except for some verbs.

        Args:
            answers: What to answer to a verb (upper case; `b"."` is the end of mail data): the octets of a reply, or a function that
                takes the peer and the command line and returns such octets, or None if it has sent them itself.
                They hold for the rest of the connection.
        """
        self.answers.update(answers or {})
        self._begin()
        with contextlib.suppress(PeerGone):
            while self._open:
                self._answer(self.read_line())

    def until(self, verb: bytes) -> bytes:
        """Behave as an ordinary server until a command with this verb arrives, and return its line, unanswered.

        Raises:
            PeerGone: The client closed before.
            Over: The bounds are reached.
        """
        self._begin()
        while _verb(line := self.read_line()) != verb:
            self._answer(line)
        return line

    def read_mail_data_command(self) -> None:
        """Behave as an ordinary server up to DATA, and answer it with 354."""
        self.until(b"DATA")
        self.send(b"354 go ahead\r\n")

    def _begin(self) -> None:
        if not self._has_spoken:
            self.greet()

    def _answer(self, line: bytes) -> None:
        verb = _verb(line)
        chosen = self.answers.get(verb)
        reply = chosen(self, line) if callable(chosen) else chosen
        if callable(chosen) and reply is None:
            return
        if reply is None:
            reply = self._ordinary_reply(verb, line)
        self.send(reply)
        if verb == b"RCPT" and reply.startswith(b"25"):
            self._recipients += 1
        if verb == b"DATA" and reply.startswith(b"354"):
            self.read_mail_data()
            self._answer_mail_data()
        if verb == b"STARTTLS" and reply.startswith(b"220") and not self.in_tls:
            self.start_tls()
        if verb == b"QUIT" and reply.startswith(b"221"):
            self.close()

    def _answer_mail_data(self) -> None:
        chosen = self.answers.get(b".", b"250 2.0.0 queued\r\n" * (self._recipients if self.is_lmtp else 1))
        reply = chosen(self, b".") if callable(chosen) else chosen
        if reply is not None:
            self.send(reply)

    def _ordinary_reply(self, verb: bytes, line: bytes) -> bytes:
        match verb:
            case b"EHLO" | b"LHLO":
                self.is_lmtp = verb == b"LHLO"
                return multiline(b"250", b"hostile.example.org greets you", *self.capabilities)
            case b"HELO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP":
                return b"250 2.0.0 ok\r\n"
            case b"DATA":
                return b"354 go ahead\r\n"
            case b"BDAT":
                self.read_exactly(int(line.split()[1]))
                return b"250 2.0.0 chunk taken\r\n"
            case b"VRFY" | b"EXPN":
                return b"252 2.1.5 will try\r\n"
            case b"STARTTLS":
                return b"503 5.5.1 already in TLS\r\n" if self.in_tls else b"220 2.0.0 go ahead\r\n"
            case b"AUTH":
                return self._ordinary_auth(line)
            case b"QUIT":
                return b"221 2.0.0 bye\r\n"
            case _:
                return b"500 5.5.1 unknown command\r\n"

    def _ordinary_auth(self, line: bytes) -> bytes:
        words = line.split()
        mechanism = words[1].upper() if len(words) > 1 else b""
        if mechanism == b"PLAIN":
            if len(words) < 3:
                self.challenge(b"")
            return b"235 2.7.0 welcome\r\n"
        if mechanism == b"LOGIN":
            if len(words) < 3:
                self.challenge(b"Username:")
            self.challenge(b"Password:")
            return b"235 2.7.0 welcome\r\n"
        return b"504 5.5.4 unknown mechanism\r\n"

    def challenge(self, octets: bytes) -> bytes:
        """Send a challenge and return the client's answer, still in base64.

        Raises:
            PeerGone: The client has closed.
            Over: The bounds are reached.
        """
        self.send(b"334 " + base64.b64encode(octets) + b"\r\n")
        return self.read_line()


def _verb(line: bytes) -> bytes:
    words = line.split(maxsplit=1)
    return words[0].upper() if words else b""


def _after_records(octets: bytes) -> bytes:
    """Return what follows the whole TLS records and does not begin another."""
    while octets and octets[0] in range(20, 25) and octets[1:2] in (b"", b"\x03"):
        octets = octets[5 + int.from_bytes(octets[3:5], "big") :]
    return octets


def multiline(code: bytes, *lines: bytes) -> bytes:
    """Build a reply of several lines."""
    return b"".join(code + b"-" + line + b"\r\n" for line in lines[:-1]) + code + b" " + lines[-1] + b"\r\n"
