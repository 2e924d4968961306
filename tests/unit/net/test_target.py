"""What a person names, and where that leads."""

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.net.target import Target, Way, parse_target

TARGETS: list[tuple[str, Target, str]] = [
    ("mail.example.com", Target(Way.TCP, "mail.example.com", 25), "mail.example.com:25"),
    ("mail.example.com:2525", Target(Way.TCP, "mail.example.com", 2525), "mail.example.com:2525"),
    ("mail.example.com:", Target(Way.TCP, "mail.example.com", 25), "mail.example.com:25"),
    ("MAIL.example.com", Target(Way.TCP, "mail.example.com", 25), "mail.example.com:25"),
    ("192.0.2.1", Target(Way.TCP, "192.0.2.1", 25), "192.0.2.1:25"),
    ("192.0.2.1:587", Target(Way.TCP, "192.0.2.1", 587), "192.0.2.1:587"),
    ("::1", Target(Way.TCP, "::1", 25), "[::1]:25"),
    ("2001:db8::1", Target(Way.TCP, "2001:db8::1", 25), "[2001:db8::1]:25"),
    ("[::1]", Target(Way.TCP, "::1", 25), "[::1]:25"),
    ("[::1]:2525", Target(Way.TCP, "::1", 2525), "[::1]:2525"),
    ("smtp://mail.example.com", Target(Way.TCP, "mail.example.com", 25), "mail.example.com:25"),
    ("SMTP://mail.example.com/", Target(Way.TCP, "mail.example.com", 25), "mail.example.com:25"),
    ("smtp://[::1]:26", Target(Way.TCP, "::1", 26), "[::1]:26"),
    ("0:0:0:0:0:0:0:1", Target(Way.TCP, "::1", 25), "[::1]:25"),
    ("[2001:DB8:0:0::25]:26", Target(Way.TCP, "2001:db8::25", 26), "[2001:db8::25]:26"),
    ("::ffff:192.0.2.1", Target(Way.TCP, "::ffff:192.0.2.1", 25), "[::ffff:192.0.2.1]:25"),
    ("smtps://mail.example.com", Target(Way.TCP, "mail.example.com", 465, tls=True), "mail.example.com:465"),
    ("smtps://mail.example.com:5465", Target(Way.TCP, "mail.example.com", 5465, tls=True), "mail.example.com:5465"),
    ("lmtp://mail.example.com", Target(Way.TCP, "mail.example.com", 24, lmtp=True), "mail.example.com:24"),
    ("lmtp+unix:/run/lmtp", Target(Way.UNIX, "/run/lmtp", lmtp=True), "lmtp+unix:/run/lmtp"),
    ("lmtp+unix:///run/lmtp", Target(Way.UNIX, "/run/lmtp", lmtp=True), "lmtp+unix:/run/lmtp"),
    ("lmtp+unix:/a%20b", Target(Way.UNIX, "/a b", lmtp=True), "lmtp+unix:/a b"),
    ("pipe:sendmail -bs", Target(Way.PIPE, "sendmail -bs"), "pipe:sendmail -bs"),
    ("pipe:sh -c 'a://b'", Target(Way.PIPE, "sh -c 'a://b'"), "pipe:sh -c 'a://b'"),
    ("m\u00fcnchen.example", Target(Way.TCP, "xn--mnchen-3ya.example", 25), "xn--mnchen-3ya.example:25"),
    ("stra\u00dfe.example:26", Target(Way.TCP, "xn--strae-oqa.example", 26), "xn--strae-oqa.example:26"),
    ("smtps://fa\u00df.example", Target(Way.TCP, "xn--fa-hia.example", 465, tls=True), "xn--fa-hia.example:465"),
    ("M\u00dcNCHEN.Example", Target(Way.TCP, "xn--mnchen-3ya.example", 25), "xn--mnchen-3ya.example:25"),
    ("mail\u3002example\u3002com", Target(Way.TCP, "mail.example.com", 25), "mail.example.com:25"),
    ("xn--strae-oqa.example", Target(Way.TCP, "xn--strae-oqa.example", 25), "xn--strae-oqa.example:25"),
    ("xn--ls8h.example", Target(Way.TCP, "xn--ls8h.example", 25), "xn--ls8h.example:25"),
    ("mail.example.com:smtp", Target(Way.TCP, "mail.example.com", 25), "mail.example.com:25"),
    ("mail.example.com:Submission", Target(Way.TCP, "mail.example.com", 587), "mail.example.com:587"),
    (
        "smtps://mail.example.com:submissions",
        Target(Way.TCP, "mail.example.com", 465, tls=True),
        "mail.example.com:465",
    ),
    ("[::1]:smtp", Target(Way.TCP, "::1", 25), "[::1]:25"),
    ("mx.example.com", Target(Way.TCP, "mx.example.com", 25), "mx.example.com:25"),
    ("mail.example.com.:26", Target(Way.TCP, "mail.example.com.", 26), "mail.example.com.:26"),
]

