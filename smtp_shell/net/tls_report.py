"""TLS in words: why a handshake failed, or what came after it. What a handshake agreed on is in `tls_facts`."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from smtp_shell.config import TlsSettings
from smtp_shell.errors import CertificateRefused, ProtocolViolation, TlsFailed
from smtp_shell.net.certificates import from_der, lifetime_of
from smtp_shell.net.tls_context import WEAKEST_CIPHERS, allows_old_versions
from smtp_shell.net.tls_facts import seen_by_then
from smtp_shell.protocol.octets import escape, escape_str, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.protocol.events import Certificate, Handshake

LEFT_IN_HANDSHAKE = (
    "the server closed the connection in the middle of the TLS handshake; ask its operator, or try another port."
)
_DEFAULTS = TlsSettings()
_MOST_NAMES = 8
_LONGEST_NAME = 200  # octets of a distinguished name

# X509_V_ERR_ numbers of OpenSSL.
_NAME_CODES = frozenset({62, 63, 64})
_DATE_CODES = frozenset({9, 10, 13, 14})
_PURPOSE_CODE = 26
_SELF_SIGNED_CODE = 18
_UNTRUSTED_ROOT_CODE = 19
_NO_ISSUER_CODES = frozenset({2, 20, 21})
_WEAK_CODES = frozenset({66, 67, 68})
_STRICT_CODES = frozenset(range(80, 94))  # of VERIFY_X509_STRICT, which is on from Python 3.13 on

# Reasons of OpenSSL, as `ssl` names them.
_NO_COMMON_VERSION = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "WRONG_SSL_VERSION",
        "NO_PROTOCOLS_AVAILABLE",
        "VERSION_TOO_LOW",
    }
)
_CERTIFICATE_WANTED = frozenset({"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_NO_CERTIFICATE"})
_CERTIFICATE_REFUSED = frozenset(
    {
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_ALERT_ACCESS_DENIED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    }
)
_TOO_WEAK = frozenset(
    {
        "BAD_SIGNATURE_TYPE",
        "CA_MD_TOO_WEAK",
        "DH_KEY_TOO_SMALL",
        "EE_KEY_TOO_SMALL",
        "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",
        "NO_SHARED_SIGNATURE_ALGORITHMS",
        "NO_SUITABLE_SIGNATURE_ALGORITHM",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
        "WRONG_SIGNATURE_TYPE",
    }
)
_UNKNOWN_NAME = frozenset({"TLSV1_UNRECOGNIZED_NAME", "TLSV1_ALERT_UNRECOGNIZED_NAME"})


def refused(
    error: ssl.SSLCertVerificationError,
    tls: ssl.SSLObject,
    settings: TlsSettings,
    name: str,
    handshake: Handshake | None = None,
) -> CertificateRefused:
    """Return the error for a certificate that could not be verified: which check failed, what to do, and what the server has sent.

    Args:
        error: The error of OpenSSL.
        tls: The connection.
        settings: The settings of the handshake.
        name: The name the certificate was checked against.
        handshake: What was kept of the handshake.
    """
    seen = seen_by_then(tls, name, handshake)
    chain = [from_der(der) for der in seen.chain]
    sentence = why_unverified(error, name, settings, chain)
    return CertificateRefused(sentence, certificate_sentence(chain), seen, failed_check(error.verify_code))


def failed_check(code: int) -> str:
    """Return the check that an error number of OpenSSL's verification stands for, as `net.chain_checks` names it."""
    if code in _NAME_CODES:
        return "name"
    if code in _DATE_CODES:
        return "dates"
    if code == _PURPOSE_CODE:
        return "purpose"
    return "strength" if code in _WEAK_CODES else "chain"


def why_unverified(
    error: ssl.SSLCertVerificationError,
    name: str,
    settings: TlsSettings = _DEFAULTS,
    chain: Sequence[Certificate] = (),
) -> str:
    """Return a sentence: which of chain, dates, name and purpose of the certificate is wrong, and what to do.

    Args:
        error: The error of OpenSSL.
        name: The name the certificate was checked against.
        settings: The settings of the handshake.
        chain: The certificates that the server sent, its own first, where they are known.
    """
    reason, code = escape_str(error.verify_message).rstrip("."), error.verify_code
    if code in _NAME_CODES:
        give = settings.option("tls-name", "NAME")
        what = (
            f"the certificate's name is wrong: it is not for {escape_str(name)} ({reason}); connect by a name that it holds"
            f"{f', give that name with {give}' if give else ''}"
        )
    elif code in _DATE_CODES:
        what = (
            f"the certificate's dates are wrong: {reason}{_whose_dates(chain)}; "
            "check this machine's clock and tell the server's operator"
        )
    elif code == _PURPOSE_CODE:
        what = (
            f"the certificate's purpose is wrong: it was not made for a server ({reason}); "
            "tell the server's operator that its extended key usage lacks server authentication"
        )
    elif code in _WEAK_CODES:
        what = (
            f"the certificate's chain is too weak for OpenSSL's security level: {reason}; tell the server's operator"
            f"{_or_weak_ciphers(settings, ', allow it with ')}"
        )
    else:
        what = f"the certificate's chain is not trusted: {reason}{_why_untrusted(code, settings, chain)}"
    insecure = settings.option("insecure")
    return f"{what}{f', or use {insecure} to go on without verification' if insecure else ''}."


