"""What a TLS handshake agreed on, and what a server had shown by the time it failed."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from smtp_shell.net.certificates import from_der, from_openssl, sent_chain, verified_chain
from smtp_shell.net.key_log import user_key_log
from smtp_shell.protocol.events import Certificate, Handshake, TlsStarted

if TYPE_CHECKING:
    from smtp_shell.config import TlsSettings
    from smtp_shell.net.session_keys import SessionKeys


def tls_facts(tls: ssl.SSLObject, settings: TlsSettings, name: str, handshake: Handshake | None = None) -> TlsStarted:
    """Return what a finished handshake agreed on, and the server's certificate.

    Args:
        tls: The connection.
        settings: The settings of the handshake.
        name: The name the certificate was checked against.
        handshake: What was kept of the handshake; None for nothing.
    """
    cipher = tls.cipher()
    der = tls.getpeercert(binary_form=True) or b""
    facts = tls.getpeercert() or {}
    certificate = from_openssl(facts, der) if facts else from_der(der)
    return TlsStarted(
        tls.version() or "TLS",
        cipher[0] if cipher else "unknown",
        not settings.insecure,
        certificate,
        name,
        sent_chain(tls) if settings.insecure or handshake is not None else (),
        user_key_log(tls.context),
        handshake,
    )


def seen_by_then(tls: ssl.SSLObject, name: str, handshake: Handshake | None) -> TlsStarted:
    """Return what a server had shown when its handshake failed.

    Args:
        tls: The connection.
        name: The name that was asked for.
        handshake: What was kept of the handshake.
    """
    ders = sent_chain(tls)
    cipher = tls.cipher()
    certificate = from_der(ders[0]) if ders else Certificate()
    words = cipher[0] if cipher else ""
    return TlsStarted(tls.version() or "TLS", words, False, certificate, name, ders, handshake=handshake)


def handshake_of(tls: ssl.SSLObject, records: bytes, keys: SessionKeys | None, client_random: bytes) -> Handshake:
    """Return what is kept of a handshake.

    Args:
        tls: The connection.
        records: What the server sent.
        keys: Where the keys are found that decrypt it; None for nowhere.
        client_random: The random octets of the ClientHello, by which they are found.
    """
    lines = keys.find(client_random).splitlines() if keys is not None and client_random else []
    secret = b"".join(line for line in lines if line.startswith(b"SERVER_HANDSHAKE_TRAFFIC_SECRET "))
    cipher = tls.cipher()
    return Handshake(
        records,
        secret,
        verified_chain(tls) if tls.context.verify_mode is not ssl.CERT_NONE else (),
        cipher[2] if cipher else 0,
        tls.selected_alpn_protocol() or "",
        bool(tls.session_reused),
        tls.compression() or "",
    )
