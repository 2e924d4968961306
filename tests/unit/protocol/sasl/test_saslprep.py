"""SASLprep: what becomes of user names and passwords, and what is refused, table by table of RFC 3454."""

from __future__ import annotations

import pytest

from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.sasl.saslprep import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # The examples of RFC 4013 section 3.
        ("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"),
        ("a\u00a0b", "a b"), ("a\u3000b", "a b"), ("", ""), ("\u0627\u0031\u0628", "\u0627\u0031\u0628"), ("\u0627", "\u0627"),
    ],
)  # fmt: skip
def test_what_is_prepared(text: str, prepared: str) -> None:
    assert saslprep(text, "password") == prepared
    assert saslprep(text, "user name", unassigned=True) == prepared


@pytest.mark.parametrize(
    ("table", "char"),
    [
        ("C.2.1", "\x07"), ("C.2.1", "\x7f"), ("C.2.2", "\u0080"), ("C.2.2", "\u06dd"), ("C.3", "\ue000"), ("C.4", "\ufdd0"),
        ("C.5", "\ud800"), ("C.6", "\ufffd"), ("C.7", "\u2ff0"), ("C.8", "\u200e"), ("C.9", "\U000e0001"),
    ],
)  # fmt: skip
def test_what_is_prohibited(table: str, char: str) -> None:
    for text in (char, f"a{char}", f"a{char}b"):
        with pytest.raises(AuthFailed, match="The user name holds a character that SASLprep prohibits") as found:
            saslprep(text, "user name", unassigned=True)
        assert repr(text) not in str(found.value), table


def test_what_unicode_3_2_did_not_know_may_be_in_a_name_alone() -> None:
    assert saslprep("a\U0001f600", "user name", unassigned=True) == "a\U0001f600"
    with pytest.raises(AuthFailed, match=r"The password holds a character that Unicode 3\.2 does not know"):
        saslprep("a\U0001f600", "password")


@pytest.mark.parametrize("text", ["\u0627\u0031", "\u0031\u0627", "\u0627a\u0627", "1\u06271"])
def test_writing_directions_are_not_mixed(text: str) -> None:
    with pytest.raises(AuthFailed, match="The password mixes writing directions"):
        saslprep(text, "password")
