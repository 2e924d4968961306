"""TLS over memory buffers. The caller moves the octets between it and the socket."""

from __future__ import annotations

import ssl

from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.tls_context import make_context
from smtp_shell.net.tls_report import alert, tls_facts, why_no_handshake, why_unverified
from smtp_shell.protocol.events import TlsStarted


class TlsLayer:
    """The client's end of one TLS connection.

    Args:
        settings: Versions, ciphers, certificates and verification.
        name: The name to check the certificate against.

    Attributes:
        truncated: True if the server closed the connection without a close_notify.

    Raises:
        ConfigError: A file that the settings name cannot be read, or a version or cipher is unknown.
    """

    def __init__(self, settings: TlsSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        # The ssl module encodes a str with the idna codec, which takes long to load and leaves ASCII as it is.
        octets = name.encode() if name.isascii() else name
        self._tls = make_context(settings).wrap_bio(self._incoming, self._outgoing, server_hostname=octets)
        self.truncated = False

    @property
    def pending(self) -> bool:
        """True if octets were fed that have not been decrypted."""
        return bool(self._incoming.pending or self._tls.pending())

    def handshake(self) -> bool:
        """Continue the handshake. Return True if it is done, False if it needs more octets.

        In either case there may be octets to send.

        Raises:
            TlsFailed: It failed, or the certificate could not be verified. There may be an alert to send.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise TlsFailed(why_unverified(error, self._name)) from None
        except ssl.SSLError as error:
            raise TlsFailed(why_no_handshake(error)) from None
        return True

    def facts(self) -> TlsStarted:
        """Return what the finished handshake agreed on, and the server's certificate."""
        return tls_facts(self._tls, self._settings, self._name)

    def feed(self, raw: bytes) -> None:
        """Add octets from the server.

        Args:
            raw: The octets as they came over the wire. Empty at the end of the stream.
        """
        if raw:
            self._incoming.write(raw)
        else:
            self._incoming.write_eof()

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
            raise TlsFailed(f"TLS broke: {alert(error)}; the server may want a client certificate.") from None

    def encrypt(self, octets: bytes | memoryview) -> bytes:
        """Return octets encrypted, as they go over the wire.

        Raises:
            TlsFailed: TLS broke.
        """
        try:
            self._tls.write(octets)
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS broke: {alert(error)}.") from None
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
        except ssl.SSLError:
            return b""
        return self._outgoing.read()
