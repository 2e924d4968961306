"""TLS over memory buffers. The caller moves the octets between it and the socket.

The words for what goes wrong (`tls_report`) are loaded when something does.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.key_log import CLIENT_RANDOM, exporter_secret, has_keys, no_key_log, user_key_log
from smtp_shell.net.tls_context import keys_for, make_context
from smtp_shell.net.tls_facts import handshake_of, seen_by_then, tls_facts
from smtp_shell.net.tls_identity import TlsSession, details, name_error, session_of, sni_octets
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.events import Handshake, TlsStarted

if TYPE_CHECKING:
    from smtp_shell.net.session_keys import SessionKeys
    from smtp_shell.protocol.sasl.exchange import ChannelBinding

MOST_KEPT = 512 * 1024
"""How much of a handshake is kept: a chain of certificates is 100 KiB at most with OpenSSL, and an OCSP answer a few."""


class TlsBuffers:
    """One end of a TLS connection: what goes in and out of it, once there is a handshake.

    Args:
        context: The context of the connection.
        settings: Settings that messages name.
        server_side: Whether it is the server's end.
        name: The name that the client asks for, in octets; None for none, and for the server's end.
        session: The session that the client offers to resume; None for none.

    Raises:
        TlsFailed: The TLS library refused.

    Attributes:
        truncated: True if the other end closed the connection without a close_notify.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        settings: TlsSettings,
        *,
        server_side: bool = False,
        name: bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._settings = settings
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            self._tls = context.wrap_bio(
                self._incoming, self._outgoing, server_side=server_side, server_hostname=name, session=session
            )
        except (ssl.SSLError, MemoryError) as error:
            raise _broken(error) from None
        self.truncated = False

    @property
    def pending(self) -> bool:
        """True if octets were fed that have not been decrypted."""
        return bool(self._incoming.pending or self._tls.pending())

    def handshake(self) -> bool:
        """Continue the handshake. Return True if it is done, False if it needs more octets.

        In either case there may be octets to send.

        Raises:
            SSLError: It failed.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def feed(self, raw: bytes) -> None:
        """Add octets from the other end.

        Args:
            raw: The octets as they came over the wire. Empty at the end of the stream.

        Raises:
            TlsFailed: There is no memory for them.
        """
        if not raw:
            self._incoming.write_eof()
            return
        try:
            self._incoming.write(raw)
        except MemoryError as error:
            raise _broken(error) from None

    def decrypt(self, most: int) -> bytes | None:
        """Return decrypted octets.

        Args:
            most: Maximum number of octets.

        Returns:
            The octets. `b""` at the end of the stream, None if it needs more octets.

        Raises:
            TlsFailed: TLS broke.
        """
        try:
            return self._tls.read(most)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLEOFError:
            self.truncated = True
            return b""
        except ssl.SSLError as error:
            from smtp_shell.net.tls_report import why_broken

            raise TlsFailed(why_broken(error, self._settings)) from None
        except MemoryError as error:
            raise _broken(error) from None

    def encrypt(self, octets: bytes | memoryview) -> bytes:
        """Return octets encrypted, as they go over the wire.

        Raises:
            TlsFailed: TLS broke.
        """
        try:
            self._tls.write(octets)
        except (ssl.SSLError, MemoryError) as error:
            raise _broken(error) from None
        return self._outgoing.read()

    def outgoing(self) -> bytes:
        """Return what TLS itself has to send: handshake messages, alerts, key updates. Often empty."""
        return self._outgoing.read()

    def close_notify(self) -> bytes:
        """Return the end of TLS as it goes over the wire. Empty if TLS is broken."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, MemoryError):
            return b""
        return self._outgoing.read()


def _broken(error: ssl.SSLError | MemoryError) -> TlsFailed:
    if isinstance(error, MemoryError):
        return TlsFailed(f"TLS broke: {reason_of(error)}.")
    from smtp_shell.net.tls_report import alert

    return TlsFailed(f"TLS broke: {alert(error)}.")