def _or_weak_ciphers(settings: TlsSettings, before: str) -> str:
    """Return the end of a sentence that names the setting of old ciphers; empty where there is none."""
    option = settings.option("ciphers", WEAKEST_CIPHERS)
    return f"{before}{option}" if option else ""


def _whose_dates(chain: Sequence[Certificate]) -> str:
    """Return which certificate it is about, where it is not the server's own."""
    if not chain or not lifetime_of(chain[0]).endswith(" left"):
        return ""
    for each in chain[1:]:
        if not lifetime_of(each).endswith(" left"):
            return (
                f": not the server's own certificate, but that of {_dn(each.subject)} in its chain, {lifetime_of(each)}"
            )
    return ": not the server's own certificate, but that of an authority here"


def _why_untrusted(code: int, settings: TlsSettings, chain: Sequence[Certificate]) -> str:
    """Return more about a chain that ends nowhere, and what to do."""
    give = settings.option("ca-file", "FILE")
    file = None if settings.ca_file is None else escape_str(str(settings.ca_file))
    if code == _SELF_SIGNED_CODE:
        where = f" and it is not in {file}" if file else ""
        do = f"add the certificate to {file}" if file else f"give the certificate itself with {give}"
        return f", so that nobody vouches for it{where}; if its SHA-256 is the right one, {do}"
    if code == _UNTRUSTED_ROOT_CODE:
        whose = f", {_dn(chain[-1].subject)}," if chain else ""
        where = f"is not in {file}" if file else "is not among the system's authorities"
        do = f"add its certificate to {file}" if file else f"give the authority's certificate with {give}"
        return f": its authority{whose} {where}; if you trust it, {do}"
    if code in _NO_ISSUER_CODES:
        return _why_no_issuer(give, file, chain)
    if code in _STRICT_CODES:
        return (
            "; from 3.13 on Python insists on what RFC 5280 section 4.2 asks of a certificate: have that of the server, or of its "
            "authority, made again"
        )
    return f"; tell the server's operator, give the authority's certificate with {give}"


def _why_no_issuer(give: str, file: str | None, chain: Sequence[Certificate]) -> str:
    issuer = _dn(chain[-1].issuer) if chain else "the issuer"
    sent = f": the server sent {_count(chain)}, and not that of the issuer, {issuer}," if chain else ": its issuer"
    if file is not None:
        return (
            f"{sent} which is not in {file} either; an intermediate certificate that the server should send is missing, "
            f"or {file} is that of another authority; ask the server's operator"
        )
    return (
        f"{sent} which is not among the system's authorities either; ask the server's operator to send a missing intermediate "
        f"certificate, give the authority's certificate with {give}"
    )


def _count(chain: Sequence[Certificate]) -> str:
    return "its own certificate alone" if len(chain) == 1 else f"{len(chain)} certificates"


def _dn(name: bytes) -> str:
    return escape(name[:_LONGEST_NAME]) or "(no name)"


def certificate_sentence(chain: Sequence[Certificate]) -> str:
    """Return the server's certificate in a sentence; empty if it is not known."""
    if not chain or not chain[0].subject + chain[0].issuer + chain[0].not_after:
        return ""
    leaf = chain[0]
    names = ", ".join(escape(each[:_LONGEST_NAME]) for each in leaf.names[:_MOST_NAMES]) or "(none)"
    more = f" and {len(leaf.names) - _MOST_NAMES} more" if len(leaf.names) > _MOST_NAMES else ""
    dates = f"{escape(leaf.not_before)} to {escape(leaf.not_after)}"
    return (
        f"The certificate: subject {_dn(leaf.subject)}; issuer {_dn(leaf.issuer)}; names {names}{more}; "
        f"valid {dates}, {lifetime_of(leaf)}; SHA-256 {leaf.fingerprint}."
    )


def alert(error: ssl.SSLError) -> str:
    """Return the server's alert, or the error of OpenSSL itself, in words."""
    reason = (error.reason or "unknown reason").lower().replace("_", " ")
    return escape_str(
        reason.replace("tlsv1 alert", "alert:").replace("sslv3 alert", "alert:").replace("tlsv13 alert", "alert:")
    )


