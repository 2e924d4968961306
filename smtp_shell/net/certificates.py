"""Certificates as facts, and what is wrong with a chain of them.

OpenSSL alone decides whether a server is verified. What is here explains: the facts of a certificate that was refused, and, where the
user insists on going on, which checks it would have failed. `cryptography` is loaded for certificates that OpenSSL has not verified.
"""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smtp_shell.protocol.events import Certificate
from smtp_shell.protocol.octets import escape, escape_str

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from smtp_shell.config import TlsSettings
    from smtp_shell.protocol.events import TlsStarted

_SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "emailAddress": "EMAIL",
}
_SECONDS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_MOST_AUTHORITIES = 2_000  # files in a folder of authorities that are read
_LONGEST_CHAIN = 10
_WEAK_HASHES = frozenset({"md5", "sha1"})
_SHORTEST_RSA = 2048


def sent_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the certificates that the server sent, in DER form, its own first; none where Python does not tell.

    Before Python 3.13 the method is on the object below only, which `ssl` does not document. There is no other way to a certificate that
    was refused, so it is read where it is there.
    """
    below: Any = tls if hasattr(tls, "get_unverified_chain") else getattr(tls, "_sslobj", None)
    read = getattr(below, "get_unverified_chain", None)
    found = (read() or ()) if read is not None else ()
    return tuple(each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in found)


def from_openssl(facts: Any, der: bytes) -> Certificate:
    """Return a certificate that OpenSSL has verified.

    Args:
        facts: What `getpeercert` returned.
        der: The certificate itself.
    """
    return Certificate(
        subject=_openssl_name(facts.get("subject", ())),
        issuer=_openssl_name(facts.get("issuer", ())),
        names=tuple(_alternative_name(kind, value) for kind, value in facts.get("subjectAltName", ())),
        not_before=str(facts.get("notBefore", "")).encode(),
        not_after=str(facts.get("notAfter", "")).encode(),
        serial=str(facts.get("serialNumber", "")).encode(),
        der=der,
    )


def from_der(der: bytes) -> Certificate:
    """Return a certificate that OpenSSL has not parsed, since it does so only when it verifies."""
    if not der:
        return Certificate()
    try:
        certificate = _load(der)
        return Certificate(
            subject=_name(certificate.subject),
            issuer=_name(certificate.issuer),
            names=_alternative_names(certificate),
            not_before=_as_openssl_writes(certificate.not_valid_before_utc).encode(),
            not_after=_as_openssl_writes(certificate.not_valid_after_utc).encode(),
            serial=f"{certificate.serial_number:X}".encode(),
            der=der,
        )
    except (ImportError, ValueError):  # a certificate that cannot be read is still one that was sent
        return Certificate(der=der)


def lifetime_of(certificate: Certificate) -> str:
    """Return what the dates of a certificate mean now, as `lifetime` does."""
    return lifetime(certificate.not_before.decode("ascii", "replace"), certificate.not_after.decode("ascii", "replace"))


def lifetime(not_before: str, not_after: str, now: float | None = None) -> str:
    """Return what the dates of a certificate mean now, such as `expired 3 days ago`; empty if they cannot be read.

    Args:
        not_before: Start of its life, as OpenSSL writes it.
        not_after: End of its life.
        now: Seconds since 1970; None for this moment.
    """
    moment = time.time() if now is None else now
    try:
        start, end = ssl.cert_time_to_seconds(not_before), ssl.cert_time_to_seconds(not_after)
    except ValueError:
        return ""
    if moment < start:
        return f"not valid yet, for {_span(start - moment)} more"
    return f"expired {_span(moment - end)} ago" if moment > end else f"{_span(end - moment)} left"


def chain_problems(facts: TlsStarted, settings: TlsSettings) -> list[str]:
    """Return what is wrong with a certificate that was not verified, in words, escaped; empty if nothing is found.

    Args:
        facts: What the handshake agreed on.
        settings: The settings of the handshake; they name the authorities.
    """
    try:
        chain = [_load(der) for der in (facts.chain or (facts.certificate.der,)) if der]
        if not chain:
            return []
        found = [*_date_problems(chain), *_name_problems(chain[0], facts.name), *_purpose_problems(chain[0])]
        return [*found, *_trust_problems(chain, [*_authorities(settings)]), *_strength_problems(chain[0])]
    except (ImportError, ValueError):
        return []


def _load(der: bytes) -> Any:
    from cryptography import x509

    with warnings.catch_warnings(action="ignore"):  # about old certificates; what it says is for programmers
        return x509.load_der_x509_certificate(der)


def _span(seconds: float) -> str:
    for unit, size in _SECONDS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _openssl_name(rdns: Any) -> bytes:
    parts = (f"{_SHORT_NAMES.get(kind, kind)}={value}" for rdn in rdns for kind, value in rdn)
    return ", ".join(parts).encode("utf-8", "replace")


def _name(name: Any) -> bytes:
    """Return a name in the order and the words of `_openssl_name`."""
    parts = (f"{attribute.rfc4514_attribute_name}={attribute.value}" for attribute in name)
    return ", ".join(parts).replace("1.2.840.113549.1.9.1=", "EMAIL=").encode("utf-8", "replace")


def _as_openssl_writes(moment: datetime) -> str:
    return f"{moment.ctime()[4:]} GMT"


def _alternative_name(kind: str, value: object) -> bytes:
    text = str(value)
    if kind == "IP Address" and ":" in text:  # OpenSSL writes 0:0:0:0:0:0:0:1
        with suppress(OSError, ValueError):
            text = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    return text.encode("utf-8", "replace")


def _alternative_names(certificate: Any) -> tuple[bytes, ...]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value).encode("utf-8", "replace") for name in extension.value)


def _date_problems(chain: Sequence[Any]) -> Iterator[str]:
    for number, each in enumerate(chain):
        words = lifetime(_as_openssl_writes(each.not_valid_before_utc), _as_openssl_writes(each.not_valid_after_utc))
        if words and not words.endswith(" left"):
            yield words if number == 0 else f"the certificate of {escape(_name(each.subject))} in its chain: {words}"


def _name_problems(leaf: Any, name: str) -> Iterator[str]:
    names = [each.decode("utf-8", "replace").lower() for each in _alternative_names(leaf)]
    if not names:
        from cryptography.x509.oid import NameOID

        names = [str(each.value).lower() for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    wanted = _alternative_name("IP Address", name.lower()).decode("utf-8", "replace")
    first, _, rest = wanted.partition(".")
    wildcard = f"*.{rest}" if first and not wanted.replace(".", "").isdigit() and ":" not in wanted else ""
    if wanted not in names and (not wildcard or wildcard not in names):
        yield f"it is not for {escape_str(name)}"


def _purpose_problems(leaf: Any) -> Iterator[str]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    with suppress(x509.ExtensionNotFound):
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usages):
            yield "its purpose is not to be a server's"


def _trust_problems(chain: Sequence[Any], authorities: Sequence[Any]) -> Iterator[str]:
    trusted = set(authorities)
    current, sent = chain[0], list(chain[1:])
    for _ in range(_LONGEST_CHAIN):
        if current in trusted or any(_issued(current, each) for each in authorities):
            return
        above = next((each for each in sent if each != current and _issued(current, each)), None)
        if above is None:
            break
        sent.remove(above)
        current = above
    if current.subject != current.issuer:
        yield f"the certificate of its issuer, {escape(_name(current.issuer))}, was not sent, and no authority here has that name and key"
    elif current is chain[0]:
        yield "it is self-signed, so that nobody vouches for it"
    else:
        yield f"its authority, {escape(_name(current.subject))}, is not trusted here"


def _issued(certificate: Any, issuer: Any) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # of `cryptography`: a wrong signature, a key of a kind that it does not know
        return False
    return True


def _strength_problems(leaf: Any) -> Iterator[str]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key, hashed = leaf.public_key(), leaf.signature_hash_algorithm
    if isinstance(key, RSAPublicKey) and key.key_size < _SHORTEST_RSA:
        yield f"its key of {key.key_size:,} bits is too short"
    if hashed is not None and hashed.name in _WEAK_HASHES:
        yield f"it is signed with {hashed.name.upper()}, which is too weak"


def _authorities(settings: TlsSettings) -> Iterator[Any]:
    """Yield the authorities that a verification would trust."""
    from cryptography import x509

    paths = [settings.ca_file] if settings.ca_file is not None else _system_files()
    for path in paths:
        found: list[Any] = []
        with suppress(OSError, ValueError), warnings.catch_warnings(action="ignore"):
            found = list(x509.load_pem_x509_certificates(path.read_bytes()))
        yield from found


def _system_files() -> Iterator[Path]:
    places = ssl.get_default_verify_paths()
    if places.cafile:
        yield Path(places.cafile)
    if places.capath:
        with suppress(OSError):
            yield from sorted(Path(places.capath).iterdir())[:_MOST_AUTHORITIES]
