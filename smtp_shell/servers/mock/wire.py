"""The octets of one client of a mock server: TLS in between, and what the driver is to do. No socket, and no clock.

```
wire.receive(octets) or wire.end()      what came
wire.proceed()                          goes on with the dialogue as far as it can
wire.take()                             what to send
wire.pause, wire.hang_up, wire.wants_certificate
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.channel_binding import bindings_of_server
from smtp_shell.net.key_log import CLIENT_RANDOM, exporter_secret
from smtp_shell.net.memory_key_log import log_in_memory
from smtp_shell.net.tls_layer import TlsBuffers
from smtp_shell.servers.faults import HangUp, Pause
from smtp_shell.servers.handshake import why_no_handshake
from smtp_shell.servers.mock.acts import Need, StartTls
from smtp_shell.servers.mock.dialogue import MockDialogue

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from smtp_shell.servers.certificate import ServerCertificate

MOST_UNREAD: Final = 256 * 1024
"""Octets of a client that are taken before the dialogue has read them."""

_PIECE = 64 * 1024


class Observer(Protocol):
    """Is told what passes, inside TLS."""

    def client(self, octets: bytes) -> None:
        """Note what the client has sent."""

    def server(self, octets: bytes) -> None:
        """Note what the server sends."""

    def tls(self, version: str, cipher: str) -> None:
        """Note that TLS has started."""


class _ServerTls(TlsBuffers):
    """The server's end of a TLS connection.

    Args:
        certificate: What the server shows.
    """

    def __init__(self, certificate: ServerCertificate) -> None:
        log_in_memory(certificate.context)
        super().__init__(certificate.context, TlsSettings(), server_side=True)
        self._leaf = certificate.leaf
        self._first = b""  # the first octets of the ClientHello
        self._exporter_secret = b""

    def feed(self, raw: bytes) -> None:
        """Add octets from the client."""
        if len(self._first) < CLIENT_RANDOM.stop:
            self._first += raw[: CLIENT_RANDOM.stop]
        super().feed(raw)

    def handshake(self) -> bool:
        """Continue the handshake. Return True if it is done, False if it needs more octets.

        Raises:
            SSLError: It failed.
        """
        done = super().handshake()
        if done:
            self._exporter_secret = exporter_secret(self._tls.context, self._first[CLIENT_RANDOM], None)
        return done

    def bindings(self) -> Mapping[str, bytes]:
        """Return what an exchange inside it can be bound to: type -> its octets."""
        return bindings_of_server(self._tls, self._exporter_secret, self._leaf)

    def facts(self) -> tuple[str, str]:
        """Return the version and the cipher."""
        cipher = self._tls.cipher()
        return self._tls.version() or "TLS", cipher[0] if cipher else ""


class MockWire:
    """One connection.

    Args:
        dialogue: What is said.
        observer: Is told what passes; None for nobody.

    Attributes:
        dialogue: As above.
        pause: Seconds to wait before `resume` is called; None for no pause.
        hang_up: How to close the connection, once what `take` returns is sent; None while it goes on.
        wants_certificate: Whether it waits for `begin_tls`.
        why_no_tls: Why a handshake failed; empty while none did.
    """

    def __init__(self, dialogue: MockDialogue, observer: Observer | None = None) -> None:
        self.dialogue = dialogue
        self.pause: float | None = None
        self.hang_up: HangUp | None = None
        self.wants_certificate = False
        self.why_no_tls = ""
        self._observer = observer
        self._acts: Generator[object, object, None] = dialogue.run()
        self._answer: object = None  # what the last act of the dialogue is answered with
        self._output: list[bytes] = []
        self._said: list[bytes] = []  # not encrypted yet
        self._layer: _ServerTls | None = None
        self._is_shaking = False
        self._raw = bytearray()  # what came before the certificate was there
        self._has_ended = False

    @property
    def is_full(self) -> bool:
        """Whether the client has sent so much that is not read that no more is to be taken."""
        return len(self.dialogue.buffer) + len(self._raw) > MOST_UNREAD

    def receive(self, octets: bytes) -> None:
        """Receive what the client has sent."""
        if self.wants_certificate:
            self._raw += octets
        elif self._layer is None:
            self._heard(octets)
        else:
            self._layer.feed(octets)
            if not self._is_shaking:
                self._decrypt()

    def end(self) -> None:
        """Note that the client sends no more."""
        self._has_ended = True
        if self._layer is None:
            self.dialogue.ended = True
            return
        self._layer.feed(b"")
        if not self._is_shaking:
            self._decrypt()

    def resume(self) -> None:
        """Go on after the pause."""
        self.pause = None
        self.proceed()

    def begin_tls(self, certificate: ServerCertificate) -> None:
        """Go on with the handshake, now that there is a certificate."""
        self.wants_certificate = False
        self._layer, self._is_shaking = _ServerTls(certificate), True
        self.dialogue.bindings = self._layer.bindings
        raw, self._raw = bytes(self._raw), bytearray()
        if raw:
            self._layer.feed(raw)
        if self._has_ended:
            self._layer.feed(b"")
        self.proceed()

    def proceed(self) -> None:
        """Go on with the dialogue until it needs something."""
        while self.pause is None and self.hang_up is None and not self.wants_certificate:
            if self._is_shaking and not self._shake_hands():
                return
            answer, self._answer = self._answer, None
            try:
                act = self._acts.send(answer)
            except StopIteration:
                act = HangUp()
            if isinstance(act, bytes):
                self._said.append(act)
                continue
            self._flush()
            match act:
                case Need():
                    return
                case Pause():
                    self.pause = act.seconds
                case HangUp():
                    self._close(act)
                case StartTls():
                    self.wants_certificate = True

    def say_goodbye(self, reply: bytes) -> None:
        """Send a last reply that answers no command, and hang up; without a word where TLS has half begun.

        Args:
            reply: The reply with its line end.
        """
        if self.wants_certificate or self._is_shaking:
            self._close(HangUp(at_once=True))
            return
        self._said.append(reply)
        self._flush()
        if self.hang_up is None:
            self._close(HangUp())

    def take(self) -> bytes:
        """Return what is to be sent, and forget it."""
        octets = b"".join(self._output)
        self._output.clear()
        return octets

    def _heard(self, octets: bytes) -> None:
        self.dialogue.buffer += octets
        if self._observer is not None and octets:
            self._observer.client(octets)

    def _decrypt(self) -> None:
        assert self._layer is not None
        try:
            while (octets := self._layer.decrypt(_PIECE)) is not None:
                if not octets:
                    self.dialogue.ended = True
                    break
                self._heard(octets)
        except TlsFailed:
            self.dialogue.ended = True
        self._output.append(self._layer.outgoing())

    def _shake_hands(self) -> bool:
        """Go on with the handshake. Return whether it has come to an end."""
        layer = self._layer
        assert layer is not None
        try:
            done = layer.handshake()
        except OSError as error:  # ssl.SSLError is one
            self._output.append(layer.outgoing())
            self.why_no_tls = why_no_handshake(error, "serve")
            self._is_shaking, self._layer, self._answer = False, None, False
            self.dialogue.ended = True
            return True
        self._output.append(layer.outgoing())
        if not done:
            return False
        self._is_shaking, self._answer = False, True
        if self._observer is not None:
            self._observer.tls(*layer.facts())
        self._decrypt()
        return True

    def _flush(self) -> None:
        """Encrypt what was said, all of it at once."""
        if not self._said:
            return
        if self._observer is not None:
            for reply in self._said:  # each by itself: it decides what the client's next octets are
                self._observer.server(reply)
        octets = b"".join(self._said)
        self._said.clear()
        if self._layer is None:
            self._output.append(octets)
            return
        try:
            self._output.append(self._layer.encrypt(octets))
        except TlsFailed:  # these octets are lost: nothing may follow them
            self.dialogue.ended = True
            self._close(HangUp(at_once=True))

    def _close(self, act: HangUp) -> None:
        self.hang_up = act
        if act.at_once:
            self._output.clear()
        elif self._layer is not None and not act.reset:
            self._output.append(self._layer.close_notify())
