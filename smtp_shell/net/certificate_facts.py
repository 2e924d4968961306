"""One certificate as facts: what an administrator asks of it, escaped and bounded, whatever the server has sent.

A part that cannot be read is left out, and the rest is told. Nothing here decides whether a certificate is good.
"""

from __future__ import annotations

import calendar
import hashlib
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtp_shell.net.certificates import load, name_octets, names_of
from smtp_shell.net.der import public_key_of, rsa_bits
from smtp_shell.protocol.octets import escape, escape_str

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_NAMES = 1_000
"""How many alternative names are kept of a certificate; how many there are is told."""

_LONGEST = 300  # characters of one value
_MOST_VALUES = 50  # of any other list
_CANNOT_BE_READ = "this is no certificate that can be read"

_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "TLS server",
    "1.3.6.1.5.5.7.3.2": "TLS client",
    "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.4": "e-mail protection",
    "1.3.6.1.5.5.7.3.8": "time stamping",
    "1.3.6.1.5.5.7.3.9": "OCSP signing",
    "2.5.29.37.0": "any",
}
_USAGES = {
    "digital_signature": "digital signature",
    "content_commitment": "non-repudiation",
    "key_encipherment": "key encipherment",
    "data_encipherment": "data encipherment",
    "key_agreement": "key agreement",
    "key_cert_sign": "certificate signing",
    "crl_sign": "CRL signing",
}
_KEY_KINDS = {
    "RSAPublicKey": "RSA",
    "EllipticCurvePublicKey": "EC",
    "Ed25519PublicKey": "Ed25519",
    "Ed448PublicKey": "Ed448",
    "DSAPublicKey": "DSA",
    "X25519PublicKey": "X25519",
    "X448PublicKey": "X448",
}
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_KEY_OIDS = {"1.2.840.113549.1.1.1": "RSA", "1.2.840.10045.2.1": "EC", "1.2.840.10040.4.1": "DSA"}
_SIGNATURES = {
    "1.2.840.113549.1.1.2": "RSA with MD2",
    "1.2.840.113549.1.1.4": "RSA with MD5",
    "1.2.840.113549.1.1.5": "RSA with SHA-1",
    "1.2.840.113549.1.1.10": "RSA-PSS",
    "1.2.840.113549.1.1.11": "RSA with SHA-256",
    "1.2.840.113549.1.1.12": "RSA with SHA-384",
    "1.2.840.113549.1.1.13": "RSA with SHA-512",
    "1.2.840.113549.1.1.14": "RSA with SHA-224",
    "1.2.840.10045.4.1": "ECDSA with SHA-1",
    "1.2.840.10045.4.3.1": "ECDSA with SHA-224",
    "1.2.840.10045.4.3.2": "ECDSA with SHA-256",
    "1.2.840.10045.4.3.3": "ECDSA with SHA-384",
    "1.2.840.10045.4.3.4": "ECDSA with SHA-512",
    "1.2.840.10040.4.3": "DSA with SHA-1",
    "2.16.840.1.101.3.4.3.2": "DSA with SHA-256",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}


class KeyFacts(Struct, frozen=True):
    """A public key.

    Args:
        kind: Such as `RSA`, `EC` or `Ed25519`; an OID where nobody here knows it.
        bits: Its size; 0 where it is not known or says nothing.
        curve: Its curve; empty for none.
        sha256: SHA-256 of the SubjectPublicKeyInfo, hexadecimal: what pins and TLSA records of selector 1 hold. Empty if unknown.
    """

    kind: str = ""
    bits: int = 0
    curve: str = ""
    sha256: str = ""

    def __str__(self) -> str:
        """Return kind and size in words."""
        if self.curve:
            return f"{self.kind} {self.curve}"
        sized = self.bits and self.kind in ("RSA", "DSA", "EC")
        return f"{self.kind} {self.bits:,} bits" if sized else self.kind or "of an unknown kind"


