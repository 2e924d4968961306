"""What is wrong with a handshake, in words."""

import datetime
import ipaddress
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ProtocolViolation, TlsFailed
from smtp_shell.net.tls_facts import tls_facts
from smtp_shell.net.tls_report import (
    LEFT_IN_HANDSHAKE,
    alert,
    cleartext_error,
    why_no_handshake,
    why_unverified,
)
from smtp_shell.protocol.events import Certificate


def tls_error(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(1, "unused")
    error.reason = reason  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (62, "the certificate's name is wrong: it is not for mail.example.com (bad \\x1b)"),
        (64, "the certificate's name is wrong"),
        (9, "the certificate's dates are wrong: bad \\x1b"),
        (10, "check this machine's clock"),
        (18, "the certificate's chain is not trusted: bad \\x1b"),
        (20, "--ca-file FILE"),
        (92, "from 3.13 on Python insists on what RFC 5280"),
    ],
)
def test_what_is_wrong_with_a_certificate(code: int, words: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "bad \x1b"
    sentence = why_unverified(error, "mail.example.com")
    assert words in sentence
    assert sentence.endswith("or use --insecure to go on without verification.")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "alert: handshake failure"),
        ("TLSV1_ALERT_UNKNOWN_CA", "alert: unknown ca"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "alert: certificate required"),
        ("WRONG_VERSION_NUMBER", "wrong version number"),
        (None, "unknown reason"),
    ],
)
def test_an_alert_in_words(reason: str | None, words: str) -> None:
    assert alert(tls_error(reason)) == words


def test_why_a_handshake_failed() -> None:
    assert why_no_handshake(ssl.SSLEOFError()) == LEFT_IN_HANDSHAKE
    assert "no common version" in why_no_handshake(tls_error("UNSUPPORTED_PROTOCOL"))
    assert "alert: handshake failure; compare" in why_no_handshake(tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"))


def test_text_in_the_clear_from_the_start_is_a_server_without_tls() -> None:
    error = cleartext_error(b"220 mail \x1b[2J\r\n250 more", implicit=True)
    assert isinstance(error, TlsFailed)
    assert str(error).startswith(r'the server speaks in the clear here, not TLS: "220 mail \x1b[2J"; connect without')


def test_text_in_the_clear_after_starttls_is_a_violation() -> None:
    error = cleartext_error(b"250 forged", implicit=False)
    assert isinstance(error, ProtocolViolation)
    assert 'in place of the handshake: "250 forged"' in str(error)


def test_a_quotation_is_not_put_into_the_marks_that_it_holds() -> None:
    assert "TLS: '220 \"mail\"'; connect" in str(cleartext_error(b'220 "mail"', implicit=True))


HERE = (
    x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
    x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
    x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.org"),
    x509.NameAttribute(NameOID.EMAIL_ADDRESS, "root@example.org"),
)


def test_a_certificate_has_the_same_facts_whoever_read_it(tmp_path: Path) -> None:
    # OpenSSL reads it when it is verified, cryptography with --insecure.
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [
        x509.DNSName("mail.example.org"),
        x509.IPAddress(ipaddress.ip_address("::1")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::25")),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
    ]
    name = x509.Name(HERE)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 0xABC, now, now + datetime.timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    file = tmp_path / "own.pem"
    file.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    trusting = _shown(file, TlsSettings(ca_file=file))
    insecure = _shown(file, TlsSettings(insecure=True))
    for shown in (trusting, insecure):
        assert (shown.subject, shown.issuer, shown.names) == (trusting.subject, trusting.issuer, trusting.names)
    assert trusting.names[1:4] == (b"::1", b"2001:db8::25", b"192.0.2.1")
    assert trusting.subject == trusting.issuer
    assert trusting.subject.startswith(b"C=CH, O=Example, CN=mail.example.org, EMAIL=root@example.org")


def _shown(file: Path, settings: TlsSettings) -> Certificate:
    """Do a handshake in memory, and return what is shown of the certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.create_default_context(cafile=str(file))
    if settings.insecure:
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="mail.example.org"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for end in ends * 3:
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return tls_facts(ends[0], settings, "mail.example.org").certificate
