"""The files of TLS: each fault of one is a sentence that names the option and the file."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from msgspec.structs import replace

from smtp_shell.config import Place, TlsSettings
from smtp_shell.errors import ConfigError
from smtp_shell.net.tls_check import check_tls
from tests.support.chains import sign

NOBODY = 65534
LOCK = serialization.BestAvailableEncryption(b"secret")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    one, other = sign("client.example.org"), sign("other.example.org")
    content = {
        "cert.pem": one.pem, "key.pem": one.key_pem, "both.pem": one.key_pem + one.pem, "other.pem": other.key_pem,
        "locked.pem": one.locked_key_pem(LOCK), "empty": b"", "text": b"hello\n-----\n",
        "der": one.certificate.public_bytes(serialization.Encoding.DER),
        "damaged.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "half.pem": one.pem[: len(one.pem) // 2],
        "openssh.pem": b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        "mentions.txt": b"a file that speaks of -----BEGIN CERTIFICATE----- only\n",
    }  # fmt: skip
    for name, octets in content.items():
        (folder / name).write_bytes(octets)
    (folder / "folder").mkdir()
    return folder


NO_PEM = {
    "missing": "there is no such file",
    "folder": "it is a directory",
    "empty": "it holds nothing",
    "text": "it holds no PEM block",
    "mentions.txt": "it holds no PEM block",
    "der": "it holds no PEM but DER or PKCS #12",
}


@pytest.mark.parametrize("name", [*NO_PEM, "key.pem", "damaged.pem", "half.pem"])
def test_authorities(files: Path, name: str) -> None:
    words = NO_PEM | {
        "key.pem": "it holds a private key and no certificate",
        "damaged.pem": "a certificate in it is damaged",
        "half.pem": "a certificate in it is damaged",
    }
    assert refusal(TlsSettings(ca_file=files / name)).startswith(f"--ca-file {files / name}: {words[name]}")


@pytest.mark.parametrize("name", [*NO_PEM, "key.pem", "cert.pem"])
def test_a_client_certificate(files: Path, name: str) -> None:
    words = NO_PEM | {
        "key.pem": "it holds a private key and no certificate",
        "cert.pem": "it holds no private key; give the key's PEM file with --client-key FILE",
    }
    assert refusal(TlsSettings(client_cert=files / name)).startswith(f"--client-cert {files / name}: {words[name]}")


@pytest.mark.parametrize("name", [*NO_PEM, "cert.pem", "other.pem", "locked.pem"])
def test_its_key(files: Path, name: str) -> None:
    words = NO_PEM | {
        "cert.pem": "it holds a certificate and no private key",
        "other.pem": f"the private key belongs to another certificate than the one in {files / 'cert.pem'}",
        "locked.pem": "the private key needs a passphrase, which is never asked for; write one without: openssl pkey",
    }
    said = refusal(TlsSettings(client_cert=files / "cert.pem", client_key=files / name))
    assert said.startswith(f"--client-key {files / name}: {words[name]}")


def test_a_key_in_a_form_that_openssl_does_not_read(files: Path) -> None:
    said = refusal(TlsSettings(client_cert=files / "cert.pem", client_key=files / "openssh.pem"))
    assert "the certificate or its key is damaged" in said


def test_at_a_prompt_the_settings_of_the_shell_are_named(files: Path) -> None:
    for settings, words in (
        (TlsSettings(ca_file=files / "text"), f"/set ca-file {files / 'text'}: "),
        (TlsSettings(client_cert=files / "cert.pem"), "give the key's PEM file with /set client-key FILE"),
        (TlsSettings(minimum="1.0", maximum="1.1"), "add /set ciphers DEFAULT@SECLEVEL=0"),
    ):
        assert words in refusal(replace(settings, place=Place.PROMPT))


@pytest.fixture
def unreadable(tmp_path: Path) -> Iterator[Path]:
    """A file that this process may not read. Root may read every file, so root is somebody else meanwhile."""
    path = tmp_path / "mine.pem"
    path.touch(0)
    is_root = os.name != "nt" and os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield path
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_file_that_may_not_be_read(unreadable: Path) -> None:
    assert "its permissions do not allow it" in refusal(TlsSettings(ca_file=unreadable))


def test_what_can_be_used_is_not_refused(files: Path) -> None:
    for settings in (
        TlsSettings(),
        TlsSettings(ca_file=files / "cert.pem"),
        TlsSettings(client_cert=files / "both.pem"),
        TlsSettings(client_cert=files / "cert.pem", client_key=files / "key.pem"),
        TlsSettings(minimum="1.0", maximum="1.1", ciphers="DEFAULT@SECLEVEL=0"),
    ):
        check_tls(settings)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFOs")
def test_a_file_is_read_once(files: Path) -> None:
    """A user's shell gives `--ca-file <(command)` as a pipe, which can be read once only."""
    reader, writer = os.pipe()
    try:
        os.write(writer, (files / "cert.pem").read_bytes())
        os.close(writer)
        settings = TlsSettings(ca_file=Path(f"/dev/fd/{reader}"))
        for _ in range(2):
            check_tls(settings)
    finally:
        os.close(reader)


def refusal(settings: TlsSettings) -> str:
    with pytest.raises(ConfigError) as caught:
        check_tls(settings)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_authorities_that_vanish_between_two_looks_are_not_called_damaged(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "cert.pem"  # of a file that another test has read, a context is kept
    own.write_bytes((files / "cert.pem").read_bytes())

    def refuse(*args: object, **named: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(ssl, "create_default_context", refuse)
    with pytest.raises(ConfigError, match=r"cert\.pem: it cannot be read: there is no such file\.$"):
        check_tls(TlsSettings(ca_file=own))
