"""TLS settings made into an SSL context."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConfigError
from smtp_shell.protocol.octets import escape_str

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context for these settings. Their defaults verify the server and need TLS 1.2.

    Contexts are cached until a file that the settings name changes: reading the system's authorities takes 20 ms, a whole dialogue with
    STARTTLS 5 ms.

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
            # Nothing is verified, so the system's authorities need not be read.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
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


def _no_passphrase() -> str:
    """Answer in place of OpenSSL's question on the terminal, for which an unattended run would wait for ever."""
    return ""


def _version(text: str, option: str) -> ssl.TLSVersion:
    if text not in _VERSIONS:
        raise ConfigError(f"{option} {escape_str(text)}: no such version; use one of {', '.join(_VERSIONS)}.")
    return _VERSIONS[text]
