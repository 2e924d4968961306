"""The certificates of a connection, as `ssl` and `cryptography` return them, in the form that an event holds.

`cryptography` is loaded for certificates that OpenSSL has not verified. All that an administrator may ask of a certificate is in
`certificate_facts`, how certificates follow from each other in `chains`, and what is wrong with them in `chain_checks`.
"""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from smtp_shell.net.der import quoted_value
from smtp_shell.protocol.events import Certificate
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "emailAddress": "EMAIL",
}
_SHORT_OIDS = {"1.2.840.113549.1.9.1": "EMAIL"}
_SECONDS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def sent_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the certificates that the server sent, in DER form, its own first; none where Python does not tell.

    Before Python 3.13 the method is on the object below only, which `ssl` does not document. There is no other way to a certificate that
    was refused, so it is read where it is there.
    """
    return _chain(tls, "get_unverified_chain")


def verified_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the certificates that OpenSSL has verified, in DER form, the server's first and the trusted one last.

    It is empty where nothing was verified, and where Python does not tell.
    """
    return _chain(tls, "get_verified_chain")


def _chain(tls: ssl.SSLObject, method: str) -> tuple[bytes, ...]:
    below: Any = tls if hasattr(tls, method) else getattr(tls, "_sslobj", None)
    read = getattr(below, method, None)
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
        names=tuple(alternative_name(kind, value) for kind, value in facts.get("subjectAltName", ())),
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
        certificate = load(der)
        return Certificate(
            subject=name_octets(certificate.subject),
            issuer=name_octets(certificate.issuer),
            names=_alternative_names(certificate),
            not_before=as_openssl_writes(certificate.not_valid_before_utc).encode(),
            not_after=as_openssl_writes(certificate.not_valid_after_utc).encode(),
            serial=f"{certificate.serial_number:X}".encode(),
            der=der,
        )
    except (ImportError, ValueError):  # a certificate that cannot be read is still one that was sent
        return Certificate(der=der)


def lifetime_of(certificate: Certificate) -> str:
    """Return what the dates of a certificate mean now, as `lifetime` does."""
    return lifetime(certificate.not_before.decode("ascii", "replace"), certificate.not_after.decode("ascii", "replace"))


def day_of(moment: bytes) -> str:
    """Return the day of a moment, such as `2026-11-27` in UTC; what cannot be read is escaped.

    Args:
        moment: The moment, as OpenSSL writes it.
    """
    try:
        seconds = ssl.cert_time_to_seconds(moment.decode("ascii"))
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return escape(moment) or "(unknown)"


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
        return f"not valid yet, for {span(start - moment)} more"
    return f"expired {span(moment - end)} ago" if moment > end else f"{span(end - moment)} left"


def load(der: bytes) -> Any:
    """Return a certificate of `cryptography`.

    Raises:
        ValueError: It cannot be read.
        ImportError: There is no `cryptography`.
    """
    from cryptography import x509

    with warnings.catch_warnings(action="ignore"):  # about old certificates; what it says is for programmers
        try:
            return x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as error:  # which is no ValueError
            raise ValueError(str(error)) from None


def span(seconds: float) -> str:
    """Return a length of time in words, in the largest unit that fits, such as `3 days`."""
    for unit, size in _SECONDS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _openssl_name(rdns: Any) -> bytes:
    return _name((_SHORT_NAMES.get(kind, kind), value) for rdn in rdns for kind, value in rdn)


def name_octets(name: Any) -> bytes:
    """Return a name of `cryptography` in the order and the words in which OpenSSL's are returned."""
    return _name(
        (_SHORT_OIDS.get(each.rfc4514_attribute_name, each.rfc4514_attribute_name), each.value) for each in name
    )


def _name(parts: Iterable[tuple[str, object]]) -> bytes:
    values = ((kind, str(value).encode("utf-8", "replace")) for kind, value in parts)
    return b", ".join(kind.encode() + b"=" + quoted_value(value) for kind, value in values)


def as_openssl_writes(moment: datetime) -> str:
    """Return a moment as OpenSSL writes those of a certificate."""
    return f"{moment.ctime()[4:]} GMT"


def alternative_name(kind: str, value: object) -> bytes:
    """Return an alternative name as it is written, given its kind and value as OpenSSL writes them."""
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
    return names_of(extension.value)


def names_of(extension: Any, most: int | None = None) -> tuple[bytes, ...]:
    """Return the alternative names of an extension of `cryptography`.

    Args:
        extension: The names.
        most: How many of them; None for all.
    """
    return tuple(_general_name(name.value) for name in islice(extension, most))


def _general_name(value: Any) -> bytes:
    if hasattr(value, "rdns"):  # the name of a directory
        return name_octets(value)
    return str(getattr(value, "dotted_string", value)).encode("utf-8", "replace")
