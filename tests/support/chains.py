"""Chains of certificates, good ones and bad ones, for tests of what a client makes of them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate with its key, and how it may sign others."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate in DER form."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """Its key, without a passphrase."""
        return self.locked_key_pem(serialization.NoEncryption())

    def locked_key_pem(self, lock: serialization.KeySerializationEncryption) -> bytes:
        """Return its key, encrypted."""
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)

    def context(self, *above: Signed) -> ssl.SSLContext:
        """Return a server's context that sends this certificate and those above it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "chain.pem"
            file.write_bytes(self.key_pem + self.pem + b"".join(each.pem for each in above))
            context.load_cert_chain(file)
        return context


SIGNS = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
"""Signatures, certificates and revocation lists (RFC 5280 section 4.2.1.3)."""


def sign(
    subject: str,
    issuer: Signed | None = None,
    *,
    names: tuple[str, ...] = (),
    authority: bool = False,
    days: tuple[float, float] = (-30, 30),
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
    key: PrivateKey | None = None,
    more: tuple[x509.ExtensionType, ...] = (),
) -> Signed:
    """Make a certificate.

    Args:
        subject: Its common name.
        issuer: Who signs it; None for itself.
        names: Host names and addresses.
        authority: Whether it may sign others.
        days: Start and end of its life, in days from now.
        usage: Its extended key usage; None for none.
        key: Its key; None for a new one on P-256.
        more: More extensions.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.datetime.now(datetime.UTC)
    signer, above = (issuer.key, issuer.certificate.subject) if issuer is not None else (key, name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if authority:  # from 3.13 on Python refuses one that does not say what its key is for (VERIFY_X509_STRICT)
        builder = builder.add_extension(SIGNS, critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
    if usage is not None and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    hashed = None if isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()
    return Signed(builder.sign(signer, hashed), key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
