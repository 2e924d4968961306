"""TLS against real handshakes: what is verified, what is refused, and what the user is told."""

import datetime
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConfigError, ConnectionLost, DialogueBroken, ProtocolViolation, TlsFailed
from smtp_shell.net.connect import connect
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Disconnected, End, NoticeKind, TlsStarted
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.replies import Extensions
from tests.support.mail import send_message
from tests.support.peer import QUICK, Log, Peer, Script, playing

HOST = "127.0.0.1"
EHLO = Command(b"EHLO client.example.net")


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and the file to trust it by."""

    ca: trustme.CA
    file: Path

    def settings(self) -> TlsSettings:
        return TlsSettings(ca_file=self.file)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return Authority(ca, file)


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def issued(authority: Authority, *names: str) -> ssl.SSLContext:
    return server_context(authority.ca.issue_cert(*(names or (HOST,))))


def smtps(context: ssl.SSLContext, then: Script = lambda peer: None) -> Script:
    """Return a script that begins with TLS, greets and then runs `then`. A client that refuses TLS is no failure."""

    def script(peer: Peer) -> None:
        try:
            peer.start_tls(context)
        except (ssl.SSLError, ConnectionError):
            return
        with suppress(ssl.SSLError, ConnectionError):
            peer.say("220 hi")
            then(peer)
            peer.hear_end()

    return script


@contextmanager
def serving(script: Script) -> Iterator[tuple[Target, Peer]]:
    """Run a scripted server for one connection, which is accepted before its script begins."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]

        def accept_and_play(peer: Peer) -> None:
            listener.settimeout(10)
            peer.sock.close()
            peer.sock, _ = listener.accept()
            peer.sock.settimeout(10)
            script(peer)

        spare, other = socket.socketpair()
        with spare, playing(accept_and_play, other) as peer:
            yield Target(Way.TCP, HOST, port, tls=True), peer


def opened(target: Target, settings: TlsSettings, log: Log | None = None, seconds: float = 10) -> Session:
    return Session.open(target, [] if log is None else [log], timeouts=QUICK.all(seconds), tls=settings)


def refusal(script: Script, settings: TlsSettings, seconds: float = 10) -> DialogueBroken:
    """Return the error with which implicit TLS fails."""
    log = Log()
    with serving(script) as (target, _), pytest.raises(DialogueBroken) as caught:
        opened(target, settings, log, seconds)
    ended = log.events[-1]
    assert ended == Disconnected(End.ERROR, str(caught.value))
    assert str(caught.value).isprintable()
    return caught.value


# --- handshakes that succeed


def test_a_verified_certificate(authority: Authority) -> None:
    log = Log()
    with serving(smtps(issued(authority, HOST, "mail.example.com"))) as (target, _):
        session = opened(target, authority.settings(), log)
        assert session.read_reply().code == 220
        facts = session.tls
        assert facts is not None
        assert (facts.verified, facts.name, facts.version) == (True, HOST, "TLSv1.3")
        assert facts.cipher.startswith("TLS_")
        assert set(facts.certificate.names) == {HOST.encode(), b"mail.example.com"}
        assert facts.certificate.subject
        assert facts.certificate.issuer
        assert facts.certificate.not_after.endswith(b"GMT")
        assert len(facts.certificate.fingerprint) == 64
        assert session.is_private
        session.close()
    assert [entry.tls for entry in log if isinstance(entry.event, TlsStarted)] == [False]
    assert log[-1].tls


def test_the_name_to_verify_can_be_given(authority: Authority) -> None:
    with serving(starttls(issued(authority, "mail.example.com"))) as (target, _):
        session = in_the_clear(target)
        session.command(Command(b"STARTTLS"))
        assert session.start_tls(authority.settings(), name="mail.example.com").verified
        session.close()


def test_the_certificate_is_reported_without_verification_too(authority: Authority) -> None:
    leaf = trustme.CA(organization_name="nobody").issue_cert("mail.example.com", common_name="mail.example.com")
    with serving(smtps(server_context(leaf))) as (target, _):
        session = opened(target, TlsSettings(insecure=True))
        facts = session.tls
        assert facts is not None
        assert facts.verified is False
        assert facts.certificate.names == (b"mail.example.com",)
        assert b"CN=mail.example.com" in facts.certificate.subject
        assert b"O=nobody" in facts.certificate.issuer
        assert facts.certificate.not_before.endswith(b"GMT")
        assert len(facts.certificate.fingerprint) == 64
        session.close()


