"""The certificate that a server of ours shows: made at start, or given by the user."""

from __future__ import annotations

import ssl
from pathlib import Path

from msgspec import Struct

from smtp_shell.config import key_log_file
from smtp_shell.errors import UsageError
from smtp_shell.net.key_log import prepare_key_log
from smtp_shell.net.tls_files import KeyPair, load_key_pair
from smtp_shell.private_files import open_new, reason_of
from smtp_shell.protocol.octets import escape_str


class ServerCertificate(Struct, frozen=True):
    """What a server needs for TLS, and what its client needs to trust it.

    Args:
        context: For the server's side of a handshake; it holds the key.
        ca_file: A PEM file with the certificate to trust.
    """

    context: ssl.SSLContext
    ca_file: Path


def make_certificate(directory: Path, *names: str) -> ServerCertificate:
    """Make a certificate authority and have it sign a certificate for these names.

    The authority's key is never written. The server's is written for as long as the TLS library takes to read it, in a file that
    only its owner can read.

    Args:
        directory: An existing directory that only its owner can use; `ca.pem` is created in it.
        names: Host names and IP addresses that the certificate is good for.

    Raises:
        UsageError: A file could not be written.
        ConfigError: The key log cannot be written.
    """
    import trustme

    authority = trustme.CA(organization_name="smtp-shell", organization_unit_name="practice, trusted by nobody else")
    leaf = authority.issue_cert(*names, organization_name="smtp-shell", organization_unit_name="practice")
    ca_file = directory / "ca.pem"
    context = _server_context()
    try:
        with open_new(ca_file) as file:
            file.write(authority.cert_pem.bytes())
        with leaf.private_key_and_cert_chain_pem.tempfile(dir=str(directory)) as path:
            context.load_cert_chain(path)
    except OSError as error:
        raise UsageError(
            f"The server's certificate could not be written to {_shown(directory)}: {reason_of(error)}."
        ) from None
    return ServerCertificate(context, ca_file)


def load_certificate(certificate: Path, key: Path | None) -> ServerCertificate:
    """Load a certificate that the user made.

    Args:
        certificate: A PEM file with the certificate, followed by those that lead to its root.
        key: A PEM file with its private key, without a pass phrase; None when it is in the file of the certificate.

    Raises:
        ConfigError: A file cannot be read, is no PEM file, needs a pass phrase, or the two do not belong together.
    """
    context = _server_context()
    load_key_pair(context, KeyPair(certificate, key, "--cert", "--key"))
    return ServerCertificate(context, certificate)


def _server_context() -> ssl.SSLContext:
    key_log = key_log_file()
    if key_log is not None:
        prepare_key_log(key_log)
    return ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)  # it writes to the log of its own accord


def _shown(path: Path) -> str:
    return escape_str(str(path))
