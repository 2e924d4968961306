"""The certificate that a server of ours shows: made at start, kept, or given by the user."""

from __future__ import annotations

import ssl
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from smtp_shell.config import key_log_file
from smtp_shell.errors import UsageError
from smtp_shell.net.key_log import prepare_key_log
from smtp_shell.net.target import canonical_address
from smtp_shell.net.tls_files import KeyPair, load_key_pair
from smtp_shell.private_files import locked, open_new, read_private, reason_of, replace_private
from smtp_shell.protocol.octets import escape_str
from smtp_shell.servers.passwords import LOCK_SECONDS

_LONGEST_PEM = 64 * 1024
_MARGIN_SECONDS = 24 * 3600
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class ServerCertificate(Struct, frozen=True):
    """What a server needs for TLS, and what its client needs to trust it.

    Args:
        context: For the server's side of a handshake; it holds the key.
        ca_file: A PEM file with the certificate to trust.
        leaf: The certificate that it shows, in DER.
    """

    context: ssl.SSLContext
    ca_file: Path
    leaf: bytes


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
    issued = _issue(names)
    ca_file = directory / "ca.pem"
    try:
        with open_new(ca_file) as file:
            file.write(issued.authority)
        draft = directory / "server.pem"
        with open_new(draft) as file:
            file.write(issued.server)
        try:
            return ServerCertificate(_loaded(_server_context(), draft), ca_file, _leaf(draft))
        finally:
            draft.unlink()
    except OSError as error:
        raise UsageError(
            f"The server's certificate could not be written to {_shown(directory)}: {reason_of(error)}."
        ) from None


def keep_certificate(directory: Path, *names: str) -> ServerCertificate:
    """Return the certificate that is kept in a folder. Make one if there is none, or none that a client would trust for a day more.

    `server.pem` has the certificate and its key, `ca.pem` the authority. The authority's key is never written.

    Args:
        directory: An existing directory that only its owner can use.
        names: Host names and IP addresses that the certificate is good for.

    Raises:
        OSError: A file could not be written, or another process holds the lock.
        ConfigError: The key log cannot be written.
    """
    server_file, ca_file = directory / "server.pem", directory / "ca.pem"
    with locked(directory / "lock", LOCK_SECONDS):
        if not _is_good(server_file, ca_file, names):
            issued = _issue(names)
            replace_private(server_file, issued.server)
            replace_private(ca_file, issued.authority)
        return ServerCertificate(_loaded(_server_context(), server_file), ca_file, _leaf(server_file))


def pending_certificate() -> Future[ServerCertificate]:
    """Return the place of a certificate that is in the making. A connection that ends while it waits does not cancel it for all."""
    certificate: Future[ServerCertificate] = Future()
    certificate.set_running_or_notify_cancel()
    return certificate


def deliver_certificate(
    kept: Path | None, own: Path, certificate: Future[ServerCertificate], names: tuple[str, ...]
) -> None:
    """Find or make a certificate; called in a thread of its own, since that takes longer than a client waits for a greeting.

    Args:
        kept: A folder of this user in which it is kept; None, and where that cannot be used, to make one for this run.
        own: An existing directory of this run.
        certificate: Where it goes, or what went wrong.
        names: Host names and IP addresses that it is good for.
    """
    try:
        if kept is not None:
            with suppress(OSError):
                certificate.set_result(keep_certificate(kept, *names))
                return
        certificate.set_result(make_certificate(own, *names))
    except BaseException as error:
        certificate.set_exception(error)


class _Issued(Struct, frozen=True):
    """A new certificate, in PEM: its key and chain, and the authority's certificate."""

    server: bytes
    authority: bytes

    def __repr__(self) -> str:
        return "_Issued(...)"


def _issue(names: tuple[str, ...]) -> _Issued:
    import trustme

    authority = trustme.CA(organization_name="smtp-shell", organization_unit_name="practice, trusted by nobody else")
    leaf = authority.issue_cert(*names, organization_name="smtp-shell", organization_unit_name="practice")
    return _Issued(leaf.private_key_and_cert_chain_pem.bytes(), authority.cert_pem.bytes())


def _loaded(context: ssl.SSLContext, server_file: Path) -> ssl.SSLContext:
    context.load_cert_chain(server_file, password=lambda: "")  # without a callback OpenSSL would ask on the terminal
    return context


def _leaf(path: Path) -> bytes:
    """Return the first certificate of a PEM file that OpenSSL has loaded, in DER; empty if it is written in no usual way."""
    text = path.read_bytes().decode("latin-1")
    start = text.find(_BEGIN)
    try:
        return ssl.PEM_cert_to_DER_cert(text[start : text.index(_END, start) + len(_END)])
    except ValueError:
        return b""


def _is_good(server_file: Path, ca_file: Path, names: tuple[str, ...]) -> bool:
    """Check whether a client that trusts the kept authority would accept the kept certificate for each of the names."""
    if read_private(server_file, _LONGEST_PEM) is None or read_private(ca_file, _LONGEST_PEM) is None:
        return False
    # Contexts of no function of `ssl`: those write the keys of each handshake to SSLKEYLOGFILE.
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        _loaded(server, server_file)
        client.load_verify_locations(ca_file)
        shown = _shake_hands(server, client, names[0])
        (authority,) = client.get_ca_certs()
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return False
    ends = min(ssl.cert_time_to_seconds(str(each["notAfter"])) for each in (shown, authority))
    is_for = {canonical_address(value) for _, value in shown.get("subjectAltName", ())}
    return ends > time.time() + _MARGIN_SECONDS and is_for.issuperset(names)


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> dict[str, Any]:
    """Do a handshake in memory, and return the certificate that the client has accepted.

    Raises:
        ssl.SSLError: The client does not accept it.
    """
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for end in ends * 3:
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return ends[0].getpeercert() or {}


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
    return ServerCertificate(context, certificate, _leaf(certificate))


def _server_context() -> ssl.SSLContext:
    key_log = key_log_file()
    if key_log is not None:
        prepare_key_log(key_log)
    return ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)  # it writes to the log of its own accord


def _shown(path: Path) -> str:
    return escape_str(str(path))