def why_no_handshake(
    error: ssl.SSLError, settings: TlsSettings = _DEFAULTS, name: str = "", context: ssl.SSLContext | None = None
) -> str:
    """Return a sentence: why a handshake failed for another reason than the certificate, and what to do.

    Args:
        error: The error of OpenSSL.
        settings: The settings of the handshake.
        name: The name that was asked for.
        context: The context, whose security level may be the reason.
    """
    if isinstance(error, ssl.SSLEOFError):
        return LEFT_IN_HANDSHAKE
    reason = error.reason or ""
    if reason in _NO_COMMON_VERSION or (reason == "INTERNAL_ERROR" and settings.minimum < "1.2"):
        return f"the TLS handshake failed: no common version ({alert(error)}); {_version_advice(settings, context)}."
    said = f"the TLS handshake failed: {alert(error)}"
    if reason == "EXCESSIVE_MESSAGE_SIZE":
        return f"{said}: the server's certificates are longer than the 100 KiB that OpenSSL takes; tell the server's operator."
    if reason in _CERTIFICATE_WANTED | _CERTIFICATE_REFUSED:
        return f"{said}; {client_certificate_advice(settings)}."
    if reason in _TOO_WEAK:
        weak = _or_weak_ciphers(settings, ", or allow it with ")
        return f"{said}: weaker than OpenSSL's security level allows; tell the server's operator{weak}."
    if reason in _UNKNOWN_NAME:
        return f"{said}: the server has no certificate for {escape_str(name)}; connect by another of its names."
    if settings.minimum < "1.2" and context is not None and not allows_old_versions(context):
        return f"{said}; {_version_advice(settings, context)}, or compare ciphers with the server's operator."
    return f"{said}; compare versions and ciphers with the server's operator{_or_certificate(error, settings)}."


def client_certificate_advice(settings: TlsSettings) -> str:
    """Return what may be wrong with the client's certificate: that there is none, or that the server does not accept it."""
    if settings.client_cert is not None:
        return f"the server may not accept the client certificate in {escape_str(str(settings.client_cert))}"
    give = settings.option("client-cert", "FILE")
    return f"the server may want a client certificate{f': give one with {give}' if give else ''}"


def why_broken(error: ssl.SSLError, settings: TlsSettings) -> str:
    """Return a sentence: why TLS broke after its handshake. With TLS 1.3 a server refuses a client's certificate only then."""
    if error.reason in _CERTIFICATE_WANTED | _CERTIFICATE_REFUSED:
        return f"TLS broke: {alert(error)}; {client_certificate_advice(settings)}."
    return f"TLS broke: {alert(error)}; connect again."


def _or_certificate(error: ssl.SSLError, settings: TlsSettings) -> str:
    # Before TLS 1.3 this is also what a server says to a client without a certificate.
    return f"; {client_certificate_advice(settings)}" if error.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE" else ""


def _version_advice(settings: TlsSettings, context: ssl.SSLContext | None) -> str:
    weak = settings.option("ciphers", WEAKEST_CIPHERS)
    if settings.minimum >= "1.2":
        narrowed = settings.maximum is not None or settings.minimum > "1.2"
        choice = f"choose other versions than {_chosen(settings)}; " if narrowed else ""
        lowest = settings.option("tls-min", "1.0")
        need = f" and need {lowest} and {weak}, both" if weak else ""
        return f"{choice}the server may know TLS 1.0 or 1.1 only, which are unsafe{need}"
    if context is not None and not allows_old_versions(context):
        return f"{settings.option('tls-min', settings.minimum)} is not enough: TLS 1.0 and 1.1 need {weak} as well"
    return f"the server knows none of {_chosen(settings)}"


def _chosen(settings: TlsSettings) -> str:
    return f"TLS {settings.minimum} to {settings.maximum or '1.3'}"


def cleartext_error(raw: bytes, *, implicit: bool) -> TlsFailed | ProtocolViolation:
    """Return the error for octets that came in place of the handshake and are not TLS.

    Args:
        raw: The octets.
        implicit: Whether TLS was to begin with the first octet, and not after STARTTLS.
    """
    shown = escape(raw[:80].partition(b"\n")[0].rstrip(b"\r"))
    if implicit:
        return TlsFailed(
            f"the server speaks in the clear here, not TLS: {quoted(shown)}; connect without TLS, then use starttls."
        )
    return ProtocolViolation(
        f"text in the clear came after the 220 to STARTTLS, in place of the handshake: {quoted(shown)}; "
        "somebody on the way may have put it there. The connection is closed."
    )
