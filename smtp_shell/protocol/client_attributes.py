"""Attributes of XCLIENT and XFORWARD, with which a trusted client says who the original client was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from smtp_shell.protocol.xtext import as_xtext

ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "NAME": "the client's host name, or [UNAVAILABLE]",
        "REVERSE_NAME": "what its address resolves to",
        "ADDR": "the client's address",
        "PORT": "the client's port",
        "PROTO": "SMTP or ESMTP",
        "HELO": "the name that it gave in EHLO",
        "LOGIN": "who is logged in",
        "DESTADDR": "the address that it connected to",
        "DESTPORT": "the port that it connected to",
        "IDENT": "the name of the message in the queue before",
        "SOURCE": "LOCAL or REMOTE",
    }
)
"""Attribute -> what it says.

Source: Postfix, XCLIENT_README and XFORWARD_README
"""

_ATTRIBUTE = re.compile(r"""(?P<name>[A-Za-z_][A-Za-z0-9_-]*)=(?P<value>"[^"]*"|[^ \t"]\S*)(?:[ \t]+|\Z)""", re.DOTALL)
_IPV6 = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*")
_OF_ADDRESSES = ("ADDR", "DESTADDR")


def written_attributes(text: str) -> tuple[str, ...] | None:
    """Return attributes that a user typed as they are to be sent: names in capitals, values in xtext.

    An IPv6 address gets the `IPV6:` that Postfix asks for.

    Args:
        text: Such as `name=client.example.org addr=2001:db8::1`. A value may stand in double quotes.

    Returns:
        The attributes; None where the text is something else, which goes out as typed.
    """
    found: list[str] = []
    position = 0
    while position < len(text):
        match = _ATTRIBUTE.match(text, position)
        if match is None:
            return None
        position = match.end()
        name, value = match["name"].upper(), match["value"]
        if name in _OF_ADDRESSES and _IPV6.fullmatch(value):
            value = f"IPV6:{value}"
        found.append(f"{name}={as_xtext(value)}")
    return tuple(found) or None
