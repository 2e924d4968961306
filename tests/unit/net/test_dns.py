"""Questions to a resolver on loopback, honest and not."""

import socket
import struct
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rrset
import pytest

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.net.dane import TlsaRecord
from smtp_shell.net.dns import MxAnswer, MxHost, ask_addresses, ask_mx, ask_texts, ask_tlsa, in_turn
from smtp_shell.net.name_server import NameServer, parse_name_server
from tests.support.resolver import Zone, resolving

PATIENCE = 60.0


def soon(seconds: float = PATIENCE) -> float:
    return time.monotonic() + seconds


def mx_of(zone: Zone, domain: str = "example.org") -> MxAnswer:
    with resolving(zone) as resolver:
        return ask_mx(domain, resolver.server, soon())


def failure(zone: Zone, mend: Callable[[bytes, bool], bytes | None] | None = None, seconds: float = PATIENCE) -> str:
    with resolving(zone, mend=mend) as resolver:
        with pytest.raises(ConnectFailed) as caught:
            ask_mx("example.org", resolver.server, soon(seconds))
        return caught.value.message.replace(str(resolver.server), "RESOLVER")


def test_hosts_come_in_the_order_of_their_preferences() -> None:
    found = mx_of({("example.org", "MX"): ["20 Backup.example.org.", "10 mx2.example.org.", "10 mx1.example.org."]})
    assert [(host.preference, host.name) for host in found.hosts] == [
        (10, "mx1.example.org"),
        (10, "mx2.example.org"),
        (20, "backup.example.org"),
    ]
    assert found.equal == {10}
    assert (found.is_null, found.is_implicit, found.more) == (False, False, 0)
    assert not found.by.authenticated
    assert found.by.trust == "not authenticated"


def test_hosts_of_one_preference_are_tried_in_a_random_order() -> None:
    hosts = [MxHost(20, "c"), MxHost(10, "a"), MxHost(10, "b")]
    assert [host.name for host in in_turn(hosts, lambda same: same.reverse())] == ["b", "a", "c"]
    assert {host.name for host in in_turn(hosts)} == {"a", "b", "c"}


def test_null_mx_is_said() -> None:
    found = mx_of({("example.org", "MX"): ["0 ."]})
    assert found.is_null
    assert found.hosts == ()


def test_a_null_mx_beside_others_is_a_host_that_cannot_be() -> None:
    found = mx_of({("example.org", "MX"): ["0 .", "10 mx.example.org."]})
    assert not found.is_null
    assert [bool(host.problem) for host in found.hosts] == [True, False]


def test_a_domain_without_mx_records_is_its_own_host() -> None:
    found = mx_of({("example.org", "A"): ["192.0.2.1"]})
    assert found.is_implicit
    assert [host.name for host in found.hosts] == ["example.org"]


def test_a_domain_that_is_an_alias() -> None:
    zone = {("example.org", "CNAME"): ["example.net."], ("example.net", "MX"): ["5 mx.example.net."]}
    assert [host.name for host in mx_of(zone).hosts] == ["mx.example.net"]


@pytest.mark.parametrize(
    ("exchange", "shown", "problem"),
    [
        (r"a\027[31mb.example.org.", r"a\x1b[31mb.example.org", "it is no host name"),
        (r"a\013\010b.example.org.", r"a\x0d\x0ab.example.org", "it is no host name"),
        (r"\226\128\174.example.org.", r"\xe2\x80\xae.example.org", "it is no host name"),
        ("192.0.2.25.", "192.0.2.25", "it is an address, and an MX record names a host"),
        ("-x.example.org.", "-x.example.org", "it is no host name"),
    ],
)
def test_names_that_are_no_host_names_are_escaped_and_not_connected_to(exchange: str, shown: str, problem: str) -> None:
    (host,) = mx_of({("example.org", "MX"): [f"10 {exchange}"]}).hosts
    assert (host.name, host.problem) == (shown, problem)


def test_an_answer_too_long_for_udp_comes_over_tcp_and_is_cut() -> None:
    zone = {("example.org", "MX"): [f"{number} host{number}.example.org." for number in range(300)]}
    with resolving(zone) as resolver:
        found = ask_mx("example.org", resolver.server, soon())
        assert [way for *_, way in resolver.asked] == ["udp", "tcp"]
    assert (len(found.hosts), found.more) == (50, 250)


def test_a_name_that_does_not_exist() -> None:
    assert failure({}) == "no MX record of example.org was found: there is no such name; check its spelling."


def test_a_circle_of_aliases() -> None:
    zone = {("example.org", "CNAME"): ["a.example.org."], ("a.example.org", "CNAME"): ["example.org."]}
    found = failure(zone)
    assert "CNAME records lead in a circle" in found
    assert "RESOLVER" in found


def test_a_resolver_that_is_silent() -> None:
    begun = time.monotonic()
    found = failure({}, lambda wire, over_tcp: None, seconds=0.5)
    assert found.startswith("no MX record of example.org was found: the resolver RESOLVER did not answer within ")
    assert time.monotonic() - begun < PATIENCE


def refused(wire: bytes, over_tcp: bool) -> bytes:
    return wire[:3] + bytes([wire[3] & 0xF0 | 5]) + wire[4:]


def test_a_resolver_that_refuses() -> None:
    assert failure({}, refused) == (
        "no MX record of example.org was found: the resolver RESOLVER answered REFUSED; "
        "check its address, or leave --resolver out."
    )


