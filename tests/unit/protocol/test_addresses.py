"""The shorthand: what a person types behind `mail` and `rcpt`, and the paths that it stands for."""

import time

import pytest

from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.protocol.addresses import EnvelopePath, as_sent, parse_paths, with_ascii_domain
from smtp_shell.protocol.commands import Command

SHORTHAND = [
    # typed, what goes behind FROM: or TO:, one for each command
    ("alice@example.org", ["<alice@example.org>"]),
    ("  alice@example.org\t", ["<alice@example.org>"]),
    ("<alice@example.org>", ["<alice@example.org>"]),
    ("<>", ["<>"]),
    ("<> size=1200", ["<> SIZE=1200"]),
    ("<postmaster>", ["<postmaster>"]),
    ("alice@example.org size=1200 body=8bitmime", ["<alice@example.org> SIZE=1200 BODY=8bitmime"]),
    ("alice@example.org smtputf8", ["<alice@example.org> SMTPUTF8"]),
    ("alice@example.org   size=1\tbody=7BIT", ["<alice@example.org> SIZE=1 BODY=7BIT"]),
    ("bob@example.org carol@example.org", ["<bob@example.org>", "<carol@example.org>"]),
    ("bob@example.org <carol@example.org>", ["<bob@example.org>", "<carol@example.org>"]),
    ("<bob@example.org> notify=never carol@example.org notify=delay",
     ["<bob@example.org> NOTIFY=never", "<carol@example.org> NOTIFY=delay"]),
    ("<a@b> notify=success,failure orcpt=rfc822;x@y", ["<a@b> NOTIFY=success,failure ORCPT=rfc822;x@y"]),
    ("ann+tag@example.org", ["<ann+tag@example.org>"]),
    ("a=b@example.org", ["<a=b@example.org>"]),
    ("bob@example.org a=b@example.org", ["<bob@example.org> A=b@example.org"]),
    ('alice@example.org envid="x ', ['<alice@example.org> ENVID="x']),
    ("<bob@example.org> <a=b@example.org>", ["<bob@example.org>", "<a=b@example.org>"]),
    # quoted local parts: RFC 5321 §4.1.2
    ('"ann lee"@example.org', ['<"ann lee"@example.org>']),
    ('"a\\"b"@example.org', ['<"a\\"b"@example.org>']),
    ('"a@b"@example.org', ['<"a@b"@example.org>']),
    ('"a>b"@example.org size=1', ['<"a>b"@example.org> SIZE=1']),
    ('<"a>b c"@example.org> size=1', ['<"a>b c"@example.org> SIZE=1']),
    ('""@example.org', ['<""@example.org>']),
    # address literals: RFC 5321 §4.1.3
    ("ann@[192.0.2.1]", ["<ann@[192.0.2.1]>"]),
    ("ann@[IPv6:2001:db8::1]", ["<ann@[IPv6:2001:db8::1]>"]),
    ("ann@[IPv6:::1] bob@[192.0.2.1]", ["<ann@[IPv6:::1]>", "<bob@[192.0.2.1]>"]),
    # UTF-8: RFC 6531
    ("j\u00f6rg@example.org", ["<j\u00f6rg@example.org>"]),
    ("\u6771\u4eac@\u4f8b.example", ["<\u6771\u4eac@\u4f8b.example>"]),
    ("ann@example.org \u017fize=1", ["<ann@example.org> \u017fize=1"]),
    ("<a<b>", ["<a<b>"]),
    # wrong on purpose, in angle brackets: sent as it stands
    ("<no address at all>", ["<no address at all>"]),
    ("<a@b@c>", ["<a@b@c>"]),
    ("<@relay.example.net:ann@example.org>", ["<@relay.example.net:ann@example.org>"]),
]  # fmt: skip

