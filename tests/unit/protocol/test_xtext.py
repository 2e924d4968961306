"""Values in xtext, and what stands for itself in them."""

from __future__ import annotations

import pytest

from smtp_shell.protocol.xtext import as_xtext, decode_xtext, text_of


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        ("QQ314159", b"QQ314159"), ("a+2Bb", b"a+b"), ("+C3+A9", b"\xc3\xa9"), ("+00", b"\0"), ("a+2b", None), ("a=b", None), ("a b", None),
        ("+", None), ("+G0", None), ("é", None), ("", None),
    ],
)  # fmt: skip
def test_what_xtext_stands_for(value: str, octets: bytes | None) -> None:
    assert decode_xtext(value.encode()) in ((octets,) if value else (b"", None))
    assert text_of(value + "\udce9") is None
    assert text_of(value) == (None if octets is None else octets.decode("latin-1"))


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("plain", "plain"), ("a b", "a+20b"), ('"a b"', "a+20b"), ('"', '"'), ('""', ""), ('"a', '"a'), ("a+b", "a+2Bb"),
        ("a+2Bb", "a+2Bb"), ("a+ADb", "a+2BADb"),
        ("a+C3+A9", "a+C3+A9"), ("é", "+C3+A9"), ("a=b", "a+3Db"),
        ('a"', 'a"'), ("\udce9", "+E9"),
    ],
)  # fmt: skip
def test_what_a_user_typed_as_xtext(typed: str, sent: str) -> None:
    assert as_xtext(typed) == sent
