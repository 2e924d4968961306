"""The PEM files that TLS is told to use, and what is wrong with one in a sentence that names it.

A file is read by OpenSSL, once. It is read again only to find out why OpenSSL refused it.
"""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import ConfigError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

_MOST_READ = 16 * 1024 * 1024
_CERTIFICATE = rb"(?m)^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----"
_KEY = rb"(?m)^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"
_LOCKED = rb"(?m)^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED"
_DER = b"\x30\x82"
_OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
_WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")


class KeyPair(Struct, frozen=True):
    """A certificate and its private key, with the words for them in messages.

    Args:
        certificate: PEM file with the certificate, followed by those that lead to its authority.
        key: PEM file with the key; None if it is in the file of the certificate.
        certificate_option: How the user names the first, such as `--client-cert`.
        key_option: How the user names the second.
    """

    certificate: Path
    key: Path | None
    certificate_option: str
    key_option: str


def why_no_authorities(path: Path, option: str, error: Exception | None = None) -> ConfigError:
    """Return the error for a file from which OpenSSL reads no authorities.

    Args:
        path: The file.
        option: How the user names it, such as `--ca-file`.
        error: What OpenSSL or the system said; None if it read the file.
    """
    where = f"{option} {escape_str(str(path))}"
    found = _read(path, where)
    if isinstance(found, ConfigError):
        return found
    if not re.search(_CERTIFICATE, found):
        return ConfigError(f"{where}: it holds {_content(found)}; give a PEM file with certificates of authorities.")
    import ssl

    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return ConfigError(f"{where}: it cannot be read: {reason_of(error)}.")
    return ConfigError(
        f"{where}: a certificate in it is damaged, so that OpenSSL cannot read it; give a sound PEM file."
    )


def load_key_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Load a certificate and its key into a context.

    Raises:
        ConfigError: A file cannot be read, is no PEM file or needs a passphrase, or the two do not belong together.
    """
    import ssl

    try:
        context.load_cert_chain(pair.certificate, pair.key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else ""
        raise _why_no_key_pair(pair, reason or "") from None


def _no_passphrase() -> str:
    """Answer in place of OpenSSL's question on the terminal, for which an unattended run would wait for ever."""
    return ""


def _why_no_key_pair(pair: KeyPair, reason: str) -> ConfigError:
    certificate = f"{pair.certificate_option} {escape_str(str(pair.certificate))}"
    found = _read(pair.certificate, certificate)
    if isinstance(found, ConfigError):
        return found
    if not re.search(_CERTIFICATE, found):
        return ConfigError(f"{certificate}: it holds {_content(found)}; give a PEM file with the certificate.")
    key, key_path = certificate, pair.certificate
    if pair.key is not None:
        key, key_path = f"{pair.key_option} {escape_str(str(pair.key))}", pair.key
        found = _read(pair.key, key)
        if isinstance(found, ConfigError):
            return found
    if not re.search(_KEY, found):
        if pair.key is None:
            return ConfigError(f"{key}: it holds no private key; give the key's PEM file with {pair.key_option} FILE.")
        return ConfigError(f"{key}: it holds {_content(found)}; give a PEM file with the private key.")
    if re.search(_LOCKED, found):
        return ConfigError(
            f"{key}: the private key needs a passphrase, which is never asked for; "
            f"write one without: openssl pkey -in {escape_str(key_path.name)} -out NEW."
        )
    if reason in _OTHER_KEY:
        return ConfigError(
            f"{key}: the private key belongs to another certificate than {_place(pair)}; give both of one pair."
        )
    if reason in _WEAK:
        why = reason.lower().replace("_", " ")
        return ConfigError(f"{certificate}: it is too weak for OpenSSL's security level ({why}); use a stronger one.")
    return ConfigError(f"{certificate}: the certificate or its key is damaged, so that OpenSSL cannot read it.")


def _place(pair: KeyPair) -> str:
    if pair.key is None:
        return "the first one in the file"
    return f"the one in {escape_str(str(pair.certificate))}"


def _read(path: Path, where: str) -> bytes | ConfigError:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_READ)
    except OSError as error:
        reason = "it is a directory" if os.path.isdir(path) else reason_of(error)
        return ConfigError(f"{where}: {reason}; give a PEM file that can be read.")
    except ValueError:
        return ConfigError(f"{where}: this is no file name; give a PEM file.")


def _content(octets: bytes) -> str:
    """Return what a file holds, which lacks what it should hold."""
    if not octets.strip():
        return "nothing"
    if octets.startswith(_DER):
        return "no PEM but DER or PKCS #12, which openssl can convert"
    if re.search(_KEY, octets):
        return "a private key and no certificate"
    if re.search(_CERTIFICATE, octets):
        return "a certificate and no private key"
    return "no PEM block" if not re.search(rb"(?m)^-----BEGIN ", octets) else "neither certificate nor private key"
