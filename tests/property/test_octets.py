"""Promises 3 and 9: any octets can be shown without harm, and be had back."""

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.octets import escape, escape_str, unescape
from smtp_shell.transcript.notation import clean, client_octets, client_text
from tests.property.hostile import HOSTILE_TEXT, OCTETS

ESCAPES = re.compile(r"\\(?:\\|x[0-9a-f]{2})")
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(OCTETS)
def test_what_is_escaped_can_be_had_back(octets: bytes) -> None:
    assert unescape(escape(octets)) == octets


@given(OCTETS, OCTETS)
def test_different_octets_never_look_the_same(one: bytes, other: bytes) -> None:
    same_look = unicodedata.normalize("NFC", escape(one)) == unicodedata.normalize("NFC", escape(other))
    assert same_look == (one == other)


@given(OCTETS)
def test_only_what_is_seen_comes_out(octets: bytes) -> None:
    shown = escape(octets)
    assert not {unicodedata.category(char) for char in shown} & UNSEEN
    assert unicodedata.is_normalized("NFC", shown)
    assert shown.isprintable()
    assert "\\" not in ESCAPES.sub("", shown)
    assert not re.search(r"[^\S ]", shown)


@given(st.text(alphabet=st.characters()))
def test_any_string_can_be_shown(text: str) -> None:
    assert escape_str(text).isprintable()


@given(HOSTILE_TEXT)
def test_cleaning_text_leaves_what_it_means(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert unescape(cleaned) == unescape(text)
    assert client_octets(cleaned) == client_octets(text)
    assert clean(cleaned) == cleaned


@given(OCTETS)
def test_escaped_text_is_clean(octets: bytes) -> None:
    assert clean(escape(octets)) == escape(octets)
    assert clean(client_text(octets)) == client_text(octets)


@given(OCTETS)
def test_what_a_client_sent_can_be_had_back(octets: bytes) -> None:
    assert client_octets(client_text(octets)) == octets
