"""A connection of its own that asks a server for its OCSP staple, and reads its part of the handshake.

It goes the same way as the user's connection, up to STARTTLS where that is needed, and ends after the server's part of the handshake.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConnectionLost, TlsFailed
from smtp_shell.net.client_hello import ClientHello
from smtp_shell.net.literals import family_of
from smtp_shell.net.resolve import local_name
from smtp_shell.net.server_flight import ServerFlight, follow_flight
from smtp_shell.net.settings import DIRECT
from smtp_shell.net.tls_identity import sni_octets
from smtp_shell.net.tls_layer import MOST_KEPT
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Certificate, Handshake, TlsStarted
from smtp_shell.protocol.octets import escape, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smtp_shell.config import Timeouts
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import Consumer

_NO_ALERT = "the server closed the connection"


class _Heard:
    """What a server sends after a ClientHello, kept as it came."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session = session
        self._deadline = time.monotonic() + seconds
        self.records = bytearray()
        self.hello = b""

    def chunks(self) -> Iterator[bytes]:
        while len(self.records) < MOST_KEPT:
            octets = self._session.transport.recv(self._deadline)
            if not octets:  # too late, or the end
                return
            self.records += octets
            yield octets

    def noting(self, secret: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
        """Return a function that keeps the ServerHello which it returns the secret for."""

        def note(hello: bytes) -> bytes:
            self.hello = hello
            return secret(hello)

        return note


def ask_for_staple(
    target: Target,
    *,
    consumers: Sequence[Consumer] = (),
    timeouts: Timeouts,
    connection: ConnectSettings = DIRECT,
    tls: TlsSettings | None = None,
    ehlo: str = "",
) -> TlsStarted:
    """Return what a server shows to a client that asks for an OCSP staple. Its certificate is not verified.

    Args:
        target: The server. TLS begins with the first octet if the target says so, else after STARTTLS.
        consumers: Follow the dialogue.
        timeouts: Of each wait.
        connection: How to open the connection.
        tls: Name the server where the target does not.
        ehlo: The name that EHLO gives; empty for this host's.

    Raises:
        TlsFailed: The server does not start TLS, or refuses this ClientHello.
        DialogueBroken: There is no connection, or it broke.
    """
    plain = replace(target, tls=False, starttls=False)
    with Session.open(plain, consumers, timeouts=timeouts, connection=connection, strict=True) as session:
        if not target.tls:
            _start_tls(session, ehlo)
        hello = ClientHello(_asked_for(target, tls or TlsSettings()))
        session.transport.send(hello.octets, timeouts.tls)
        heard = _Heard(session, timeouts.tls)
        flight = _follow(heard, hello)
        if not flight.version:
            why = _NO_ALERT if flight.alert is None else f"the server refused the handshake with alert {flight.alert}"
            raise TlsFailed(f"no answer to the question for an OCSP staple: {why}.")
        session.drop()
    name = (tls.server_name if tls is not None else None) or target.name
    line = hello.key_log_line(heard.hello) if heard.hello else b""
    kept = Handshake(bytes(heard.records), line)
    return TlsStarted("TLS", "", False, _certificate(flight), name, flight.chain, handshake=kept)


def _follow(heard: _Heard, hello: ClientHello) -> ServerFlight:
    try:
        return follow_flight(heard.chunks(), heard.noting(hello.secret), until_done=True)
    except ConnectionLost:
        return ServerFlight()


def _asked_for(target: Target, tls: TlsSettings) -> str:
    """Return the name that SNI has; empty for none, as with an address."""
    octets = sni_octets(tls, tls.server_name or target.name)
    name = "" if octets is None else octets.decode("ascii")
    return "" if family_of(name) is not None or ":" in name else name


def _certificate(flight: ServerFlight) -> Certificate:
    from smtp_shell.net.certificates import from_der

    return from_der(flight.chain[0]) if flight.chain else Certificate()


def _start_tls(session: Session, ehlo: str) -> None:
    """Read the greeting, and send EHLO and STARTTLS.

    Raises:
        TlsFailed: The server does not start TLS.
    """
    greeting = session.read_late()
    verb = "LHLO" if session.dialogue.lmtp else "EHLO"
    name = ehlo or local_name(session.transport.local_host)
    commands = (Command.of(verb, name), Command(b"STARTTLS"))
    for reply in itertools.chain((greeting,), map(session.command, commands)):
        if reply.is_negative:
            said = escape(b" ".join(reply.wire_lines())[:200])
            raise TlsFailed(f"the server does not start TLS for the question: it said {quoted(said)}.")
