"""The TLS handshake as the server sees it: what was agreed on, and why it failed."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import asyncio

_WHY: Final = {
    "WRONG_VERSION_NUMBER": "the client did not begin TLS, but sent something else after the 220",
    "HTTP_REQUEST": "the client sent a line in the clear after the 220",
    "UNEXPECTED_EOF_WHILE_READING": "the client closed the connection",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust the certificate: give it the file that {} prints (cafile=)",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client does not take the certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client does not take the certificate, such as for another name",
    "UNSUPPORTED_PROTOCOL": "the client and the server have no version of TLS in common",
    "NO_SHARED_CIPHER": "the client and the server have no cipher in common",
}


def tls_facts(transport: asyncio.BaseTransport) -> tuple[str, str]:
    """Return the version and the cipher of a connection inside TLS."""
    found = transport.get_extra_info("ssl_object")
    if not isinstance(found, ssl.SSLObject):
        return "TLS", ""
    cipher = found.cipher()
    return found.version() or "TLS", cipher[0] if cipher else ""


def why_no_handshake(error: BaseException | None, command: str = "practice") -> str:
    """Return in words why a handshake failed.

    Args:
        error: What asyncio or `ssl` raised.
        command: The command that runs the server, which prints the file to trust.
    """
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if reason in _WHY:
            return _WHY[reason].format(command)
        return escape_str(reason.lower().replace("_", " ")) or "OpenSSL does not say why"
    if isinstance(error, ConnectionError | EOFError):
        return "the client closed the connection"
    if isinstance(error, TimeoutError):
        return "it was not done in time"
    return "it was not done"
