"""The chain of a certificate, and the verdict of each check."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from smtp_shell.config import TlsSettings
from smtp_shell.net.certificate_facts import facts_of
from smtp_shell.net.chain_checks import Verdict, checks_of, matching_name
from smtp_shell.net.chains import MOST_SENT, chain_of
from tests.support.chains import Signed, sign

if TYPE_CHECKING:
    from pathlib import Path

HOST = "mail.example.com"
ROOT = sign("Example Root", authority=True)
MIDDLE = sign("Example Intermediate", ROOT, authority=True)
FALSE_MIDDLE = sign("Example Intermediate", ROOT, authority=True)
OLD_MIDDLE = sign("Old Intermediate", ROOT, authority=True, days=(-60, -10))
LEAF = sign(HOST, MIDDLE, names=(HOST,))


@pytest.fixture
def trusting(tmp_path: Path) -> TlsSettings:
    file = tmp_path / "ca.pem"
    file.write_bytes(ROOT.pem)
    return TlsSettings(ca_file=file)


def verdicts(sent: list[Signed], settings: TlsSettings, name: str = HOST) -> dict[str, tuple[Verdict, str]]:
    checks = checks_of(chain_of([each.der for each in sent], (), settings), name, settings)
    return {each.name: (each.verdict, each.text) for each in checks}


def bad(sent: list[Signed], settings: TlsSettings, name: str = HOST) -> dict[str, str]:
    return {each: text for each, (verdict, text) in verdicts(sent, settings, name).items() if verdict is Verdict.BAD}


def test_a_good_chain_passes_every_check_and_names_the_file_of_its_authority(trusting: TlsSettings) -> None:
    chain = chain_of([LEAF.der, MIDDLE.der], (), trusting)
    assert [link.facts.subject for link in chain.links] == [
        "CN=mail.example.com",
        "CN=Example Intermediate",
        "CN=Example Root",
    ]
    assert [link.sent for link in chain.links] == [True, True, False]
    assert chain.links[-1].place == str(trusting.ca_file)
    assert chain.trusted
    assert chain.in_order
    assert bad([LEAF, MIDDLE], trusting) == {}


def test_a_chain_that_openssl_verified_is_told_with_the_file_of_its_authority_too(trusting: TlsSettings) -> None:
    chain = chain_of([LEAF.der, MIDDLE.der], [LEAF.der, MIDDLE.der, ROOT.der], trusting)
    assert chain.trusted
    assert chain.links[-1].place == str(trusting.ca_file)


def test_what_was_sent_besides_and_in_another_order_is_told(trusting: TlsSettings) -> None:
    chain = chain_of([LEAF.der, OLD_MIDDLE.der, MIDDLE.der], (), trusting)
    assert [each.subject for each in chain.unused] == ["CN=Old Intermediate"]
    assert not chain.in_order
    assert "out of order" in verdicts([LEAF, OLD_MIDDLE, MIDDLE], trusting)["chain"][1]


def test_each_fault_is_a_verdict_of_its_own(trusting: TlsSettings) -> None:
    old = sign(
        "other.example.com", ROOT, names=("other.example.com",), days=(-9, -2), usage=ExtendedKeyUsageOID.CLIENT_AUTH
    )
    assert bad([old], TlsSettings(ca_file=trusting.ca_file)) == {
        "dates": "expired 2 days ago",
        "name": "it is not for mail.example.com",
        "purpose": "its purpose is not to be a server's",
    }


def test_a_signature_that_is_not_the_issuers_is_told(trusting: TlsSettings) -> None:
    problem = bad([LEAF, FALSE_MIDDLE], trusting)["chain"]
    assert (
        "the signature is wrong: CN=Example Intermediate did not sign the certificate of CN=mail.example.com" in problem
    )


def test_an_intermediate_that_is_no_authority_is_told(trusting: TlsSettings) -> None:
    middle = sign("No Authority", ROOT)
    found = bad([sign(HOST, middle, names=(HOST,)), middle], trusting)
    assert "the certificate of CN=No Authority in its chain may not sign others" in found["purpose"]


def test_a_short_key_is_told_with_its_size(trusting: TlsSettings) -> None:
    weak = sign(HOST, ROOT, names=(HOST,), key=rsa.generate_private_key(65537, 1024))
    assert bad([weak], trusting) == {"strength": "its key of 1,024 bits is too short"}


def test_a_certificate_that_ends_soon_is_good_with_advice(trusting: TlsSettings) -> None:
    chain = chain_of([sign(HOST, ROOT, names=(HOST,), days=(-5, 3.5)).der], (), trusting)
    dates = next(each for each in checks_of(chain, HOST, trusting) if each.name == "dates")
    assert (dates.verdict, dates.text, dates.do) == (Verdict.GOOD, "3 days left", "have it renewed soon")


def test_nothing_sent_makes_every_check_unknown(trusting: TlsSettings) -> None:
    assert {verdict for verdict, _ in verdicts([], trusting).values()} == {Verdict.UNKNOWN}


def test_a_damaged_certificate_is_one_fault_and_the_rest_is_unknown(trusting: TlsSettings) -> None:
    chain = chain_of([b"\x30\x03\x02\x01\x05", MIDDLE.der], (), trusting)
    checks = checks_of(chain, HOST, trusting)
    assert [each.verdict for each in checks] == [Verdict.BAD, *[Verdict.UNKNOWN] * 4]


def test_a_chain_of_fifty_is_followed_to_its_end(trusting: TlsSettings) -> None:
    signer, sent = ROOT, []
    for number in range(49):
        signer = sign(f"Authority {number}", signer, authority=True)
        sent.append(signer)
    leaf = sign(HOST, signer, names=(HOST,))
    begun = time.process_time()
    chain = chain_of([each.der for each in (leaf, *reversed(sent))], (), trusting)
    assert time.process_time() - begun < 5
    assert len(chain.links) == 51
    assert chain.trusted


def test_a_thousand_certificates_are_not_all_read(trusting: TlsSettings) -> None:
    chain = chain_of([LEAF.der, *([MIDDLE.der] * 1000)], (), trusting)
    assert chain.sent == 1001
    assert len(chain.links) + len(chain.unused) <= MOST_SENT


def test_certificates_that_sign_each_other_end(trusting: TlsSettings) -> None:
    one = sign("One", authority=True)
    two = sign("Two", one, authority=True)
    circle = sign("One", two, authority=True, key=one.key)
    leaf = sign(HOST, two, names=(HOST,))
    chain = chain_of([each.der for each in (leaf, two, circle, one)], (), trusting)
    assert not chain.trusted
    assert len(chain.links) <= 4


@pytest.mark.parametrize(
    ("names", "name", "found"),
    [
        (("mail.example.com",), "MAIL.example.com", "mail.example.com"),
        (("*.example.com",), "mail.example.com", "*.example.com"),
        (("*.example.com",), "a.mail.example.com", ""),
        (("*.com",), "example.com", ""),
        (("192.0.2.1",), "192.0.2.1", "192.0.2.1"),
        (("2001:db8::25",), "2001:DB8:0::25", "2001:db8::25"),
        (("mail.example.com",), "mail.example.com.", "mail.example.com"),
        ((), "mail.example.net", "mail.example.net"),
        (("mail.example.com",), "mail.example.net", ""),
    ],
)
def test_which_name_of_a_certificate_is_for_a_host(names: tuple[str, ...], name: str, found: str) -> None:
    assert matching_name(facts_of(sign("mail.example.net", names=names).der), name) == found
