"""A ClientHello of our own, which asks for what `ssl` cannot ask for: an OCSP staple.

Nothing is authenticated and no secret is sent over such a connection: the certificates and the OCSP answer are signed, and are checked by
themselves. The handshake is never finished.

Source: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6066 section 8
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Any

from smtp_shell.net.server_flight import RETRY, SUITES
from smtp_shell.net.tls_octets import CutOff, Reader, expand_label, extensions_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_TLS10, _TLS12, _TLS13 = 0x0301, 0x0303, 0x0304
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_KEY_SHARE = 51
_X25519, _P256, _P384, _P521 = 29, 23, 24, 25
_OLDER_SUITES = (
    *(0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F, 0xCCAA),  # ECDHE and DHE with AEAD
    *(0xC009, 0xC013, 0xC00A, 0xC014, 0xC023, 0xC027, 0x0033, 0x0039, 0x009C, 0x009D, 0x002F, 0x0035),
)
_SCHEMES = (
    0x0403,
    0x0503,
    0x0603,
    0x0807,
    0x0808,
    0x0809,
    0x080A,
    0x080B,
    0x0804,
    0x0805,
    0x0806,
    0x0401,
    0x0501,
    0x0601,
)


class ClientHello:
    """One ClientHello, with the keys that it offers.

    Args:
        host: The name that is asked for, in ASCII; empty to ask for none, as with an address.
        newest: Whether to offer TLS 1.3 beside TLS 1.2.

    Attributes:
        octets: It as it goes over the wire.

    Raises:
        ImportError: There is no `cryptography`.
    """

    def __init__(self, host: str, *, newest: bool = True) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec, x25519

        self._keys: dict[int, Any] = {}
        if newest:
            self._keys = {
                _X25519: x25519.X25519PrivateKey.generate(),
                _P256: ec.generate_private_key(ec.SECP256R1()),
                _P384: ec.generate_private_key(ec.SECP384R1()),
            }
        suites = (*SUITES, *_OLDER_SUITES) if newest else _OLDER_SUITES
        body = (
            _TLS12.to_bytes(2, "big")
            + os.urandom(32)
            + _vector(1, os.urandom(32))
            + _vector(2, _numbers(suites))
            + _vector(1, b"\0")
            + _vector(2, b"".join(self._extensions(host)))
        )
        self._message = bytes((_CLIENT_HELLO,)) + _vector(3, body)
        self.octets = bytes((_HANDSHAKE,)) + _TLS10.to_bytes(2, "big") + _vector(2, self._message)

    def secret(self, server_hello: bytes) -> bytes:
        """Return the secret with which the server encrypts its part of a handshake of TLS 1.3; empty if it chose nothing that was offered.

        Args:
            server_hello: Its ServerHello, the whole message.

        Source: RFC 8446 section 7.1
        """
        try:
            suite, group, share = _choice(server_hello)
            shared = self._shared(group, share)
        except ValueError:
            return b""
        if suite not in SUITES or not shared:
            return b""
        name = SUITES[suite][0]
        zeros = bytes(hashlib.new(name).digest_size)
        early = hmac.digest(zeros, zeros, name)
        derived = expand_label(name, early, "derived", hashlib.new(name).digest(), len(zeros))
        secret = hmac.digest(derived, shared, name)
        heard = hashlib.new(name, self._message + server_hello).digest()
        return expand_label(name, secret, "s hs traffic", heard, len(zeros))

    def key_log_line(self, server_hello: bytes) -> bytes:
        """Return the same secret as a line of a key log."""
        return b"SERVER_HANDSHAKE_TRAFFIC_SECRET %s %s\n" % (
            self._message[6:38].hex().encode(),
            self.secret(server_hello).hex().encode(),
        )

    def _shared(self, group: int, share: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec, x25519

        key = self._keys.get(group)
        if isinstance(key, x25519.X25519PrivateKey):
            return key.exchange(x25519.X25519PublicKey.from_public_bytes(share))
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(key.curve, share))
        return b""

    def _extensions(self, host: str) -> Iterable[bytes]:
        if host:
            yield _extension(0, _vector(2, b"\0" + _vector(2, host.encode("ascii"))))
        yield _extension(5, b"\x01\0\0\0\0")  # a certificate's status, by OCSP, from any responder
        yield _extension(10, _vector(2, _numbers((_X25519, _P256, _P384, _P521))))
        yield _extension(11, _vector(1, b"\0"))
        yield _extension(13, _vector(2, _numbers(_SCHEMES)))
        yield _extension(23, b"")  # extended master secret
        yield _extension(0xFF01, b"\0")  # secure renegotiation
        if self._keys:
            yield _extension(43, _vector(1, _numbers((_TLS13, _TLS12))))
            yield _extension(45, b"\x01\x01")
            shares = (_numbers((group,)) + _vector(2, _public(key)) for group, key in self._keys.items())
            yield _extension(_KEY_SHARE, _vector(2, b"".join(shares)))


def _choice(server_hello: bytes) -> tuple[int, int, bytes]:
    """Return the cipher suite, the group and the key that a server chose.

    Raises:
        CutOff: It is malformed, or has no key.
    """
    reader = Reader(server_hello[4:])
    reader.number(2)
    if reader.take(32) == RETRY:
        raise CutOff
    reader.vector(1)
    suite = reader.number(2)
    reader.number(1)
    share = Reader(dict(extensions_of(reader)).get(_KEY_SHARE, b""))
    return suite, share.number(2), share.vector(2)


def _public(key: Any) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(key, x25519.X25519PrivateKey):
        return key.public_key().public_bytes_raw()
    point: bytes = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return point


def _extension(number: int, content: bytes) -> bytes:
    return number.to_bytes(2, "big") + _vector(2, content)


def _numbers(numbers: Iterable[int]) -> bytes:
    return b"".join(each.to_bytes(2, "big") for each in numbers)


def _vector(size: int, content: bytes) -> bytes:
    return len(content).to_bytes(size, "big") + content
