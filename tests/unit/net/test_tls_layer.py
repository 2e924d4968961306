"""TLS in memory: a client and a server that hand each other octets. No sockets."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.tls_layer import TlsLayer

NAME = "mail.example.com"


class Server:
    """The other end.

    Args:
        context: Holds its certificate.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def handshake_step(self, octets: bytes) -> bytes:
        self.incoming.write(octets)
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def settings(authority: trustme.CA, tmp_path: Path) -> TlsSettings:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return TlsSettings(ca_file=tmp_path / "ca.pem")


@pytest.fixture
def server(authority: trustme.CA) -> Server:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(NAME).configure_cert(context)
    return Server(context)


def connected(settings: TlsSettings, server: Server, name: str = NAME) -> TlsLayer:
    """Return a client's end after the handshake."""
    layer = TlsLayer(settings, name)
    for _ in range(10):
        if layer.handshake():
            layer.feed(server.handshake_step(layer.outgoing()))  # session tickets
            return layer
        layer.feed(server.handshake_step(layer.outgoing()))
    raise AssertionError("the handshake does not end")


def test_a_handshake_needs_octets_from_the_server(settings: TlsSettings) -> None:
    layer = TlsLayer(settings, NAME)
    assert not layer.handshake()
    assert layer.outgoing()[:1] == b"\x16"
    assert layer.outgoing() == b""


def test_octets_go_both_ways(settings: TlsSettings, server: Server) -> None:
    layer = connected(settings, server)
    server.incoming.write(layer.encrypt(b"EHLO client\r\n"))
    assert server.tls.read(100) == b"EHLO client\r\n"
    server.tls.write(b"250 mail\r\n")
    layer.feed(server.outgoing.read())
    assert layer.pending
    assert layer.decrypt(4) == b"250 "
    assert layer.pending
    assert layer.decrypt(100) == b"mail\r\n"
    assert layer.decrypt(100) is None
    assert not layer.pending


def test_the_facts_of_a_handshake(settings: TlsSettings, server: Server) -> None:
    facts = connected(settings, server).facts()
    assert (facts.version, facts.verified, facts.name) == ("TLSv1.3", True, NAME)
    assert facts.certificate.names == (NAME.encode(),)


def test_a_certificate_for_another_name_is_refused_with_an_alert(settings: TlsSettings, server: Server) -> None:
    layer = TlsLayer(settings, "other.example.com")
    assert not layer.handshake()
    layer.feed(server.handshake_step(layer.outgoing()))
    with pytest.raises(TlsFailed, match=r"name is wrong: it is not for other\.example\.com"):
        layer.handshake()
    assert layer.outgoing()


@pytest.mark.parametrize("name", ["stra\u00dfe.example", "xn--strae-oqa.example"])
def test_a_name_outside_ascii_is_asked_for_and_checked_by_idna_2008(
    authority: trustme.CA, settings: TlsSettings, name: str
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("xn--strae-oqa.example").configure_cert(context)
    asked: list[object] = []
    context.sni_callback = lambda _tls, host, _context: asked.append(host)
    assert connected(settings, Server(context), name).facts().verified
    assert asked == ["xn--strae-oqa.example"]


def test_a_stream_that_ends_with_close_notify_is_whole(settings: TlsSettings, server: Server) -> None:
    layer = connected(settings, server)
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()
    layer.feed(server.outgoing.read())
    layer.feed(b"")
    assert layer.decrypt(100) == b""
    assert not layer.truncated


def test_a_stream_that_ends_without_close_notify_is_truncated(settings: TlsSettings, server: Server) -> None:
    layer = connected(settings, server)
    layer.feed(server.outgoing.read())
    layer.feed(b"")
    assert layer.decrypt(100) == b""
    assert layer.truncated


def test_a_close_notify_is_sent(settings: TlsSettings, server: Server) -> None:
    layer = connected(settings, server)
    server.incoming.write(layer.close_notify())
    assert server.tls.read(100) == b""  # would raise SSLWantReadError


def test_a_close_notify_before_the_handshake_is_empty(settings: TlsSettings) -> None:
    assert TlsLayer(settings, NAME).close_notify() == b""


def test_a_forged_record_breaks_tls(settings: TlsSettings, server: Server) -> None:
    layer = connected(settings, server)
    layer.feed(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
    with pytest.raises(TlsFailed, match="TLS broke: "):
        layer.decrypt(100)


def failing(*args: object, **named: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("call", ["read", "write"])
def test_without_memory_tls_breaks_in_a_sentence(
    call: str, settings: TlsSettings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = connected(settings, server)
    monkeypatch.setattr(ssl.SSLObject, call, failing)
    with pytest.raises(TlsFailed, match=r"^TLS broke: there is no memory left\.$"):
        layer.decrypt(1) if call == "read" else layer.encrypt(b"x")


def test_without_memory_a_handshake_fails_in_a_sentence(settings: TlsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = TlsLayer(settings, NAME)
    monkeypatch.setattr(ssl.SSLObject, "do_handshake", failing)
    with pytest.raises(TlsFailed, match=r"^TLS broke: there is no memory left\.$"):
        layer.handshake()


def test_tls_that_cannot_begin_is_a_failure_of_tls(settings: TlsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **named: object) -> None:
        error = ssl.SSLError(1, "made to fail")
        error.reason = "BAD_LENGTH"
        raise error

    monkeypatch.setattr(ssl.SSLContext, "wrap_bio", refuse)
    with pytest.raises(TlsFailed, match=r"^TLS broke: "):
        TlsLayer(settings, NAME)


def test_after_an_end_without_memory_nothing_is_sent(
    settings: TlsSettings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = connected(settings, server)
    monkeypatch.setattr(ssl.SSLObject, "unwrap", failing)
    assert layer.close_notify() == b""
