"""Looking names up, address literals, and the name of this host. No name server is asked."""

import errno
import socket
import threading
import time

import pytest

from smtp_shell.errors import ConnectFailed
from smtp_shell.net.name_server import NameServer
from smtp_shell.net.resolve import Address, local_name, resolve
from smtp_shell.net.target import Target, Way


def soon() -> float:
    return time.monotonic() + 5


def tcp(host: str) -> Target:
    return Target(Way.TCP, host, 25)


@pytest.mark.parametrize(
    ("host", "family", "shown"),
    [("192.0.2.1", socket.AF_INET, "192.0.2.1:25"), ("2001:db8::1", socket.AF_INET6, "[2001:db8::1]:25")],
)
def test_an_address_literal_is_not_looked_up(
    monkeypatch: pytest.MonkeyPatch, host: str, family: int, shown: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    for wanted in (0, family):
        (address,) = resolve(tcp(host), soon(), wanted)
        assert address == Address(family, (host, 25))
        assert str(address) == shown


def test_all_addresses_of_a_name_are_returned_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def look_up(*arguments: object) -> list[object]:
        asked.append(arguments)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 25, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 25)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    found = resolve(tcp("mail.example.com"), soon(), socket.AF_INET6)
    assert [str(address) for address in found] == ["[2001:db8::1]:25", "192.0.2.1:25"]
    assert asked == [("mail.example.com", 25, socket.AF_INET6, socket.SOCK_STREAM)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the name is not known; check the name and the network"),
        (UnicodeError(), "it is no valid host name; check the name"),
        (OSError(24, "Too many open files"), "too many open files; check the name"),
    ],
)
def test_why_a_name_has_no_address(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ConnectFailed, match=words):
        resolve(tcp("mail.example.com"), soon())


def test_a_name_outside_ascii_is_looked_up_by_idna_2008(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def look_up(host: str, *_: object) -> list[object]:
        asked.append(host)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolve(tcp("stra\u00dfe.example"), soon())
    assert asked == ["xn--strae-oqa.example"]
    with pytest.raises(ConnectFailed, match=r"is no host name: empty Label"):
        resolve(tcp("\u00e4..b"), soon())


def test_a_look_up_that_never_ends_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: over.wait(5) and [])
    try:
        with pytest.raises(ConnectFailed, match="the name was not found in time"):
            resolve(tcp("mail.example.com"), time.monotonic() + 0.1)
    finally:
        over.set()


@pytest.mark.parametrize(
    ("host_name", "full_name", "address", "expected"),
    [
        ("pc.example.net", "unused.example.net", "192.0.2.1", "pc.example.net"),
        ("pc", "pc.example.net", "192.0.2.1", "pc.example.net"),
        ("pc", "pc", "192.0.2.1", "[192.0.2.1]"),
        ("pc", "pc", "2001:db8::1", "[IPv6:2001:db8::1]"),
        ("pc", "pc", "", "[127.0.0.1]"),
        ("localhost.localdomain", "", "192.0.2.1", "[192.0.2.1]"),
        ("my_pc.example.net", "", "192.0.2.1", "[192.0.2.1]"),
        ("pc.example.net\n", "", "192.0.2.1", "[192.0.2.1]"),
        ("pc.example.net.", "", "192.0.2.1", "pc.example.net"),
        ("pc", "pc.example.net.", "192.0.2.1", "pc.example.net"),
        ("192.0.2.7", "unused.example.net", "192.0.2.1", "[192.0.2.1]"),
        ("pc", "192.0.2.7", "192.0.2.1", "[192.0.2.1]"),
        ("10.1", "", "192.0.2.1", "[192.0.2.1]"),
        ("0x7f.0x1", "", "192.0.2.1", "[192.0.2.1]"),
        ("a" * 64 + ".example.net", "", "192.0.2.1", "[192.0.2.1]"),
        ("pc", "pc", "::ffff:192.0.2.1", "[192.0.2.1]"),
        ("pc", "pc", "::FFFF:c000:201", "[192.0.2.1]"),
        ("pc", "pc", "fe80::1%eth0", "[IPv6:fe80::1]"),
        ("pc", "pc", "::1", "[IPv6:::1]"),
    ],
)
def test_the_name_for_ehlo(
    monkeypatch: pytest.MonkeyPatch, host_name: str, full_name: str, address: str, expected: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host_name)
    monkeypatch.setattr(socket, "getfqdn", lambda: full_name)
    assert local_name(address) == expected


def test_the_name_for_ehlo_does_not_wait_for_a_slow_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "gethostname", lambda: "pc")
    monkeypatch.setattr(socket, "getfqdn", lambda: over.wait(5) and "pc.example.net")
    assert local_name("192.0.2.1", seconds=0.05) == "[192.0.2.1]"
    over.set()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "mail.localhost"])
def test_a_name_of_this_machine_is_asked_of_no_resolver(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 25))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    nobody = NameServer("192.0.2.53", 53)
    assert list(map(str, resolve(tcp(host), soon(), server=nobody))) == ["127.0.0.1:25"]


def refuse(*args: object) -> None:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("call", ["gethostname", "getfqdn"])
def test_a_system_that_does_not_tell_its_name_leaves_the_address(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "pc")
    monkeypatch.setattr(socket, call, refuse)
    assert local_name("192.0.2.1") == "[192.0.2.1]"


def test_without_a_thread_the_own_name_is_the_address_and_another_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "pc")
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert local_name("192.0.2.1") == "[192.0.2.1]"
    with pytest.raises(ConnectFailed, match="resource temporarily unavailable"):
        resolve(Target(Way.TCP, "mail.example.org", 25), time.monotonic() + 5)
