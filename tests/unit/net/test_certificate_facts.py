"""One certificate as facts, good ones and hostile ones."""

from __future__ import annotations

import datetime
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from smtp_shell.net.certificate_facts import MOST_NAMES, facts_of
from tests.support.chains import PrivateKey, sign

ROOT = sign("Example Root", authority=True)


def test_all_that_an_administrator_asks_of_a_certificate_is_there() -> None:
    ocsp = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.example/")
    )
    issuer = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://ca.example/")
    )
    crl = x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/")], None, None, None)
    made = sign(
        "mail.example.com",
        ROOT,
        names=("mail.example.com", "192.0.2.1"),
        more=(
            x509.AuthorityInformationAccess([ocsp, issuer]),
            x509.CRLDistributionPoints([crl]),
            x509.TLSFeature([x509.TLSFeatureType.status_request]),
            x509.KeyUsage(True, False, True, False, False, False, False, False, False),
        ),
    )
    facts = facts_of(made.der)
    assert (facts.subject, facts.issuer) == ("CN=mail.example.com", "CN=Example Root")
    assert facts.names == ("mail.example.com", "192.0.2.1")
    assert facts.days_left() in (29, 30)
    assert str(facts.key) == "EC P-256"
    assert facts.signature == "ECDSA with SHA-256"
    assert facts.sha256 == made.certificate.fingerprint(hashes.SHA256()).hex()
    assert facts.sha1 == made.certificate.fingerprint(hashes.SHA1()).hex()
    assert facts.purposes == ("TLS server",)
    assert facts.usages == ("digital signature", "key encipherment")
    assert facts.authority is False
    assert (facts.ocsp, facts.issuer_urls, facts.crls) == (
        ("http://ocsp.example/",),
        ("http://ca.example/",),
        ("http://crl.example/",),
    )
    assert facts.must_staple
    assert facts.serial == f"{made.certificate.serial_number:X}"
    assert facts.issuer_key_id == facts_of(ROOT.der).subject_key_id
    assert (facts.problem, facts.odd) == ("", ())


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa.generate_private_key(65537, 2048), "RSA 2,048 bits"),
        (ec.generate_private_key(ec.SECP384R1()), "EC P-384"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (ed448.Ed448PrivateKey.generate(), "Ed448"),
    ],
    ids=["RSA", "EC", "Ed25519", "Ed448"],
)
def test_keys_are_named_with_size_or_curve(key: PrivateKey, words: str) -> None:
    facts = facts_of(sign("mail.example.com", key=key).der)
    assert str(facts.key) == words
    assert len(facts.key.sha256) == 64


def built(
    *, names: list[x509.GeneralName] | None = None, subject: str = "a", end: datetime.datetime | None = None
) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    start = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 5, start, end or start)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_ten_thousand_names_are_counted_and_a_part_of_them_kept() -> None:
    der = built(names=[x509.DNSName(f"host-{number}.example.org") for number in range(10_000)])
    begun = time.process_time()
    facts = facts_of(der)
    assert time.process_time() - begun < 5
    assert facts.name_count == 10_000
    assert len(facts.names) == MOST_NAMES


def test_the_year_9999_is_a_date() -> None:
    facts = facts_of(built(end=datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)))
    assert facts.not_after == 253402300799
    assert (facts.days_left() or 0) > 2_900_000


HOSTILE = "\x1b]0;owned\x07\x1b[31m\u202egnp.\u2066\u200b\x9b1m\r\nC: QUIT"


def test_text_of_a_certificate_is_escaped() -> None:
    facts = facts_of(built(subject=HOSTILE, names=[x509.DNSName(HOSTILE.encode("ascii", "ignore").decode())]))
    shown = facts.subject + facts.issuer + "".join(facts.names)
    assert shown.isprintable()
    assert "\\x1b]0;owned\\x07" in facts.subject
    assert "\u202e" not in shown


def test_long_text_is_bounded() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    organization = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "x" * 60)]
    name = x509.Name(organization * 200)
    start = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 5, start, start).sign(key, hashes.SHA256())
    assert len(facts_of(made.public_bytes(serialization.Encoding.DER)).subject) < 400


def test_a_negative_serial_number_is_told() -> None:
    # 02 01 05, the serial number of `built`, becomes -5; the signature is wrong then, and nobody asks.
    facts = facts_of(built().replace(b"\x02\x01\x05", b"\x02\x01\xfb", 1))
    assert facts.serial == "-5" or facts.problem


def test_an_unknown_algorithm_is_told_by_its_number() -> None:
    ecdsa = bytes.fromhex("06082a8648ce3d040302")
    facts = facts_of(built().replace(ecdsa, bytes.fromhex("06082a8648ce3d047f7f")))
    assert facts.problem or facts.signature.startswith("OID 1.2.840.10045.4.")


def test_an_rsa_key_that_no_library_takes_is_still_measured() -> None:
    der = sign("mail.example.com", key=rsa.generate_private_key(65537, 2048)).der
    spki = (
        x509.load_der_x509_certificate(der)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    at = spki.index(b"\x02\x82\x01\x01\x00")
    weak = (
        spki[: at + 4] + bytes(255) + b"\xc5\x2b" + spki[at + 4 + 257 :]
    )  # a modulus of 16 bits, with zeros before it
    assert len(weak) == len(spki)
    facts = facts_of(der.replace(spki, weak))
    assert facts.key.kind in ("RSA", "")
    assert facts.key.bits in (0, 16)


@pytest.mark.parametrize("octets", [b"", b"\x30", b"no certificate", b"\x30\x82\xff\xff" + bytes(50)])
def test_what_is_no_certificate_is_told_with_its_fingerprint(octets: bytes) -> None:
    facts = facts_of(octets)
    assert facts.problem.startswith("this is no certificate that can be read")
    assert len(facts.sha256) == 64


def test_a_client_certificate_tells_its_purpose() -> None:
    assert facts_of(sign("a", ROOT, usage=ExtendedKeyUsageOID.CLIENT_AUTH).der).purposes == ("TLS client",)
