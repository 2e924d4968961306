"""xtext: how a value with any characters is written inside one word of a command."""

from __future__ import annotations

import re

_HEX = re.compile(r"\+([0-9A-F]{2})")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")


def from_xtext(value: str) -> str | None:
    """Decode xtext.

    Args:
        value: As it stands in the command.

    Returns:
        The text, one character for each octet; None if it is not xtext.

    Source: RFC 3461 section 4
    """
    if not _XTEXT.fullmatch(value):
        return None
    return _HEX.sub(lambda found: chr(int(found[1], 16)), value)
