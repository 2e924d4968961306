"""What is said about a server's certificate that is refused, or used although it should be: which check failed, and the facts."""

from __future__ import annotations

import ssl
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.chains import Signed, sign
from tests.support.peer import Peer, ScriptedServer
from tests.unit.cli.program import commands, run

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
ROOT = sign("Example Root", authority=True)
MIDDLE = sign("Example Intermediate", ROOT, authority=True)
OLD_MIDDLE = sign("Old Intermediate", ROOT, authority=True, days=(-60, -10))
OTHER_ROOT = sign("Other Root", authority=True)
NAMES = (HOST, "mail.example.com")
GOOD = sign("mail.example.com", ROOT, names=NAMES)


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOT.pem)
    return path


@contextmanager
def smtps(context: ssl.SSLContext) -> Iterator[str]:
    """Serve TLS from the first octet, and yield the address."""

    def script(peer: Peer) -> None:
        with suppress(ssl.SSLError, OSError):
            peer.start_tls(context)
            peer.say("220 hi")
            peer.hear()
            peer.say("250 ok")
            peer.hear_end()
        peer.sock.close()

    with ScriptedServer(script) as server:
        yield f"smtps://{server.address}"


REFUSED = {
    "expired": (
        sign("mail.example.com", ROOT, names=NAMES, days=(-30, -3.5)).context(),
        ["the certificate's dates are wrong: certificate has expired; check this machine's clock", "expired 3 days ago"],
    ),
    "not yet valid": (
        sign("mail.example.com", ROOT, names=NAMES, days=(5.5, 30)).context(),
        ["the certificate's dates are wrong: certificate is not yet valid", "not valid yet, for 5 days more"],
    ),
    "expired intermediate": (
        sign("mail.example.com", OLD_MIDDLE, names=NAMES).context(OLD_MIDDLE),
        ["dates are wrong", "not the server's own certificate, but that of CN=Old Intermediate in its chain, expired 10 days ago"],
    ),
    "name": (
        sign("other.example.com", ROOT, names=("other.example.com", "192.0.2.1")).context(),
        [f"the certificate's name is wrong: it is not for {HOST}", "names other.example.com, 192.0.2.1;"],
    ),
    "missing intermediate": (
        sign("mail.example.com", MIDDLE, names=NAMES).context(),
        [
            "chain is not trusted", "the server sent its own certificate alone, and not that of the issuer, CN=Example Intermediate",
            "an intermediate certificate that the server should send is missing",
        ],
    ),
    "self-signed": (
        sign("mail.example.com", names=NAMES).context(),
        ["chain is not trusted: self-signed certificate, so that nobody vouches for it and it is not in", "add the certificate to"],
    ),
    "unknown authority, sent": (
        sign("mail.example.com", OTHER_ROOT, names=NAMES).context(OTHER_ROOT),
        ["chain is not trusted", "its authority, CN=Other Root, is not in"],
    ),
    "purpose": (
        sign("mail.example.com", ROOT, names=NAMES, usage=ExtendedKeyUsageOID.CLIENT_AUTH).context(),
        ["the certificate's purpose is wrong: it was not made for a server", "extended key usage"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_certificate_is_told_with_the_check_that_failed_and_its_facts(kind: str, ca_file: Path) -> None:
    context, words = REFUSED[kind]
    with smtps(context) as url:
        done = run(url, "--ca-file", str(ca_file), *commands("noop"))
    said = done.stderr.decode()
    assert done.returncode == 4
    for word in [*words, "The certificate: subject CN=", "; issuer CN=", "; names ", "; valid ", "; SHA-256 "]:
        assert word in said, said
    assert "or use --insecure to go on without verification." in said


def test_a_missing_intermediate_is_not_mended_by_an_option_that_was_given(ca_file: Path) -> None:
    context, _ = REFUSED["missing intermediate"]
    with smtps(context) as url:
        assert b"--ca-file" not in run(url, "--ca-file", str(ca_file), *commands("noop")).stderr


def test_an_unknown_authority_is_to_be_given_where_none_was() -> None:
    with smtps(sign("mail.example.com", OTHER_ROOT, names=NAMES).context()) as url:
        said = run(url, *commands("noop")).stderr.decode()
    assert "is not among the system's authorities either" in said
    assert "give the authority's certificate with --ca-file FILE" in said


INSECURE = {
    "expired": "expired 3 days ago",
    "not yet valid": "not valid yet, for 5 days more",
    "expired intermediate": "the certificate of CN=Old Intermediate in its chain: expired 10 days ago",
    "name": f"it is not for {HOST}",
    "missing intermediate": "the certificate of its issuer, CN=Example Intermediate, was not sent",
    "self-signed": "it is self-signed, so that nobody vouches for it",
    "unknown authority, sent": "its authority, CN=Other Root, is not trusted here",
    "purpose": "its purpose is not to be a server's",
}


@pytest.mark.parametrize("kind", INSECURE)
def test_without_verification_what_would_have_failed_is_told(kind: str, ca_file: Path) -> None:
    context, _ = REFUSED[kind]
    with smtps(context) as url:
        done = run(url, "--insecure", "--ca-file", str(ca_file), *commands("noop"))
    problems = [line.strip() for line in done.stderr.decode().splitlines() if line.strip().startswith("problem")]
    assert len(problems) == 1, done.stderr.decode()
    assert INSECURE[kind] in problems[0]


@pytest.mark.parametrize("above", [(), (MIDDLE,)], ids=["of the authority", "of an intermediate"])
def test_without_verification_a_good_certificate_has_no_problem(above: tuple[Signed, ...], ca_file: Path) -> None:
    leaf = sign("mail.example.com", above[0] if above else ROOT, names=NAMES)
    with smtps(leaf.context(*above)) as url:
        done = run(url, "--insecure", "--ca-file", str(ca_file), *commands("noop"))
    assert b"problem" not in done.stderr
    assert b"nothing is found to be wrong" in done.stderr
