"""Proxies: their URLs, and those that lie, stall, flood and answer garbage."""

import sys
import time

import pytest

from smtp_shell.config import PROXY_PASSWORD_VARIABLE
from smtp_shell.errors import ConfigError, ConnectFailed, UsageError
from smtp_shell.net.connect import connect
from smtp_shell.net.proxy import Proxy, parse_proxy, with_password
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.secret import Secret
from tests.support.peer import Hear, Peer, ScriptedServer, Turn

SERVER = Target(Way.TCP, "mail.example.org", 25)
GREETING = b"220 mail.example.org\r\n"
GRANTED = b"\x05\0\0\x01\x7f\0\0\x01\0\x19"
GARBAGE = bytes(range(256)) * 8


def through(url: str, address: str, seconds: float = 5.0, password: str = "") -> bytes:
    """Connect through the proxy at an address, and return the first octets of the server."""
    proxy = parse_proxy(url.format(address))
    if password:
        proxy = with_password(proxy, lambda question, hidden: password)
    transport = connect(SERVER, seconds, ConnectSettings(proxy=proxy))
    octets = transport.recv(time.monotonic() + 10) or b""
    transport.close()
    return octets


@pytest.mark.parametrize(
    ("text", "proxy", "shown"),
    [
        (
            "socks5h://proxy.example.org",
            Proxy("socks5h", "proxy.example.org", 1080),
            "socks5h://proxy.example.org:1080",
        ),
        ("SOCKS5://[::1]:1081", Proxy("socks5", "::1", 1081), "socks5://[::1]:1081"),
        ("http://ann%20b@192.0.2.1:3128/", None, ""),
        ("http://ann@192.0.2.1:3128", Proxy("http", "192.0.2.1", 3128, "ann"), "http://ann@192.0.2.1:3128"),
        (
            "socks4a://bücher.example",
            Proxy("socks4a", "xn--bcher-kva.example", 1080),
            "socks4a://xn--bcher-kva.example:1080",
        ),
    ],
)
def test_a_url_names_the_kind_the_place_and_the_user(text: str, proxy: Proxy | None, shown: str) -> None:
    if proxy is None:
        with pytest.raises(UsageError, match="white space"):
            parse_proxy(text)
        return
    assert parse_proxy(text) == proxy
    assert str(proxy) == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://h:1", "no such kind"),
        ("127.0.0.1:1080", "no such kind"),
        ("socks5://", "no address"),
        ("socks5://h:0", "no address"),
        ("socks5://h:99999", "no address"),
        ("socks5://h/path", "no address"),
        ("socks5://h\x1b[2J", r"no address|no such|\\x1b"),
        ("http://h", "no usual port"),
        ("http://user\r\nX@h:1", "control characters"),
    ],
)
def test_what_is_no_url_of_a_proxy_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse_proxy(text)
    assert "\x1b" not in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "text", ["socks5h://ann:hush@h", "http://ann:hush@h:1", "ann:hush@h", "socks5://ann%3Ahush@h", "ftp://ann:hu@sh@h"]
)
def test_a_password_in_the_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError, match=PROXY_PASSWORD_VARIABLE) as caught:
        parse_proxy(text)
    assert "hush" not in caught.value.message
    assert "hu@" not in caught.value.message


def test_the_password_comes_from_the_environment_or_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROXY_PASSWORD_VARIABLE, raising=False)
    proxy = parse_proxy("socks5h://ann@h")
    with pytest.raises(UsageError, match=PROXY_PASSWORD_VARIABLE):
        with_password(proxy, None)
    asked: list[tuple[str, bool]] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append((question, hidden))
        return "hush"

    answered = with_password(proxy, ask)
    assert answered.password == Secret("hush")
    assert asked == [("Password of ann for the proxy h:1080: ", True)]
    assert "hush" not in f"{answered} {answered!r}"
    monkeypatch.setenv(PROXY_PASSWORD_VARIABLE, "other")
    assert parse_proxy("socks5h://ann@h").password == Secret("other")
    assert parse_proxy("socks5h://h").password is None
    assert not parse_proxy("socks4://ann@h").wants_password


def test_without_the_library_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(ConfigError, match=r'pip install "smtp-shell\[proxy\]"'):
        through("socks5h://{}", "127.0.0.1:1")


