"""TLS over memory buffers: octets in and out, which somebody else moves; it knows no socket."""

from __future__ import annotations

import ssl

from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.tls_context import alert, make_context, tls_facts, why_no_handshake, why_unverified
from smtp_shell.protocol.events import TlsStarted


class TlsLayer:
    """The TLS of one connection. All that it has to say to the server is got with `outgoing`.

    Args:
        settings: How to do it.
        name: The name to check the certificate against.

    Attributes:
        truncated: Whether what the server sent ended without TLS's own end.

    Raises:
        ConfigError: A file that the settings name cannot be read, or a version or cipher is unknown.
    """

    def __init__(self, settings: TlsSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        # A name that is octets already is not encoded: that takes long to load, and changes nothing in what is ASCII.
        octets = name.encode() if name.isascii() else name
        self._tls = make_context(settings).wrap_bio(self._incoming, self._outgoing, server_hostname=octets)
        self.truncated = False

    @property
    def pending(self) -> bool:
        """Whether something was fed that has not been decrypted."""
        return bool(self._incoming.pending or self._tls.pending())

    def shake_hands(self) -> bool:
        """Go on with the handshake; say whether it is done, or more is to be fed.

        Raises:
            TlsFailed: It failed, or the certificate could not be verified; there is an alert to send.
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
        """Give what was agreed and which certificate was shown; the handshake is done."""
        return tls_facts(self._tls, self._settings, self._name)

    def feed(self, raw: bytes) -> None:
        """Take in what came.

        Args:
            raw: The octets; none when the server sends no more.
        """
        if raw:
            self._incoming.write(raw)
        else:
            self._incoming.write_eof()

    def decrypt(self, most: int) -> bytes | None:
        """Give what the server said.

        Args:
            most: How many octets at the most.

        Returns:
            The octets; `b""` when the server says no more, None when more is to be fed.

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
        """Give octets as they go to the server.

        Raises:
            TlsFailed: TLS broke.
        """
        try:
            self._tls.write(octets)
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS broke: {alert(error)}.") from None
        return self._outgoing.read()

    def outgoing(self) -> bytes:
        """Give what TLS itself has to say to the server; often nothing."""
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """Give the end of TLS as it goes to the server; nothing where TLS is broken."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            return b""
        return self._outgoing.read()
