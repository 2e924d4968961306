"""DER where no library reads it."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from smtp_shell.net.certificates import name_octets
from smtp_shell.net.der import elements, name_words, public_key_of, rsa_bits
from tests.support.chains import sign

MADE = sign("mail.example.com", key=rsa.generate_private_key(65537, 2048))


def test_the_public_key_of_a_certificate_is_cut_out_as_it_stands() -> None:
    key = MADE.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key_of(MADE.der) == key
    assert rsa_bits(key) == 2048


def test_an_rsa_key_of_16_bits_is_measured() -> None:
    modulus = bytes.fromhex("30818902") and b"\x30\x08\x02\x03\x00\xc5\x2b\x02\x01\x03"
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    bits = b"\x03" + bytes((len(modulus) + 1,)) + b"\0" + modulus
    assert rsa_bits(b"\x30" + bytes((len(algorithm + bits),)) + algorithm + bits) == 16


@pytest.mark.parametrize(
    "octets", [b"", b"\x30", b"\x30\x80", b"\x30\x85\1\1\1\1\1", b"\x30\x84\xff\xff\xff\xff", b"\x30\x02\x05\x00" * 200]
)
def test_what_is_no_certificate_has_no_key_and_no_name(octets: bytes) -> None:
    assert public_key_of(octets) == b""
    assert rsa_bits(octets) == 0
    assert name_words(octets) == b""


def test_a_cut_certificate_has_no_key_wherever_it_is_cut() -> None:
    assert not any(public_key_of(MADE.der[:end]) for end in range(0, len(MADE.der), 7))


def test_lengths_that_lie_are_an_error() -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(elements(b"\x04\x05abc"))


def test_a_name_is_written_as_openssl_writes_it() -> None:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Grün \x1b[2J"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "root@example.org"),
            x509.NameAttribute(x509.ObjectIdentifier("2.999.5"), "odd"),
        ]
    )
    assert name_words(name.public_bytes()) == "C=CH, CN=Grün \x1b[2J, EMAIL=root@example.org, 2.999.5=odd".encode()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("mail.example.com", b"CN=mail.example.com"),
        ("mail.example.com, O=Example Bank", b'CN="mail.example.com, O=Example Bank"'),
        ('a "b"', b'CN="a \\"b\\""'),
        ("#1", b'CN="#1"'),
        (" x", b'CN=" x"'),
    ],
)
def test_a_value_with_what_separates_values_is_quoted(value: str, words: bytes) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value)])
    assert name_words(name.public_bytes()) == name_octets(name) == words