AS_TYPED = [
    "",
    "   ",
    "from: a@b",
    "from:a@b",
    "FROM:<a@b>",
    "from :<a@b>",
    "from a@b",
    "to:<a@b>",
    "TO: <a@b>",
    "ann",
    "ann@",
    "@example.org",
    "a@b@c",
    "a@b,c@d",
    "a@b, c@d",
    "a@b;",
    "<",
    ">",
    "<a@b",
    "a@b>",
    '"ann@example.org',
    "ann@[192.0.2.1",
    "Ann Lee <ann@example.org>",
    "a\\@b",
    "a\u00a0b@example.org",
    "a@b\u2028c@d",
    "<a@b <c@d>",
    "a@b\r\nRSET",
    "<a@b>\r\nRSET",
    "a@b\r\nc@d",
    "a@b\x0bc@d",
]


@pytest.mark.parametrize(("typed", "paths"), SHORTHAND)
def test_a_shorthand(typed: str, paths: list[str]) -> None:
    found = parse_paths(typed)
    assert found is not None
    assert [str(path) for path in found] == paths


@pytest.mark.parametrize("typed", AS_TYPED)
def test_what_goes_out_as_typed(typed: str) -> None:
    assert parse_paths(typed) is None


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("ann@stra\u00dfe.example", "<ann@xn--strae-oqa.example>"),
        ("ann@M\u00dcNCHEN.example size=1", "<ann@xn--mnchen-3ya.example> SIZE=1"),
        ("<ann@fa\u00df\u3002example>", "<ann@xn--fa-hia.example>"),
        ("ann@stra\u00dfe.example smtputf8", "<ann@stra\u00dfe.example> SMTPUTF8"),
        ("j\u00fcrgen@stra\u00dfe.example", "<j\u00fcrgen@stra\u00dfe.example>"),
        ("Ann@Example.Org", "<Ann@Example.Org>"),
        ("ann@[192.0.2.1]", "<ann@[192.0.2.1]>"),
        ("<>", "<>"),
        ("<postmaster>", "<postmaster>"),
        ("<p\u00f6stmaster>", "<p\u00f6stmaster>"),
        ("<ann@a..b>", "<ann@a..b>"),
        ('"a@b"@stra\u00dfe.example', '<"a@b"@xn--strae-oqa.example>'),
    ],
)
def test_a_domain_outside_ascii_is_sent_as_idna_2008_writes_it(typed: str, sent: str) -> None:
    (path,) = parse_paths(typed) or ()
    assert str(with_ascii_domain(path)) == sent


@pytest.mark.parametrize("domain", ["\u00e4..b", "\U0001f4a9.example", "\u00e4" * 64 + ".example"])
def test_a_domain_that_is_none_is_refused(domain: str) -> None:
    (path,) = parse_paths(f"<ann@{domain}>") or ()
    with pytest.raises(UsageError, match="is no host name"):
        with_ascii_domain(path)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("ann@stra\u00dfe.example", "<ann@xn--strae-oqa.example>"),
        ("ann@example.org envid=a=b size=1", "<ann@example.org> ENVID=a+3Db SIZE=1"),
        ("ann@stra\u00dfe.example size=1", "<ann@xn--strae-oqa.example> SIZE=1"),
    ],
)
def test_a_path_as_a_shorthand_sends_it(typed: str, sent: str) -> None:
    (path,) = parse_paths(typed) or ()
    assert str(as_sent(path)) == sent


def test_the_parts_of_a_path() -> None:
    assert parse_paths("alice@example.org size=1 smtputf8") == (
        EnvelopePath("alice@example.org", ("SIZE=1", "SMTPUTF8")),
    )


@pytest.mark.parametrize("typed", ["<a@b\r\n>", "<> size=1\nRSET", "a@b size=\0", "a@b \r c@d"])
def test_a_line_break_in_a_value_is_kept_for_the_command_to_refuse(typed: str) -> None:
    path, *_ = parse_paths(typed) or ()
    with pytest.raises(NotSendable):
        Command.of("MAIL", f"FROM:{path}")


@pytest.mark.parametrize("piece", ["<", '<"', '<a "', '"', '"\\', "a@b "])
def test_a_long_line_takes_no_long_time(piece: str) -> None:
    start = time.thread_time()
    parse_paths(piece * 20_000)
    assert time.thread_time() - start < 1
