"""TLS: settings made into a context, what a certificate says, and why a handshake failed, in words."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConfigError
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from datetime import datetime

LEFT_IN_HANDSHAKE = (
    "the server closed the connection in the middle of the TLS handshake; ask its operator, or try another port."
)
_NAME_CODES = frozenset({62, 63, 64})
_DATE_CODES = frozenset({9, 10, 13, 14})
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "emailAddress": "EMAIL",
}


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the TLS settings into a context: verification on, TLS 1.2 at least, unless told otherwise.

    The same settings give the same context as long as the files that they name have not changed: reading the system's authorities
    costs more than a handshake.

    Raises:
        ConfigError: A file cannot be read, or a version or cipher is unknown.
    """
    files = (settings.ca_file, settings.client_cert, settings.client_key)
    return _make_context(settings, tuple(_stamp(path) for path in files if path is not None))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        facts = path.stat()
    except OSError:
        return ()
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)


@lru_cache(maxsize=8)
def _make_context(settings: TlsSettings, stamps: tuple[tuple[int, ...], ...]) -> ssl.SSLContext:
    try:
        if settings.insecure and settings.ca_file is None:
            context = ssl.SSLContext(
                ssl.PROTOCOL_TLS_CLIENT
            )  # nothing is verified: the system's authorities are not read
        else:
            context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"--ca-file {escape_str(str(settings.ca_file))}: no certificates can be read from it; give a PEM file."
        ) from None
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = _version(settings.minimum, "--tls-min")
    if settings.maximum:
        context.maximum_version = _version(settings.maximum, "--tls-max")
    if settings.ciphers:
        try:
            context.set_ciphers(settings.ciphers)
        except ssl.SSLError:
            raise ConfigError(f"--ciphers {escape_str(settings.ciphers)}: OpenSSL knows no such cipher.") from None
    if settings.client_cert:
        try:
            context.load_cert_chain(settings.client_cert, settings.client_key, password=_no_passphrase)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                f"--client-cert {escape_str(str(settings.client_cert))}: certificate and key cannot be read; "
                "give PEM files without a passphrase."
            ) from None
    return context


def why_unverified(error: ssl.SSLCertVerificationError, name: str) -> str:
    """Say which of chain, dates and name was found wrong, and what to do.

    Args:
        error: What OpenSSL said.
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
    """Say in words what the other side's alert, or OpenSSL's own complaint, was."""
    reason = (error.reason or "unknown reason").lower().replace("_", " ")
    return escape_str(
        reason.replace("tlsv1 alert", "alert:").replace("sslv3 alert", "alert:").replace("tlsv13 alert", "alert:")
    )


def why_no_handshake(error: ssl.SSLError) -> str:
    """Say why a handshake failed, other than by the certificate, and what to do."""
    if isinstance(error, ssl.SSLEOFError):
        return LEFT_IN_HANDSHAKE
    if error.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"):
        return (
            "the TLS handshake failed: no common version; the server may be too old (--tls-min 1.0 allows it by name)."
        )
    return f"the TLS handshake failed: {alert(error)}; compare versions and ciphers with the server's operator."


def tls_facts(tls: ssl.SSLObject, settings: TlsSettings, name: str) -> TlsStarted:
    """Read off a finished handshake what was agreed and which certificate was shown.

    Args:
        tls: The connection, its handshake done.
        settings: How it was done.
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
    """Read a certificate that OpenSSL was told not to verify, and of which it therefore says nothing."""
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


def _no_passphrase() -> str:
    """Stand in for OpenSSL's own question, which would hang a run that nobody watches."""
    return ""


def _version(text: str, option: str) -> ssl.TLSVersion:
    if text not in _VERSIONS:
        raise ConfigError(f"{option} {escape_str(text)}: no such version; use one of {', '.join(_VERSIONS)}.")
    return _VERSIONS[text]
