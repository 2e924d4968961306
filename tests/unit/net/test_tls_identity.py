"""The name that is verified, the name of SNI, ALPN and resumption, in memory."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from smtp_shell.config import TlsSettings
from smtp_shell.errors import CertificateRefused, ConfigError, TlsFailed
from smtp_shell.net.tls_check import check_tls
from smtp_shell.net.tls_identity import TlsSession, is_for
from smtp_shell.net.tls_layer import TlsLayer

NAME = "mail.example.com"


class Server:
    """The other end, whose certificate is for NAME."""

    def __init__(self, authority: trustme.CA, *protocols: str, version: ssl.TLSVersion | None = None) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(NAME).configure_cert(self.context)
        if protocols:
            self.context.set_alpn_protocols(list(protocols))
        if version is not None:
            self.context.maximum_version = version
        self.names: list[str | None] = []
        self.context.sni_callback = lambda tls, name, context: self.names.append(name)

    def shake(self, settings: TlsSettings, name: str = NAME, resume: TlsSession | None = None) -> TlsLayer:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        layer = TlsLayer(settings, name, resume=resume)
        done = False
        for _ in range(10):
            done = done or layer.handshake()
            incoming.write(layer.outgoing())
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            if octets := outgoing.read():
                layer.feed(octets)
            if done:
                tls.write(b"220 hi\r\n")
                layer.feed(outgoing.read())
                assert layer.decrypt(100) == b"220 hi\r\n"
                return layer
        raise AssertionError("the handshake does not end")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def settings(authority: trustme.CA, tmp_path: Path) -> TlsSettings:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return TlsSettings(ca_file=tmp_path / "ca.pem")


def test_another_name_is_verified_and_asked_for(authority: trustme.CA, settings: TlsSettings) -> None:
    server = Server(authority)
    layer = server.shake(replace(settings, server_name=NAME), name="192.0.2.1")
    assert server.names == [NAME]
    assert layer.facts().name == NAME
    assert layer.details == (f"the certificate is checked against the name {NAME}",)
    with pytest.raises(CertificateRefused, match=r"not for other\.example"):
        server.shake(replace(settings, server_name="other.example"))


@pytest.mark.parametrize(("sni", "asked"), [("other.example", "other.example"), ("none", None)])
def test_sni_apart_from_the_name_that_is_verified(
    authority: trustme.CA, settings: TlsSettings, sni: str, asked: str | None
) -> None:
    server = Server(authority)
    layer = server.shake(replace(settings, sni=sni))
    assert server.names == [asked]
    assert layer.facts().verified
    with pytest.raises(CertificateRefused, match=r"not for wrong\.example"):
        server.shake(replace(settings, sni=sni), name="wrong.example")
    with pytest.raises(CertificateRefused, match=r"not for other\.example"):
        server.shake(replace(settings, sni=sni, server_name="other.example"))


def test_sni_apart_does_not_weaken_the_check_of_the_chain(authority: trustme.CA, settings: TlsSettings) -> None:
    with pytest.raises(CertificateRefused, match="chain is not trusted"):
        Server(trustme.CA()).shake(replace(settings, sni="none"))


@pytest.mark.parametrize(
    ("offered", "known", "words"),
    [
        (("smtp", "imap"), ("imap", "smtp"), "ALPN: the server chose "),
        (("smtp",), (), "ALPN: the server chose none of smtp"),
    ],
)
def test_alpn(
    authority: trustme.CA, settings: TlsSettings, offered: tuple[str, ...], known: tuple[str, ...], words: str
) -> None:
    layer = Server(authority, *known).shake(replace(settings, alpn=offered))
    assert layer.details[0].startswith(words)


@pytest.mark.parametrize("protocol", ["", "x" * 256, "ü", "a\x1bb", "a\r"])
def test_a_protocol_that_is_none_is_refused_before_anything_is_opened(protocol: str) -> None:
    with pytest.raises(ConfigError, match=r"--alpn .*1 to 255 printable octets"):
        check_tls(TlsSettings(alpn=("smtp", protocol)))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(authority: trustme.CA, settings: TlsSettings, version: ssl.TLSVersion) -> None:
    server = Server(authority, version=version)
    first = server.shake(settings).session
    assert first is not None
    assert "ession" in repr(first)
    again = server.shake(settings, resume=first)
    assert again.details == ("the session was resumed: what was verified then was not sent again",)
    assert again.facts().certificate.names == (NAME.encode(),)


def test_a_session_that_the_server_has_forgotten_is_a_whole_handshake(
    authority: trustme.CA, settings: TlsSettings
) -> None:
    first = Server(authority).shake(settings).session
    layer = Server(authority).shake(settings, resume=first)
    assert layer.details == ("the session was not resumed: the server wanted a whole handshake",)


def test_a_session_is_not_offered_where_something_else_would_be_verified(
    authority: trustme.CA, settings: TlsSettings
) -> None:
    server = Server(authority)
    unverified = server.shake(replace(settings, insecure=True)).session
    assert unverified is not None
    assert server.shake(settings, resume=unverified).details == ()
    verified = server.shake(settings).session
    with pytest.raises(TlsFailed):
        server.shake(settings, name="other.example", resume=verified)


@pytest.mark.parametrize(
    ("names", "name", "good"),
    [
        ([("DNS", "Mail.Example.com")], "mail.example.COM", True),
        ([("DNS", "mail.example.com.")], "mail.example.com", True),
        ([("DNS", "*.example.com")], "mail.example.com", True),
        ([("DNS", "*.example.com")], "a.mail.example.com", False),
        ([("DNS", "*.example.com")], "example.com", False),
        ([("DNS", "*.com")], "example.com", False),
        ([("DNS", "m*.example.com")], "mail.example.com", False),
        ([("DNS", "*")], "localhost", False),
        ([("IP Address", "192.0.2.1")], "192.0.2.1", True),
        ([("IP Address", "2001:DB8:0:0:0:0:0:1")], "2001:db8::1", True),
        ([("DNS", "192.0.2.1"), ("DNS", "*.0.2.1")], "192.0.2.1", False),
        ([("IP Address", "mail.example.com"), ("URI", "mail.example.com")], "mail.example.com", False),
        ([], "mail.example.com", False),
    ],
)
def test_a_certificate_is_for_a_name(names: list[tuple[str, str]], name: str, good: bool) -> None:
    assert is_for(names, name) is good


@pytest.mark.parametrize("name", ["", "two words", "b\x1bad", "a/b", "ann@host", "[::1]", ".", "\u202ehost", "x\r\n"])
def test_what_is_no_name_is_refused_before_anything_is_opened(name: str) -> None:
    for settings in (TlsSettings(server_name=name), TlsSettings(sni=name)):
        with pytest.raises(ConfigError, match="no name of a host") as caught:
            check_tls(settings)
        assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "name", ["mail.example.org", "mail.example.org.", "bücher.example", "192.0.2.1", "2001:db8::1", "a_b"]
)
def test_names_and_addresses_are_taken(name: str) -> None:
    check_tls(TlsSettings(server_name=name))
