"""XCLIENT: a client on this machine says for whom it speaks, as a proxy does.

Source: Postfix, XCLIENT_README
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.protocol.xtext import text_of

ATTRIBUTES: Final = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")

_UNKNOWN: Final = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_HELO = re.compile(r"[^\x00-\x20\x7f]{1,255}")


class Origin(Struct, frozen=True):
    """For whom a client speaks. What is not known is None; what was not said is empty.

    Args:
        name: The other client's host name.
        address: Its address.
        port: Its port.
        protocol: `SMTP` or `ESMTP`.
        helo: The name that it gave.
        login: The user that it has authenticated as.
        destination: The address that it connected to.
        destination_port: The port that it connected to.
    """

    name: str | None = ""
    address: str | None = ""
    port: str | None = ""
    protocol: str | None = ""
    helo: str | None = ""
    login: str | None = ""
    destination: str | None = ""
    destination_port: str | None = ""


_FIELDS: Final = dict(zip(ATTRIBUTES, Origin.__struct_fields__, strict=True))


def parse_xclient(argument: str | None, before: Origin) -> Origin | str:
    """Parse `NAME=value ...`; a later XCLIENT adds to what an earlier one has said.

    Args:
        argument: The rest of the line after the verb.
        before: What has been said before.

    Returns:
        For whom the client speaks, or the reply that refuses the command.
    """
    if not argument:
        return f"501 5.5.4 Syntax: XCLIENT attribute=value ..., with {' '.join(ATTRIBUTES)}"
    found = before
    for word in argument.split():
        name, equals, written = word.partition("=")
        field = _FIELDS.get(name.upper())
        if not equals or field is None:
            return f"501 5.5.4 XCLIENT knows {' '.join(ATTRIBUTES)}, each with =value"
        value = text_of(written)
        if value is None:
            return f"501 5.5.4 The value of {name.upper()} is xtext: printable ASCII, with +XX for a space, + and ="
        shown = None if value.upper() in _UNKNOWN else _checked(name.upper(), value)
        if shown == "":
            return f"501 5.5.4 Bad {name.upper()}; what is not known is [UNAVAILABLE]"
        found = replace(found, **{field: shown})
    return found


def _checked(name: str, value: str) -> str:
    """Return the value of an attribute as it is used; empty if it is malformed."""
    match name:
        case "ADDR" | "DESTADDR":
            return _address(value)
        case "PORT" | "DESTPORT":
            return value if _PORT.fullmatch(value) and 0 < int(value) < 65536 else ""
        case "PROTO":
            return value.upper() if value.upper() in ("SMTP", "ESMTP") else ""
        case "NAME":
            return value if _NAME.fullmatch(value) else ""
    return value if _HELO.fullmatch(value) else ""


def _address(value: str) -> str:
    """Return an address; an IPv6 one has a prefix in XCLIENT."""
    is_six = value[:5].upper() == "IPV6:"
    try:
        address = ipaddress.ip_address(value[5:] if is_six else value)
    except ValueError:
        return ""
    return str(address) if (address.version == 6) == is_six else ""