NO_TARGETS = [
    ("", "is no address"),
    (":25", "is no address"),
    ("smtp://", "is no address"),
    ("mail.example.com:pop3", "is no address"),
    ("mail.example.com:99999", "is no address"),
    ("mail.example.com:-1", "is no address"),
    ("mail.example.com:\u0662\u0665", "is no address"),
    ("[::1", "is no address"),
    ("[::1]x", "is no address"),
    ("mail.example.com/path", "is no address"),
    ("smtp://mail.example.com?x=y", "is no address"),
    ("smtp://mail.example.com#x", "is no address"),
    ("two words", "is no address"),
    ("mail.example.com\n", "is no address"),
    ("mail\n.example.com", "is no address"),
    ("mail.example.com\r\nRSET", "is no address"),
    ("mail.\texample.com", "is no address"),
    (" mail.example.com", "is no address"),
    ("mail.example.com\0", "is no address"),
    ("mail.example.com:0", "port 0 cannot be connected to"),
    ("http://mail.example.com", "http:// is no scheme for mail"),
    ("://mail.example.com", ":// is no scheme for mail"),
    ("pipe:", "names nothing"),
    ("pipe:  ", "names nothing"),
    ("lmtp+unix:", "names nothing"),
    ("lmtp+unix://", "names nothing"),
    (f"{'a' * 64}.example", "is no host name: a label is longer than 63 octets"),
    ("\u00e4" * 64 + ".example", "is no host name: label too long (IDNA 2008)"),
    (".".join(["abc"] * 64), "is no host name: it is longer than 253 octets"),
    ("a..b", "is no host name: a label between its dots is empty"),
    ("mail.example.com..", "a label between its dots is empty"),
    ("\u00e4..b", "is no host name: empty Label (IDNA 2008)"),
    ("\U0001f4a9.example", "is no host name: codepoint U+1F4A9 at position 1"),
    ("\u05d01a.example", "is no host name: invalid direction for codepoint"),
    ("xn--zzzz.\u00e4", "is no host name: invalid A-label (IDNA 2008)"),
    ("\udcff.example", "is no host name: codepoint U+DCFF"),
]


@pytest.mark.parametrize(("text", "target", "shown"), TARGETS)
def test_a_target(text: str, target: Target, shown: str) -> None:
    assert parse_target(text) == target
    assert str(target) == shown


@pytest.mark.parametrize(("text", "reason"), NO_TARGETS)
def test_what_is_no_target(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "tls", "starttls", "target"),
    [
        ("h", False, True, Target(Way.TCP, "h", 587, starttls=True)),
        ("h:25", False, True, Target(Way.TCP, "h", 25, starttls=True)),
        ("h", True, False, Target(Way.TCP, "h", 465, tls=True)),
        ("smtp://h:25", True, False, Target(Way.TCP, "h", 25, tls=True)),
        ("lmtp://h", False, True, Target(Way.TCP, "h", 24, starttls=True, lmtp=True)),
        ("lmtp+unix:/s", True, False, Target(Way.UNIX, "/s", tls=True, lmtp=True)),
        ("pipe:x", False, True, Target(Way.PIPE, "x", starttls=True)),
    ],
)
def test_tls_from_the_start_or_after_a_command(text: str, tls: bool, starttls: bool, target: Target) -> None:
    assert parse_target(text, tls=tls, starttls=starttls) == target


def test_tls_cannot_begin_twice() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        parse_target("h", tls=True, starttls=True)


@pytest.mark.parametrize("text", ["smtp://ann:secret@mail.example.com", "ann@mail.example.com", "smtp://:secret@h"])
def test_a_credential_has_no_place_in_an_address(text: str) -> None:
    with pytest.raises(UsageError, match="give the user beside it") as caught:
        parse_target(text)
    assert "secret" not in str(caught.value)


def test_the_name_on_the_certificate() -> None:
    assert parse_target("smtps://mail.example.com").name == "mail.example.com"
    assert parse_target("smtps://mail.example.com.").name == "mail.example.com"
    assert parse_target("smtps://stra\u00dfe.example").name == "xn--strae-oqa.example"
    assert parse_target("[::ffff:192.0.2.1]:465").name == "192.0.2.1"
    assert parse_target("[fe80::1%eth0]:465").name == "fe80::1"
    assert parse_target("[2001:db8::1]:465").name == "2001:db8::1"
    assert parse_target("lmtp+unix:/s").name == parse_target("pipe:x").name == "localhost"


def test_a_target_shows_no_control_characters() -> None:
    assert str(parse_target("pipe:\x1b[2J")) == "pipe:\\x1b[2J"
    assert str(parse_target("lmtp+unix:/%1b%0a")) == "lmtp+unix:/\\x1b\\x0a"


@pytest.mark.parametrize(
    ("text", "target", "shown"),
    [
        ("mx:example.org", Target(Way.MX, "example.org", 25), "mx:example.org"),
        ("MX:Example.org:2525", Target(Way.MX, "example.org", 2525), "mx:example.org:2525"),
        ("mx:example.org:submission", Target(Way.MX, "example.org", 587), "mx:example.org:587"),
        ("mx:m\u00fcnchen.example", Target(Way.MX, "xn--mnchen-3ya.example", 25), "mx:xn--mnchen-3ya.example"),
    ],
)
def test_a_domain(text: str, target: Target, shown: str) -> None:
    assert parse_target(text, mx=True) == target
    assert str(target) == shown
    assert parse_target(text, mx=True, starttls=True).port == target.port


@pytest.mark.parametrize("text", ["mx:192.0.2.1", "mx:[::1]", "mx:a b", "mx:a@b.example", "mx:a..b", "mx:a\x1b[31m"])
def test_what_is_no_domain(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text, mx=True)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("text", "port"), [("mx:25", 25), ("mx:submission", 587), ("MX:", 25), ("smtp://mx:26", 26)])
def test_a_host_may_be_named_mx(text: str, port: int) -> None:
    assert parse_target(text, mx=True) == parse_target(text) == Target(Way.TCP, "mx", port)


def test_a_domain_where_a_host_is_needed() -> None:
    with pytest.raises(UsageError, match="is a domain, and a host is needed here"):
        parse_target("mx:example.org")
