"""Certificates that no authority would sign, over the wire: the sentence, the size of what is shown, and that nothing of it is raw."""

from __future__ import annotations

import datetime
import struct
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.chains import Signed, sign
from tests.support.s_server import OPENSSL, s_server
from tests.unit.cli.program import commands, run, serving

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.support.peer import Peer

HOST = "127.0.0.1"
MANY = tuple(f"a{number}" for number in range(10_000))  # short, so that OpenSSL takes them: 70 KB
END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the program openssl is not here")


def until(end: datetime.datetime) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.com")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 5, start, end).add_extension(names, critical=False)
    return Signed(builder.sign(key, hashes.SHA256()), key)


def looked_at(address: str, *options: str, line: str = "/tls --all") -> tuple[subprocess.CompletedProcess[bytes], str]:
    done = run(f"smtps://{address}", *options, *commands(line), timeout=60)
    shown = (done.stdout + done.stderr).decode()
    assert all(row.isprintable() for row in shown.split("\n")), shown
    assert len(shown) < 30_000
    return done, shown


@needs_openssl
@pytest.mark.parametrize(
    ("made", "words"),
    [
        (sign("mail.example.com", names=("localhost", *MANY)), "and 9,901 more"),
        (until(END), "2020-01-01 00:00 to 9999-12-31 23:59 UTC (2,9"),
    ],
    ids=["10,000 names", "the year 9999"],
)
def test_what_openssl_takes_is_verified_and_shown_in_bounds(made: Signed, words: str, tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_bytes(made.key_pem + made.pem)
    for line in ("/tls --all", "/tls chain"):
        with s_server(["-cert", str(own), "-key", str(own)]) as address:
            done, shown = looked_at(address.replace(HOST, "localhost"), "-4", "--ca-file", str(own), line=line)
        assert done.returncode == 0, shown
        assert words in shown, shown


# A server of TLS 1.2 that sends its first messages and no more. It needs no key, and so can have any.


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes((size,)) if size < 0x80 else b"\x82" + struct.pack("!H", size)
    return bytes((tag,)) + length + content


def with_key_of_16_bits(der: bytes) -> bytes:
    """Return a certificate whose RSA key has a modulus of 16 bits. Its signature is wrong then."""
    key = element(0x30, element(0x02, b"\x00\xc5\x2b"), element(0x02, b"\x03"))
    rsa = element(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    weak = element(0x30, rsa, element(0x03, b"\0", key))
    certificate = x509.load_der_x509_certificate(der)
    old = x509.load_der_x509_certificate(der).public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    info = old.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signed = certificate.tbs_certificate_bytes
    begin = 4 if signed[1] == 0x82 else 3
    algorithm = element(0x30, bytes.fromhex("06082a8648ce3d040302"))
    return element(
        0x30, element(0x30, signed[begin:].replace(info, weak)), algorithm, element(0x03, b"\0", certificate.signature)
    )


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + struct.pack("!I", len(body))[1:] + body


def listed(*ders: bytes) -> bytes:
    entries = b"".join(struct.pack("!I", len(der))[1:] + der for der in ders)
    return struct.pack("!I", len(entries))[1:] + entries


def flight(*ders: bytes) -> bytes:
    """Return the records of a server that chooses TLS 1.2 and a key exchange that needs no signature of it."""
    hello = b"\x03\x03" + b"\x07" * 32 + b"\0" + b"\xc0\x2b" + b"\0" + b"\0\x05" + b"\xff\x01\0\x01\0"
    octets = message(2, hello) + message(11, listed(*ders))
    return b"".join(
        b"\x16\x03\x03" + struct.pack("!H", len(octets[at : at + 16_000])) + octets[at : at + 16_000]
        for at in range(0, len(octets), 16_000)
    )


def test_an_rsa_key_of_16_bits_is_refused_and_measured() -> None:
    weak = with_key_of_16_bits(sign("mail.example.com", names=(HOST,)).der)

    def script(peer: Peer) -> None:
        peer.sock.recv(65_536)
        peer.sock.sendall(flight(weak))
        peer.sock.recv(65_536)

    with serving(script) as address:
        done, shown = looked_at(address)
    assert done.returncode == 4
    assert "RSA 16 bits" in shown, shown
    assert "strength    BAD: its key of 16 bits is too short" in shown, shown
    assert "key exchange not known: the handshake ended before it" in shown, shown