class CertificateFacts(Struct, frozen=True, kw_only=True):
    """What a certificate says. All text is escaped.

    Args:
        der: The certificate itself.
        problem: Why it cannot be read, in words; empty if it can.
        subject: Distinguished name of its owner.
        issuer: Distinguished name of who signed it.
        names: The host names and addresses it is for, at most `MOST_NAMES` of them.
        name_count: How many it holds.
        not_before: Start of its life, in seconds since 1970; None if it cannot be read.
        not_after: End of its life.
        serial: Serial number, hexadecimal, with a sign if it is negative.
        version: Version of X.509; 0 if unknown.
        key: Its public key.
        signature: How it is signed.
        hash_name: The hash of the signature, such as `sha256`; empty if there is none or it is not known.
        sha256: Fingerprint, hexadecimal.
        sha1: Fingerprint, hexadecimal.
        purposes: Its extended key usage; empty for no limit.
        usages: Its key usage; empty for no limit.
        authority: Whether it may sign others; None where it does not say.
        path_length: How many authorities may be below it; None for no limit.
        subject_key_id: Identifier of its key, hexadecimal.
        issuer_key_id: Identifier of the key that signed it.
        ocsp: Where its issuer answers whether it is revoked.
        crls: Where its issuer lists what is revoked.
        issuer_urls: Where its issuer's certificate is.
        must_staple: Whether a server must send an OCSP answer with it.
        odd: Parts that cannot be read, in words.
    """

    der: bytes = b""
    problem: str = ""
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    name_count: int = 0
    not_before: int | None = None
    not_after: int | None = None
    serial: str = ""
    version: int = 0
    key: KeyFacts = KeyFacts()
    signature: str = ""
    hash_name: str = ""
    sha256: str = ""
    sha1: str = ""
    purposes: tuple[str, ...] = ()
    usages: tuple[str, ...] = ()
    authority: bool | None = None
    path_length: int | None = None
    subject_key_id: str = ""
    issuer_key_id: str = ""
    ocsp: tuple[str, ...] = ()
    crls: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()
    must_staple: bool = False
    odd: tuple[str, ...] = ()

    @property
    def self_issued(self) -> bool:
        """Whether its subject is its issuer."""
        return bool(self.subject) and self.subject == self.issuer

    def days_left(self, now: float | None = None) -> int | None:
        """Return how many whole days are left of its life, negative after its end; None if it cannot be read.

        Args:
            now: Seconds since 1970; None for this moment.
        """
        if self.not_after is None:
            return None
        return int((self.not_after - (time.time() if now is None else now)) // 86_400)


def facts_of(der: bytes) -> CertificateFacts:
    """Return the facts of a certificate.

    Args:
        der: What the server sent as one.

    Source: RFC 5280 section 4
    """
    with warnings.catch_warnings(
        action="ignore"
    ):  # about what breaks a rule, when it is looked at; they are for programmers
        return _facts_of(der)


def _facts_of(der: bytes) -> CertificateFacts:
    prints: dict[str, Any] = {
        "sha256": hashlib.sha256(der).hexdigest(),
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
    }
    spki = public_key_of(der)
    try:
        certificate = load(der)
        subject, issuer = _text(name_octets(certificate.subject)), _text(name_octets(certificate.issuer))
    except ImportError:
        return CertificateFacts(der=der, problem="the cryptography library is missing", key=_raw_key(spki), **prints)
    except Exception as error:  # the parser is another library's; what it refuses was sent all the same
        reason = escape_str(str(error).replace("\n", " ")[:80])
        problem = f"{_CANNOT_BE_READ} ({reason})" if reason else _CANNOT_BE_READ
        return CertificateFacts(der=der, problem=problem, key=_raw_key(spki), **prints)
    facts, odd = _extensions(certificate)
    moments: dict[str, Any] = {"not_before": _moment(certificate, "not_valid_before_utc")}
    moments["not_after"] = _moment(certificate, "not_valid_after_utc")
    return CertificateFacts(
        der=der,
        subject=subject,
        issuer=issuer,
        serial=f"{certificate.serial_number:X}",
        version=certificate.version.value + 1,
        key=_key(certificate, spki),
        signature=_signature(certificate),
        hash_name=_hash(certificate),
        odd=tuple(odd),
        **moments,
        **prints,
        **facts,
    )


def _moment(certificate: Any, name: str) -> int | None:
    with suppress(Exception):
        return calendar.timegm(getattr(certificate, name).utctimetuple())
    return None


def _key(certificate: Any, spki: bytes) -> KeyFacts:
    try:
        key = certificate.public_key()
    except Exception:  # a kind or a size that the library refuses
        raw = _raw_key(spki)
        with suppress(Exception):
            oid = certificate.public_key_algorithm_oid.dotted_string
            return KeyFacts(
                _KEY_OIDS.get(oid, oid), rsa_bits(spki) if _KEY_OIDS.get(oid) == "RSA" else 0, "", raw.sha256
            )
        return raw
    name = type(key).__name__
    kind = next((word for known, word in _KEY_KINDS.items() if name.endswith(known)), name.removesuffix("PublicKey"))
    curve = getattr(getattr(key, "curve", None), "name", "")
    size = getattr(key, "key_size", 0)
    return KeyFacts(kind, size, _CURVES.get(curve, curve), _raw_key(spki).sha256)


def _raw_key(spki: bytes) -> KeyFacts:
    return KeyFacts(sha256=hashlib.sha256(spki).hexdigest()) if spki else KeyFacts()


def _signature(certificate: Any) -> str:
    with suppress(Exception):
        oid = certificate.signature_algorithm_oid.dotted_string
        hashed = _hash(certificate)
        if oid == "1.2.840.113549.1.1.10" and hashed:
            return f"RSA-PSS with {_hash_words(hashed)}"
        return _SIGNATURES.get(oid, f"OID {oid}")
    return "unknown"


def _hash(certificate: Any) -> str:
    with suppress(Exception):
        return str(certificate.signature_hash_algorithm.name)
    return ""


def _hash_words(name: str) -> str:
    return name.upper().replace("SHA", "SHA-")


def _extensions(certificate: Any) -> tuple[dict[str, Any], list[str]]:
    """Return what the extensions say, by the names of the fields, and what cannot be read of them."""
    facts: dict[str, Any] = {}
    odd: list[str] = []
    try:
        extensions = list(certificate.extensions)
    except Exception as error:  # one that is malformed makes all of them unreadable
        return facts, [f"its extensions cannot be read ({_text(str(error).encode('utf-8', 'replace'))})"]
    for extension in extensions:
        try:
            facts.update(_extension(type(extension.value).__name__, extension.value))
        except Exception:
            odd.append(f"its extension {_text(str(extension.oid.dotted_string).encode())} cannot be read")
    return facts, odd[:_MOST_VALUES]


def _extension(kind: str, value: Any) -> dict[str, Any]:
    match kind:
        case "SubjectAlternativeName":
            names = names_of(value, MOST_NAMES)
            return {"names": tuple(_text(name) for name in names), "name_count": len(value)}
        case "BasicConstraints":
            return {"authority": bool(value.ca), "path_length": value.path_length}
        case "ExtendedKeyUsage":
            oids = [each.dotted_string for each in list(value)[:_MOST_VALUES]]
            return {"purposes": tuple(_PURPOSES.get(oid, f"OID {oid}") for oid in oids)}
        case "KeyUsage":
            return {"usages": tuple(words for name, words in _USAGES.items() if getattr(value, name))}
        case "SubjectKeyIdentifier":
            return {"subject_key_id": value.digest[:64].hex()}
        case "AuthorityKeyIdentifier":
            return {"issuer_key_id": (value.key_identifier or b"")[:64].hex()}
        case "AuthorityInformationAccess":
            return {
                "ocsp": _places(each for each in value if each.access_method.dotted_string.endswith(".48.1")),
                "issuer_urls": _places(each for each in value if each.access_method.dotted_string.endswith(".48.2")),
            }
        case "CRLDistributionPoints":
            points = [name for point in value for name in point.full_name or ()]
            return {"crls": tuple(_text(str(name.value).encode("utf-8", "replace")) for name in points[:_MOST_VALUES])}
        case "TLSFeature":
            return {"must_staple": any(each.value == 5 for each in value)}
        case _:
            return {}


def _places(descriptions: Iterable[Any]) -> tuple[str, ...]:
    def each() -> Iterator[str]:
        for number, description in enumerate(descriptions):
            if number < _MOST_VALUES:
                yield _text(str(description.access_location.value).encode("utf-8", "replace"))

    return tuple(each())


def _text(octets: bytes) -> str:
    """Return text of a certificate, escaped and bounded."""
    return escape(octets[:_LONGEST]) + ("..." if len(octets) > _LONGEST else "")
