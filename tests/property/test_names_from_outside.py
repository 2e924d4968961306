"""Names, records and policies of any octets: nothing raw is shown, and nothing but our own errors is raised."""

import time
from collections.abc import Iterator

import dns.name
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_shell.client.tls_demands import policy_words
from smtp_shell.net.dane import TlsaRecord, judge
from smtp_shell.net.der import public_key_of
from smtp_shell.net.dns import ask_mx
from smtp_shell.net.mta_sts import StsFailed, parse_policy, parse_record
from tests.support.resolver import Resolver, resolving

LABELS = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def resolver() -> Iterator[Resolver]:
    with resolving({}) as found:
        yield found


@settings(max_examples=60)
@given(LABELS)
def test_an_exchange_of_any_octets(resolver: Resolver, labels: list[bytes]) -> None:
    exchange = dns.name.Name([*labels, b""]).to_text()
    resolver.replace({("example.org", "MX"): [f"10 {exchange}"]})
    (host,) = ask_mx("example.org", resolver.server, time.monotonic() + 60).hosts
    assert host.name.isprintable()
    if not host.problem:
        assert host.name.isascii()
        assert all(part.replace("-", "").replace("_", "").isalnum() for part in host.name.split("."))


@given(st.lists(st.binary(max_size=80) | st.binary(max_size=40).map(b"v=STSv1;".__add__), max_size=3))
def test_a_record_of_any_octets(texts: list[bytes]) -> None:
    found = parse_record(texts)
    assert (found.reason if isinstance(found, StsFailed) else found).isprintable()


@given(
    st.binary(max_size=300) | st.binary(max_size=200).map(b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: ".__add__)
)
def test_a_policy_of_any_octets(octets: bytes) -> None:
    assert policy_words(parse_policy(octets)).isprintable()


@given(st.binary(max_size=200) | st.binary(max_size=100).map(b"\x30\x62\x30\x60".__add__))
def test_a_certificate_of_any_octets(octets: bytes) -> None:
    assert public_key_of(octets) in octets
    for usage in (2, 3):
        assert judge([TlsaRecord(usage, 1, 1, b"\0" * 32)], [octets, octets], ["a.example"]).sentence.isprintable()
