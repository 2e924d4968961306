"""A TLS connection as a value, after a handshake in memory that went well or did not."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from smtp_shell.config import TlsSettings
from smtp_shell.errors import CertificateRefused
from smtp_shell.net.chain_checks import Verdict
from smtp_shell.net.tls_pins import pin_of
from smtp_shell.net.tls_view import TlsView, view_of
from tests.support.chains import PrivateKey, Signed, sign
from tests.support.handshakes import shake

if TYPE_CHECKING:
    from pathlib import Path

HOST = "mail.example.com"
ROOT = sign("Example Root", authority=True)
MIDDLE = sign("Example Intermediate", ROOT, authority=True)
LEAF = sign(HOST, MIDDLE, names=(HOST,))


@pytest.fixture
def trusting(tmp_path: Path) -> TlsSettings:
    file = tmp_path / "ca.pem"
    file.write_bytes(ROOT.pem)
    return TlsSettings(ca_file=file, detailed=True)


def with_version(settings: TlsSettings, version: str, **more: object) -> TlsSettings:
    from msgspec.structs import replace

    return replace(settings, maximum=version, **more)


def seen(context: ssl.SSLContext, settings: TlsSettings, name: str = HOST) -> TlsView:
    facts, failure, layer = shake(context, settings, name)
    assert facts is not None
    return view_of(facts, settings, failure, ticket_seconds=layer.ticket_seconds if failure is None else None)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("key", "scheme"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ecdsa_secp256r1_sha256"),
        (rsa.generate_private_key(65537, 2048), "rsa_pss_rsae_sha256"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (ed448.Ed448PrivateKey.generate(), "ed448"),
    ],
    ids=["EC", "RSA", "Ed25519", "Ed448"],
)
def test_version_group_scheme_and_chain_are_known_in_both_versions(
    version: str, key: PrivateKey, scheme: str, trusting: TlsSettings
) -> None:
    view = seen(sign(HOST, MIDDLE, names=(HOST,), key=key).context(MIDDLE), with_version(trusting, version))
    assert view.outcome == "verified"
    assert view.version == f"TLSv{version}"
    assert (view.group.value, view.scheme.value) == ("X25519", scheme)
    assert view.requested is False
    assert [link.facts.subject for link in view.chain.links][1:] == ["CN=Example Intermediate", "CN=Example Root"]
    assert {each.name: each.verdict for each in view.checks} == {
        "chain": Verdict.GOOD,
        "dates": Verdict.GOOD,
        "name": Verdict.GOOD,
        "purpose": Verdict.GOOD,
        "strength": Verdict.GOOD,
        "revocation": Verdict.NOT_ASKED,
        "dane": Verdict.NOT_ASKED,
        "mta-sts": Verdict.NOT_ASKED,
    }
    assert view.ticket.value == "for 7,200 s"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_certificate_that_is_asked_of_the_client_is_told(version: str, trusting: TlsSettings) -> None:
    context = LEAF.context(MIDDLE)
    context.verify_mode = (
        ssl.CERT_OPTIONAL
    )  # `ssl` sends no names of authorities; `openssl s_server` does, in tests/wire
    view = seen(context, with_version(trusting, version))
    assert view.requested is True
    assert view.authorities == ()
    assert "rsa_pss_rsae_sha256" in view.schemes


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_refused_chain_is_shown_whole_with_the_check_that_failed(version: str, trusting: TlsSettings) -> None:
    view = seen(LEAF.context(MIDDLE), with_version(trusting, version), "other.example.com")
    assert (view.outcome, view.failed_check) == ("refused", "name")
    assert "it is not for other.example.com" in view.reason
    assert view.version == f"TLSv{version}"
    assert len(view.chain.links) == 3
    bad = [each for each in view.checks if each.verdict is Verdict.BAD]
    assert [each.name for each in bad] == ["name"]
    assert "connect by a name that it holds: mail.example.com" in bad[0].do


def test_what_was_not_kept_is_not_known_and_says_why(trusting: TlsSettings) -> None:
    view = seen(LEAF.context(MIDDLE), TlsSettings(ca_file=trusting.ca_file))
    assert view.requested is None
    assert str(view.scheme) == "not known: what the server sent in the handshake was not kept"
    assert view.why_unknown


def test_without_verification_every_check_is_made_here(trusting: TlsSettings) -> None:
    view = seen(
        LEAF.context(MIDDLE), TlsSettings(insecure=True, ca_file=trusting.ca_file, detailed=True), "other.example.com"
    )
    assert view.outcome == "unverified"
    assert [each.name for each in view.checks if each.verdict is Verdict.BAD] == ["name"]
    assert not view.is_good


def test_a_damaged_certificate_is_shown_though_openssl_reads_none(trusting: TlsSettings) -> None:
    from smtp_shell.net.tls_layer import TlsLayer

    settings = with_version(trusting, "1.2")
    layer = TlsLayer(settings, HOST)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = LEAF.context(MIDDLE).wrap_bio(to_server, to_client, server_side=True)
    assert not layer.handshake()
    to_server.write(layer.outgoing())
    with pytest.raises(ssl.SSLWantReadError):
        end.do_handshake()
    layer.feed(to_client.read().replace(LEAF.der[:40], b"\x31" + LEAF.der[1:40]))
    from smtp_shell.errors import TlsFailed

    with pytest.raises(TlsFailed) as failed:
        layer.handshake()
    assert failed.value.seen is not None
    view = view_of(failed.value.seen, settings, failed.value)
    assert view.outcome == "failed"
    assert view.chain.leaf is not None
    assert view.chain.leaf.problem.startswith("this is no certificate that can be read")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("insecure", [False, True])
def test_a_pinned_key_is_accepted_and_any_other_refused(version: str, insecure: bool, trusting: TlsSettings) -> None:
    good = with_version(trusting, version, pins=(pin_of(LEAF.der),), insecure=insecure)
    view = seen(LEAF.context(MIDDLE), good)
    assert next(each for each in view.checks if each.name == "pin").verdict is Verdict.GOOD
    other = with_version(trusting, version, pins=("0" * 64,), insecure=insecure)
    _, failure, _ = shake(LEAF.context(MIDDLE), other)
    assert isinstance(failure, CertificateRefused)
    assert failure.exit_status == 4
    assert failure.check == "pin"
    assert f"it is SHA256:{pin_of(LEAF.der)}" in failure.reason
    view = seen(LEAF.context(MIDDLE), other)
    assert [each.name for each in view.checks if each.verdict is Verdict.BAD] == ["pin"]


def test_the_keys_of_a_handshake_are_in_no_repr(trusting: TlsSettings) -> None:
    facts, _, _ = shake(LEAF.context(MIDDLE), trusting)
    assert facts is not None
    assert facts.handshake is not None
    assert b"SERVER_HANDSHAKE_TRAFFIC_SECRET" in facts.handshake.keys
    assert "TRAFFIC" not in repr(facts)


def hostile_leaf() -> Signed:
    return sign("evil\x1b]0;owned\x07\u202egnp", ROOT, names=(HOST,))


def test_no_field_of_the_view_holds_a_raw_control_character(trusting: TlsSettings) -> None:
    from smtp_shell.display.tls_json import tls_object
    from smtp_shell.display.tls_rows import all_rows, short_rows

    view = seen(hostile_leaf().context(), trusting)
    rows = [row.text for each in (all_rows, short_rows) for row in each(view)]
    assert all(row.isprintable() for row in rows), rows
    texts = [text for text in _strings(tls_object(view)) if not text.startswith("-----BEGIN")]
    assert all(text.isprintable() for text in texts), texts


def _strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in _strings(each)]
    return [value] if isinstance(value, str) else []
