"""Mailboxes as users type them: `ann@example.org`, `Ann Example <ann@example.org>`, several with commas between them."""

from __future__ import annotations

import re
import unicodedata

from msgspec import Struct

from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.protocol.hostnames import ascii_name
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NEXT = re.compile(
    rf"""[ \t]*(?:(?P<name>(?:{_QUOTED}|[^"<>,@])*)<(?P<angle>(?:{_QUOTED}|[^<>"])*)>|(?P<bare>(?:{_QUOTED}|[^"<>,])+))[ \t]*(?:,|\Z)""",
    re.DOTALL,
)
_ATOM = r"""[^\s<>()\[\]:;,@"\\.]+"""
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*|{_QUOTED}")
_LITERAL = re.compile(r"\[[!-Z^-~]+\]")
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_EXCERPT = 80
_LONGEST = 500  # octets of an address; the RFC allows 254 (RFC 5321 section 4.5.3.1.3)
_BREAKS = {"\r": "CR", "\n": "LF", "\0": "NUL"}


class Mailbox(Struct, frozen=True):
    """One mailbox.

    Args:
        address: `local-part@domain`, as it was typed.
        name: The display name; empty for none.

    Source: RFC 5322 section 3.4
    """

    address: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address

    @property
    def local(self) -> str:
        """The part before the @."""
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]

    @property
    def needs_smtputf8(self) -> bool:
        """Whether its local part has no form in ASCII.

        Source: RFC 6531 section 3.1
        """
        return not self.local.isascii()

    @property
    def ascii_address(self) -> str:
        """The address with its domain in ASCII.

        Source: RFC 5891 section 4
        """
        return self.address if self.domain.isascii() else f"{self.local}@{ascii_name(self.domain)}"


def parse_mailboxes(text: str, field: str) -> tuple[Mailbox, ...]:
    """Read mailboxes with commas between them; an empty text holds none.

    Args:
        text: The mailboxes, as typed.
        field: Name of the field they are for, for messages.

    Raises:
        NotSendable: The text holds CR, LF or NUL, or is no Unicode text.
        UsageError: Something in it is no mailbox.
    """
    check_text(text, field)
    found: list[Mailbox] = []
    at, text = 0, text.strip(" \t")
    while at < len(text):
        match = _NEXT.match(text, at)
        if match is None:
            raise _no_address(text[at:], field)
        at = match.end()
        name = _unquoted(match["name"] or "")
        found.append(Mailbox(_checked((match["angle"] or match["bare"] or "").strip(" \t"), field), name))
    return tuple(found)


def check_text(text: str, field: str) -> None:
    """Refuse a text that would not stay inside one header field.

    Args:
        text: The text; it is never shown.
        field: Name of the field, printable.

    Raises:
        NotSendable: It holds CR, LF or NUL, or half a character.
    """
    for char, name in _BREAKS.items():
        if char in text:
            raise NotSendable(
                f"{field}: the value holds {name}, which would end the line early; take it out. Nothing was sent."
            )
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise NotSendable(f"{field}: the value is not valid Unicode text; write it in UTF-8. Nothing was sent.")


def _checked(address: str, field: str) -> str:
    if len(address.encode()) > _LONGEST:
        raise UsageError(f"{field}: the address {escape_str(address[:_EXCERPT])}… is longer than {_LONGEST} octets.")
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or any(unicodedata.category(char) == "Cc" for char in address):
        raise _no_address(address, field)
    if not domain.isascii():
        ascii_name(domain)
    elif not (_LITERAL if domain.startswith("[") else _DOMAIN).fullmatch(domain):
        raise _no_address(address, field)
    else:
        ascii_name(domain if not domain.startswith("[") else "literal")
    return address


def _unquoted(name: str) -> str:
    """Return a display name without its quotation marks."""
    return re.sub(_QUOTED, lambda match: re.sub(r"\\(.)", r"\1", match[0][1:-1]), name.strip(" \t")).strip(" \t")


def _no_address(text: str, field: str) -> UsageError:
    shown = quoted(escape_str(text[:_EXCERPT]), SINGLE)
    return UsageError(
        f"{field}: {shown} is no mail address; write ann@example.org, or Ann Example <ann@example.org>; a name with a comma "
        "stands in double quotes."
    )
