"""OCSP answers: good ones, and those that count for nothing."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from smtp_shell.net.chain_checks import Verdict
from smtp_shell.net.staples import check_staple, staple_of
from tests.support.chains import DAY, Signed, sign

ROOT = sign("Example Root", authority=True)
MIDDLE = sign("Example Intermediate", ROOT, authority=True)
LEAF = sign("mail.example.com", MIDDLE)
OTHER = sign("mail.example.com", MIDDLE)
CHAIN = (LEAF.der, MIDDLE.der, ROOT.der)
_SHA256 = hashes.SHA256()
NOW = datetime.datetime.now(datetime.UTC)


def answer(
    about: Signed = LEAF,
    issuer: Signed = MIDDLE,
    signer: Signed = MIDDLE,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    days: tuple[float, float] = (-0.5, 1),
    hashed: Any = _SHA256,
    delegated: bool = False,
) -> bytes:
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=about.certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA256(),
        cert_status=status,
        this_update=NOW + days[0] * DAY,
        next_update=NOW + days[1] * DAY,
        revocation_time=NOW - DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    if delegated:
        builder = builder.certificates([signer.certificate])
    return builder.sign(signer.key, hashed).public_bytes(serialization.Encoding.DER)


def test_a_good_answer_is_a_good_verdict() -> None:
    staple = staple_of(answer(), CHAIN)
    assert (staple.problem, staple.status) == ("", "good")
    assert staple.responder.startswith("key ")
    check = check_staple(staple)
    assert check.verdict is Verdict.GOOD
    assert "will say so anew by" in check.text


def test_a_revoked_certificate_is_a_bad_verdict_with_day_and_reason() -> None:
    check = check_staple(staple_of(answer(status=ocsp.OCSPCertStatus.REVOKED), CHAIN))
    assert check.verdict is Verdict.BAD
    assert f"it was revoked on {(NOW - DAY):%Y-%m-%d %H:%M} (keyCompromise)" in check.text


def test_an_issuer_that_does_not_know_the_certificate_says_nothing() -> None:
    assert check_staple(staple_of(answer(status=ocsp.OCSPCertStatus.UNKNOWN), CHAIN)).verdict is Verdict.UNKNOWN


RESPONDER = sign("Example Responder", MIDDLE, usage=ExtendedKeyUsageOID.OCSP_SIGNING)


@pytest.mark.parametrize("key", [None, rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()])
def test_an_answer_may_be_signed_by_a_responder_of_the_issuer(key: Any) -> None:
    responder = sign("Example Responder", MIDDLE, usage=ExtendedKeyUsageOID.OCSP_SIGNING, key=key)
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    assert staple_of(answer(signer=responder, delegated=True, hashed=hashed), CHAIN).problem == ""


FALSE = sign("Example Intermediate", ROOT, authority=True)
COUNTS_FOR_NOTHING = {
    "another certificate": (answer(about=OTHER), "it is about another certificate, of serial number"),
    "another issuer": (answer(issuer=ROOT), "it is about a certificate of another issuer"),
    "another signer": (answer(signer=FALSE), "its signature is not its issuer's"),
    "a signer without the purpose": (answer(signer=sign("No Responder", MIDDLE), delegated=True), "its signature is not its issuer's"),
    "a responder that was not sent": (answer(signer=RESPONDER), "its signature is not its issuer's"),
    "out of date": (answer(days=(-9, -2)), "it is out of date since 2 days"),
    "not yet": (answer(days=(2, 4)), "it is not right yet, for"),
    "no answer": (
        ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(serialization.Encoding.DER),
        "its issuer gave no answer: try later",
    ),
    "garbage": (b"\x30\x03garbage\x1b", "it is no OCSP answer that can be read"),
    "nothing": (b"", "it is no OCSP answer that can be read"),
}  # fmt: skip


@pytest.mark.parametrize("kind", COUNTS_FOR_NOTHING)
def test_an_answer_that_counts_for_nothing_says_why(kind: str) -> None:
    octets, problem = COUNTS_FOR_NOTHING[kind]
    staple = staple_of(octets, CHAIN)
    assert problem in staple.problem
    assert check_staple(staple).verdict is Verdict.BAD


def test_without_the_issuer_nothing_can_be_checked() -> None:
    assert "the issuer's certificate is not known" in staple_of(answer(), (LEAF.der,)).problem
    assert staple_of(answer(), ()).problem == "the server's certificate is not known"


def test_a_changed_octet_never_makes_an_answer_better() -> None:
    octets = answer()
    for at in range(0, len(octets), 5):
        changed = octets[:at] + bytes((octets[at] ^ 0x41,)) + octets[at + 1 :]
        staple = staple_of(changed, CHAIN)
        assert staple.problem or (staple.status, staple.serial) == ("good", staple_of(octets, CHAIN).serial)