class TlsLayer(TlsBuffers):
    """The client's end of one TLS connection.

    Args:
        settings: Versions, ciphers, certificates and verification.
        name: The name to check the certificate against, unless the settings have one.
        keys: Where the keys go too, for a capture; None for nowhere.
        resume: The session to go on from, if it fits; None for none.

    Raises:
        UsageError: The name is no host name.
        ConfigError: A file that the settings name cannot be read, or a version or cipher is unknown.
    """

    def __init__(
        self, settings: TlsSettings, name: str, keys: SessionKeys | None = None, resume: TlsSession | None = None
    ) -> None:
        self._name = settings.server_name or name
        self._kept: bytearray | None = (
            bytearray() if settings.detailed else None
        )  # what came up to the end of the handshake
        self._keys = keys_for(settings, keys)
        context = make_context(settings, self._keys)
        self._offered = resume if resume is not None and resume.fits(context, settings, self._name) else None
        session = None if self._offered is None else self._offered.session
        super().__init__(context, settings, name=sni_octets(settings, self._name), session=session)
        self._handshake: Handshake | None = None
        self._key_log = user_key_log(self._tls.context)
        self._client_random = b""
        self._exporter_secret = b""

    def handshake(self) -> bool:
        """Continue the handshake. Return True if it is done, False if it needs more octets.

        In either case there may be octets to send.

        Raises:
            CertificateRefused: The certificate could not be verified. There may be an alert to send.
            TlsFailed: It failed for another reason, or the key log cannot be written any more.
        """
        try:
            if not super().handshake():
                return False
            if self._settings.sni and not self._settings.insecure:
                self._check_name()
        except ssl.SSLCertVerificationError as error:
            from smtp_shell.net.tls_report import refused

            raise refused(error, self._tls, self._settings, self._name, self._keep()) from None
        except ssl.SSLError as error:
            from smtp_shell.net.tls_report import why_no_handshake

            failure = TlsFailed(why_no_handshake(error, self._settings, self._name, self._tls.context))
            failure.seen = seen_by_then(self._tls, self._name, self._keep())
            raise failure from None
        except MemoryError as error:
            raise _broken(error) from None
        except OSError as error:  # of the key log: nothing else is written or read here
            raise TlsFailed(no_key_log(self._key_log, reason_of(error)).message) from None
        if self._key_log and not has_keys(self._key_log, self._client_random):
            raise TlsFailed(no_key_log(self._key_log, "nothing arrives in it, so the disk may be full").message)
        self._exporter_secret = exporter_secret(self._tls.context, self._client_random, self._keys)
        self._handshake = self._keep()
        if self._settings.pins:
            from smtp_shell.net.tls_pins import check_pins

            check_pins(self.facts(), self._settings)
        return True

    def channel_binding(self, kind: str = "") -> ChannelBinding | None:
        """Return what an exchange inside this connection can be bound to; None if there is nothing.

        Args:
            kind: One of the types in `net.channel_binding`; empty for the best there is.
        """
        from smtp_shell.net.channel_binding import bind

        return bind(self._tls, self._exporter_secret, kind)

    def _check_name(self) -> None:
        """Check the name that OpenSSL does not know.

        Raises:
            SSLCertVerificationError: The certificate is not for it.
        """
        error = name_error(self._tls, self._name)
        if error is not None:
            raise error

    @property
    def session(self) -> TlsSession | None:
        """The session, for another connection to go on from; None if the server has sent nothing for that yet."""
        return session_of(self._tls, self._settings, self._name)

    @property
    def details(self) -> tuple[str, ...]:
        """What came of what the settings ask for by name, in words, escaped."""
        return tuple(details(self._tls, self._settings, self._name, self._offered))

    def feed(self, raw: bytes) -> None:
        """Add octets from the other end."""
        if self._kept is not None and len(self._kept) < MOST_KEPT:
            self._kept += raw
        super().feed(raw)

    def facts(self) -> TlsStarted:
        """Return what the finished handshake agreed on, and the server's certificate."""
        return tls_facts(self._tls, self._settings, self._name, self._handshake)

    @property
    def ticket_seconds(self) -> int | None:
        """The lifetime of the session ticket that the server has sent by now; None without one."""
        found = self.session
        return found.session.ticket_lifetime_hint if found is not None and found.session.has_ticket else None

    def _keep(self) -> Handshake | None:
        """Return what is to be kept of the handshake, which is over, and keep no more."""
        if self._kept is None:
            return None
        records, self._kept = bytes(self._kept), None
        return handshake_of(self._tls, records, self._keys, self._client_random)

    def outgoing(self) -> bytes:
        """Return what TLS itself has to send: handshake messages, alerts, key updates. Often empty."""
        octets = super().outgoing()
        if not self._client_random:
            self._client_random = octets[CLIENT_RANDOM]
        return octets
