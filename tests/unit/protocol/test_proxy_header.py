"""The PROXY header, octet for octet as HAProxy's text describes it."""

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.protocol.proxy_header import FORMS, Endpoint, ProxyHeader
from smtp_shell.protocol.rawlines import is_whole_proxy_header

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
A4, B4 = ("192.0.2.7", 4711), ("192.0.2.25", 25)
A6, B6 = ("2001:db8::7", 4711), ("2001:db8::25", 25)


@pytest.mark.parametrize(
    ("form", "ends", "octets"),
    [
        ("v1", (A4, B4), b"PROXY TCP4 192.0.2.7 192.0.2.25 4711 25\r\n"),
        ("v1", (A6, B6), b"PROXY TCP6 2001:db8::7 2001:db8::25 4711 25\r\n"),
        ("v1", (None, B4), b"PROXY UNKNOWN\r\n"),
        ("v1-unknown", (A4, B4), b"PROXY UNKNOWN\r\n"),
        ("v2", (A4, B4), SIGNATURE + bytes.fromhex("2111000c c0000207 c0000219 1267 0019")),
        (
            "v2",
            (A6, B6),
            SIGNATURE
            + bytes.fromhex("21210024 20010db8000000000000000000000007 20010db8000000000000000000000025 1267 0019"),
        ),
        ("v2", (A4, None), SIGNATURE + bytes.fromhex("20000000")),
        ("v2-local", (A4, B4), SIGNATURE + bytes.fromhex("20000000")),
        ("v1", (("::ffff:192.0.2.7", 4711), B4), b"PROXY TCP4 192.0.2.7 192.0.2.25 4711 25\r\n"),
        ("v1", (("fe80::1%eth0", 1), B6), b"PROXY TCP6 fe80::1 2001:db8::25 1 25\r\n"),
    ],
)
def test_the_header(form: str, ends: tuple[Endpoint | None, Endpoint | None], octets: bytes) -> None:
    assert ProxyHeader(form).octets(*ends) == octets
    assert is_whole_proxy_header(octets)
    assert not is_whole_proxy_header(octets[:-1])
    assert not is_whole_proxy_header(octets + b"x")
    assert ProxyHeader("", verbatim=octets).octets(*ends) == octets
    assert ProxyHeader(form).words(*ends).startswith("the PROXY header ")


def test_what_is_given_goes_before_what_the_connection_has() -> None:
    header = ProxyHeader("v1", source=A4)
    assert header.octets(("127.0.0.1", 1), B4) == b"PROXY TCP4 192.0.2.7 192.0.2.25 4711 25\r\n"


def test_the_destination_may_be_given_too() -> None:
    header = ProxyHeader("v1", source=A4, destination=B4)
    assert header.octets(None, A4) == b"PROXY TCP4 192.0.2.7 192.0.2.25 4711 25\r\n"


def test_a_header_in_words() -> None:
    assert ProxyHeader("v1").words(A4, B4) == (
        "the PROXY header says: a client at 192.0.2.7 port 4711, which connected to 192.0.2.25 port 25"
    )
    assert ProxyHeader("v1-unknown").words(A4, B4) == "the PROXY header names no addresses"
    for form in ("v1", "v1-unknown"):
        assert ProxyHeader(form, verbatim=b"PROXY UNKNOWN\r\n").words(A4, B4) == "the PROXY header is the transcript's"


def test_the_forms_of_a_header() -> None:
    assert FORMS == ("v1", "v2", "v1-unknown", "v2-local")


@pytest.mark.parametrize("form", FORMS[:2])
def test_two_families_in_one_header_are_refused(form: str) -> None:
    with pytest.raises(UsageError, match="one family"):
        ProxyHeader(form, source=A6).octets(A4, B4)


@pytest.mark.parametrize("octets", [b"", b"PROXY", b"PROXYX\r\n", b"EHLO x\r\n", b"PROXY UNKNOWN\r\nEHLO x\r\n"])
def test_other_octets_are_no_header(octets: bytes) -> None:
    assert not is_whole_proxy_header(octets)
