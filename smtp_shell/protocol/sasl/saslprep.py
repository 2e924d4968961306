"""SASLprep: user names and passwords in the one form with which both sides compute."""

from __future__ import annotations

import stringprep
import unicodedata

from smtp_shell.errors import AuthFailed

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str, what: str, *, unassigned: bool = False) -> str:
    """Prepare a user name or a password.

    Args:
        text: The value as typed.
        what: What the value is, for the error. The value itself is never in it.
        unassigned: Whether code points that Unicode 3.2 has not assigned are allowed: True for names, False for passwords.

    Raises:
        AuthFailed: The value holds characters that are not allowed.

    Source: RFC 4013 section 2, RFC 5802 section 2.2 and 5.1
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    for char in prepared:
        if any(is_in(char) for is_in in _PROHIBITED):
            raise AuthFailed(f"The {what} holds a character that SASLprep prohibits (RFC 4013); SCRAM cannot use it.")
        if not unassigned and stringprep.in_table_a1(char):
            raise AuthFailed(
                f"The {what} holds a character that Unicode 3.2 does not know, such as an emoji; SCRAM cannot use it (RFC 4013)."
            )
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not stringprep.in_table_d1(prepared[0])
        or not stringprep.in_table_d1(prepared[-1])
    ):
        raise AuthFailed(f"The {what} mixes writing directions in a way that SASLprep prohibits (RFC 4013 §2.4).")
    return prepared
