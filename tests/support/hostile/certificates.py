"""Server certificates: a good one, and bad ones that a client must refuse or display safely."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from functools import cache
from typing import TYPE_CHECKING, Literal

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable

CertificateName = Literal[
    "good",
    "wrong name",
    "expired",
    "not yet valid",
    "self-signed",
    "unknown ca",
    "hostile names",
    "hostile wrong name",
    "many names",
]


HOSTILE_TEXT = "evil\x1b]0;owned\x07\x1b[31mred\u202egnp.\u2066\u200b\x9b1m\rC: QUIT"
"""Text for certificate fields: an OSC title, a colour, bidi, zero-width, a C1 control, a carriage return."""

HOSTILE_NAME_LEAKS = tuple(
    octets.encode()
    for octets in ("\x1b]0;owned", "\x1b[31mred", "\u202egnp", "\u2066", "\u200b", "\x9b1m", "red\rC: QUIT")
)


_MAKING = threading.Lock()


def _authority(name: Literal["trusted", "unknown"]) -> trustme.CA:
    """Return an authority, the same for all threads: `cache` alone lets two that come first make one each."""
    with _MAKING:
        return _made_authority(name)


@cache
def _made_authority(name: Literal["trusted", "unknown"]) -> trustme.CA:
    return trustme.CA(organization_name=f"example {name} authority")


def ca_pem() -> bytes:
    """Return the certificate of the authority that the program is told to trust, PEM."""
    return _authority("trusted").cert_pem.bytes()


def fresh_server_context(certificate: CertificateName) -> ssl.SSLContext:
    """Return a new server context with one of the certificates, for a scenario that changes it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _leaf(certificate).configure_cert(context)
    return context


server_context = cache(fresh_server_context)
"""The same, shared by the scenarios that do not change it."""


@cache
def _leaf(certificate: CertificateName) -> trustme.LeafCert:
    here = ("localhost", "127.0.0.1")
    now = datetime.datetime.now(datetime.UTC)
    trusted = _authority("trusted")
    match certificate:
        case "good":
            return trusted.issue_cert(*here)
        case "wrong name":
            return trusted.issue_cert("mail.example.net")
        case "expired":
            return trusted.issue_cert(
                *here, not_before=now - datetime.timedelta(days=30), not_after=now - datetime.timedelta(days=2)
            )
        case "not yet valid":
            return trusted.issue_cert(
                *here, not_before=now + datetime.timedelta(days=2), not_after=now + datetime.timedelta(days=30)
            )
        case "unknown ca":
            return _authority("unknown").issue_cert(*here)
        case "many names":
            return trusted.issue_cert(*here, *(f"host-{n}.example.org" for n in range(1000)))
        case "self-signed":
            return _handmade(here, common_name="localhost", signed_by=None)
        case "hostile names":
            return _handmade(here, common_name=HOSTILE_TEXT, signed_by=trusted)
        case "hostile wrong name":
            return _handmade(("mail.example.net",), common_name=HOSTILE_TEXT, signed_by=trusted)


def _handmade(identities: Iterable[str], *, common_name: str, signed_by: trustme.CA | None) -> trustme.LeafCert:
    """Build a certificate with names that trustme refuses to write but a careless authority might sign."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    key_pem = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    organization = f"{common_name} Inc."
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    alternatives: list[x509.GeneralName] = [_general_name(identity) for identity in identities]
    if signed_by is not None:
        ascii_text = common_name.encode("ascii", "ignore").decode("ascii")
        alternatives += [
            x509.DNSName(ascii_text),
            x509.UniformResourceIdentifier(f"smtp://{ascii_text}"),
            x509.DirectoryName(subject),
        ]
    issuer, signing_key = subject, key
    if signed_by is not None:
        issuer = x509.load_pem_x509_certificate(signed_by.cert_pem.bytes()).subject
        loaded = serialization.load_pem_private_key(signed_by.private_key_pem.bytes(), password=None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signing_key = loaded
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    return trustme.LeafCert(key_pem, certificate.public_bytes(pem), [])


def _general_name(identity: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(identity))
    except ValueError:
        return x509.DNSName(identity)
