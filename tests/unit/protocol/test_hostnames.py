"""Host names as they go over the wire, and those that are none."""

from __future__ import annotations

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.protocol.hostnames import ascii_name

EMPTY = "a label between its dots is empty"
LONGEST = ".".join(["x" * 63] * 3 + ["y" * 61])  # 253 octets


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("mail.example.org", "mail.example.org"), ("mail.example.org.", "mail.example.org."), ("MX_1.example", "MX_1.example"),
        ("localhost", "localhost"), ("x" * 63, "x" * 63), (LONGEST, LONGEST), (LONGEST + ".", LONGEST + "."),
        ("straße.example", "xn--strae-oqa.example"), ("BÜRO.example", "xn--bro-hoa.example"), ("büro。example", "xn--bro-hoa.example"),
    ],
)  # fmt: skip
def test_a_name_in_ascii(name: str, sent: str) -> None:
    assert ascii_name(name) == sent


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", EMPTY), (".", EMPTY), ("a..b", EMPTY),
        (".a", EMPTY), ("a..", EMPTY),
        ("x" * 64, "a label is longer than 63 octets"), ("a." + "x" * 64 + ".b", "a label is longer than 63 octets"),
        (LONGEST[:-1] + ".y", "it is longer than 253 octets"), ("ü" * 64, "label too long (IDNA 2008)"),
        ("ü..b", "empty Label (IDNA 2008)"),
    ],
)  # fmt: skip
def test_what_is_no_host_name(name: str, why: str) -> None:
    with pytest.raises(UsageError) as found:
        ascii_name(name)
    assert str(found.value) == f"{name[:253]} is no host name: {why}; correct it."
