"""TLS settings made into an SSL context."""

from __future__ import annotations

import re
import ssl
import stat
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import TlsSettings, key_log_file
from smtp_shell.errors import ConfigError
from smtp_shell.net.key_log import log_keys, prepare_key_log
from smtp_shell.net.memory_key_log import log_in_memory
from smtp_shell.net.tls_files import KeyPair, load_key_pair, why_no_authorities
from smtp_shell.net.tls_identity import check_names, offer_protocols
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.net.session_keys import SessionKeys

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
WEAKEST_CIPHERS = "DEFAULT@SECLEVEL=0"
"""The cipher string that allows what OpenSSL's security level rules out, TLS 1.0 and 1.1 among it."""


def make_context(settings: TlsSettings, keys: SessionKeys | None = None) -> ssl.SSLContext:
    """Return the context for these settings. Their defaults verify the server and need TLS 1.2.

    Contexts are cached until a file that the settings name changes: reading the system's authorities takes 20 ms, a whole dialogue with
    STARTTLS 5 ms.

    Args:
        settings: The settings.
        keys: Where the keys of the context's connections go too; None for nowhere.

    Raises:
        ConfigError: A file cannot be read, the key log cannot be written, or a version or cipher is unknown.
    """
    files = (settings.ca_file, settings.client_cert, settings.client_key)
    keys = keys_for(settings, keys)
    key_log = key_log_file()
    stamps = tuple(_stamp(path) for path in files if path is not None)
    return _make_context(settings, stamps, key_log, None if key_log is None else _identity(key_log), keys)


def keys_for(settings: TlsSettings, keys: SessionKeys | None) -> SessionKeys | None:
    """Return where the keys of a connection go.

    Args:
        settings: They say whether its handshake is to be read later.
        keys: Where they go for a capture; None for nowhere.
    """
    if keys is not None or not settings.detailed:
        return keys
    from smtp_shell.net.session_keys import handshake_keys

    return handshake_keys()


def allows_old_versions(context: ssl.SSLContext) -> bool:
    """Return whether the security level of a context allows TLS 1.0 and 1.1: OpenSSL 3 needs level 0 for them, older ones level 1."""
    return context.security_level <= (0 if ssl.OPENSSL_VERSION_INFO >= (3,) else 1)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        facts = path.stat()
    except OSError:
        return ()
    if not stat.S_ISREG(facts.st_mode):
        return (facts.st_ino,)  # a pipe from the user's shell can be read once only
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)


def _identity(path: Path) -> tuple[int, int]:
    """Return which file this is: a log that was removed is begun anew, one that has only grown is not opened again."""
    try:
        facts = path.lstat()
    except (OSError, ValueError):
        return (0, 0)
    return (facts.st_dev, facts.st_ino)


@lru_cache(maxsize=8)
def _make_context(
    settings: TlsSettings,
    stamps: tuple[tuple[int, ...], ...],
    key_log: Path | None,
    log: tuple[int, int] | None,
    keys: SessionKeys | None,
) -> ssl.SSLContext:
    check_names(settings)
    minimum, maximum = _versions(settings)
    if key_log is not None:
        prepare_key_log(key_log)
    context = _trusting(settings)
    if settings.sni:
        context.check_hostname = False  # it would check the name of SNI: `tls_identity` checks the other one
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # for TLS 1.0 and 1.1
        context.minimum_version = minimum
        if maximum is not None:
            context.maximum_version = maximum
    if settings.alpn:
        offer_protocols(context, settings)
    if settings.ciphers:
        _set_ciphers(context, settings)
    if maximum in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1) and not allows_old_versions(context):
        raise ConfigError(
            f"{settings.option('tls-max', str(settings.maximum))}: OpenSSL's security level rules TLS 1.0 and 1.1 out; "
            f"add {settings.option('ciphers', WEAKEST_CIPHERS)} if it must be."
        )
    _load_client_certificate(context, settings)
    if key_log is not None:
        log_keys(context, key_log)
    if keys is not None:
        _follow(keys, context)
    log_in_memory(context)
    return context


def _follow(keys: SessionKeys, context: ssl.SSLContext) -> None:
    try:
        keys.follow(context)
    except OSError as error:
        raise ConfigError(
            f"the keys of TLS cannot be kept for the capture: {reason_of(error)}; set TMPDIR, or use /capture off."
        ) from None


def _versions(settings: TlsSettings) -> tuple[ssl.TLSVersion, ssl.TLSVersion | None]:
    low, high = settings.option("tls-min", settings.minimum), settings.option("tls-max", settings.maximum or "")
    minimum = _version(settings.minimum, low)
    maximum = _version(settings.maximum, high) if settings.maximum else None
    if maximum is not None and maximum < minimum:
        raise ConfigError(
            f"{high}: it is below {low}, so that no version is left; lower the latter or raise the former."
        )
    return minimum, maximum


def _version(text: str, option: str) -> ssl.TLSVersion:
    if text not in _VERSIONS:
        raise ConfigError(f"{escape_str(option)}: no such version; use one of {', '.join(_VERSIONS)}.")
    return _VERSIONS[text]


def _trusting(settings: TlsSettings) -> ssl.SSLContext:
    """Return a context with the authorities to trust."""
    if settings.insecure and settings.ca_file is None:
        # Nothing is verified, so the system's authorities need not be read.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ValueError) as error:
        if settings.ca_file is None:
            raise ConfigError(
                f"the system's authorities cannot be read; name a PEM file with {settings.option('ca-file', 'FILE')}."
            ) from None
        raise why_no_authorities(settings.ca_file, settings.option("ca-file"), error) from None
    if settings.ca_file is not None and not context.cert_store_stats()["x509"]:  # it may hold revocation lists alone
        raise why_no_authorities(settings.ca_file, settings.option("ca-file"))
    return context


def _set_ciphers(context: ssl.SSLContext, settings: TlsSettings) -> None:
    ciphers = str(settings.ciphers)
    option = escape_str(settings.option("ciphers", ciphers))
    try:
        context.set_ciphers(ciphers)
    except (ssl.SSLError, ValueError):
        if re.fullmatch(r"(?:TLS_[A-Z0-9_]+[:, ]?)+", ciphers):
            raise ConfigError(f"{option}: the ciphers of TLS 1.3 cannot be chosen; name those of TLS 1.2.") from None
        raise ConfigError(f"{option}: OpenSSL knows no such cipher.") from None


def _load_client_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    certificate, key = settings.option("client-cert"), settings.option("client-key")
    if settings.client_cert is not None:
        load_key_pair(context, KeyPair(settings.client_cert, settings.client_key, certificate, key))
    elif settings.client_key is not None:
        shown = escape_str(str(settings.client_key))
        raise ConfigError(f"{key} {shown}: a key needs its certificate; give that with {certificate} FILE.")
