"""TLSA records and the certificates that they are about."""

import hashlib
import os
from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smtp_shell.net.dane import DaneStatus, TlsaRecord, covers, judge, matches
from smtp_shell.net.der import public_key_of

AUTHORITY = trustme.CA()
HOST = "mx.example.org"


def der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


ROOT = der(AUTHORITY.cert_pem.bytes())
LEAF = der(AUTHORITY.issue_cert(HOST).cert_chain_pems[0].bytes())
OTHER = der(trustme.CA().issue_cert(HOST).cert_chain_pems[0].bytes())


def key_of(certificate: bytes) -> bytes:
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def record(certificate: bytes, usage: int, selector: int, matching: int) -> TlsaRecord:
    data = key_of(certificate) if selector else certificate
    if matching:
        data = (hashlib.sha256, hashlib.sha512)[matching - 1](data).digest()
    return TlsaRecord(usage, selector, matching, data)


@pytest.mark.parametrize("certificate", [ROOT, LEAF, OTHER], ids=["root", "leaf", "other"])
def test_the_public_key_is_found_as_it_stands(certificate: bytes) -> None:
    assert public_key_of(certificate) == key_of(certificate)


def test_octets_that_are_no_certificate_have_no_key() -> None:
    for size in range(len(LEAF)):
        assert public_key_of(LEAF[:size]) == b""
    for _ in range(2000):
        public_key_of(os.urandom(64))
        public_key_of(b"\x30\x3e" + os.urandom(62))


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_each_selector_and_matching_type(selector: int, matching: int) -> None:
    own = record(LEAF, 3, selector, matching)
    assert matches(own, LEAF)
    assert not matches(own, OTHER)
    verdict = judge([own], [LEAF], [])
    assert (verdict.status, verdict.record, verdict.depth) == (DaneStatus.MATCHED, own, 0)


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_an_anchor_in_the_chain(selector: int, matching: int) -> None:
    anchor = record(ROOT, 2, selector, matching)
    verdict = judge([anchor], [LEAF, ROOT], [HOST])
    assert (verdict.status, verdict.depth) == (DaneStatus.MATCHED, 1)


def test_an_anchor_that_the_server_need_not_send() -> None:
    verdict = judge([record(ROOT, 2, 0, 0)], [LEAF], [HOST])
    assert (verdict.status, verdict.depth) == (DaneStatus.MATCHED, None)


@pytest.mark.parametrize(
    ("chain", "names", "now", "said"),
    [
        ([LEAF, ROOT], ["other.example.org"], None, "the certificate's name is another one"),
        ([LEAF], [HOST], None, "none of them is that of a TLSA record"),
        ([OTHER, ROOT], [HOST], None, "none of them is that of a TLSA record"),
        ([LEAF, b"\x30\x00"], [HOST], None, "a certificate in the chain cannot be read"),
        ([LEAF, ROOT], [HOST], datetime(9999, 12, 31, tzinfo=UTC), "a certificate in the chain has expired"),
        ([LEAF, ROOT], [HOST], datetime(1999, 1, 1, tzinfo=UTC), "a certificate in the chain is not valid yet"),
    ],
)
def test_an_anchor_does_not_help(chain: list[bytes], names: list[str], now: datetime | None, said: str) -> None:
    verdict = judge([record(ROOT, 2, 1, 1)], chain, names, now)
    assert verdict.status is DaneStatus.MISMATCHED
    assert verdict.sentence.endswith(said)


def test_the_servers_own_needs_neither_name_nor_dates() -> None:
    verdict = judge([record(LEAF, 3, 1, 1)], [LEAF], ["other.example.org"], datetime(9999, 12, 31, tzinfo=UTC))
    assert verdict.status is DaneStatus.MATCHED


def test_the_servers_own_certificate_is_no_anchor() -> None:
    assert judge([record(LEAF, 2, 1, 1)], [LEAF], [HOST]).status is DaneStatus.MISMATCHED


def test_one_record_of_several_is_enough() -> None:
    records = [TlsaRecord(0, 0, 1, b"\0" * 32), record(OTHER, 3, 1, 1), record(LEAF, 3, 1, 1)]
    assert judge(records, [LEAF], []).status is DaneStatus.MATCHED


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (TlsaRecord(0, 0, 1, b"\0" * 32), "usage 0 is not for SMTP"),
        (TlsaRecord(1, 0, 1, b"\0" * 32), "usage 1 is not for SMTP"),
        (TlsaRecord(3, 9, 1, b"\0" * 32), "selector 9 is unknown"),
        (TlsaRecord(3, 1, 9, b"\0" * 32), "matching type 9 is unknown"),
        (TlsaRecord(3, 1, 1, b"\0" * 31), "31 octets are no SHA-256"),
        (TlsaRecord(3, 1, 2, b"\0" * 32), "32 octets are no SHA-512"),
        (TlsaRecord(3, 1, 0, b""), "it is empty"),
    ],
)
def test_records_that_cannot_be_used(bad: TlsaRecord, problem: str) -> None:
    assert bad.problem == problem
    assert judge([bad], [LEAF], [HOST]).status is DaneStatus.UNUSABLE


def test_no_record_and_no_certificate() -> None:
    assert judge([], [LEAF], [HOST]).status is DaneStatus.NONE
    assert judge([record(LEAF, 3, 1, 1)], [], [HOST]).status is DaneStatus.MISMATCHED


def test_a_chain_of_fifty_that_leads_nowhere_ends() -> None:
    assert judge([record(OTHER, 2, 1, 1)], [LEAF, *[ROOT] * 50], [HOST]).status is DaneStatus.MISMATCHED


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("mx.example.org", "MX.example.org.", True),
        ("*.example.org", "mx.example.org", True),
        ("*.example.org", "a.mx.example.org", False),
        ("*.example.org", "example.org", False),
        ("*", "example", False),
    ],
)
def test_names_and_asterisks(pattern: str, name: str, expected: bool) -> None:
    assert covers(pattern, name) is expected


def test_a_record_in_words() -> None:
    own = TlsaRecord(3, 1, 1, bytes(range(32)))
    assert str(own) == "3 1 1 0001020304050607…"
    assert own.meaning == "DANE-EE, public key, SHA-256"
