"""The handshake messages that a server sent, read from its records: what `ssl` does not return.

With TLS 1.2 and older they are in the clear. With TLS 1.3 all that follows the ServerHello is encrypted, and is read if the secret of the
handshake is known. Octets that are no handshake end the reading, and what was found stays.

Source: RFC 5246 section 7.4, RFC 8446 section 4, RFC 6066 section 8
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtp_shell.net.tls_names import group_name, key_type_name, scheme_name
from smtp_shell.net.tls_octets import CutOff, Reader, expand_label, extensions_of, records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CHANGE_CIPHER, _ALERT, _HANDSHAKE, _APPLICATION = 20, 21, 22, 23
_HELLO, _TICKET, _ENCRYPTED_EXTENSIONS, _CERTIFICATE, _KEY_EXCHANGE = 2, 4, 8, 11, 12
_REQUEST, _VERIFY, _FINISHED, _STATUS = 13, 15, 20, 22
_EXT_STATUS, _EXT_SCHEMES, _EXT_ALPN, _EXT_AUTHORITIES, _EXT_VERSIONS, _EXT_KEY_SHARE = 5, 13, 16, 47, 43, 51
_TLS13 = 0x0304
RETRY = hashlib.sha256(b"HelloRetryRequest").digest()  # RFC 8446 section 4.1.3
_NAMED_CURVE = 3
SUITES = {
    0x1301: ("sha256", 16),
    0x1302: ("sha384", 32),
    0x1303: ("sha256", 32),
    0x1304: ("sha256", 16),
    0x1305: ("sha256", 16),
}
_SECRET = b"SERVER_HANDSHAKE_TRAFFIC_SECRET"
_MOST_AUTHORITIES = 200
_MOST_CERTIFICATES = 200
_MOST_SCHEMES = 64
_MOST_EXTENSIONS = 64


class ServerFlight(Struct, frozen=True, kw_only=True):
    """What a server said in its part of the handshake. None and empty stand for what was not said, or not read.

    Args:
        version: Number of the version, such as 0x0304 for TLS 1.3; 0 if there is no ServerHello.
        suite: Number of the cipher suite.
        read_all: Whether all its messages could be read. If not, what is missing may have been said.
        group: Name of the key-exchange group.
        scheme: Name of the scheme with which the server signed the handshake.
        alpn: The protocol that it chose.
        chain: Its certificates, in DER form.
        staple: The OCSP answer that it sent with its certificate.
        requested: Whether it asked for a certificate of the client.
        authorities: The names of the authorities that it accepts one from, in DER form.
        schemes: The signature schemes that it accepts for that.
        key_types: The kinds of key that it accepts for that, before TLS 1.3.
        ticket_seconds: The lifetime of the session ticket that it sent before TLS 1.3; None without one.
        extensions: The numbers of the extensions that it sent, in whichever of its messages.
        alert: The alert with which it ended the handshake.
    """

    version: int = 0
    suite: int = 0
    read_all: bool = False
    group: str = ""
    scheme: str = ""
    alpn: str = ""
    chain: tuple[bytes, ...] = ()
    staple: bytes | None = None
    requested: bool = False
    authorities: tuple[bytes, ...] = ()
    schemes: tuple[str, ...] = ()
    key_types: tuple[str, ...] = ()
    ticket_seconds: int | None = None
    extensions: tuple[int, ...] = ()
    alert: int | None = None


def read_flight(records: bytes, keys: bytes = b"") -> ServerFlight:
    """Return what a server said in its part of a handshake that is over.

    Args:
        records: What it sent, as it came over the wire, from the ServerHello on. It may be cut off.
        keys: Lines of a key log, for TLS 1.3.
    """
    secret = _secret(keys)
    return follow_flight((records,), lambda hello: secret)


def follow_flight(
    chunks: Iterable[bytes], secret: Callable[[bytes], bytes], *, until_done: bool = False
) -> ServerFlight:
    """Return what a server says in its part of a handshake.

    Args:
        chunks: What it sends, as it comes over the wire.
        secret: Returns the secret with which it encrypts the rest of its part in TLS 1.3, given its ServerHello; empty if it is not known.
        until_done: Whether to read no further than its ServerHelloDone or Finished.
    """
    found: dict[str, Any] = {}
    with suppress(CutOff):
        for kind, body in _messages(chunks, secret, found):
            with suppress(CutOff):  # one that is malformed; the others may be sound
                _note(kind, body, found)
            if found.get("over") or (until_done and found.get("read_all")):
                break
    known = {name: found[name] for name in ServerFlight.__struct_fields__ if name in found}
    return ServerFlight(**known)


def _messages(
    chunks: Iterable[bytes], secret: Callable[[bytes], bytes], found: dict[str, Any]
) -> Iterator[tuple[int, bytes]]:
    """Yield kind and body of each message. What the ServerHello says is looked up in `found`, which the caller fills."""
    pending, hello = bytearray(), b""
    opener: _Opener | None = None
    for kind, payload in records_of(chunks):
        if kind == _CHANGE_CIPHER:
            if found.get("version", _TLS13) != _TLS13:
                return  # before TLS 1.3 what follows is encrypted, and holds Finished only
            continue
        if kind == _APPLICATION and found.get("version") == _TLS13:
            opener = opener or _Opener.of(found.get("suite", 0), secret(hello))
            opened = opener.open(payload) if opener is not None else None
            if opened is None:
                return
            kind, payload = opened
        if kind == _ALERT and len(payload) == 2:
            found["alert"] = payload[1]
        if kind != _HANDSHAKE:
            return
        pending += payload
        while len(pending) >= 4:
            size = 4 + int.from_bytes(pending[1:4], "big")
            if len(pending) < size:
                break
            message = bytes(pending[:size])
            del pending[:size]
            hello = message if message[0] == _HELLO else hello
            yield message[0], message[4:]


def _note(kind: int, body: bytes, found: dict[str, Any]) -> None:
    reader = Reader(body)
    tls13 = found.get("version") == _TLS13
    if kind == _HELLO:
        _note_hello(reader, found)
    elif kind == _ENCRYPTED_EXTENSIONS:
        _note_extensions(reader, found)
    elif kind == _CERTIFICATE:
        _note_certificates(reader, found, tls13=tls13)
    elif kind == _STATUS and not tls13:
        found["staple"] = _staple(reader)
    elif kind == _KEY_EXCHANGE:
        _note_key_exchange(reader, found)
    elif kind == _REQUEST:
        found["requested"] = True
        _note_request(reader, found, tls13=tls13)
    elif kind == _VERIFY:
        found["scheme"] = scheme_name(reader.number(2))
    elif kind == _TICKET and not tls13:
        found["ticket_seconds"] = reader.number(4)
    elif kind == _FINISHED or (kind == 14 and not tls13):  # ServerHelloDone
        found["read_all"] = True
        found["over"] = tls13


def _note_hello(reader: Reader, found: dict[str, Any]) -> None:
    version, random = reader.number(2), reader.take(32)
    reader.vector(1)
    suite = reader.number(2)
    reader.number(1)
    found["version"], found["suite"] = version, suite
    extensions = dict(extensions_of(reader))
    if _EXT_VERSIONS in extensions:
        found["version"] = Reader(extensions[_EXT_VERSIONS]).number(2)
    if _EXT_KEY_SHARE in extensions:
        found["group"] = group_name(Reader(extensions[_EXT_KEY_SHARE]).number(2))
    if random == RETRY:
        return
    _note_numbers(extensions, found)
    _note_alpn(extensions, found)


def _note_extensions(reader: Reader, found: dict[str, Any]) -> None:
    extensions = dict(extensions_of(reader))
    _note_numbers(extensions, found)
    _note_alpn(extensions, found)


def _note_numbers(extensions: Iterable[int], found: dict[str, Any]) -> None:
    numbers = dict.fromkeys((*found.get("extensions", ()), *extensions))
    found["extensions"] = tuple(numbers)[:_MOST_EXTENSIONS]


def _note_alpn(extensions: dict[int, bytes], found: dict[str, Any]) -> None:
    if _EXT_ALPN in extensions:
        found["alpn"] = Reader(Reader(extensions[_EXT_ALPN]).vector(2)).vector(1).decode("latin-1")


def _note_certificates(reader: Reader, found: dict[str, Any], *, tls13: bool) -> None:
    if tls13:
        reader.vector(1)
    entries = Reader(reader.vector(3))
    chain: list[bytes] = []
    while entries.left and len(chain) < _MOST_CERTIFICATES:
        chain.append(entries.vector(3))
        found["chain"] = tuple(chain)
        extensions = dict(extensions_of(entries)) if tls13 else {}
        _note_numbers(extensions, found)
        if _EXT_STATUS in extensions and len(chain) == 1:
            found["staple"] = _staple(Reader(extensions[_EXT_STATUS]))


def _staple(reader: Reader) -> bytes | None:
    return reader.vector(3) if reader.number(1) == 1 else None  # 1: OCSP


def _note_key_exchange(reader: Reader, found: dict[str, Any]) -> None:
    """Note the group and the signature scheme of a ServerKeyExchange, which has neither name nor kind of its own."""
    if reader.peek() == _NAMED_CURVE:
        reader.number(1)
        found["group"] = group_name(reader.number(2))
        reader.vector(1)
    else:  # the prime, the generator and the key of a Diffie-Hellman exchange
        prime = reader.vector(2)
        reader.vector(2)
        reader.vector(2)
        found["group"] = f"DH {int.from_bytes(prime, 'big').bit_length():,} bits"
    if found.get("version") == 0x0303 and reader.left:
        found["scheme"] = scheme_name(reader.number(2))


def _note_request(reader: Reader, found: dict[str, Any], *, tls13: bool) -> None:
    if tls13:
        reader.vector(1)
        extensions = dict(extensions_of(reader))
        _note_numbers(extensions, found)
        schemes, names = extensions.get(_EXT_SCHEMES, b"\0\0"), extensions.get(_EXT_AUTHORITIES, b"\0\0")
    else:
        found["key_types"] = tuple(key_type_name(each) for each in reader.vector(1))
        size = reader.vector(2) if found.get("version") == 0x0303 else b""
        schemes = len(size).to_bytes(2, "big") + size
        names = reader.take(reader.left)
    found["schemes"] = tuple(scheme_name(each) for each in _numbers(Reader(schemes).vector(2)))
    listed = Reader(Reader(names).vector(2))
    authorities: list[bytes] = []
    while listed.left and len(authorities) < _MOST_AUTHORITIES:
        authorities.append(listed.vector(2))
    found["authorities"] = tuple(authorities)


def _numbers(octets: bytes) -> list[int]:
    return [int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets) - 1, 2)][:_MOST_SCHEMES]


class _Opener:
    """Decrypts the records that a TLS 1.3 server sent before its Finished."""

    def __init__(self, cipher: Any, iv: bytes) -> None:
        self._cipher = cipher
        self._iv = int.from_bytes(iv, "big")
        self._number = 0

    @classmethod
    def of(cls, suite: int, secret: bytes) -> _Opener | None:
        """Return one for a cipher suite; None where the secret is not known, or the suite is not one of TLS 1.3.

        Source: RFC 8446 sections 5.2, 5.3 and 7.3
        """
        if suite not in SUITES or not secret:
            return None
        try:
            from cryptography.hazmat.primitives.ciphers import aead
        except ImportError:
            return None
        name, size = SUITES[suite]
        if len(secret) != hashlib.new(name).digest_size:
            return None
        key, iv = expand_label(name, secret, "key", b"", size), expand_label(name, secret, "iv", b"", 12)
        match suite:
            case 0x1303:
                return cls(aead.ChaCha20Poly1305(key), iv)
            case 0x1304 | 0x1305:
                return cls(aead.AESCCM(key, tag_length=16 if suite == 0x1304 else 8), iv)
            case _:
                return cls(aead.AESGCM(key), iv)

    def open(self, payload: bytes) -> tuple[int, bytes] | None:
        """Return kind and content of an encrypted record; None if it was not encrypted with this key."""
        nonce = (self._iv ^ self._number).to_bytes(12, "big")
        self._number += 1
        head = bytes((_APPLICATION, 3, 3)) + len(payload).to_bytes(2, "big")
        try:
            inner = self._cipher.decrypt(nonce, payload, head).rstrip(b"\0")
        except Exception:  # of `cryptography`: InvalidTag, or a record that is too short
            return None
        return (inner[-1], inner[:-1]) if inner else None


def _secret(keys: bytes) -> bytes:
    for line in keys.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == _SECRET:
            with suppress(ValueError):
                return bytes.fromhex(words[2].decode("ascii", "replace"))
    return b""
