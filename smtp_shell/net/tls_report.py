"""TLS in words: why a handshake failed, and what a finished one agreed on."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from smtp_shell.errors import ProtocolViolation, TlsFailed
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.protocol.octets import escape, escape_str

if TYPE_CHECKING:
    from datetime import datetime

    from smtp_shell.config import TlsSettings

LEFT_IN_HANDSHAKE = (
    "the server closed the connection in the middle of the TLS handshake; ask its operator, or try another port."
)
# X509_V_ERR_ numbers of OpenSSL.
_NAME_CODES = frozenset({62, 63, 64})
_DATE_CODES = frozenset({9, 10, 13, 14})
_SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "emailAddress": "EMAIL",
}


def why_unverified(error: ssl.SSLCertVerificationError, name: str) -> str:
    """Return a sentence: which of chain, dates and name of the certificate is wrong, and what to do.

    Args:
        error: The error of OpenSSL.
        name: The name the certificate was checked against.
    """
    reason = escape_str(error.verify_message)
    if error.verify_code in _NAME_CODES:
        return (
            f"the certificate's name is wrong: it is not for {escape_str(name)} ({reason}); connect by a name that it holds, "
            "or use --insecure to go on without verification."
        )
    if error.verify_code in _DATE_CODES:
        return (
            f"the certificate's dates are wrong: {reason}; check this machine's clock and tell the server's operator, "
            "or use --insecure to go on without verification."
        )
    return (
        f"the certificate's chain is not trusted: {reason}; give the authority's certificate with --ca-file FILE, "
        "or use --insecure to go on without verification."
    )


def alert(error: ssl.SSLError) -> str:
    """Return the server's alert, or the error of OpenSSL itself, in words."""
    reason = (error.reason or "unknown reason").lower().replace("_", " ")
    return escape_str(
        reason.replace("tlsv1 alert", "alert:").replace("sslv3 alert", "alert:").replace("tlsv13 alert", "alert:")
    )


def why_no_handshake(error: ssl.SSLError) -> str:
    """Return a sentence: why a handshake failed for another reason than the certificate, and what to do."""
    if isinstance(error, ssl.SSLEOFError):
        return LEFT_IN_HANDSHAKE
    if error.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"):
        return (
            "the TLS handshake failed: no common version; the server may be too old (--tls-min 1.0 allows it by name)."
        )
    return f"the TLS handshake failed: {alert(error)}; compare versions and ciphers with the server's operator."


def cleartext_error(raw: bytes, *, implicit: bool) -> TlsFailed | ProtocolViolation:
    """Return the error for octets that came in place of the handshake and are not TLS.

    Args:
        raw: The octets.
        implicit: Whether TLS was to begin with the first octet, and not after STARTTLS.
    """
    shown = escape(raw[:80].partition(b"\n")[0].rstrip(b"\r"))
    if implicit:
        return TlsFailed(
            f'the server speaks in the clear here, not TLS: "{shown}"; connect without TLS, then use starttls.'
        )
    return ProtocolViolation(
        f'text in the clear came after the 220 to STARTTLS, in place of the handshake: "{shown}"; '
        "somebody on the way may have put it there. The connection is closed."
    )


def tls_facts(tls: ssl.SSLObject, settings: TlsSettings, name: str) -> TlsStarted:
    """Return what a finished handshake agreed on, and the server's certificate.

    Args:
        tls: The connection.
        settings: The settings of the handshake.
        name: The name the certificate was checked against.
    """
    cipher = tls.cipher()
    der = tls.getpeercert(binary_form=True) or b""
    facts = tls.getpeercert() or {}
    certificate = _from_facts(facts, der) if facts else _from_der(der)
    return TlsStarted(
        tls.version() or "TLS", cipher[0] if cipher else "unknown", not settings.insecure, certificate, name
    )


def _from_facts(facts: Any, der: bytes) -> Certificate:
    return Certificate(
        subject=_distinguished_name(facts.get("subject", ())),
        issuer=_distinguished_name(facts.get("issuer", ())),
        names=tuple(str(value).encode("utf-8", "replace") for _, value in facts.get("subjectAltName", ())),
        not_before=str(facts.get("notBefore", "")).encode(),
        not_after=str(facts.get("notAfter", "")).encode(),
        serial=str(facts.get("serialNumber", "")).encode(),
        der=der,
    )


def _distinguished_name(rdns: Any) -> bytes:
    parts = (f"{_SHORT_NAMES.get(kind, kind)}={value}" for rdn in rdns for kind, value in rdn)
    return ", ".join(parts).encode("utf-8", "replace")


def _from_der(der: bytes) -> Certificate:
    """Parse a certificate. OpenSSL has not: it does so only when it verifies."""
    if not der:
        return Certificate()
    try:
        from cryptography import x509

        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=certificate.subject.rfc4514_string().encode("utf-8", "replace"),
            issuer=certificate.issuer.rfc4514_string().encode("utf-8", "replace"),
            names=_alternative_names(certificate),
            not_before=_as_openssl_writes(certificate.not_valid_before_utc),
            not_after=_as_openssl_writes(certificate.not_valid_after_utc),
            serial=f"{certificate.serial_number:X}".encode(),
            der=der,
        )
    except (ImportError, ValueError):  # a certificate that cannot be read is still one that was sent
        return Certificate(der=der)


def _as_openssl_writes(moment: datetime) -> bytes:
    return f"{moment.ctime()[4:]} GMT".encode()


def _alternative_names(certificate: Any) -> tuple[bytes, ...]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value).encode("utf-8", "replace") for name in extension.value)
