"""Both ends of a TLS connection, in memory: the records of a dialogue that has been written down, and not captured.

The certificate, the keys and the random octets are made up for it. Nothing of another connection is in them.
"""

from __future__ import annotations

import errno
import re
import ssl
import warnings
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.errors import SystemRefused
from smtp_shell.net.key_log import CLIENT_RANDOM
from smtp_shell.net.session_keys import SessionKeys
from smtp_shell.private_files import open_new, reason_of
from smtp_shell.temporary_folders import TemporaryFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")
_FALLBACK = "mail.example"
_MOST_ROUNDS = 10


class TlsPair:
    """A client and a server that talk TLS to each other.

    Args:
        version: `TLSv1.2`; anything else is TLS 1.3, the only other version that OpenSSL still does everywhere.
        cipher: Name of the cipher suite of TLS 1.2. If it cannot be used, another one is.
        name: The server's name: in the ClientHello, and in the certificate. What is no host name becomes `mail.example`.

    Raises:
        SystemRefused: The system has no place for its files, or no memory for TLS.

    Attributes:
        keys: Lines of a key log, complete after the handshake.
    """

    def __init__(self, version: str, cipher: str, name: str) -> None:
        self.keys = b""
        self._log = SessionKeys()
        with self._refusals():
            self._begin(version, cipher, name)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Raise what the system refuses in a sentence, and forget the keys."""
        try:
            yield
        except OSError as error:  # ssl.SSLError is one
            self._log.close()
            raise SystemRefused(
                f"the TLS of the packets cannot be made up: {reason_of(error)}; set TMPDIR to a folder with room."
            ) from None
        except BaseException:
            self._log.close()
            raise

    def _begin(self, version: str, cipher: str, name: str) -> None:
        host = name if _HOST.fullmatch(name) and len(name) <= 64 else _FALLBACK
        client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        old = version == "TLSv1.2"
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_2 if old else ssl.TLSVersion.TLSv1_3
        if old and cipher:
            _prefer(client, cipher)
        server.num_tickets = 0  # tickets are for another connection, which there is none of
        with TemporaryFolder("pair") as folder:
            path = Path(folder) / "made-up.pem"
            try:
                with open_new(path) as file:
                    file.write(_certificate(host))
                server.load_cert_chain(path)
            finally:  # the folder may refuse to be listed, and the file has a key
                path.unlink(missing_ok=True)
        self._log.follow(client)
        self._to_client, self._to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client_out, self._server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = client.wrap_bio(self._to_client, self._client_out, server_hostname=host.encode())
        self._server = server.wrap_bio(self._to_server, self._server_out, server_side=True)

    def handshake(self) -> list[tuple[bool, bytes]]:
        """Return the flights of the handshake: whether the client sent it, and its octets. From then on `keys` is complete.

        Raises:
            SystemRefused: TLS failed.
        """
        with self._refusals():
            return self._flights()

    def _flights(self) -> list[tuple[bool, bytes]]:
        flights: list[tuple[bool, bytes]] = []
        for _ in range(_MOST_ROUNDS):
            moved = False
            for from_client in (True, False):
                end, out, into = self._end(from_client)
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                if octets := out.read():
                    into.write(octets)
                    flights.append((from_client, octets))
                    moved = True
            if not moved:
                break
        if not flights:
            raise OSError(errno.EPROTO, "the handshake did not begin")
        self.keys = self._log.find(flights[0][1][CLIENT_RANDOM])
        self._log.close()
        return flights

    def encrypt(self, octets: bytes, *, from_client: bool) -> bytes:
        """Return octets as records."""
        end, out, _ = self._end(from_client)
        end.write(octets)
        return out.read()

    def close_notify(self, *, from_client: bool) -> bytes:
        """Return the record that ends one direction."""
        end, out, _ = self._end(from_client)
        with suppress(ssl.SSLError):
            end.unwrap()
        return out.read()

    def _end(self, from_client: bool) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
        if from_client:
            return self._client, self._client_out, self._to_server
        return self._server, self._server_out, self._to_client


def _prefer(context: ssl.SSLContext, cipher: str) -> None:
    """Set a cipher of TLS 1.2, with a certificate of our kind where it names another kind."""
    with suppress(ssl.SSLError, ValueError), warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.set_ciphers(cipher.replace("-RSA-", "-ECDSA-"))


@lru_cache(maxsize=8)
def _certificate(host: str) -> bytes:
    """Return a key and the certificate that it has signed for itself, in PEM."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, host),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "made up by smtp-shell for a synthetic capture"),
        ]
    )
    begins = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
