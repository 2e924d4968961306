"""Two lines that mean the same, and two that do not."""

import pytest

from smtp_shell.study.meaning import same_meaning

SAME = [
    ("EHLO laptop.example", "ehlo me"),
    ("EHLO laptop.example", "EHLO [192.0.2.1]"),
    ("helo mcheng@example.org", "HELO me@example.org"),
    ("MAIL FROM:<ann@example.org>", "mail from:<bob@example.net>"),
    ("MAIL FROM:<ann@example.org>", "MAIL FROM: <bob@example.net>"),
    ("MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME", "MAIL FROM:<c@d> body=7bit size=2"),
    ("MAIL FROM:<>", "mail from:<>"),
    ("MAIL FROM:<büro@example.org> SMTPUTF8", "MAIL FROM:<ünal@example.org> smtputf8"),
    ("RCPT TO:<a@b>", "rcpt to:<c@d>"),
    ("DATA", "data"),
    ("QUIT", "  quit  "),
    ("VRFY bob@example.org", "VRFY x"),
    ("HELLO", "HALLO"),
    ("AUTH PLAIN ${sasl}", "auth plain"),
    ("AUTH PLAIN ${sasl}", "AUTH PLAIN AGEAYg=="),
    ("AUTH PLAIN", "AUTH PLAIN AGEAYg=="),
    ("AUTH LOGIN", "auth login"),
    ("AUTH CRAM-MD5 eA==", "AUTH cram-md5 eQ=="),
    ("mail from mcheng", "MAIL FROM bob"),
]
OTHER = [
    ("EHLO laptop.example", "HELO laptop.example"),
    ("EHLO laptop.example", "EHLO"),
    ("helo mcheng@example.org", "helo mcheng"),
    ("MAIL FROM:<a@b>", "MAIL FROM:<>"),
    ("MAIL FROM:<a@b>", "MAIL FROM <a@b>"),
    ("MAIL FROM:<a@b>", "MAIL FROM:a@b"),
    ("MAIL FROM:<a@b>", "RCPT TO:<a@b>"),
    ("MAIL FROM:<a@b>", "MAIL FROM:<a@b> SIZE=1"),
    ("MAIL FROM", "MAIL FROM:<a@b>"),
    ("MAIL FROM:<büro@example.org>", "MAIL FROM:<buero@example.org>"),
    ("AUTH LOGIN", "AUTH PLAIN"),
    ("AUTH CRAM-MD5 eA==", "AUTH CRAM-MD5"),
    ("NOOP", "RSET"),
    ("HELLO", "NOOP"),
    ("NOOP", ""),
    ("VRFY bob", "VRFY"),
]


@pytest.mark.parametrize(("expected", "typed"), SAME)
def test_same(expected: str, typed: str) -> None:
    assert same_meaning(expected.encode(), typed.encode())


@pytest.mark.parametrize(("expected", "typed"), OTHER)
def test_other(expected: str, typed: str) -> None:
    assert not same_meaning(expected.encode(), typed.encode())
