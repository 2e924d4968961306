"""Whatever octets a server sends in its handshake, they are read in bounded time, without an exception, and nothing of them is raw."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from smtp_shell.config import TlsSettings
from smtp_shell.display.tls_json import tls_object
from smtp_shell.display.tls_rows import all_rows, short_rows
from smtp_shell.net.certificate_facts import facts_of
from smtp_shell.net.client_hello import ClientHello
from smtp_shell.net.der import name_words, public_key_of, rsa_bits
from smtp_shell.net.server_flight import follow_flight, read_flight
from smtp_shell.net.staples import staple_of
from smtp_shell.net.tls_view import view_of
from smtp_shell.protocol.events import Handshake, TlsStarted
from tests.support.chains import sign
from tests.support.handshakes import shake

ROOT = sign("Example Root", authority=True)
LEAF = sign("mail.example.com", ROOT, names=("mail.example.com", "192.0.2.1"))
NO_AUTHORITIES = TlsSettings(ca_file=Path("no such file"), insecure=True)  # the system's take 40 ms to read
UNTRUSTED = TlsSettings(detailed=True, insecure=True)


def flight(version: str) -> Handshake:
    facts, _, _ = shake(LEAF.context(ROOT), TlsSettings(detailed=True, insecure=True, maximum=version))
    assert facts is not None
    assert facts.handshake is not None
    return facts.handshake


OLD, NEW = flight("1.2"), flight("1.3")
changes = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8)


def changed(octets: bytes, where: list[tuple[int, int]]) -> bytes:
    found = bytearray(octets)
    for at, octet in where:
        found[at % len(found)] = octet
    return bytes(found)


@given(changes)
@settings(max_examples=300)
def test_a_certificate_with_wrong_octets_is_read_or_told_to_be_none(where: list[tuple[int, int]]) -> None:
    facts = facts_of(changed(LEAF.der, where))
    texts = [
        facts.problem,
        facts.subject,
        facts.issuer,
        facts.serial,
        facts.signature,
        str(facts.key),
        *facts.names,
        *facts.odd,
    ]
    assert all(text.isprintable() for text in texts), texts


@given(st.binary(max_size=400))
@example(LEAF.der)
def test_any_octets_are_taken_for_a_certificate_a_key_a_name_and_an_answer(octets: bytes) -> None:
    facts_of(octets)
    rsa_bits(public_key_of(octets))
    name_words(octets)
    assert staple_of(octets, (octets, LEAF.der)).problem


@given(changes, st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_handshake_with_wrong_octets_makes_a_view_without_raw_text(where: list[tuple[int, int]], old: bool) -> None:
    kept = OLD if old else NEW
    handshake = Handshake(changed(kept.records, where), kept.keys)
    view = view_of(TlsStarted("TLS", "", False, LEAF_FACTS, "mail.example.com", handshake=handshake), NO_AUTHORITIES)
    rows = [row.text for each in (short_rows, all_rows) for row in each(view)]
    assert all(row.isprintable() for row in rows), rows
    assert tls_object(view)["exit_status"] == 0


@given(st.binary(max_size=600), st.lists(st.integers(1, 200), max_size=6))
def test_a_handshake_is_read_in_the_same_way_however_it_is_cut(tail: bytes, cuts: list[int]) -> None:
    octets = OLD.records[:600] + tail
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(octets[at : at + cut])
        at += cut
    assert follow_flight((*pieces, octets[at:]), lambda hello: b"") == read_flight(octets)


@given(st.binary(max_size=200))
def test_a_hello_that_makes_no_sense_has_no_secret(octets: bytes) -> None:
    assert HELLO.secret(b"\x02\0\0\0" + octets) in (b"", HELLO.secret(b"\x02\0\0\0" + octets))


def test_a_handshake_that_is_cut_anywhere_is_read_as_far_as_it_goes() -> None:
    for kept in (OLD, NEW):
        for end in range(0, len(kept.records), 9):
            found = read_flight(kept.records[:end], kept.keys)
            assert found.version in (0, 0x0303, 0x0304)


def test_what_claims_to_be_16_mib_long_is_not_waited_for() -> None:
    lies = b"\x16\x03\x03\x00\x04\x02\xff\xff\xff" + b"\x16\x03\x03\xff\xff" + bytes(65535)
    assert read_flight(lies * 4).version == 0


LEAF_FACTS = shake(LEAF.context(ROOT), UNTRUSTED)[0].certificate  # type: ignore[union-attr]
HELLO = ClientHello("mail.example.com")
