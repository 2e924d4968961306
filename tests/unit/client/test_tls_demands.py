"""What DANE and MTA-STS demand of a host, and whether it is met."""

import hashlib
import time

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from smtp_shell.client.tls_demands import (
    Demand,
    ask_policy,
    ask_tlsa_records,
    dane_demand,
    policy_demand,
    policy_words,
)
from smtp_shell.net.dane import TlsaRecord
from smtp_shell.net.dns import Answered, TlsaAnswer
from smtp_shell.net.mta_sts import StsFailed, StsPolicy
from smtp_shell.protocol.events import Certificate, TlsStarted
from tests.support.resolver import resolving

HOST = "mx.example.org"
AUTHORITY = trustme.CA()


def der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


LEAF = der(AUTHORITY.issue_cert(HOST).cert_chain_pems[0].bytes())
ROOT = der(AUTHORITY.cert_pem.bytes())
SURE = Answered("127.0.0.1", True, True, 0.01)
CLAIMED = Answered("192.0.2.53", False, True, 0.01)
UNSURE = Answered("127.0.0.1", False, False, 0.01)
OWN = TlsaRecord(3, 0, 1, hashlib.sha256(LEAF).digest())
OTHER = TlsaRecord(3, 0, 1, b"\0" * 32)
ANCHOR = TlsaRecord(2, 0, 1, hashlib.sha256(ROOT).digest())


def facts(*, verified: bool = True, chain: tuple[bytes, ...] = ()) -> TlsStarted:
    return TlsStarted("TLSv1.3", "X", verified, Certificate(der=LEAF), HOST, chain)


@pytest.mark.parametrize(
    ("records", "by", "seen", "status"),
    [
        ((), SURE, facts(), "none"),
        ((OWN,), SURE, facts(), "met"),
        ((OTHER,), SURE, facts(), "not met"),
        ((OTHER, OWN), SURE, facts(), "met"),
        ((TlsaRecord(1, 0, 1, b"\0" * 32),), SURE, facts(), "unusable"),
        ((OWN,), UNSURE, facts(), "not authenticated"),
        ((OWN,), CLAIMED, facts(), "not authenticated"),
        ((OWN,), SURE, None, "not checked"),
        ((ANCHOR,), SURE, facts(), "not checked"),
        ((ANCHOR,), SURE, facts(chain=(LEAF, ROOT)), "met"),
    ],
)
def test_dane(records: tuple[TlsaRecord, ...], by: Answered, seen: TlsStarted | None, status: str) -> None:
    demand = dane_demand(TlsaAnswer("_25._tcp.mx.example.org", records, by), seen, [HOST])
    assert demand.status == status
    assert demand.words.isprintable()


def test_dane_needs_an_authenticated_mx_record() -> None:
    demand = dane_demand(TlsaAnswer("x", (OWN,), SURE), facts(), [HOST], is_authenticated=False)
    assert demand.status == "not authenticated"


def test_a_resolver_that_does_not_answer_is_no_failure() -> None:
    with resolving({}, mend=lambda wire, over_tcp: None) as resolver:
        found = ask_tlsa_records(HOST, 25, resolver.server, time.monotonic() + 0.3)
        assert isinstance(found, Demand)
        assert dane_demand(found, facts(), [HOST]).status == "unknown"
        assert policy_words(ask_policy("example.org", resolver.server, 0.3)).startswith("not known: no TXT record")


POLICY = StsPolicy("enforce", (HOST,), 86400, "1")


@pytest.mark.parametrize(
    ("policy", "host", "seen", "status"),
    [
        (POLICY, HOST, facts(), "met"),
        (POLICY, HOST, facts(verified=False), "not met"),
        (POLICY, HOST, None, "not met"),
        (POLICY, "other.example.org", facts(), "not met"),
        (StsPolicy("none", (), 1), HOST, facts(), ""),
        (StsFailed("there is no MTA-STS record", is_absent=True), HOST, facts(), ""),
    ],
)
def test_mta_sts(policy: StsPolicy | StsFailed, host: str, seen: TlsStarted | None, status: str) -> None:
    demand = policy_demand(policy, host, seen)
    assert ("" if demand is None else demand.status) == status


def test_a_host_that_was_not_asked_is_not_checked() -> None:
    demand = policy_demand(POLICY, HOST, None, seen=False)
    assert demand is not None
    assert demand.status == "not checked"


def test_a_policy_in_words() -> None:
    assert policy_words(POLICY) == "enforce, for 86,400 s: mx.example.org"
    assert policy_words(StsPolicy("none", (), 1)) == "none, for 1 s: no host"