def test_a_certificate_reads_the_same_with_and_without_verification(authority: Authority) -> None:
    context = issued(authority, HOST, "mail.example.com")
    found = []
    for settings in (authority.settings(), TlsSettings(insecure=True)):
        with serving(smtps(context)) as (target, _):
            session = opened(target, settings)
            assert session.tls is not None
            found.append(session.tls.certificate)
            session.close()
    one, other = found
    assert (one.names, one.fingerprint, one.der, one.serial.lstrip(b"0")) == (
        other.names, other.fingerprint, other.der, other.serial.lstrip(b"0"),
    )  # fmt: skip
    assert one.not_after.split() == other.not_after.split()


def test_a_certificate_without_alternative_names_is_reported(authority: Authority) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[2J\u202email")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = authority.file.parent / "nameless.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    with serving(smtps(context)) as (target, _):
        session = opened(target, TlsSettings(insecure=True))
        assert session.tls is not None
        assert session.tls.certificate.names == ()
        assert isinstance(session.tls.certificate.subject, bytes)
        session.close()


def test_a_large_message_arrives_whole(authority: Authority) -> None:
    def take(peer: Peer) -> None:
        peer.hear(b"DATA\r\n")
        peer.say("354")
        peer.hear(b"\r\n.\r\n")
        peer.say("250 ok")

    with serving(smtps(issued(authority), take)) as (target, peer):
        session = opened(target, authority.settings())
        session.read_reply()
        session.command(Command(b"DATA"))
        assert send_message(session, [b"x" * 99_998 + b"\r\n"] * 20).code == 250
        session.close()
    assert len(peer.heard) == 6 + 2_000_000 + 3


# --- handshakes that are refused, and why


def self_signed() -> ssl.SSLContext:
    return server_context(trustme.CA().issue_cert(HOST))


def expired(authority: Authority) -> ssl.SSLContext:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return server_context(authority.ca.issue_cert(HOST, not_after=past))


def not_yet(authority: Authority) -> ssl.SSLContext:
    future = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)
    leaf = authority.ca.issue_cert(HOST, not_before=future, not_after=future + datetime.timedelta(1))
    return server_context(leaf)


UNVERIFIED: list[tuple[Callable[[Authority], ssl.SSLContext], list[str]]] = [
    (
        lambda authority: issued(authority, "other.example.com"),
        ["name is wrong", f"not for {HOST}", "connect by a name"],
    ),
    (lambda authority: issued(authority, "192.0.2.1"), ["name is wrong"]),
    (expired, ["dates are wrong", "expired", "clock"]),
    (not_yet, ["dates are wrong", "not yet valid"]),
    (
        lambda _: self_signed(),
        ["chain is not trusted", "not that of the issuer", "ca.pem is that of another authority"],
    ),
]


@pytest.mark.parametrize(
    ("make", "words"), UNVERIFIED, ids=["name", "address", "expired", "not yet", "unknown authority"]
)
def test_the_error_tells_whether_chain_dates_or_name_are_wrong(
    authority: Authority, make: Callable[[Authority], ssl.SSLContext], words: list[str]
) -> None:
    error = refusal(smtps(make(authority)), authority.settings())
    assert isinstance(error, TlsFailed)
    assert error.exit_status == 4
    assert all(word in str(error) for word in [*words, "--insecure"]), str(error)


def test_the_greeting_is_not_read_before_the_certificate_is_verified(authority: Authority) -> None:
    log = Log()
    with serving(smtps(self_signed())) as (target, _), pytest.raises(TlsFailed):
        opened(target, authority.settings(), log)
    assert log.codes == []


