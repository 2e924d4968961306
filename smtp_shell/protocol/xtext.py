"""xtext: how a value with blanks or odd characters is written in a parameter of MAIL, RCPT, XCLIENT and XFORWARD."""

from __future__ import annotations

import re

from smtp_shell.protocol.octets import is_utf8

_XTEXT = rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*"
_HEX = rb"\+([0-9A-F]{2})"


def encode_xtext(octets: bytes) -> bytes:
    """Return octets as xtext: `+`, `=` and all that is not printable ASCII become `+` and two hexadecimal digits.

    Source: RFC 3461 section 4
    """
    return re.sub(rb"[^!-*,-<>-~]", lambda found: b"+%02X" % found[0][0], octets)


def decode_xtext(text: bytes) -> bytes | None:
    """Return the octets that an xtext stands for; None if the text is no xtext.

    Source: RFC 3461 section 4
    """
    if not re.fullmatch(_XTEXT, text):
        return None
    return re.sub(_HEX, lambda found: bytes.fromhex(found[1].decode("ascii")), text)


def text_of(value: str) -> str | None:
    """Return what a value in xtext stands for, one character for each octet; None if it is empty or no xtext.

    Args:
        value: As it stands in the command.
    """
    decoded = decode_xtext(value.encode("utf-8", "surrogateescape"))
    return decoded.decode("latin-1") if decoded else None


def as_xtext(text: str) -> str:
    """Return what a user typed as xtext. What is xtext already stays as it is.

    A `+` and two capital hexadecimal digits are taken for xtext only where UTF-8 comes of them: `bob+AD@example.org` is an address with a
    plus sign, `bob+2BAD@example.org` is that address in xtext.

    Args:
        text: The value, which may stand in quotation marks as a whole.
    """
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    octets = text.encode("utf-8", "surrogateescape")
    decoded = decode_xtext(octets)
    if decoded is not None and is_utf8(decoded):
        return text
    return encode_xtext(octets).decode("ascii")