@pytest.mark.parametrize(
    ("url", "turns"),
    [
        ("socks5h://{}", [b"\x05\0", GRANTED + GREETING]),
        ("socks5h://{}", [b"\x05", b"\0\x05\0\0\x03\x04host\0\x19", GREETING]),
        ("socks4a://{}", [b"\0\x5a\0\0\0\0\0\0" + GREETING]),
        ("http://{}", [b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" + GREETING]),
        ("http://{}", [b"HTTP/1.0 200 ", b"OK\r\nA: b\r\n\r", b"\n" + GREETING]),
    ],
)
def test_what_the_server_says_right_after_the_answer_is_not_lost(url: str, turns: list[Turn]) -> None:
    with ScriptedServer(turns) as proxy:
        assert through(url, proxy.address) == GREETING


@pytest.mark.parametrize(
    ("url", "turns"),
    [
        ("socks5h://{}", [GARBAGE]),
        ("socks5h://{}", [b"\x05\xff"]),
        ("socks5h://{}", [b"\x05\x02"]),
        ("socks5h://{}", [b"\x05\0", GARBAGE]),
        ("socks5h://{}", [b"\x05\0", b"\x05\0\0\x09" + GARBAGE]),
        ("socks5h://{}", [b"\x05\0", b"\x05\x01\0\x01\0\0\0\0\0\0"]),
        ("socks5h://{}", [GREETING]),
        ("socks4a://{}", [GARBAGE]),
        ("socks4a://{}", [b"\0\x5b\0\0\0\0\0\0"]),
        ("http://{}", [GARBAGE]),
        ("http://{}", [GREETING]),
        ("http://{}", [b"SSH-2.0 200 OK\r\n\r\n"]),
        ("http://{}", [b"HTTP/1.1 2_00 OK\r\n\r\n"]),
        ("http://{}", [b"HTTP/1.1 403 \x1b]0;owned\x07\xe2\x80\xae\r\n\r\n"]),
        ("http://{}", [b"HTTP/1.1 403 " + b"x" * 9000 + b"\r\n\r\n"]),
        ("http://{}", [b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 40_000]),
        ("http://{}", [b"HTTP/1.1 200 " + b"x" * 100_000]),
        *((f"{kind}://{{}}", []) for kind in ("socks5h", "socks4a", "http")),
    ],
)
def test_a_proxy_that_lies_is_one_clean_sentence(url: str, turns: list[Turn]) -> None:
    with ScriptedServer(turns, closes=True) as proxy, pytest.raises(ConnectFailed) as caught:
        through(url, proxy.address)
    assert "proxy" in caught.value.message
    assert len(caught.value.message) < 600
    assert all(character.isprintable() for character in caught.value.message)
    assert "\u202e" not in caught.value.message


@pytest.mark.parametrize("url", ["socks5h://{}", "socks4a://{}", "http://{}"])
@pytest.mark.parametrize("drips", [False, True])
def test_a_proxy_that_stalls_has_the_time_of_the_connection_and_no_more(url: str, drips: bool) -> None:
    def drip(peer: Peer) -> None:
        for octet in b"HTTP/1.1 200 OK" + b"x" * 10_000 if url.startswith("http") else b"\x05\0\x05":
            if proxy.over.wait(0.05) or not drips:
                break
            peer.sock.sendall(bytes((octet,)))
        proxy.over.wait(60)

    proxy = ScriptedServer(drip)
    began = time.monotonic()
    with proxy, pytest.raises(ConnectFailed, match="did not answer in time"):
        through(url, proxy.address, seconds=0.6)
    assert time.monotonic() - began < 15


def test_a_credential_goes_to_the_proxy_and_into_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROXY_PASSWORD_VARIABLE, raising=False)
    with ScriptedServer([b"\x05\x02\x01\x01"], closes=True) as proxy, pytest.raises(ConnectFailed) as caught:
        through("socks5h://ann@{}", proxy.address, password="hush-hush")
    assert "hush" not in caught.value.message
    with ScriptedServer([b"\x05\x02\x01\0" + GRANTED + GREETING]) as proxy:
        assert through("socks5h://ann@{}", proxy.address, password="hush-hush") == GREETING


@pytest.mark.parametrize(("user", "password"), [("a:b", "x"), ("ann", "\u20ac"), ("ann", "x" * 300)])
def test_a_credential_that_the_proxy_cannot_be_told_is_one_sentence(user: str, password: str) -> None:
    proxy = Proxy("http", "127.0.0.1", 1, user, Secret(password))
    with ScriptedServer([b"HTTP/1.1 407 No\r\n\r\n"], closes=True) as server:
        host, _, port = server.address.rpartition(":")
        for scheme in ("http", "socks5h"):
            there = Proxy(scheme, host, int(port), proxy.user, proxy.password)
            with pytest.raises(ConnectFailed) as caught:
                connect(SERVER, 5, ConnectSettings(proxy=there))
            assert password not in caught.value.message or password == "x"


def test_a_proxy_that_is_not_there_is_named() -> None:
    with pytest.raises(ConnectFailed, match=r"the proxy socks5h://127\.0\.0\.1:1: no connection to 127\.0\.0\.1:1: "):
        through("socks5h://{}", "127.0.0.1:1")


def test_socks_4_has_no_ipv6() -> None:
    settings = ConnectSettings(proxy=parse_proxy("socks4://127.0.0.1:1"))
    with pytest.raises(ConnectFailed, match="SOCKS 4 knows IPv4 only"):
        connect(Target(Way.TCP, "::1", 25), 5, settings)


@pytest.mark.parametrize("target", [Target(Way.UNIX, "/nowhere"), Target(Way.PIPE, "true")])
@pytest.mark.parametrize("settings", [ConnectSettings(proxy=Proxy("http", "h", 1)), ConnectSettings(source_port=2525)])
def test_what_is_for_tcp_is_not_ignored_elsewhere(target: Target, settings: ConnectSettings) -> None:
    with pytest.raises(ConnectFailed, match=r"--(proxy|source :2525) is for HOST:PORT"):
        connect(target, 5, settings)


@pytest.mark.parametrize(
    ("url", "turns", "asked"),
    [
        (
            "socks4a://ann@{}",
            [Hear(b"org\0"), b"\0\x5a\0\0\0\0\0\0" + GREETING],
            b"\x04\x01\0\x19\0\0\0\x01ann\0mail.example.org\0",
        ),
        (
            "socks5h://{}",
            [Hear(b"\0"), b"\x05\0", Hear(b"org\0\x19"), GRANTED + GREETING],
            b"\x05\x01\0\x05\x01\0\x03\x10mail.example.org\0\x19",
        ),
    ],
)
def test_the_name_is_told_to_a_proxy_that_looks_it_up(url: str, turns: list[Turn], asked: bytes) -> None:
    with ScriptedServer(turns) as proxy:
        assert through(url, proxy.address) == GREETING
    assert proxy.received == asked
