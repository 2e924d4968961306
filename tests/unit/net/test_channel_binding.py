"""What an exchange can be bound to, beside what OpenSSL says at the other end of the same connection."""

import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from smtp_shell.config import TlsSettings
from smtp_shell.net.channel_binding import END_POINT, EXPORTER, UNIQUE, end_point, export
from smtp_shell.net.session_keys import SessionKeys
from smtp_shell.net.tls_layer import TlsLayer

on_linux = pytest.mark.skipif(
    not hasattr(os, "memfd_create"), reason="only Linux has files that are nothing but memory"
)


def shake(
    server: ssl.SSLContext, ca_file: Path, keys: SessionKeys | None = None, **settings: Any
) -> tuple[TlsLayer, ssl.SSLObject]:
    """Do a handshake in memory; return both ends."""
    client = TlsLayer(TlsSettings(ca_file=ca_file, **settings), "mail.example.org", keys)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    other = server.wrap_bio(incoming, outgoing, server_side=True)
    done = False
    while not done:
        done = client.handshake()
        incoming.write(client.outgoing())
        try:
            other.do_handshake()
        except ssl.SSLWantReadError:
            done = False
        client.feed(outgoing.read())
    return client, other


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    ca = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("mail.example.org").configure_cert(server)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return server, tmp_path / "ca.pem"


def test_the_exporter_of_tls_1_3_by_hand() -> None:
    """RFC 8446 section 7.5, by the steps: each HKDF-Expand-Label is one HMAC, as the hash is long enough."""
    import hmac

    secret, empty = bytes(range(32)), hashlib.sha256(b"").digest()

    def one(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
        info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
        return hmac.digest(key, info + b"\1", "sha256")[:length]

    derived = one(secret, b"tls13 EXPORTER-Channel-Binding", empty, 32)
    assert export(secret, "sha256", b"EXPORTER-Channel-Binding", b"", 32) == one(derived, b"tls13 exporter", empty, 32)
    assert len(export(secret, "sha384", b"EXPORTER-x", b"c", 100)) == 100


@on_linux
@pytest.mark.parametrize("ciphersuites", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
def test_tls_exporter_is_what_openssl_exports_at_the_other_end(tmp_path: Path, ciphersuites: str) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    ca = trustme.CA()
    pem, ca_file = tmp_path / "server.pem", tmp_path / "ca.pem"
    ca.issue_cert("mail.example.org").private_key_and_cert_chain_pem.write_to_path(str(pem))
    ca.cert_pem.write_to_path(str(ca_file))
    command = [openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", str(pem), "-naccept", "1", "-tls1_3"]
    command += ["-ciphersuites", ciphersuites, "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        said = b""
        while not (found := re.search(rb"ACCEPT \S+:(\d+)\s", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        client = TlsLayer(TlsSettings(ca_file=ca_file), "mail.example.org")
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=30) as sock:
            while not client.handshake():
                sock.sendall(client.outgoing())
                client.feed(sock.recv(65_536))
            sock.sendall(client.outgoing() + client.close_notify())
            said = process.communicate(timeout=30)[0]
    finally:
        process.kill()
        process.wait()
    found = re.search(rb"Keying material: ([0-9A-F]{64})", said)
    assert found is not None, said
    bound = client.channel_binding()
    assert bound is not None
    assert (bound.name, bound.data.hex()) == (EXPORTER, found[1].decode().lower())


@on_linux
def test_each_connection_has_its_own_and_both_kinds_of_key_log_give_it(
    authority: tuple[ssl.SSLContext, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exported(keys: SessionKeys | None = None) -> bytes:
        bound = shake(*authority, keys)[0].channel_binding(EXPORTER)
        assert bound is not None
        return bound.data

    keys = SessionKeys()
    try:
        found = [exported(), exported(), exported(keys), exported(keys)]
    finally:
        keys.close()
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    found += [exported(), exported()]
    assert len(set(found)) == 6


@on_linux
def test_the_log_in_memory_does_not_grow(authority: tuple[ssl.SSLContext, Path]) -> None:
    """Of 700 handshakes each has its exporter, and what is logged is cut on the way."""
    sizes = []
    for _ in range(700):
        client, _ = shake(*authority)
        assert client.channel_binding(EXPORTER) is not None
        name = client._tls.context.keylog_filename
        assert name is not None
        sizes.append(os.stat(name).st_size)
    assert max(sizes) < 300_000
    assert sizes != sorted(sizes)


@on_linux
def test_threads_share_a_context(authority: tuple[ssl.SSLContext, Path]) -> None:
    found: list[bytes] = []

    def work() -> None:
        for _ in range(20):
            bound = shake(*authority)[0].channel_binding(EXPORTER)
            found.append(bound.data if bound is not None else b"")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 80
    assert b"" not in found


def test_tls_1_2_has_the_first_finished_message(authority: tuple[ssl.SSLContext, Path]) -> None:
    client, server = shake(*authority, maximum="1.2")
    bound = client.channel_binding()
    assert bound is not None
    assert (bound.name, bound.data) == (UNIQUE, server.get_channel_binding("tls-unique"))
    assert client.channel_binding(EXPORTER) is None
    assert bound.data.hex() not in repr(bound)


def test_tls_1_3_has_no_first_finished_message(authority: tuple[ssl.SSLContext, Path]) -> None:
    assert shake(*authority)[0].channel_binding(UNIQUE) is None


def test_the_certificate_is_the_end_point_verified_or_not(authority: tuple[ssl.SSLContext, Path]) -> None:
    for insecure in (False, True):
        client, _ = shake(*authority, insecure=insecure)
        bound = client.channel_binding(END_POINT)
        der = client._tls.getpeercert(binary_form=True)
        assert der is not None
        assert bound is not None
        assert (bound.name, bound.data) == (END_POINT, hashlib.sha256(der).digest())


def test_a_system_without_files_in_memory_binds_to_the_certificate(
    authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    bound = shake(*authority)[0].channel_binding()
    assert bound is not None
    assert bound.name == END_POINT


@pytest.fixture
def signed() -> Callable[[str, str], bytes]:
    """Return what makes a certificate with a key and a hash."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    def make(kind: str, hash_name: str) -> bytes:
        key: Any = (
            ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP384R1())
        )
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(7).not_valid_before(start).not_valid_after(start.replace(year=2030))
        algorithm: Any = getattr(hashes, hash_name)() if hash_name else None
        from cryptography.hazmat.primitives.serialization import Encoding

        return builder.sign(key, algorithm).public_bytes(Encoding.DER)

    return make


@pytest.mark.parametrize(
    ("kind", "hash_name", "expected"),
    [("ec", "SHA256", "sha256"), ("ec", "SHA384", "sha384"), ("ec", "SHA512", "sha512"), ("ed25519", "", "")],
)
def test_the_hash_of_the_signature_is_the_hash_of_the_end_point(
    signed: Callable[[str, str], bytes], kind: str, hash_name: str, expected: str
) -> None:
    der = signed(kind, hash_name)
    assert end_point(der) == (hashlib.new(expected, der).digest() if expected else b"")


def test_what_is_no_certificate_is_no_end_point() -> None:
    assert end_point(b"") == end_point(b"\x30\x82\xff\xff") == b""
