"""Channel binding: what belongs to one TLS connection alone, so that an exchange inside it can be bound to it.

`tls-exporter` (RFC 9266) comes from the exporter of TLS 1.3, which `ssl` does not offer. OpenSSL hands the exporter secret of each
connection to whoever logs keys, and the exporter itself is HKDF (RFC 8446 section 7.5). So each context logs its keys into memory
(`memory_key_log`), and `key_log.exporter_secret` takes the secret from there when the handshake is over. Where a system has no such
memory there is no `tls-exporter`: keys are not written to a disk unasked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.sasl.exchange import ChannelBinding

if TYPE_CHECKING:
    import ssl

EXPORTER, UNIQUE, END_POINT = TYPES = ("tls-exporter", "tls-unique", "tls-server-end-point")
_LABEL = b"EXPORTER-Channel-Binding"
_LENGTH = 32


def bind(tls: ssl.SSLObject, secret: bytes, kind: str = "") -> ChannelBinding | None:
    """Return what an exchange inside a TLS connection can be bound to; None if there is nothing.

    Args:
        tls: The connection.
        secret: Its exporter secret; empty if it is not known.
        kind: One of `TYPES`; empty for the best there is: `tls-exporter` in TLS 1.3, `tls-unique` before it, then the certificate.

    Source: RFC 9266 section 3, RFC 5929 sections 3 and 4
    """
    is_newest = tls.version() == "TLSv1.3"
    kinds = (kind,) if kind else (EXPORTER if is_newest else UNIQUE, END_POINT)
    for each in kinds:
        data: bytes | None = None
        if each == EXPORTER and is_newest and secret:
            data = export(secret, _hash_of(tls), _LABEL, b"", _LENGTH)
        elif each == UNIQUE and not is_newest:  # not defined for TLS 1.3
            data = tls.get_channel_binding("tls-unique")
        elif each == END_POINT:
            data = end_point(tls.getpeercert(binary_form=True) or b"")
        if data:
            return ChannelBinding(each, data)
    return None


def bindings_of_server(tls: ssl.SSLObject, secret: bytes, leaf: bytes) -> dict[str, bytes]:
    """Return what exchanges inside a server's TLS connection can be bound to: type -> its octets.

    Args:
        tls: The connection.
        secret: Its exporter secret; empty if it is not known.
        leaf: The certificate that the server shows, in DER.
    """
    # A server has no certificate of the other end's to hash, but its own.
    found = {kind: bind(tls, secret, kind) for kind in TYPES if kind != END_POINT}
    data = {kind: each.data for kind, each in found.items() if each is not None}
    own = end_point(leaf)
    return {**data, END_POINT: own} if own else data


def export(secret: bytes, hash_name: str, label: bytes, context: bytes, length: int) -> bytes:
    """Return keying material of a TLS 1.3 connection.

    Args:
        secret: The exporter secret of the connection.
        hash_name: The hash of its cipher suite, as `hashlib` names it.
        label: The label, with its prefix `EXPORTER`.
        context: The context value.
        length: How many octets.

    Source: RFC 8446 section 7.5
    """
    import hashlib

    empty, hashed = hashlib.new(hash_name).digest(), hashlib.new(hash_name, context).digest()
    derived = _expand_label(secret, hash_name, label, empty, len(empty))
    return _expand_label(derived, hash_name, b"exporter", hashed, length)


def end_point(der: bytes) -> bytes:
    """Return the hash of a server's certificate that `tls-server-end-point` is; empty if it is not defined for this certificate.

    Args:
        der: The certificate.

    Source: RFC 5929 section 4.1
    """
    import hashlib
    import warnings

    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with warnings.catch_warnings(action="ignore"):  # about old certificates; what it says is for programmers
            algorithm = x509.load_der_x509_certificate(der).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return b""
    if algorithm is None:  # Ed25519 and Ed448 have no hash of their own
        return b""
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    try:
        return hashlib.new(name, der).digest()
    except ValueError:
        return b""


def _expand_label(secret: bytes, hash_name: str, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3.

    Source: RFC 8446 section 7.1, RFC 5869 section 2.3
    """
    import hmac

    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(full),)) + full + bytes((len(context),)) + context
    found, block, number = b"", b"", 1
    while len(found) < length:
        block = hmac.digest(secret, block + info + bytes((number,)), hash_name)
        found, number = found + block, number + 1
    return found[:length]


def _hash_of(tls: ssl.SSLObject) -> str:
    cipher = tls.cipher()
    return "sha384" if cipher is not None and cipher[0].endswith("SHA384") else "sha256"
