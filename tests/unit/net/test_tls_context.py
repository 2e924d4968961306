"""TLS settings and the contexts made from them."""

import os
import ssl
from pathlib import Path

import pytest
import trustme

from smtp_shell.config import Place, TlsSettings
from smtp_shell.errors import ConfigError
from smtp_shell.net.tls_context import make_context


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (TlsSettings(minimum="1.4"), "--tls-min 1.4: no such version; use one of 1.0, 1.1, 1.2, 1.3"),
        (TlsSettings(maximum="\x1b"), r"--tls-max \x1b: no such version"),
        (TlsSettings(maximum="1.1"), "--tls-max 1.1: it is below --tls-min 1.2, so that no version is left"),
        (
            TlsSettings(minimum="1.3", maximum="1.2", place=Place.PROMPT),
            "/set tls-max 1.2: it is below /set tls-min 1.3",
        ),
        (TlsSettings(ciphers="NOSUCH"), "--ciphers NOSUCH: OpenSSL knows no such cipher"),
        (TlsSettings(ciphers="\udcff"), "--ciphers \\xff: OpenSSL knows no such cipher"),
        (TlsSettings(ciphers="TLS_AES_128_GCM_SHA256"), "the ciphers of TLS 1.3 cannot be chosen"),
        (TlsSettings(ciphers="NOSUCH", place=Place.PROMPT), "/set ciphers NOSUCH: OpenSSL knows no such cipher"),
        (TlsSettings(client_key=Path("key.pem")), "--client-key key.pem: a key needs its certificate"),
        (TlsSettings(ca_file=Path("/no/such\x1b[2J")), "--ca-file /no/such\\x1b[2J: there is no such file"),
        (
            TlsSettings(client_cert=Path("/no/such\x1b[2J")),
            "--client-cert /no/such\\x1b[2J: there is no such file",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: TlsSettings, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_context(settings)
    assert words in str(caught.value)


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    for settings in (TlsSettings(ca_file=empty), TlsSettings(client_cert=empty)):
        with pytest.raises(ConfigError, match=r"it holds no PEM block; give a PEM file"):
            make_context(settings)


def test_a_passphrase_is_never_asked_for(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    leaf = trustme.CA().issue_cert("client.example.net")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    file = tmp_path / "locked.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        + leaf.cert_chain_pems[0].bytes()
    )
    with pytest.raises(ConfigError, match="the private key needs a passphrase"):
        make_context(TlsSettings(client_cert=file))


def test_the_defaults_verify_the_server() -> None:
    context = make_context(TlsSettings())
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_without_verification_no_authority_is_needed() -> None:
    context = make_context(TlsSettings(insecure=True))
    assert not context.check_hostname
    assert context.verify_mode is ssl.CERT_NONE
    assert context.get_ca_certs() == []


def test_versions_are_bounded() -> None:
    context = make_context(TlsSettings(minimum="1.3", maximum="1.3"))
    assert (context.minimum_version, context.maximum_version) == (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


def test_a_context_is_made_anew_once_a_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    settings = TlsSettings(ca_file=file)
    first = make_context(settings)
    assert make_context(settings) is first
    trustme.CA().cert_pem.write_to_path(str(file))
    os.utime(file, (1, 1))
    assert make_context(settings) is not first
