"""Whom the first response of an exchange names, for each mechanism."""

from __future__ import annotations

from base64 import b64encode

import pytest

from smtp_shell.protocol.sasl.reading import user_in


@pytest.mark.parametrize(
    ("mechanism", "response", "user"),
    [
        ("PLAIN", b"\0ann\0secret", "ann"), ("plain", b"boss\0ann\0secret", "ann"), ("PLAIN", b"ann\0secret", ""),
        ("PLAIN", b"a\0b\0c\0d", ""),        ("PLAIN", b"\0\xc3\xa9\0x", "\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("PLAIN", b"\0\xe9\0x", "\udce9"),
        ("PLAIN", b"\0a\nb\0x", "a\nb"),
        ("LOGIN", b"ann", "ann"), ("LOGIN", b"", ""),
        ("CRAM-MD5", b"ann b913a602c7eda7a495b4e6e7334d3890", "ann"), ("CRAM-MD5", b"a b 0F", "a b"), ("CRAM-MD5", b"ann xyz", ""),
        ("SCRAM-SHA-1", b"n,,n=ann,r=abc", "ann"), ("SCRAM-SHA-256", b"y,a=boss,n=ann,r=abc", "ann"),
        ("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,n=ann,r=abc", "ann"), ("SCRAM-SHA-1", b"x,,n=ann,r=abc", ""),
        ("SCRAM-SHA-256", b"n,,n=a=2Cb,r=abc", "a,b"),
        ("SCRAM-SHA-1", b"n,,n=a=2Cb=3Dc=2cd=3d=,r=abc", "a,b=c,d=="),
        ("XOAUTH2", b"user=ann\1auth=Bearer x\1\1", "ann"), ("XOAUTH2", b"USER=ann\1x", "ann"), ("XOAUTH2", b"user=a=2Cb\1x", "a=2Cb"),
        ("OAUTHBEARER", b"n,a=ann,\1host=x\1\1", "ann"), ("OAUTHBEARER", b"y,a=a=2Cb,\1\1", "a,b"), ("OAUTHBEARER", b"n,,\1\1", ""),
        ("EXTERNAL", b"ann", "ann"), ("ANONYMOUS", b"trace", "trace"), ("ANONYMOUS", b"two\nlines", "two\nlines"),
        ("DIGEST-MD5", b'charset=utf-8,username="ann",realm="x"', "ann"), ("DIGEST-MD5", b'username="a\\"b\\\\c"', 'a"b\\c'),
        ("DIGEST-MD5", b'realm="x", USERNAME="ann"', "ann"), ("DIGEST-MD5", b'nousername="ann"', ""), ("DIGEST-MD5", b"username=ann", ""),
        ("X-NEW", b"ann", ""), ("EXTERNAL-PLUS", b"ann", "ann"), ("\N{LATIN SMALL LETTER DOTLESS I}", b"ann", ""),
    ],
)  # fmt: skip
def test_the_user_of_a_response(mechanism: str, response: bytes, user: str) -> None:
    assert user_in(mechanism, b64encode(response)) == user
    assert user_in(mechanism, b" " + b64encode(response) + b"\r\n") == user


@pytest.mark.parametrize("response", [None, b"", b"=", b"no base64", b"YW5"])
def test_nobody_is_named_by_what_is_no_base64(response: bytes | None) -> None:
    assert user_in("LOGIN", response) == ""
    assert user_in("PLAIN", response) == ""