@pytest.mark.parametrize(
    "mend",
    [
        lambda wire, over_tcp: wire[:20],
        lambda wire, over_tcp: wire + b"\x1b[31m" * 20,
        lambda wire, over_tcp: wire[:6] + b"\xff\xff" + wire[8:],
        lambda wire, over_tcp: wire[:12] + b"\xc0\x0c" + wire[14:],
        lambda wire, over_tcp: b"HTTP/1.0 400 \x1b[31m",
    ],
    ids=["cut", "trailing", "counts", "pointer to itself", "no DNS"],
)
def test_nonsense_is_one_sentence(mend: Callable[[bytes, bool], bytes | None]) -> None:
    found = failure({("example.org", "MX"): ["10 mx.example.org."]}, mend, seconds=1)
    assert found.startswith("no MX record of example.org was found: ")
    assert found.isprintable()
    assert found.endswith("or leave --resolver out.")


def test_an_answer_to_another_question_is_not_taken() -> None:
    def other(wire: bytes, over_tcp: bool) -> bytes:
        message = dns.message.from_wire(wire)
        message.question[0].name = dns.name.from_text("other.example.org.")
        return message.to_wire()

    assert failure({("example.org", "MX"): ["10 mx.example.org."]}, other, seconds=1).isprintable()


def test_a_tcp_answer_that_does_not_end() -> None:
    def truncated(wire: bytes, over_tcp: bool) -> bytes | None:
        return None if over_tcp else wire[:2] + bytes([wire[2] | 2]) + wire[3:]

    assert failure({("example.org", "MX"): ["10 mx.example.org."]}, truncated, seconds=1).isprintable()


def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        server = NameServer("127.0.0.1", sock.getsockname()[1])
    with pytest.raises(ConnectFailed, match="no MX record of example"):
        ask_mx("example.org", server, soon(1))


ADDRESSES: Zone = {("mx.example.org", "A"): ["192.0.2.1", "192.0.2.2"], ("mx.example.org", "AAAA"): ["2001:db8::1"]}


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (0, ("2001:db8::1", "192.0.2.1", "192.0.2.2")),
        (socket.AF_INET, ("192.0.2.1", "192.0.2.2")),
        (socket.AF_INET6, ("2001:db8::1",)),
    ],
)
def test_addresses(family: int, expected: tuple[str, ...]) -> None:
    with resolving(ADDRESSES) as resolver:
        found = ask_addresses("mx.example.org", resolver.server, soon(), int(family))
    assert [":" in address for address in found] == [":" in address for address in expected]  # IPv6 first
    assert sorted(found) == sorted(expected)  # the resolver shuffles


def test_a_host_that_does_not_exist_has_no_address_of_either_kind() -> None:
    with (
        resolving({}) as resolver,
        pytest.raises(ConnectFailed, match=r"^no address of mx\.example\.org was found"),
    ):
        ask_addresses("mx.example.org", resolver.server, soon())


def test_a_host_without_addresses() -> None:
    with (
        resolving({("mx.example.org", "TXT"): ["x"]}) as resolver,
        pytest.raises(ConnectFailed, match="has no address: no A or AAAA record"),
    ):
        ask_addresses("mx.example.org", resolver.server, soon())


def test_tlsa_and_whether_it_is_authenticated() -> None:
    zone = {("_25._tcp.mx.example.org", "TLSA"): [f"3 1 1 {'ab' * 32}"]}
    with resolving(zone, authenticated=True) as resolver:
        found = ask_tlsa("mx.example.org", 25, resolver.server, soon())
    assert found.records == (TlsaRecord(3, 1, 1, b"\xab" * 32),)
    assert found.by.authenticated
    assert found.by.trust == "authenticated by DNSSEC"
    with resolving(zone) as resolver:
        assert not ask_tlsa("mx.example.org", 25, resolver.server, soon()).by.authenticated


def test_no_tlsa_record_is_no_failure() -> None:
    with resolving({}) as resolver:
        assert ask_tlsa("mx.example.org", 25, resolver.server, soon()).records == ()


def test_texts_are_joined() -> None:
    with resolving({("_mta-sts.example.org", "TXT"): ['"v=STSv1; " "id=1"', '"other"']}) as resolver:
        texts, _ = ask_texts("_mta-sts.example.org", resolver.server, soon())
    assert sorted(texts) == [b"other", b"v=STSv1; id=1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", NameServer("192.0.2.53")),
        ("192.0.2.53:5353", NameServer("192.0.2.53", 5353)),
        ("::1", NameServer("::1")),
        ("[::1]:5353", NameServer("::1", 5353)),
    ],
)
def test_name_servers_are_parsed(text: str, expected: NameServer) -> None:
    assert parse_name_server(text, "--resolver") == expected
    assert parse_name_server(str(expected), "--resolver") == expected


@pytest.mark.parametrize(
    "text", ["", "dns.example.org", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "[::1", "[::1]:x", "a\x1b"]
)
def test_other_text_is_no_name_server(text: str) -> None:
    with pytest.raises(UsageError, match="--resolver takes the IP address of a name server") as caught:
        parse_name_server(text, "--resolver")
    assert caught.value.message.isprintable()


def test_the_size_before_an_answer_over_tcp_is_not_believed() -> None:
    """A resolver that announces more than it sends."""

    def lies(wire: bytes, over_tcp: bool) -> bytes:
        return struct.pack("!H", 60000) if over_tcp else wire[:2] + b"\x83" + wire[3:]

    assert failure({}, lies, seconds=1).isprintable()