def test_an_old_version_is_refused_unless_allowed(authority: Authority) -> None:
    context = issued(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    error = refusal(smtps(context), replace(authority.settings(), minimum="1.3"))
    assert "no common version" in str(error)
    with serving(smtps(context)) as (target, _):
        session = opened(target, authority.settings())
        assert session.tls is not None
        assert session.tls.version == "TLSv1.2"
        session.close()


def test_no_common_cipher(authority: Authority) -> None:
    context = issued(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    error = refusal(smtps(context), replace(authority.settings(), maximum="1.2", ciphers="CHACHA20"))
    assert "the TLS handshake failed" in str(error)
    assert "handshake failure" in str(error)


# --- servers that do not do TLS


def test_a_server_that_greets_in_the_clear_is_named() -> None:
    def in_clear(peer: Peer) -> None:
        peer.say("220 mail \x1b[2J")
        peer.hear_end()

    error = refusal(in_clear, TlsSettings())
    assert isinstance(error, TlsFailed)
    assert 'speaks in the clear here, not TLS: "220 mail \\x1b[2J"; connect without TLS' in str(error)


def test_a_handshake_times_out() -> None:
    start = time.monotonic()

    def stay_silent(peer: Peer) -> None:
        peer.hear_end()

    error = refusal(stay_silent, TlsSettings(), seconds=0.3)
    assert "the TLS handshake did not end within 0.3 s" in str(error)
    assert 0.3 <= time.monotonic() - start < 2


def test_a_handshake_that_drips_in_octet_by_octet_times_out_too() -> None:
    def drip(peer: Peer) -> None:
        with suppress(OSError):
            peer.sock.sendall(b"\x16\x03\x03\x40\x00")
            while not peer.go_on.wait(0.05):
                peer.sock.sendall(b"\x02")

    start = time.monotonic()
    assert "did not end within 0.3 s" in str(refusal(drip, TlsSettings(), seconds=0.3))
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("end", [lambda peer: peer.sock.close(), Peer.reset], ids=["close", "reset"])
def test_a_server_that_closes_during_the_handshake_is_named(end: Script) -> None:
    def leave(peer: Peer) -> None:
        peer.sock.recv(65536)
        end(peer)

    error = refusal(leave, TlsSettings())
    assert isinstance(error, TlsFailed)
    assert "in the middle of the TLS handshake" in str(error)


def test_an_alert_in_place_of_the_handshake_is_named() -> None:
    def alert(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
        peer.hear_end()

    error = refusal(alert, TlsSettings())
    assert isinstance(error, TlsFailed)
    assert "handshake failure" in str(error)


def test_garbage_in_a_tls_record_fails_the_handshake() -> None:
    def garbage(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.sock.sendall(b"\x16\x03\x03\x00\x10" + os.urandom(16))
        peer.hear_end()

    assert isinstance(refusal(garbage, TlsSettings()), TlsFailed)


# --- STARTTLS


def starttls(context: ssl.SSLContext, then: Script = lambda peer: None) -> Script:
    def script(peer: Peer) -> None:
        peer.say("220 hi")
        heard = peer.hear()
        if heard.startswith(b"EHLO"):
            peer.say("250-mail", "250-STARTTLS", "250 X-PLAIN")
            peer.hear(b"STARTTLS\r\n")
        peer.say("220 go")
        try:
            peer.start_tls(context)
        except (ssl.SSLError, ConnectionError):
            return
        with suppress(ssl.SSLError, ConnectionError):
            then(peer)
            peer.hear_end()

    return script


def in_the_clear(target: Target) -> Session:
    session = Session.open(replace(target, tls=False), timeouts=QUICK)
    session.read_reply()
    return session


def test_starttls_resets_the_dialogue(authority: Authority) -> None:
    def greet_again(peer: Peer) -> None:
        peer.hear()
        peer.say("250-mail", "250 AUTH PLAIN")

    with serving(starttls(issued(authority), greet_again)) as (target, _):
        session = in_the_clear(target)
        log = Log()
        session.subscribe(log)
        session.command(EHLO)
        before = session.is_private
        assert session.command(Command(b"STARTTLS")).code == 220
        assert (before, session.tls_due) == (False, True)
        assert session.start_tls(authority.settings()).verified
        assert (phase(session), session.tls_due, extensions(session)) == (Phase.FRESH, False, None)
        assert session.is_private
        assert session.command(EHLO).code == 250
        announced = extensions(session)
        assert announced is not None
        assert announced.mechanisms == ("PLAIN",)
        session.close()
    assert [entry.tls for entry in log] == [False] * 5 + [True] * 3


def phase(session: Session) -> Phase:
    return session.phase


def extensions(session: Session) -> Extensions | None:
    return session.dialogue.extensions


def test_after_a_failed_handshake_nothing_more_is_sent(authority: Authority) -> None:
    with serving(starttls(self_signed())) as (target, peer):
        session = in_the_clear(target)
        session.command(Command(b"STARTTLS"))
        with pytest.raises(TlsFailed, match="chain is not trusted"):
            session.start_tls(authority.settings())
        assert not session.is_open
        with pytest.raises(ConnectionLost):
            session.command(Command(b"AUTH PLAIN AHg="))
    assert peer.heard == b"STARTTLS\r\n"


def test_forged_text_after_the_220_ends_the_session(authority: Authority) -> None:
    """The forged text follows the 220. The handshake, which the true server would do then, must not begin."""

    def forged(peer: Peer) -> None:
        peer.say("220 hi")
        peer.hear()
        peer.say("220 go", "250-mail", "250 AUTH PLAIN")
        peer.hear_end()

    with serving(forged) as (target, peer):
        session = in_the_clear(target)
        with pytest.raises(ProtocolViolation, match="text in the clear after the 220"):
            session.command(Command(b"STARTTLS"))
    assert peer.heard == b"STARTTLS\r\n"


# --- inside TLS


def test_a_missing_client_certificate_is_reported_at_the_first_read(authority: Authority) -> None:
    context = issued(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(context)
    with serving(smtps(context)) as (target, _):
        session = opened(target, authority.settings())
        with pytest.raises(TlsFailed, match="certificate required; the server may want a client certificate"):
            session.read_reply()
        assert not session.is_open


def test_a_client_certificate_is_sent(authority: Authority, tmp_path: Path) -> None:
    context = issued(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(context)
    leaf = authority.ca.issue_cert("client.example.net")
    both, certificate, key = tmp_path / "both.pem", tmp_path / "cert.pem", tmp_path / "key.pem"
    leaf.private_key_and_cert_chain_pem.write_to_path(str(both))
    leaf.cert_chain_pems[0].write_to_path(str(certificate))
    leaf.private_key_pem.write_to_path(str(key))
    for settings in (
        replace(authority.settings(), client_cert=both),
        replace(authority.settings(), client_cert=certificate, client_key=key),
    ):
        with serving(smtps(context)) as (target, _):
            session = opened(target, settings)
            assert session.read_reply().code == 220
            session.close()


def test_a_close_without_close_notify_is_noticed(authority: Authority) -> None:
    def cut(peer: Peer) -> None:
        os.close(peer.sock.detach())

    log = Log()
    with serving(smtps(issued(authority), cut)) as (target, _):
        session = opened(target, authority.settings(), log)
        session.read_reply()
        with pytest.raises(ConnectionLost):
            session.listen(10)
    assert log.notices == [NoticeKind.NO_CLOSE_NOTIFY]


def test_a_close_with_close_notify_is_not_noticed(authority: Authority) -> None:
    def end(peer: Peer) -> None:
        with suppress(ssl.SSLError, OSError):
            assert isinstance(peer.sock, ssl.SSLSocket)
            peer.sock.unwrap()

    log = Log()
    with serving(smtps(issued(authority), end)) as (target, _):
        session = opened(target, authority.settings(), log)
        session.read_reply()
        with pytest.raises(ConnectionLost):
            session.listen(10)
    assert log.notices == []


def test_the_client_closes_with_close_notify(authority: Authority) -> None:
    ends: list[bytes] = []

    def wait_for_end(peer: Peer) -> None:
        # A ragged end would raise here: `recv` lets it pass, `unwrap` does not.
        assert peer.sock.recv(10) == b""
        assert isinstance(peer.sock, ssl.SSLSocket)
        with suppress(OSError):
            peer.sock.unwrap()
            ends.append(b"")

    with serving(smtps(issued(authority), wait_for_end)) as (target, _):
        session = opened(target, authority.settings())
        session.read_reply()
        session.close()
    assert ends == [b""]


def test_an_alert_inside_tls_is_named(authority: Authority) -> None:
    def garble(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        with socket.socket(fileno=os.dup(peer.sock.fileno())) as raw:
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
        peer.hear_end()

    with serving(smtps(issued(authority), garble)) as (target, _):
        session = opened(target, authority.settings())
        session.read_reply()
        with pytest.raises(TlsFailed, match="TLS broke: "):
            session.listen(10)


def test_settings_that_cannot_be_used_end_a_session_that_needs_them(authority: Authority) -> None:
    """After a 220 to STARTTLS nothing may go on in the clear, also when the fault is ours."""
    with serving(starttls(issued(authority))) as (target, peer):
        session = in_the_clear(target)
        session.command(Command(b"STARTTLS"))
        with pytest.raises(ConfigError):
            session.start_tls(TlsSettings(ciphers="NOSUCH"))
        session.close()
    assert peer.heard == b"STARTTLS\r\n"


def test_a_transport_does_tls_without_a_session(authority: Authority) -> None:
    with serving(smtps(issued(authority))) as (target, _):
        transport = connect(target, 5)
        assert not transport.in_tls
        transport.start_tls(authority.settings(), HOST, 5, implicit=True)
        assert transport.recv(time.monotonic() + 5) == b"220 hi\r\n"
        assert transport.recv(0) is None
        transport.close()
