"""TLS of a capture whose keys are in the capture too: records of TLS 1.2 and 1.3 with authenticated encryption, decrypted.

Source: RFC 8446 sections 5.2, 5.3, 7.1 and 7.2; RFC 5246 sections 5 and 6.3; RFC 5288 section 3; RFC 7905 section 2
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.net.key_log import CLIENT_RANDOM

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

MOST_CONNECTIONS: Final = 10_000
"""Connections whose keys are kept."""

_LINE = re.compile(rb"(?m)^([A-Z_0-9]{1,40}) ([0-9a-fA-F]{64}) ([0-9a-fA-F]{32,128})\r?$")
_CHANGE_CIPHER, _ALERT, _HANDSHAKE, _APPLICATION = 20, 21, 22, 23
_CLIENT_HELLO, _SERVER_HELLO, _FINISHED, _KEY_UPDATE = 1, 2, 20, 24
_SUPPORTED_VERSIONS = 43
_TLS_1_2, _TLS_1_3 = 0x0303, 0x0304
_LONGEST_RECORD = 16_384 + 2_048
_MOST_HANDSHAKE = 256 * 1024
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class _Suite(Struct, frozen=True):
    """What a cipher suite needs.

    Args:
        name: As OpenSSL writes it.
        digest: Name of the hash function.
        key: Octets of a key.
        chacha: Whether it is ChaCha20-Poly1305, and not AES-GCM.
    """

    name: str
    digest: str
    key: int
    chacha: bool = False


SUITES: Final = {
    0x1301: _Suite("TLS_AES_128_GCM_SHA256", "sha256", 16),
    0x1302: _Suite("TLS_AES_256_GCM_SHA384", "sha384", 32),
    0x1303: _Suite("TLS_CHACHA20_POLY1305_SHA256", "sha256", 32, True),
    0x009C: _Suite("AES128-GCM-SHA256", "sha256", 16),
    0x009D: _Suite("AES256-GCM-SHA384", "sha384", 32),
    0x009E: _Suite("DHE-RSA-AES128-GCM-SHA256", "sha256", 16),
    0x009F: _Suite("DHE-RSA-AES256-GCM-SHA384", "sha384", 32),
    0xC02B: _Suite("ECDHE-ECDSA-AES128-GCM-SHA256", "sha256", 16),
    0xC02C: _Suite("ECDHE-ECDSA-AES256-GCM-SHA384", "sha384", 32),
    0xC02F: _Suite("ECDHE-RSA-AES128-GCM-SHA256", "sha256", 16),
    0xC030: _Suite("ECDHE-RSA-AES256-GCM-SHA384", "sha384", 32),
    0xCCA8: _Suite("ECDHE-RSA-CHACHA20-POLY1305", "sha256", 32, True),
    0xCCA9: _Suite("ECDHE-ECDSA-CHACHA20-POLY1305", "sha256", 32, True),
}
"""Cipher suites by their number: those that can be decrypted."""


class Undecipherable(Exception):
    """What follows cannot be decrypted."""


class KeyLog:
    """Keys of TLS, as the lines of a key log have them. They are in no repr."""

    def __init__(self) -> None:
        self._secrets: dict[bytes, dict[bytes, bytes]] = {}

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def add(self, octets: bytes) -> None:
        """Add the lines of a key log."""
        for label, client_random, secret in _LINE.findall(octets):
            key = bytes.fromhex(client_random.decode())
            if key in self._secrets or len(self._secrets) < MOST_CONNECTIONS:
                self._secrets.setdefault(key, {})[label] = bytes.fromhex(secret.decode())

    def of(self, hello: bytes) -> dict[bytes, bytes]:
        """Return the keys of the connection that a ClientHello begins, by their label; empty if there are none.

        Args:
            hello: The record of the ClientHello, or its start.
        """
        return self._secrets.get(hello[CLIENT_RANDOM], {}) if hello[5:6] == bytes([_CLIENT_HELLO]) else {}


class _Direction:
    """The records of one side."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.handshake = bytearray()
        self.cipher: AESGCM | ChaCha20Poly1305 | None = None
        self.iv = b""
        self.secret = b""
        self.number = 0
        self.is_done = False  # the handshake


