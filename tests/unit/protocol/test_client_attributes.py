"""Attributes of XCLIENT and XFORWARD as a user types them, and as they are sent."""

import pytest

from smtp_shell.protocol.client_attributes import ATTRIBUTES, written_attributes


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("name=client.example.org addr=192.0.2.1", ("NAME=client.example.org", "ADDR=192.0.2.1")),
        ("addr=2001:db8::1", ("ADDR=IPV6:2001:db8::1",)),
        ("ADDR=IPV6:2001:db8::1 destaddr=::1", ("ADDR=IPV6:2001:db8::1", "DESTADDR=IPV6:::1")),
        ("helo=::1", ("HELO=::1",)),
        ("addr=::1%eth0", ("ADDR=::1%eth0",)),
        ("addr=[UNAVAILABLE]", ("ADDR=[UNAVAILABLE]",)),
        ('helo="a b" login=ann+x@example.org', ("HELO=a+20b", "LOGIN=ann+2Bx@example.org")),
        ("name=a+2Bb", ("NAME=a+2Bb",)),
        ("name=büro", ("NAME=b+C3+BCro",)),
        ("name=a\x1bb", ("NAME=a+1Bb",)),
        ("name=", None),
        ("name", None),
        ("", None),
        ("name=a b", None),
        ('name="a', None),
        ("=a", None),
    ],
)
def test_attributes_go_out_in_capitals_and_xtext(typed: str, sent: tuple[str, ...] | None) -> None:
    assert written_attributes(typed) == sent


def test_the_attributes_of_xclient_and_xforward() -> None:
    assert " ".join(ATTRIBUTES) == ("NAME REVERSE_NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT IDENT SOURCE")