class Decryption:
    """One TLS connection.

    Args:
        secrets: Its keys, by their label in a key log.
    """

    def __init__(self, secrets: dict[bytes, bytes]) -> None:
        self._secrets = secrets
        self._sides = {True: _Direction(), False: _Direction()}
        self._randoms = {True: b"", False: b""}
        self._version = 0
        self._suite: _Suite | None = None

    @property
    def words(self) -> str:
        """Version and cipher, once they are known."""
        name = {_TLS_1_2: "TLSv1.2", _TLS_1_3: "TLSv1.3"}.get(self._version, "")
        return f"{name} {self._suite.name}" if name and self._suite else name

    def add(self, octets: bytes, *, by_client: bool) -> bytes:
        """Read octets of a side, and return what they say.

        Args:
            octets: The octets, in order.
            by_client: Whether the client has sent them.

        Raises:
            Undecipherable: Keys are missing or wrong, or the cipher is another one.
        """
        side = self._sides[by_client]
        side.buffer += octets
        said: list[bytes] = []
        while len(side.buffer) >= 5:
            kind, _, length = struct.unpack_from(">BHH", side.buffer)
            if length > _LONGEST_RECORD or not _CHANGE_CIPHER <= kind <= _APPLICATION:
                raise Undecipherable("no record of TLS")
            if len(side.buffer) < 5 + length:
                break
            head, body = bytes(side.buffer[:5]), bytes(side.buffer[5 : 5 + length])
            del side.buffer[: 5 + length]
            said.append(self._record(side, kind, head, body, by_client=by_client))
        return b"".join(said)

    def _record(self, side: _Direction, kind: int, head: bytes, body: bytes, *, by_client: bool) -> bytes:
        if kind == _CHANGE_CIPHER:
            if self._version == _TLS_1_2:
                self._key_block(by_client=by_client)
            return b""
        if side.cipher is not None:
            kind, body = self._opened(side, kind, head, body)
        elif kind == _APPLICATION:
            raise Undecipherable("the handshake is missing")
        if kind == _HANDSHAKE:
            self._messages(side, body, by_client=by_client)
            return b""
        return body if kind == _APPLICATION else b""

    def _opened(self, side: _Direction, kind: int, head: bytes, body: bytes) -> tuple[int, bytes]:
        from cryptography.exceptions import InvalidTag

        assert side.cipher is not None
        assert self._suite is not None
        counter = side.number.to_bytes(8, "big")
        side.number += 1
        if self._version == _TLS_1_2 and not self._suite.chacha:
            nonce, body = side.iv + body[:8], body[8:]
        else:
            nonce = bytes(a ^ b for a, b in zip(side.iv, counter.rjust(len(side.iv), b"\0"), strict=True))
        old = self._version == _TLS_1_2
        extra = counter + head[:3] + max(0, len(body) - 16).to_bytes(2, "big") if old else head
        try:
            plain = side.cipher.decrypt(nonce, body, extra)
        except (InvalidTag, ValueError):
            raise Undecipherable("the keys do not fit") from None
        if old:
            return kind, plain
        plain = plain.rstrip(b"\0")
        return (plain[-1], plain[:-1]) if plain else (_ALERT, b"")

    # Handshake

    def _messages(self, side: _Direction, body: bytes, *, by_client: bool) -> None:
        side.handshake += body
        if len(side.handshake) > _MOST_HANDSHAKE:
            raise Undecipherable("a handshake that is longer than any")
        while len(side.handshake) >= 4:
            length = int.from_bytes(side.handshake[1:4], "big")
            if len(side.handshake) < 4 + length:
                return
            kind, message = side.handshake[0], bytes(side.handshake[4 : 4 + length])
            del side.handshake[: 4 + length]
            self._message(side, kind, message, by_client=by_client)

    def _message(self, side: _Direction, kind: int, message: bytes, *, by_client: bool) -> None:
        if kind == _CLIENT_HELLO and by_client:
            self._randoms[True] = message[2:34]
        elif kind == _SERVER_HELLO and not by_client:
            self._server_hello(message)
        elif kind == _FINISHED and self._version == _TLS_1_3 and not side.is_done:
            side.is_done = True
            self._use(side, b"CLIENT_TRAFFIC_SECRET_0" if by_client else b"SERVER_TRAFFIC_SECRET_0")
        elif kind == _KEY_UPDATE and self._version == _TLS_1_3:
            assert self._suite is not None
            self._install(side, expand_label(side.secret, b"traffic upd", len(side.secret), self._suite.digest))

    def _server_hello(self, message: bytes) -> None:
        if message[2:34] == _RETRY:
            return
        self._randoms[False] = message[2:34]
        try:
            self._version, at = struct.unpack_from(">H", message)[0], 34
            at += 1 + message[at]
            suite = struct.unpack_from(">H", message, at)[0]
            at += 5
            while at + 4 <= len(message):
                kind, length = struct.unpack_from(">HH", message, at)
                if kind == _SUPPORTED_VERSIONS and length == 2:
                    self._version = struct.unpack_from(">H", message, at + 4)[0]
                at += 4 + length
        except (struct.error, IndexError):
            raise Undecipherable("no ServerHello") from None
        self._suite = SUITES.get(suite)
        if self._suite is None or self._version not in (_TLS_1_2, _TLS_1_3):
            raise Undecipherable("another cipher or version")
        if self._version == _TLS_1_3:
            self._use(self._sides[False], b"SERVER_HANDSHAKE_TRAFFIC_SECRET")
            self._use(self._sides[True], b"CLIENT_HANDSHAKE_TRAFFIC_SECRET")

    # Keys

    def _use(self, side: _Direction, label: bytes) -> None:
        secret = self._secrets.get(label)
        if secret is None:
            raise Undecipherable("a key is missing")
        self._install(side, secret)

    def _install(self, side: _Direction, secret: bytes) -> None:
        assert self._suite is not None
        side.secret, side.number = secret, 0
        side.iv = expand_label(secret, b"iv", 12, self._suite.digest)
        side.cipher = self._cipher(expand_label(secret, b"key", self._suite.key, self._suite.digest))

    def _key_block(self, *, by_client: bool) -> None:
        master = self._secrets.get(b"CLIENT_RANDOM")
        if master is None or self._suite is None:
            raise Undecipherable("a key is missing")
        size, iv = self._suite.key, 12 if self._suite.chacha else 4
        seed = b"key expansion" + self._randoms[False] + self._randoms[True]
        block = _prf(master, seed, 2 * (size + iv), self._suite.digest)
        side = self._sides[by_client]
        at = 0 if by_client else size
        side.cipher, side.number = self._cipher(block[at : at + size]), 0
        at = 2 * size + (0 if by_client else iv)
        side.iv = block[at : at + iv]

    def _cipher(self, key: bytes) -> AESGCM | ChaCha20Poly1305:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

        assert self._suite is not None
        return ChaCha20Poly1305(key) if self._suite.chacha else AESGCM(key)


def expand_label(secret: bytes, label: bytes, size: int, digest: str) -> bytes:
    """Return HKDF-Expand-Label with no context.

    Source: RFC 8446 section 7.1
    """
    name = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
    out, block, counter = b"", b"", 1
    while len(out) < size:
        block = hmac.new(secret, block + info + bytes([counter]), getattr(hashlib, digest)).digest()
        out += block
        counter += 1
    return out[:size]


def _prf(secret: bytes, seed: bytes, size: int, digest: str) -> bytes:
    """Return the pseudorandom function of TLS 1.2.

    Source: RFC 5246 section 5
    """
    function = getattr(hashlib, digest)
    out, step = b"", seed
    while len(out) < size:
        step = hmac.new(secret, step, function).digest()
        out += hmac.new(secret, step + seed, function).digest()
    return out[:size]
